package sim

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/execute"
)

// noteRepair asks the ledger for twins and leftovers where a repair has ended. That nothing is missing is for the next look to
// say: somebody may delete it again while the executor reports.
func (l *life) noteRepair(r ev.Recorded) {
	switch r.Event.(type) {
	case ev.Drifted:
		l.repairs[r.Ref] = true
	case ev.DriftEnded, ev.CreateEvent:
		delete(l.repairs, r.Ref)
	}
	e, _ := l.world.Get(r.Ref)
	if _, made := r.Event.(ev.Deployed); made && e.Phase() == fsm.Copied {
		l.seen["moves: made an application again on the way"]++
	}
	if fsm.Ended(e) { // what it has left is for the sweeper, and for the end of the life
		delete(l.repairs, r.Ref)
	}
	if !l.repairs[r.Ref] || !fsm.Machines[r.Ref.Kind].AtRest(e.Phase()) || e.Failure != nil {
		return
	}
	delete(l.repairs, r.Ref)
	l.seen["repairs of "+string(r.Ref.Kind)]++
	ledger, err := l.ledger.Read()
	l.must(err)
	for _, twin := range ledger.Twice() {
		l.wrong("after a repair of %s there are two: %+v", r.Ref, twin)
	}
	if !l.movesFor(r.Ref) { // it is at two places until the move is over
		l.checkLeftovers(e, ledger)
	}
}

// movesFor tells whether a tenant moves, or that of an application.
func (l *life) movesFor(ref ev.Ref) bool {
	if ref.Kind == ev.Application {
		ref = ev.Ref{Kind: ev.Tenant, Owner: ref.Owner, ID: ref.Parent()}
	}
	e, _ := l.world.Get(ref)
	return e.Phase() == fsm.Moving
}

// checkLeftovers: who was repaired has nothing in a cloud or a cluster but what it is owed.
func (l *life) checkLeftovers(e fsm.Entity[fsm.Data], ledger sim.Ledger) {
	left := func(r sim.Resource) { l.wrong("a repair of %s has left %s %s of %s", e.Ref, r.Kind, r.Name, r.Cluster) }
	home, pools := l.homeOf(e)
	for _, r := range ledger.Live() {
		switch {
		case r.Kind == cloud.KindCluster:
			l.checkLeftInside(e, r, ledger.Objects(r.ID))
			if r.Owner == fsm.OwnerTag(e.Base) && r.Name != home {
				left(r)
			}
		case r.Owner != fsm.OwnerTag(e.Base):
		case r.Kind == cloud.KindPool && !slices.Contains(pools, r.Name), r.Kind != cloud.KindNetwork && r.Cluster != home:
			left(r)
		}
	}
}

// homeOf is the cluster of an entity, and what its pools there are called.
func (l *life) homeOf(e fsm.Entity[fsm.Data]) (cluster string, pools []string) {
	switch d := e.Data.(type) {
	case fsm.DataplaneData, fsm.TenantInfraData:
		all, t := l.poolsOf(e), execute.NewTask(ev.Work{Ref: e.Ref, UID: e.UID}, nil, nil)
		if infra, is := d.(fsm.TenantInfraData); is { // it has them too while its dataplane is not ready and nothing of it is expected
			all.site, all.cluster = infra.Site, infra.Cluster
		}
		for _, p := range slices.Concat(all.stand, all.plan.Retiring, wishedPools(all)) {
			pools = append(pools, t.PoolSpec(all.site, all.cluster, p).Name)
		}
		return all.cluster, pools
	case fsm.TenantData:
		return d.Cluster, nil
	case fsm.ApplicationData:
		return d.Cluster, nil
	case fsm.AddonData:
		return d.Cluster, nil
	case fsm.CellData:
		return d.Cluster, nil
	case fsm.CellApplicationData:
		return d.Cluster, nil
	}
	return "", nil
}

// checkLeftInside: nothing of it is in another cluster, and of what was installed nothing is there besides.
func (l *life) checkLeftInside(e fsm.Entity[fsm.Data], in sim.Resource, objects []kube.Object) {
	home, _ := l.homeOf(e)
	var installed []string
	switch d := e.Data.(type) {
	case fsm.ApplicationData:
		installed = d.Objects
	case fsm.AddonData:
		installed = d.Objects
	case fsm.CellApplicationData:
		installed = d.Objects
	}
	for _, o := range objects {
		if o.Labels()[kube.LabelOwner] != e.UID {
			continue
		}
		if d, is := e.Data.(fsm.TenantData); is && d.Placement.Record != "" && o.Kind() == "ConfigMap" && o.Name() == d.Placement.Record {
			continue // in a cell that it has left: a call that came late has made it, and it is swept
		}
		ours := strings.HasPrefix(o.Name(), "aerie") || o.Kind() == "Namespace" // what it is installed with
		if in.Name != home || installed != nil && !ours && !slices.Contains(installed, o.Kind()+"/"+o.Name()) {
			l.wrong("a repair of %s has left %s in cluster %s", e.Ref, o.Key(), in.Name)
		}
	}
}
