package sim

import (
	"context"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// sleepOrWake suspends a tenant that is awake, or resumes one that is not.
func (l *life) sleepOrWake() {
	ref := pick(&l.script, refs(ev.Tenant))
	e, _ := l.world.Get(ref)
	switch e.Phase() {
	case fsm.Active:
		l.ask(l.request(ref, ev.VerbSuspend, ""))
	case fsm.Suspending, fsm.Suspended, fsm.Resuming:
		l.ask(l.request(ref, pick(&l.script, []string{ev.VerbSuspend, ev.VerbResume, ev.VerbResume}), ""))
	}
}

// mostSteps bounds how long a life may take to come to rest when nothing disturbs
// it any more.
const mostSteps = 20000

// run lives a life: a beginning that suits, commands and troubles, and an end in
// which nothing is disturbed any more.
func (l *life) run(steps int) {
	if !l.chance(4) { // some begin from nothing
		l.furnish()
	}
	for range steps {
		l.step()
	}
	l.ends()
}

// ends lets a life come to its end, and checks it.
func (l *life) ends() {
	l.calm()
	l.rest()
	l.checkStill()
	for range 3 {
		l.sleepOrWake()
		l.rest()
		l.checkStill()
		l.move()
		l.continueMoves()
		l.rest()
		l.checkStill()
	}
	for range 3 {
		if l.chance(2) { // so that the end of a repair is seen where nothing else disturbs
			l.byHand()
		}
		l.bringBack()
		l.retryAll()
		l.rest()
	}
	if l.chance(2) {
		l.changeMachines()
		l.checkStill()
	}
	l.bringBack()
	if l.chance(2) {
		l.undoInVain()
	}
	l.wishInVain()
	l.settle()
	if l.chance(2) {
		l.undermine()
	}
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) { l.checkHealed(e) })
	l.checkAll()
	if l.chance(4) {
		return
	}
	l.deleteAll()
	l.checkAll()
	l.checkGone()
}

// furnish asks for one thing of each kind that suit each other.
func (l *life) furnish() {
	for _, k := range kinds {
		spec := specs[k][0]
		switch {
		case k == ev.TenantInfra && l.chance(2):
			spec = specs[k][len(specs[k])-1-l.rnd.IntN(2)]
		case k == ev.Plan && l.chance(2):
			spec = specs[k][len(specs[k])-1-l.rnd.IntN(5)]
		case (k == ev.Dataplane || k == ev.TenantInfra) && l.chance(4):
			continue // a plan may make some
		}
		l.ask(l.request(refs(k)[0], ev.VerbCreate, `{"spec":`+spec+`}`))
	}
	if l.chance(2) {
		l.ask(l.request(refs(ev.Plan)[2], ev.VerbCreate, `{"spec":`+manyJSON("1")+`}`))
		l.ask(l.request(refs(ev.Tenant)[1], ev.VerbCreate, `{"spec":{"plan":"-/many"}}`))
	}
	for range l.rnd.IntN(60) {
		l.work()
	}
}

// calm ends what disturbs: faults, and what was on its way.
func (l *life) calm() {
	l.say("from here on nothing is disturbed")
	l.openCloud()
	l.unstick()
	l.letGo()
	for _, it := range l.slow {
		l.say("a slow call arrives")
		l.do(it)
	}
	for _, m := range l.mail {
		l.deliver(m)
	}
	l.slow, l.mail, l.chaos = nil, nil, false
	l.continueMoves()
}

// unstick deletes by hand what the cloud never brings to an end: nobody else can tell
// it from what takes long.
func (l *life) unstick() {
	ledger, err := l.ledger.Read()
	l.must(err)
	for _, r := range ledger.Live() {
		if o := l.observe(r); o.Phase == cloud.Creating && o.After == 0 {
			l.say("%s %s is stuck and deleted by hand", r.Kind, r.Name)
			_, err := l.cloud.ByHand(sim.ManualChange{Delete: string(r.Kind), Match: r.Name})
			l.must(err)
		}
	}
}

func (l *life) observe(r sim.Resource) (o cloud.Observation) {
	ctx, in := context.Background(), cloud.Scope{Account: cloud.Account{ID: r.Account}, Region: r.Region}
	var err error
	switch r.Kind {
	case cloud.KindNetwork:
		o, err = l.cloud.ObserveNetwork(ctx, in, r.Name)
	case cloud.KindCluster:
		o, err = l.cloud.ObserveCluster(ctx, in, r.Name)
	default:
		o, err = l.cloud.ObservePool(ctx, in, r.Cluster, r.Name)
	}
	l.must(err)
	return o
}

// rest lets the machinery work until nothing moves any more.
func (l *life) rest() {
	for i := range mostSteps {
		if !l.work() {
			return
		}
		if i%500 == 499 {
			l.rescue()
		}
	}
	l.wrong("it never comes to rest")
}

