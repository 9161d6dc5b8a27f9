package command

import (
	"fmt"
	"sync"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestWhatWasAnsweredIsKnownToAllReplicas gives each command to another replica than the one before, as soon as that is answered. Each
// rests on the one before, so whoever decides on a fold that is behind refuses it, or takes it for done already. Meanwhile two
// others command too, or nobody does.
func TestWhatWasAnsweredIsKnownToAllReplicas(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 3, nil)
	replicas := []*replica{startReplica(t, x), startReplica(t, x)}
	story := func(t *testing.T, owner string) {
		ref := ev.Ref{Kind: ev.Customer, Owner: owner, ID: owner}
		label := func(value string) ev.Update {
			return ev.Update{Labels: map[string]string{"at": value}, Spec: ev.CustomerSpec{Hosting: "provider"}}
		}
		for i, ask := range []ev.Payload{
			ev.Create{Spec: ev.CustomerSpec{Hosting: "provider"}}, label("a"), label("b"), label("a"), ev.Delete{},
			ev.Create{Spec: ev.CustomerSpec{Hosting: "provider"}}, ev.Delete{},
		} {
			c := Internal(ref, ev.ActorAdmin, ask)
			c.UID = fmt.Sprint(owner, i)
			if i%2 == 1 {
				try := c
				try.ID, try.DryRun = c.ID+"-dry", true
				if a, err := replicas[1].intake.SubmitCommand(t.Context(), try); err != nil || len(a.Events) == 0 {
					t.Errorf("%s: step %d, as a dry run: %+v %v", owner, i, a.Events, err)
				}
			}
			if a, err := replicas[i%2].intake.SubmitCommand(t.Context(), c); err != nil || len(a.Events) == 0 {
				t.Errorf("%s: step %d: %+v %v", owner, i, a.Events, err)
			}
		}
	}
	for i := range 20 {
		story(t, fmt.Sprint("alone", i))
	}
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			for j := range 20 {
				story(t, fmt.Sprint("beside", i, "-", j))
			}
		})
	}
	all.Wait()
	checkEqual(t, replicas)
}
