package command

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// TestLookedForInTheLog: what a command caused is found among its entity's events.
func TestLookedForInTheLog(t *testing.T) {
	r := newIntakeRig(t)
	r.customer("acme")
	first, err := r.intake.SubmitRequest(t.Context(), Request{ID: "01FIRST", Owner: "acme", Kind: "customer", Name: "acme", Verb: ev.VerbUpdate, Body: []byte(`{"labels":{"n":"1"}}`), Caller: ev.LocalAdmin()})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"2", "3", "4"} {
		if _, err := r.ask(ev.Customer, "acme", ev.VerbUpdate, `{"labels":{"n":"`+n+`"}}`); err != nil {
			t.Fatal(err)
		}
	}
	history := r.intake.between(ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}, 0, 1000)
	found, err := causedIn("01FIRST", history, r.intake.reader(t.Context()))
	if err != nil || len(history) != 5 || found != first.Seq {
		t.Errorf("looked for in the log: %d of %v, %v", found, history, err)
	}
}
