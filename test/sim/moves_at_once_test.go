package sim

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/testbudget"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// costs are what has been spent, in numbers that no busy machine makes larger.
type costs struct{ decisions, effects, events atomic.Int64 }

// spent is what was spent in one stretch.
type spent struct{ decisions, effects, events int64 }

func (c *costs) now() spent { return spent{c.decisions.Load(), c.effects.Load(), c.events.Load()} }

func (s spent) since(before spent) spent {
	return spent{s.decisions - before.decisions, s.effects - before.effects, s.events - before.events}
}

// TestManyMovesAtOnce moves many tenants at once, to other terms and to another cluster: no tenant's move costs more than twice the
// decisions, effects and events of one that has all to itself.
func TestManyMovesAtOnce(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		to   string
		most testbudget.Name
	}{
		{`{"plan":"business"}`, testbudget.MovesOfTerms},
		{`{"dataplane":"-/us"}`, testbudget.MovesOfClusters},
	} {
		t.Run(row.to, func(t *testing.T) {
			n := testbudget.Of(t, row.most, 0)
			r := newRig(t)
			r.intake.SurveyBy(func(context.Context, ev.TenantSurvey) (ev.TenantUse, error) { return ev.TenantUse{}, nil })
			r.perform("create customer acme {}")
			r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
			for _, plan := range []string{"free", "business"} {
				r.perform("create plan -/" + plan + ` {"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}],"move":{"data":"none","hold":"1s"}}`)
			}
			for name, region := range map[string]string{"eu": "eu-central", "us": "us-east"} {
				r.perform("create dataplane -/" + name + ` {"account":"main","region":"` + region + `"}`)
				r.perform("create tenantinfra -/" + name + `_pg {"app":"pg","size":"small","pools":[{"name":"data","machine":"s4"}]}`)
				r.phase(ev.TenantInfra, "-/"+name+"_pg", 30*time.Second, fsm.Active)
			}
			r.all(n+1, ev.VerbCreate, `{"spec":{"plan":"free","region":"eu-central"}}`, func(fsm.TenantData) bool { return true })
			arrived := func(d fsm.TenantData) bool {
				return d.Move == nil && (d.Placement.Plan == "-/business" || d.Placement.Dataplane == "-/us")
			}
			before := r.costs.now()
			r.all(1, ev.VerbMove, row.to, arrived)
			one := r.costs.now().since(before)
			before = r.costs.now()
			r.all(n+1, ev.VerbMove, row.to, arrived) // the first is there
			many := r.costs.now().since(before)
			t.Logf("one costs %+v, %d at once cost %+v", one, n, many)
			for what, pair := range map[string][2]int64{"decisions": {one.decisions, many.decisions}, "effects": {one.effects, many.effects}, "events": {one.events, many.events}} {
				if pair[0] == 0 || 2*pair[1] < pair[0]*int64(n) || pair[1] > 2*pair[0]*int64(n) {
					t.Errorf("one takes %d %s, and %d at once %d", pair[0], what, n, pair[1])
				}
			}
		})
	}
}

// all asks something of the first tenants at once, and waits until each is Active and as wanted.
func (r *rig) all(n int, verb, body string, want func(fsm.TenantData) bool) {
	r.t.Helper()
	const askers = 64
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*natstest.Patience)
	defer cancel()
	next := make(chan int)
	var asking sync.WaitGroup
	for range askers {
		asking.Go(func() {
			for i := range next {
				_, err := r.intake.SubmitRequest(ctx, command.Request{Owner: "acme", Kind: string(ev.Tenant), Name: fmt.Sprint("t", i), Verb: verb, Body: []byte(body), Caller: ev.LocalAdmin()})
				if err != nil {
					r.t.Errorf("%s t%d: %v", verb, i, err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	asking.Wait()
	for i := range n {
		ref := ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: fmt.Sprint("t", i)}
		for {
			var seq uint64
			done := false
			r.fold.View(func(w *state.Entities) {
				e, _ := w.Get(ref)
				d, _ := e.Data.(fsm.TenantData)
				seq, done = w.Seq, e.Phase() == fsm.Active && want(d)
			})
			if done {
				break
			}
			r.now.Advance(time.Second) // what is held is held by this clock
			poll, end := context.WithTimeout(ctx, 20*time.Millisecond)
			_ = r.fold.Wait(poll, seq+1)
			end()
			if ctx.Err() != nil {
				r.t.Fatalf("%s is %s, and not as wanted", ref, r.entity(ref).Phase())
			}
		}
	}
}
