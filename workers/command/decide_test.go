package command

import (
	"slices"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

// TestAVerdictStands while nothing that it was made on has changed.
func TestAVerdictStands(t *testing.T) {
	w := state.New()
	ref := ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}
	create := ev.Command{ID: "1", Ref: ref, UID: "u", Payload: ev.Create{Spec: ev.CustomerSpec{}}}
	v := Decide(w, create)
	v.durable = w.Seq
	if !v.stands(w) {
		t.Error("nothing has changed, and it is decided again")
	}
	happened := v.Decision.Changes[0].Events
	recorded := []ev.Recorded{}
	for n, e := range happened {
		recorded = append(recorded, ev.Recorded{Ref: ref, Seq: uint64(n + 1), Event: e})
	}
	if err := w.Apply(slices.Clone(recorded)); err != nil {
		t.Fatal(err)
	}
	if v.stands(w) {
		t.Error("it is there by now, and would be created again")
	}
}

// TestAVerdictOnWhatNeverHappened does not stand, though what happened instead has the same sequence.
func TestAVerdictOnWhatNeverHappened(t *testing.T) {
	ref := ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}
	w := state.New()
	apply := func(to *state.Entities, seq uint64, c ev.Command) {
		t.Helper()
		v := Decide(to, c)
		if v.Err != nil {
			t.Fatal(v.Err)
		}
		if err := to.Apply([]ev.Recorded{{Ref: ref, Seq: seq, Event: v.Decision.Changes[0].Events[0]}}); err != nil {
			t.Fatal(err)
		}
	}
	apply(w, 1, ev.Command{ID: "1", Ref: ref, UID: "u", Payload: ev.Create{Spec: ev.CustomerSpec{}}})
	update := func(id string) ev.Command {
		return ev.Command{ID: id, Ref: ref, Payload: ev.Update{Spec: ev.CustomerSpec{}, Labels: map[string]string{"by": id}}}
	}
	ahead := w.Overlay()
	apply(ahead, 2, update("2"))
	v := Decide(ahead, update("3"))
	v.durable = w.Seq
	apply(w, 2, ev.Command{ID: "4", Ref: ref, Payload: ev.Delete{}}) // of another server, which was faster
	if v.stands(w) {
		t.Error("it was decided after an update that is not in the log, and is not decided again")
	}
}

// TestAnUnsoundDecisionIsLeftOut: nobody else's in its round is, and the batch has none of it.
func TestAnUnsoundDecisionIsLeftOut(t *testing.T) {
	r := openIntakeRig(t)
	r.fold = state.NewLive()
	l := pipeline{Intake: NewIntake(r.log, r.fold, ev.Builtin), open: &round{}}
	of := func(id string) *job {
		ref := ev.Ref{Kind: ev.Customer, Owner: id, ID: id}
		return &job{command: ev.Command{ID: id, Ref: ref, UID: id, Payload: ev.Create{Spec: ev.CustomerSpec{}}}, reply: make(chan Outcome, 1)}
	}
	first, unsound, last := of("a"), of("b"), of("c")
	unsound.Verdict = Decide(state.New(), unsound.command)
	unsound.Decision.Changes[0].Events = []ev.Event{ev.Deleted{}} // of what was never born
	for _, j := range []*job{first, unsound, last} {
		l.decide(j)
	}
	select {
	case o := <-unsound.reply:
		if !isRefused(o.Err, ev.Internal) {
			t.Errorf("it was answered %v", o.Err)
		}
	default:
		t.Error("it was not answered")
	}
	if !slices.Equal(l.open.jobs, []*job{first, last}) || l.open.batch.Len() != 2 {
		t.Errorf("the round has %d jobs and %d events; 2 and 2 were right", len(l.open.jobs), l.open.batch.Len())
	}
}
