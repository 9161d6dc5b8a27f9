package state_test

import (
	"fmt"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

// The state is a fold of the log: each decision is applied once, in its order, and what was seen is passed over.
func Example() {
	acme := ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(seq uint64, e ev.Event) ev.Recorded {
		return ev.Recorded{Ref: acme, Seq: seq, Event: e, Envelope: ev.Envelope{EventID: fmt.Sprint(seq), CommandID: fmt.Sprint("c", seq), Time: noon, Index: 1, Count: 1}}
	}
	log := []ev.Recorded{
		at(1, ev.Created[ev.CustomerSpec]{UID: "u1", Spec: ev.CustomerSpec{DisplayName: "Acme"}}),
		at(2, ev.LabelsChanged{Labels: map[string]string{"tier": "gold"}}),
		at(2, ev.LabelsChanged{Labels: map[string]string{"tier": "gold"}}), // delivered again
	}

	world := state.New()
	for _, decision := range log {
		if err := world.Apply([]ev.Recorded{decision}); err != nil {
			fmt.Println(err)
			return
		}
	}
	customer, _ := world.Get(acme)
	fmt.Println(customer.Ref, "is", customer.Phase(), customer.Labels, "as of", world.Seq)
	// Output:
	// customer acme is Active map[tier:gold] as of 2
}

// What is on its way to the disk is decided on an overlay, which leaves the state below it as it is.
func ExampleEntities_Overlay() {
	below := state.New()
	above := below.Overlay()
	acme := ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}
	born := ev.Recorded{Ref: acme, Seq: 1, Event: ev.Created[ev.CustomerSpec]{UID: "u1"}, Envelope: ev.Envelope{Index: 1, Count: 1}}
	if err := above.Apply([]ev.Recorded{born}); err != nil {
		fmt.Println(err)
		return
	}
	_, there := above.Get(acme)
	_, already := below.Get(acme)
	fmt.Println(there, already)
	// Output:
	// true false
}
