package state_test

import (
	"bufio"
	"bytes"
	"fmt"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/fsm/sequence"
	"github.com/aeriehq/aerie/projections/state"
)

// longLife is a world with a customer, who is packed at times, and an account, who is
// not, of many events each, its log, and what both were after each event.
func longLife(t *testing.T, events int) (w *state.Entities, log []ev.Recorded, was []string) {
	t.Helper()
	w = state.New()
	w.KeepUnpacked(1)
	names := []ev.Ref{fsmtest.RefOf("customer acme"), fsmtest.RefOf("account -/main")}
	apply := func(ref ev.Ref, e ev.Event) {
		decision := fsmtest.Recorded(w, ref, []ev.Event{e})
		if err := w.Apply(decision); err != nil {
			t.Fatal(err)
		}
		log = append(log, decision...)
		was = append(was, told(w, names))
	}
	apply(names[0], ev.Created[ev.CustomerSpec]{UID: "u1"})
	apply(names[1], ev.Requested[ev.AccountSpec]{UID: "a1", Spec: ev.AccountSpec{Cloud: "sim", Number: "1"}})
	apply(fsmtest.RefOf("customer beta"), ev.Created[ev.CustomerSpec]{UID: "u2"})
	for i := range events {
		labels := ev.LabelsChanged{Labels: map[string]string{"n": fmt.Sprint(i)}}
		apply(names[i%2], labels)
		if i%100 == 0 {
			apply(fsmtest.RefOf("customer beta"), labels)
		}
		if i%500 == 0 {
			apply(names[0], ev.Updated[ev.CustomerSpec]{Spec: ev.CustomerSpec{DisplayName: fmt.Sprint(i)}})
		}
	}
	return w, log, was
}

// told is what is known of some entities, but for their histories.
func told(w *state.Entities, refs []ev.Ref) (all string) {
	for _, r := range refs {
		e, _ := w.Get(r)
		all += toldOf(e)
	}
	return all
}

func toldOf(e fsm.Entity[fsm.Data]) string {
	e.History = sequence.List{}
	return fmt.Sprintf("%s %+v %+v\n", e.Phase(), e.Base, e.Data)
}

// TestSince: what an entity was at any moment is told by its checkpoint and fewer events
// than that comes after, whether the world was written down in between or not.
func TestSince(t *testing.T) {
	w, log, was := longLife(t, 5000)
	var written bytes.Buffer
	if err := w.Freeze().Write(&written, func(b []byte, _ fsm.Entity[fsm.Data]) []byte { return b }); err != nil {
		t.Fatal(err)
	}
	read, err := state.Read(bufio.NewReader(&written), func(*state.Entities, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*state.Entities{w, read} {
		for cut := uint64(1); cut <= uint64(len(was)); cut += 13 {
			got := ""
			for _, r := range []ev.Ref{fsmtest.RefOf("customer acme"), fsmtest.RefOf("account -/main")} {
				from, rest := w.Since(r, cut)
				if len(rest) >= state.CheckpointEvery {
					t.Fatalf("%d events of %s up to %d", len(rest), r, cut)
				}
				for _, seq := range rest {
					if from, err = fsm.Machines[r.Kind].Apply(from, log[seq-1]); err != nil {
						t.Fatal(err)
					}
				}
				got += toldOf(from)
			}
			if got != was[cut-1] {
				t.Fatalf("at %d:\n%swant\n%s", cut, got, was[cut-1])
			}
		}
	}
	if dump(t, w) != dump(t, read) {
		t.Error("it is read otherwise than it was written")
	}
}
