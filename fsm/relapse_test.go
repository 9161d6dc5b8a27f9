package fsm_test

import (
	"slices"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// fight is something that somebody else deletes: a tenant's namespace, or a part of a dataplane.
type fight struct {
	t   *testing.T
	w   *state.Entities
	ref ev.Ref
	now time.Time
}

const lookEvery = 10 * time.Minute

func newFight(t *testing.T) *fight {
	return &fight{t: t, w: fsmtest.WorldOf(t, fsmtest.TenantHome()), ref: fsmtest.RefOf("tenant acme/prod"), now: fsmtest.Later}
}

// decide folds in what a command changes, as at now.
func (f *fight) decide(p ev.Payload) (types []string) {
	f.t.Helper()
	e, _ := f.w.Get(f.ref)
	changes, err := fsm.Machines[f.ref.Kind].Decide(e, ev.Command{ID: "x", Ref: f.ref, Actor: ev.ActorExecutor, Time: f.now, Payload: p}, f.w.Refs())
	if err != nil {
		f.t.Fatal(err)
	}
	var decision []ev.Recorded
	for _, c := range changes {
		for _, happened := range c.Events {
			types = append(types, happened.Type())
			decision = append(decision, ev.Recorded{Ref: c.Ref, Seq: f.w.Seq + uint64(len(decision)) + 1, Event: happened, Envelope: ev.Envelope{Time: f.now}})
		}
	}
	if len(decision) > 0 {
		if err := f.w.Apply(decision); err != nil {
			f.t.Fatal(err)
		}
	}
	return types
}

// look notes that things are gone, and repairs them if that is what follows.
func (f *fight) look(gone ...string) (repaired bool) {
	f.t.Helper()
	var found []ev.Drift
	for _, g := range gone {
		found = append(found, fsmtest.Gone(g)...)
	}
	for _, happened := range f.decide(ev.NoteDrift{Found: found, Every: lookEvery}) {
		repaired = repaired || happened == "repair_started"
	}
	if repaired {
		f.report(ev.Activated{})
	}
	return repaired
}

// report says what came of what is owed.
func (f *fight) report(outcome ev.Event) []string {
	f.t.Helper()
	e, _ := f.w.Get(f.ref)
	return f.decide(ev.Report{UID: e.UID, Digest: fsm.DigestOf(fsm.Machines[f.ref.Kind].Owed(e)), Outcome: outcome, Every: lookEvery})
}

func (f *fight) after(d time.Duration) { f.now = f.now.Add(d) }

func (f *fight) why() *fsm.Blocker {
	e, _ := f.w.Get(f.ref)
	return f.w.Blocker(e)
}

// Whoever undoes each repair is given way to, longer each time, and told of.
func TestWhoUndoesRepairsIsGivenWay(t *testing.T) {
	f := newFight(t)
	for range 2 {
		if !f.look("Namespace acme--prod") {
			t.Fatal("what drifts once or twice is repaired at once")
		}
		f.after(lookEvery)
	}
	began := f.now
	for _, pause := range []time.Duration{lookEvery, 2 * lookEvery, 4 * lookEvery} {
		if f.look("Namespace acme--prod") {
			t.Fatalf("repaired at once at %s", f.now)
		}
		w := f.why()
		if w == nil || w.Code != ev.Contested || !w.Retried || !w.NextAt.Equal(f.now.Add(pause)) || !w.Since.Equal(f.now) {
			t.Fatalf("the reason is %+v, at %s", w, f.now)
		}
		f.after(pause - time.Second)
		if got := f.decide(ev.NoteDrift{Found: fsmtest.Gone("Namespace acme--prod"), Every: lookEvery}); len(got) > 0 {
			t.Fatalf("seen again it caused %v", got)
		}
		f.after(time.Second)
		if !f.look("Namespace acme--prod") || f.why() != nil {
			t.Fatalf("not repaired when its time has come: %+v", f.why())
		}
		f.after(time.Minute)
	}
	if e, _ := f.w.Get(f.ref); e.Relapses[0].Times != 5 {
		t.Errorf("it drifted 5 times, and %+v", e.Relapses)
	}
	f.after(200 * lookEvery)
	if !f.look("Namespace acme--prod") {
		t.Errorf("after a long peace, %s since it began, a drift is the first one", f.now.Sub(began))
	}
}

// What is contested keeps nothing else from its repair, ends by itself when the other gives up, and by retry.
func TestContestedIsNoEnd(t *testing.T) {
	contested := func(t *testing.T) *fight {
		f := newFight(t)
		for range 2 {
			f.look("Namespace acme--prod")
		}
		if f.look("Namespace acme--prod") || f.why().Code != ev.Contested {
			t.Fatalf("not contested: %+v", f.why())
		}
		return f
	}
	if f := contested(t); !f.look("Namespace acme--prod", "NetworkPolicy acme--prod/x") {
		t.Error("something else has drifted, and is not repaired")
	}
	f := contested(t)
	if f.look(); f.why() != nil {
		t.Errorf("all is right again, and the reason is %+v", f.why())
	}
	f = contested(t)
	if got := f.decide(ev.Retry{}); len(got) != 1 || got[0] != "retry_requested" {
		t.Errorf("retry caused %v", got)
	}
	e, _ := f.w.Get(f.ref)
	if len(e.Relapses) > 0 || !e.RepairAt.IsZero() {
		t.Errorf("after retry the fight goes on: %+v", e.Base)
	}
}

// What is found gone while a dataplane is built or repaired is counted with what looks have found: it is made again at once
// twice, then later each time, for as long as somebody deletes it.
func TestWhoUndoesWhatIsUnderWay(t *testing.T) {
	eu, network := fsmtest.RefOf("dataplane -/eu"), fsmtest.Gone(ev.PartNetwork)
	for name, given := range map[string][]fsmtest.Fact{
		"built":    fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:2]...),
		"repaired": fsmtest.EuBuilt(ev.Drifted{Found: network}, ev.RepairStarted{}, ev.NetworkReady{Network: "net"}),
	} {
		t.Run(name, func(t *testing.T) {
			f := &fight{t: t, w: fsmtest.WorldOf(t, fsmtest.History(fsmtest.AccountReady(), given)), ref: eu, now: fsmtest.Start.Add(time.Hour)}
			var waits []time.Duration
			for range 6 {
				f.report(ev.Drifted{Found: network})
				why := f.why()
				if e, _ := f.w.Get(eu); e.Holds("InSync") || why.Code == ev.Contested && !e.Attempt.NextAt.Equal(why.NextAt) {
					t.Fatalf("%+v, %+v", why, e.Base)
				}
				if why.Code == ev.Contested {
					waits = append(waits, why.NextAt.Sub(f.now))
					f.now = why.NextAt
				}
				if f.report(ev.NetworkReady{Network: "net"}); f.why().Code != ev.InProgress {
					t.Fatalf("made again, and the reason is %+v", f.why())
				}
				f.after(time.Minute)
			}
			if want := []time.Duration{lookEvery, 2 * lookEvery, 4 * lookEvery, 8 * lookEvery, 16 * lookEvery}; !slices.Equal(waits, want[:len(waits)]) || len(waits) < 4 {
				t.Errorf("the pauses are %v, want %v", waits, want)
			}
			for _, outcome := range fsmtest.Built()[2:] {
				f.report(outcome)
			}
			if e, _ := f.w.Get(eu); e.Phase() != fsm.Active || f.why() != nil || !e.Holds("InSync") {
				t.Errorf("left alone it is %s: %+v", e.Phase(), f.why())
			}
		})
	}
}

