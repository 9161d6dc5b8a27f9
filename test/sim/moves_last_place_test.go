package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// TestManyMovesWantTheLastPlace: many tenants ask at once, by way of two servers, to move to a plan whose template may make so many places,
// one tenant each, and one at a time in a region. Just as many are made as may be, none twice; who comes too late is refused, and stays
// where it is.
func TestManyMovesWantTheLastPlace(t *testing.T) {
	t.Parallel()
	const clients, places = 16, 2
	r := newRig(t)
	intakes := []*command.Intake{r.intake, r.another()}
	for _, i := range intakes {
		i.SurveyBy(func(context.Context, ev.TenantSurvey) (ev.TenantUse, error) { return ev.TenantUse{}, nil })
	}
	const terms = `"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}],"move":{"data":"none","hold":"1s"}`
	r.perform("create customer acme {}")
	r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
	r.perform(`create dataplane -/eu {"account":"main","region":"eu-central"}`)
	r.perform(`create tenantinfra -/eu_pg {"app":"pg","size":"small","pools":[{"name":"data","machine":"s4"}]}`)
	r.perform(`create plan -/free {` + terms + `}`)
	for n := range clients {
		r.perform(fmt.Sprintf(`create tenant acme/t%d {"plan":"free"}`, n))
	}
	for n := range clients {
		r.phase(ev.Tenant, fmt.Sprintf("acme/t%d", n), 30*time.Second, fsm.Active)
	}
	r.perform(fmt.Sprintf(`create plan -/pro {%s,"residency":{"regions":["us-east"]},"provision":[{"name":"big","account":"-/main","max":%d,`+
		`"dataplane":{"region":"us-east"},"tenantinfra":{"cells":{"tenants":1,"max":1},"pools":[{"name":"data","machine":"m8"}]}}]}`, terms, places))
	for round := range places + 1 {
		accepted := 0
		var all sync.WaitGroup
		var mu sync.Mutex
		for n := range clients {
			if d := r.entity(ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: fmt.Sprint("t", n)}).Data.(fsm.TenantData); d.Placement.Plan == "-/pro" {
				continue // it is there
			}
			all.Go(func() {
				_, err := intakes[n%2].SubmitRequest(t.Context(), command.Request{Owner: "acme", Kind: string(ev.Tenant), Name: fmt.Sprint("t", n), Verb: ev.VerbMove,
					Body: []byte(`{"plan":"pro"}`), Caller: ev.LocalAdmin()})
				var refusal *ev.Refusal
				switch mu.Lock(); {
				case err == nil:
					accepted++
				case !errors.As(err, &refusal) || refusal.Code != ev.Refused:
					t.Errorf("t%d: %v", n, err)
				}
				mu.Unlock()
			})
		}
		all.Wait()
		made := 0
		r.fold.View(func(w *state.Entities) {
			w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
				if e.Data.(fsm.DataplaneData).Origin.Made != nil && !fsm.Ended(e) {
					made++
				}
			})
		})
		if want := min(round+1, places); made != want || accepted != want-min(round, places) {
			t.Fatalf("in round %d %d moves were accepted, and there are %d places; want %d", round, accepted, made, want)
		}
		for n := range clients {
			ref := ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: fmt.Sprint("t", n)}
			r.until(ref.Kind, ref.Path(), 30*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
				return e.Phase() == fsm.Active && e.Data.(fsm.TenantData).Move == nil
			})
		}
	}
}
