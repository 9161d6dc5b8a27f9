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
