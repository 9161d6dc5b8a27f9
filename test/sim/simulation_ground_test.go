package sim

import (
	"fmt"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/cloud/sim/offers"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// undermine takes away by hand what dataplanes stand on, while the cloud has nothing to make it of, and then namespaces, at which
// nobody looks now. Meanwhile people ask for things, which fail. When the dataplanes are brought back, all that comes about: nobody
// retries anything else.
func (l *life) undermine() {
	l.seen["undermined"]++
	kind := cloud.KindCluster // without it all that is asked for fails
	l.offers = sim.Catalogue{Versions: []string{"1.99"}, Addons: offers.AddonVersions(), Machines: []string{"s2", "s4", "m4", "r4"}}
	if l.chance(2) { // what is in it can be reached still
		kind, l.offers.Versions, l.offers.Machines = cloud.KindPool, offers.Versions(), []string{"none"}
	}
	l.cloud.SetCatalogue(l.offers)
	looked := l.chance(2)
	if looked { // then nobody has to retry them
		l.lookUp()
		l.seen["undermined and known to be"]++
	}
	var dataplanes []ev.Ref
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if e.Ref.Kind == ev.Dataplane && m.AtRest(e.Phase()) {
			dataplanes = append(dataplanes, e.Ref)
			l.must2(l.cloud.ByHand(sim.ManualChange{Delete: string(kind), Match: fsm.OwnerTag(e.Base)}))
		}
	})
	l.inspect()
	l.rest()
	for _, namespace := range []string{"acme--", "bolt--", "cell---"} {
		l.must2(l.cloud.ByHand(sim.ManualChange{Delete: "object", Match: "Namespace " + namespace}))
	}
	asleep := l.askInVain()
	l.rest()
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) {
		if e.Failure != nil {
			l.seen[fmt.Sprintf("undermined: %s %s", e.Ref.Kind, e.Failure.Code)]++
		}
	})
	l.offers = sim.Catalogue{}
	l.cloud.SetCatalogue(l.offers)
	if looked {
		l.lookUp()
		dataplanes = nil
	}
	for _, ref := range dataplanes {
		l.ask(l.request(ref, ev.VerbRetry, ""))
	}
	l.rest()
	l.inspect() // so that people know what is gone
	l.rest()
	l.settle() // the cloud may have given up meanwhile what one was made of
	for ref, want := range asleep {
		if e, _ := l.world.Get(ref); e.Phase() != want && e.Phase() != fsm.Moving {
			l.wrong("%s is %s, and was to be %s when what it stands on was brought back: %+v", ref, e.Phase(), want, e.Failure)
		}
	}
}

// askInVain asks of all that stands on dataplanes for something else, and says as what tenants are to end that were to sleep or
// to wake.
func (l *life) askInVain() map[ev.Ref]fsm.Phase {
	asleep := map[ev.Ref]fsm.Phase{}
	l.ask(l.request(refs(ev.Plan)[2], ev.VerbUpdate, `{"spec":`+manyJSON("3")+`}`))
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		switch {
		case !m.AtRest(e.Phase()) || e.Failure != nil:
		case e.Ref.Kind == ev.Application, e.Ref.Kind == ev.Addon:
			l.ask(l.request(e.Ref, ev.VerbUpdate, fmt.Sprintf(`{"spec":%s}`, appJSON("vain"))))
		case e.Ref.Kind == ev.Cell && e.Data.(fsm.CellData).Spec.Plan == "-/many":
			if p, known := l.world.Get(refs(ev.Plan)[2]); known {
				l.ask(l.request(e.Ref, ev.VerbUpgrade, fmt.Sprintf(`{"plan":"many@%d"}`, p.Revision)))
			}
		case e.Ref.Kind == ev.TenantInfra:
			spec := e.Data.(fsm.TenantInfraData).Spec
			if len(spec.Pools) > 0 {
				spec.Pools = append([]ev.Pool{}, spec.Pools...)
				spec.Pools[0].Max += 7
				l.ask(l.request(e.Ref, ev.VerbUpdate, fmt.Sprintf(`{"spec":%s}`, l.json(spec))))
			}
		case e.Ref.Kind == ev.Tenant && l.chance(2):
			verb, to := ev.VerbSuspend, fsm.Suspended
			if e.Phase() == fsm.Suspended {
				verb, to = ev.VerbResume, fsm.Active
			}
			if a, err := l.give(l.request(e.Ref, verb, "")); err == nil && len(a.Events) > 0 {
				asleep[e.Ref] = to
			}
		}
	})
	return asleep
}

// must2 is must for what says how many things it has done.
func (l *life) must2(n int, err error) {
	l.must(err)
	l.seen["by hand"] += n
}