// rescue has a person do what is waited for, for ever: repair dataplanes whose clusters were deleted by hand, which somebody moves
// from or to, and delete pods that hold a pool, since nobody would make them again.
func (l *life) rescue() {
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) {
		if e.Phase() == fsm.Retiring && e.Attempt != nil && e.Attempt.Code == ev.Dependency {
			l.must2(l.cloud.ByHand(sim.ManualChange{Delete: "object", Match: "/alone"}))
			l.seen["pods that held a pool were deleted"]++
		}
	})
	for _, ref := range refs(ev.Tenant) {
		e, _ := l.world.Get(ref)
		d, ok := e.Data.(fsm.TenantData)
		if !ok || d.Move == nil || d.Placement == nil {
			continue
		}
		for _, at := range []ev.Placement{*d.Placement, d.Move.From, d.Move.To} { // at both its places
			on, _ := ev.ParseRef(ev.Dataplane, at.Dataplane)
			if dp, _ := l.world.Get(on); dp.Failure != nil {
				l.ask(l.request(on, ev.VerbRetry, ""))
			}
			if at.Record != "" {
				l.rescueCell(at.Cell)
			}
		}
	}
}

func (l *life) retryAll() {
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) {
		if e.Failure == nil {
			return
		}
		if e.Ref.Kind == ev.CellApplication { // nobody looks whether the namespace of a cell that opens was deleted meanwhile
			l.ask(l.request(ev.Ref{Kind: ev.Cell, Owner: e.Ref.Owner, ID: e.Ref.Parent()}, ev.VerbRetry, ""))
		}
		l.ask(l.request(e.Ref, ev.VerbRetry, ""))
	})
}

// deleteAll ends everything: customers with all they own, then the platform's
// things from the last to the first, as a person would who reads the refusals.
func (l *life) deleteAll() {
	for _, ref := range l.living(ev.Customer) {
		l.ask(l.request(ref, ev.VerbDelete, `{"cascade":true}`))
	}
	for _, ref := range l.living(ev.Plan) { // so that none makes anything any more
		l.ask(l.request(ref, ev.VerbRetire, ""))
	}
	l.rest()
	for i := len(ev.Kinds) - 1; i >= 0; i-- {
		for _, ref := range l.living(ev.Kinds[i]) {
			l.ask(l.request(ref, ev.VerbDelete, ""))
		}
		l.rest()
	}
}

func (l *life) living(k ev.Kind) (refs []ev.Ref) {
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if e.Ref.Kind == k && !m.Ended(e.Phase()) {
			refs = append(refs, e.Ref)
		}
	})
	return refs
}

// checkAll is asked at rest.
func (l *life) checkAll() {
	l.checkStill()
	l.checkFold()
	l.sweep()
	l.now = l.now.Add(time.Hour)
	l.sweep() // what is being deleted is gone when somebody looks after its time
	l.rest()
	l.checkOwn()
	l.checkClouds()
}

// sweep is Sweeper.Sweep after the grace.
func (l *life) sweep() {
	l.sweepClouds()
	for _, c := range reconcile.Clusters(l.world) {
		api, err := l.clouds["sim"].Kube(context.Background(), execute.ScopeOf(c.Site), c.Name)
		if err != nil {
			continue // it is not there: the next sweep
		}
		all, err := release.ListOwned(context.Background(), api)
		l.must(err)
		for _, o := range all {
			t, _ := l.world.Get(reconcile.RefOf(o))
			if !reconcile.IsLeft(t, c.Dataplane, o) && !l.world.HasEnded(reconcile.RefOf(o), o.Owner) {
				continue
			}
			l.must(o.Remove(context.Background(), api))
			l.say("swept %s of %s", o, o.Owner)
			l.seen["swept in clusters"]++
			l.order(l.internal(reconcile.RefOf(o), ev.ActorExecutor, ev.Sweep{Swept: ev.Swept{UID: o.Owner, Resources: []string{o.String()}}}))
		}
		removed, _, err := tenant.SweepClasses(context.Background(), api)
		l.must(err)
		for _, name := range removed {
			l.seen["swept classes"]++
			l.order(l.internal(c.Dataplane, ev.ActorExecutor, ev.Sweep{Swept: ev.Swept{UID: c.UID, Resources: []string{name}}}))
		}
	}
}

func (l *life) sweepClouds() {
	for _, site := range l.sites() {
		for range 4 { // what stands on something goes before it, and needs its time
			all, err := l.cloud.ListOwned(context.Background(), execute.ScopeOf(site), "")
			if cloud.ClassOf(err) == cloud.Invalid {
				break // there is no such region
			}
			l.must(err)
			for _, r := range all {
				l.sweepOne(site, r)
			}
			l.now = l.now.Add(time.Hour)
		}
	}
}

func (l *life) sweepOne(site ev.Target, r cloud.Ref) {
	ref, uid, ours := ev.ParseMark(r.Owner)
	if !ours || !l.world.HasEnded(ref, uid) || r.Phase == cloud.Deleting {
		return
	}
	t := execute.NewTask(ev.Work{Ref: ref, UID: uid}, nil, nil)
	err := t.RemoveResource(context.Background(), l.clouds["sim"], execute.ScopeOf(site), r)
	if cloud.ClassOf(err) == cloud.Conflict {
		return
	}
	l.must(err)
	l.say("swept %s %s of %s", r.Kind, r.Name, r.Owner)
	l.seen["swept"]++
	l.order(l.internal(ref, ev.ActorExecutor, ev.Sweep{Swept: ev.Swept{UID: uid, Resources: []string{r.Name}}}))
}

// sites is Sweeper.sites.
func (l *life) sites() (sites []ev.Target) {
	known := map[ev.Target]bool{}
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) {
		d, ok := e.Data.(fsm.DataplaneData)
		site := ev.Target{Account: d.Account, Region: d.Spec.Region}
		if ok && d.Account.Cloud != "" && !known[site] {
			known[site] = true
			sites = append(sites, site)
		}
	})
	return sites
}
