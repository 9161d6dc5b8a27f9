package consent

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// An agent that meets a log that does not go on from its own changes nothing that stands, also after it was killed, until that
// very log is accepted.
func TestAnotherLog(t *testing.T) {
	dir := t.TempDir()
	g := opened(t, dir, "{}")
	meet := func(asked, now ev.LogPoint) {
		t.Helper()
		if err := g.Meet(asked, now); err != nil {
			t.Fatal(err)
		}
	}
	keep := func(agreed ev.LogPoint) {
		t.Helper()
		if err := g.Keep(agreed); err != nil {
			t.Fatal(err)
		}
	}
	differs := func(name string, want bool) {
		t.Helper()
		if d, is := g.Differs(); is != want {
			t.Errorf("%s: %+v %v", name, d, is)
		}
	}
	at := func(epoch, seq uint64) ev.LogPoint { return ev.LogPoint{Epoch: epoch, Seq: seq} }
	remove, first := change(ev.RemoveTenant{}, "a", 3, 1), change(ev.EnsureTenant{}, "b", 3, 1)

	meet(at(0, 0), at(0, 0)) // of a release before
	meet(at(0, 0), at(0, 10))
	meet(at(0, 0), at(0, 9)) // asked first, answered last
	meet(at(0, 10), at(0, 900))
	meet(at(0, 10), at(0, 800))
	differs("it goes on", false)
	keep(at(0, 0))
	g = opened(t, dir, "{}")
	is(t, "it goes on", g.May(remove), "", "")

	meet(g.Log(), at(7, 500))
	meet(at(0, 900), at(7, 499)) // asked before that was known
	meet(g.Log(), at(7, 501))
	for _, name := range []string{"met", "killed"} {
		differs(name, true)
		if d, _ := g.Differs(); d.Was != at(0, 900) || d.Now != at(7, 500) {
			t.Errorf("%s: %+v", name, d)
		}
		is(t, name, g.May(remove), ev.Approval, "aerie agent accept acme/edge")
		is(t, name, g.May(sweepingOf("x")), ev.Approval, "epoch 7")
		is(t, name, g.May(first), "", "")
		is(t, name, g.May(change(ev.VerifyAccount{}, "c", 3, 1)), "", "")
		g = opened(t, dir, "{}")
	}
	g.Done(first.Work, "tenant_ready")
	is(t, "an update", g.May(change(ev.EnsureTenant{}, "d", 4, 1)), ev.Approval, "accept")

	woken := false
	defer g.WhenAnswered(func() { woken = true })()
	keep(at(7, 499))
	differs("another one was accepted", true)
	keep(at(7, 500))
	differs("accepted", false)
	if !woken {
		t.Error("who waits is not looked at again")
	}
	is(t, "accepted", g.May(remove), "", "")
	g = opened(t, dir, "{}")
	differs("accepted, and killed", false)

	meet(g.Log(), at(7, 400))
	differs("copied back", true)
	meet(g.Log(), at(8, 300))
	keep(at(7, 400))
	differs("restored once more", true)
	if d, _ := g.Differs(); d.Was != at(7, 500) || d.Now != at(8, 300) {
		t.Errorf("restored once more: %+v", d)
	}
}

func sweepingOf(digest string) Change {
	return Change{Work: ev.Work{Ref: edge, UID: "u", Effect: Swept, Digest: digest}, Place: "sweep"}
}