// What takes long to bring back, and drifts soon after it was, drifts again: the time counts from when it was there.
func TestALongRepairIsNoPeace(t *testing.T) {
	f := newFight(t)
	for range 2 {
		f.decide(ev.NoteDrift{Found: fsmtest.Gone("Namespace acme--prod"), Every: lookEvery})
		f.after(100 * lookEvery)
		f.report(ev.Activated{})
		f.after(lookEvery)
	}
	if f.look("Namespace acme--prod") || f.why().Code != ev.Contested {
		t.Errorf("the third time it is %+v", f.why())
	}
}

// A reason says since when it is so: from when work is owed, and from when a trouble was met first.
func TestReasonSaysSinceWhen(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:1]...)))
	ref := fsmtest.RefOf("dataplane -/eu")
	e := mustGet(t, w, "dataplane -/eu")
	owed := e.OwedSince
	if why := w.Blocker(e); owed.IsZero() || why.Code != ev.InProgress || !why.Since.Equal(owed) {
		t.Fatalf("in progress since %s: %+v", owed, why)
	}
	at := fsmtest.Later
	tell := func(happened ev.Event) *fsm.Blocker {
		at = at.Add(time.Hour)
		if err := w.Apply([]ev.Recorded{{Ref: ref, Seq: w.Seq + 1, Event: happened, Envelope: ev.Envelope{Time: at}}}); err != nil {
			t.Fatal(err)
		}
		return w.Blocker(mustGet(t, w, "dataplane -/eu"))
	}
	attempt := func(code ev.ReasonCode) ev.Event {
		return ev.AttemptFailed{Reason: ev.Reason{Code: code, Fault: ev.ByCloud}, NextAt: at}
	}
	first := tell(attempt(ev.Unreachable)).Since
	if !first.Equal(at) {
		t.Errorf("unreachable since %s, want %s", first, at)
	}
	if again := tell(attempt(ev.Unreachable)).Since; !again.Equal(first) {
		t.Errorf("still unreachable, and since %s, want %s", again, first)
	}
	if other := tell(attempt(ev.QuotaExceeded)).Since; !other.Equal(at) {
		t.Errorf("another trouble since %s, want %s", other, at)
	}
	if e := mustGet(t, w, "dataplane -/eu"); !e.OwedSince.Equal(owed) {
		t.Errorf("attempts moved since when it is owed from %s to %s", owed, e.OwedSince)
	}
}
