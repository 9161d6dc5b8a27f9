package fsm_test

import (
	"fmt"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// A command is decided on an entity as it is. The events that come of it move the entity, and from what it is then follows
// what it is owed. Nothing here reads a clock, waits, or calls anybody.
func Example() {
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	main := ev.Ref{Kind: ev.Account, Owner: ev.Platform, ID: "main"}
	machine, world := fsm.Machines[ev.Account], state.New()

	for _, asked := range []ev.Payload{ev.Create{Spec: ev.AccountSpec{Cloud: "sim", Hosting: "provider"}}, ev.Settle{}} {
		account, _ := world.Get(main)
		account.Ref = main
		changes, err := machine.Decide(account, ev.Command{Ref: main, Time: noon, UID: "u1", Payload: asked}, world.Refs())
		if err != nil {
			fmt.Println(err)
			return
		}
		for i, happened := range changes[0].Events {
			recorded := ev.Recorded{Ref: main, Seq: world.Seq + 1, Event: happened, Envelope: ev.Envelope{Time: noon, Index: i + 1, Count: len(changes[0].Events)}}
			if err := world.Apply([]ev.Recorded{recorded}); err != nil { // calls machine.Apply
				fmt.Println(err)
				return
			}
			account, _ = world.Get(main)
			fmt.Println(happened.Type(), "leads to", account.Phase())
		}
		fmt.Println("it is owed", machine.Owed(account).Effect())
	}
	// Output:
	// requested leads to Requested
	// it is owed await
	// verification_started leads to Verifying
	// it is owed verify_account
}

// The table of a kind says which event may follow where; anything else stops the fold.
func ExampleMachine() {
	plan := fsm.Machines[ev.Plan]
	fmt.Println(plan.Phases())
	_, err := plan.Apply(fsm.Entity[fsm.Data]{}, ev.Recorded{Ref: ev.Ref{Kind: ev.Plan, Owner: ev.Platform, ID: "pro"}, Seq: 1, Event: ev.Deleted{}})
	fmt.Println(err)
	// Output:
	// [Unborn Draft Released Retired Deleted]
	// deleted in phase Unborn: the table of plan has no such row

}
