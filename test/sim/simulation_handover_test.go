package sim

import (
	"encoding/json"
	"fmt"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// own is the dataplane that is handed over.
var own = ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "own"}

// onOwn is what lives on it, in the order in which it comes.
var onOwn = []struct {
	ref  ev.Ref
	spec string
}{
	{ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}, `{"hostings":["provider","customer"]}`},
	{ev.Ref{Kind: ev.Account, Owner: "acme", ID: "own"}, specs[ev.Account][0]},
	{own, dataplaneJSON("acme/own", "eu-west", "shared", 3)},
	{ev.Ref{Kind: ev.TenantInfra, Owner: "acme", ID: "own_pg"}, cellsJSON(1, 4, 0)},
	{ev.Ref{Kind: ev.Addon, Owner: "acme", ID: "own_cm"}, appJSON("one")},
	{ev.Ref{Kind: ev.Plan, Owner: ev.Platform, ID: "free"}, planJSON("resource-shared", "pack", false)},
	{many, manyJSON("1")},
	{ev.Ref{Kind: ev.Cell, Owner: "acme", ID: "own_pg_c2"}, `{"tenants":2,"plan":"-/many","planVersion":1}`},
	{ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}, `{"plan":"-/free"}`},
	{ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "test"}, `{"plan":"-/many"}`},
	{ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_pg"}, appJSON("one")},
	{ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_ui"}, runsJSON("")},
}

// handed lives a life on a dataplane that is handed over again and again.
func (l *life) handed(steps int) {
	l.chaos = false
	for _, one := range onOwn {
		l.create(one.ref, one.spec)
	}
	for range l.rnd.IntN(300) {
		l.work()
	}
	l.chaos = true
	for range steps {
		switch n := l.rnd.IntN(40); {
		case n == 0:
			l.handOver()
		case n < 30:
			l.work()
		default:
			l.step()
		}
	}
	l.ends()
}

// handOver asks for the other mode.
func (l *life) handOver() {
	l.turn()
	e, _ := l.world.Get(own)
	if e.Phase() == fsm.Unborn || fsm.Machines[own.Kind].Ended(e.Phase()) {
		return
	}
	spec := e.Data.(fsm.DataplaneData).Spec
	if spec.Mode == ev.ModePull {
		spec.Mode = ev.ModePush
	} else {
		spec.Mode = ev.ModePull
	}
	data, err := json.Marshal(spec)
	l.must(err)
	l.ask(l.request(own, ev.VerbUpdate, fmt.Sprintf(`{"spec":%s}`, data)))
	after, _ := l.world.Get(own)
	if fsm.HandoverOf(after) == nil {
		return
	}
	l.seen["handovers"]++
	for _, ref := range l.world.On(own) {
		one, _ := l.world.Get(ref)
		m := fsm.Machines[ref.Kind]
		_, waits := m.Owed(one).(fsm.WaitFor)
		if l.seen["handed over: "+string(ref.Kind)+" "+string(one.Phase())]++; m.Owed(one) != nil && !waits || ref == own && !m.AtRest(one.Phase()) {
			l.seen["handed over, something owed: "+string(ref.Kind)]++
		}
	}
}
