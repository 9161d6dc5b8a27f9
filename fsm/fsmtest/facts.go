package fsmtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// Fact is one decision of the past, about one entity.
type Fact struct {
	Ref    ev.Ref
	Events []ev.Event
}

// Start is when every life begins; each fact takes a minute.
var Start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// Is says what has happened to an entity: "tenant acme/prod".
func Is(name string, events ...ev.Event) []Fact { return []Fact{{RefOf(name), events}} }

// History puts pasts one after the other.
func History(all ...[]Fact) (facts []Fact) {
	for _, f := range all {
		facts = append(facts, f...)
	}
	return facts
}

// RefOf reads a name such as "tenant acme/prod". It panics if that is none.
func RefOf(name string) ev.Ref {
	kind, path, _ := strings.Cut(name, " ")
	r, faults := ev.ParseRef(ev.Kind(kind), path)
	if len(faults) > 0 {
		panic(fmt.Sprintf("%s: %v", name, faults))
	}
	return r
}

// WorldOf folds facts into entities.
func WorldOf(t *testing.T, facts []Fact) *state.Entities {
	t.Helper()
	w := state.New()
	for _, f := range facts {
		if err := w.Apply(Recorded(w, f.Ref, f.Events)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// Recorded makes what the log would say of the next decision.
func Recorded(w *state.Entities, ref ev.Ref, events []ev.Event) (all []ev.Recorded) {
	at := Start.Add(time.Duration(w.Seq) * time.Minute)
	for i, e := range events {
		seq := w.Seq + uint64(i) + 1
		all = append(all, ev.Recorded{Ref: ref, Seq: seq, Event: e, Envelope: ev.Envelope{
			EventID: fmt.Sprint("e", seq), CommandID: fmt.Sprint("c", w.Seq+1), Actor: ev.ActorAdmin, Time: at, Index: i + 1, Count: len(events)}})
	}
	return all
}

// Attempt is the n-th attempt that failed, through the cloud's fault; the next one is due at Later.
func Attempt(n int, code ev.ReasonCode) *ev.AttemptFailed {
	return &ev.AttemptFailed{Attempt: n, NextAt: Later, Reason: ev.Reason{Code: code, Message: "the cloud said so", Fault: ev.ByCloud}}
}

// DecideIn decides a command on the entities as they are, and applies nothing.
func DecideIn(w *state.Entities, c ev.Command) ([]ev.Change, error) {
	e, _ := w.Get(c.Ref)
	return fsm.Machines[c.Ref.Kind].Decide(e, c, w.Refs())
}

// Gone is the drift of one thing that was deleted by hand.
func Gone(what string) []ev.Drift { return []ev.Drift{{What: what, How: ev.DriftDeleted}} }

// Later is when the question is asked: a day after everything.
var Later = Start.Add(24 * time.Hour)
