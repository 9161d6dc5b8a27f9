package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// each calls f for every entity, in order.
func (l *life) each(f func(fsm.Entity[fsm.Data], fsm.Machine)) {
	for _, k := range ev.Kinds {
		all := refs(k)
		if k == ev.Cell || k == ev.CellApplication || k == ev.Dataplane || k == ev.TenantInfra { // decisions make some, whose names nobody knows before
			all = nil
			l.world.Each(k, func(e fsm.Entity[fsm.Data]) { all = append(all, e.Ref) })
			slices.SortFunc(all, func(a, b ev.Ref) int { return strings.Compare(a.String(), b.String()) })
		}
		for _, ref := range all {
			if e, ok := l.world.Get(ref); ok {
				f(e, fsm.Machines[k])
			}
		}
	}
}

// checkReason: what is not at rest, or is owed something there, has one reason, and what is has none.
func (l *life) checkReason(e fsm.Entity[fsm.Data]) {
	machine := fsm.Machines[e.Ref.Kind]
	owed := machine.Owed(e)
	_, waits := owed.(fsm.WaitFor)
	rests := machine.AtRest(e.Phase()) && e.Failure == nil && (owed == nil || waits) || machine.Ended(e.Phase())
	why := l.world.Blocker(e)
	if rests != (why == nil) {
		l.wrong("%s is %s, and its reason is %+v", e.Ref, e.Phase(), why)
	}
	if why != nil && (why.Code == "" || why.Fault == "" || why.Message == "") {
		l.wrong("%s is %s, and its reason says nothing: %+v", e.Ref, e.Phase(), why)
	}
}

// checkStill is asked when nothing moves any more: everything rests, is gone, was
// given up with a reason, or waits for what is really not there.
func (l *life) checkStill() {
	l.checkSlots()
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		l.checkReason(e)
		l.checkRefs(e, m)
		l.checkIdle(e, m)
		_, waits := m.Owed(e).(fsm.WaitFor)
		switch {
		case m.Ended(e.Phase()), e.Failure == nil && m.AtRest(e.Phase()), e.Failure != nil && !waits:
			return
		case !waits:
			l.wrong("%s is %s for ever: %+v", e.Ref, e.Phase(), l.world.Blocker(e))
			return
		}
		if changes, err := m.Decide(e, l.internal(e.Ref, ev.ActorAerie, ev.Settle{}), l.world.Refs()); len(changes) > 0 || err != nil {
			l.wrong("%s is %s and could go on, but nobody looks: %v", e.Ref, e.Phase(), err)
		}
	})
}

// checkRefs: nothing living refers to what has ended.
func (l *life) checkRefs(e fsm.Entity[fsm.Data], m fsm.Machine) {
	if m.Ended(e.Phase()) {
		return
	}
	for _, to := range ev.RefsOf(e.Ref, e.Data.Wants()) {
		other, ok := l.world.Get(to.Ref)
		if !ok || fsm.Machines[to.Ref.Kind].Ended(other.Phase()) {
			l.wrong("%s is %s, but its %s %s is %s", e.Ref, e.Phase(), to.Field, to.Ref, other.Phase())
		}
	}
}

// checkHealed is asked after the cloud is in order and what had failed was tried
// again: what is still given up is wrong, in another's way, or stuck for ever.
func (l *life) checkHealed(e fsm.Entity[fsm.Data]) {
	if e.Failure == nil {
		return
	}
	switch e.Failure.Code {
	case ev.ConfigProblem, ev.ConflictReason, ev.Timeout:
	default:
		l.wrong("%s is %s though nothing is wrong any more: %+v", e.Ref, e.Phase(), e.Failure)
	}
}

// checkSlots: each cell has as many slots taken as tenants are in it, and more than it has only where it was made smaller.
func (l *life) checkSlots() {
	if wrong := l.world.WrongSlots(); len(wrong) > 0 {
		l.wrong("cells have other slots taken than tenants in them: %v", wrong)
	}
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		d, ok := e.Data.(fsm.CellData)
		if !ok {
			return
		}
		l.seen[fmt.Sprintf("cell with %d", d.Used)]++
		if owed, waits := m.Owed(e).(fsm.WaitFor); waits && owed.OnlyTime() {
			l.wrong("%s is empty since %s, and nobody looks whether its time is over", e.Ref, owed.Since)
		}
	})
}

// checkFold: the live world is what the log says, entity by entity.
func (l *life) checkFold() {
	again := l.refold()
	for _, s := range l.servers {
		l.server = s
		l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) {
			other, _ := again.Get(e.Ref)
			if a, b := l.image(l.world, e), l.image(again, other); !bytes.Equal(a, b) {
				l.wrong("the live %s of server %s is not what its events make of it:\n%s\n%s", e.Ref, s.name, a, b)
			}
		})
	}
	for _, was := range l.asked {
		a, _ := l.world.Caused(was.request.ID)
		if b, _ := again.Caused(was.request.ID); a != b {
			l.wrong("%s caused sequence %d, folded again %d", was.request.ID, a, b)
		}
	}
}

func (l *life) image(w *state.Entities, e fsm.Entity[fsm.Data]) []byte {
	waiting := []string{}
	for _, r := range w.Waiting(e.Ref) {
		waiting = append(waiting, r.String())
	}
	slices.Sort(waiting)
	return l.json([]any{e.Phase(), e.Base, e.History.Between(0, e.History.Len()), e.Data, w.Blocker(e), waiting})
}

func (l *life) json(v any) []byte {
	data, err := json.Marshal(v)
	l.must(err)
	return data
}

// checkClouds compares what is in clouds and clusters with who lives.
func (l *life) checkClouds() {
	ledger, err := l.ledger.Read()
	l.must(err)
	for _, twin := range ledger.Twice() {
		l.wrong("made twice: %+v", twin)
	}
	marks := l.marks()
	type place struct{ account, region, kind, cluster, name string }
	known, has := map[place]bool{}, map[string]int{}
	for _, r := range ledger.Live() {
		p := place{r.Account, r.Region, string(r.Kind), r.Cluster, r.Name}
		if known[p] {
			l.wrong("there are two %+v", p)
		}
		known[p] = true
		has[r.Owner+" "+string(r.Kind)]++
		if !marks[r.Owner] {
			l.wrong("%s %s of %s in %s is left", r.Kind, r.Name, r.Owner, r.Region)
		}
		if r.Kind == cloud.KindCluster {
			l.checkCluster(r, ledger.Objects(r.ID))
		}
	}
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) { l.checkMade(e, ledger, has) })
}

// marks are the owner marks of who may have something in a cloud.
func (l *life) marks() map[string]bool {
	marks := map[string]bool{}
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if !m.Ended(e.Phase()) {
			marks[fsm.OwnerTag(e.Base)] = true
		}
	})
	return marks
}

// checkMade: who says that all is there has it, once.
func (l *life) checkMade(e fsm.Entity[fsm.Data], ledger sim.Ledger, has map[string]int) {
	mark := fsm.OwnerTag(e.Base)
	count := func(kind cloud.Kind, want int) {
		if n := has[mark+" "+string(kind)]; n != want {
			l.wrong("%s is %s and has %d of %d %ss", e.Ref, e.Phase(), n, want, kind)
		}
	}
	switch d := e.Data.(type) {
	case fsm.DataplaneData:
		if e.Phase() == fsm.Active {
			count(cloud.KindNetwork, 1)
			count(cloud.KindCluster, 1)
			if e.Unmet == nil {
				count(cloud.KindPool, 1)
			}
			l.checkPools(e, ledger)
		}
	case fsm.TenantInfraData:
		if e.Phase() == fsm.Active {
			if d.Spec.For != "" {
				l.seen["machines of one "+map[bool]string{true: "cell", false: "tenant"}[strings.Contains(d.Spec.For, "_")]]++
			}
			if e.Unmet == nil {
				count(cloud.KindPool, ownPools(d.Made))
			}
			l.checkPools(e, ledger)
		}
	case fsm.TenantData:
		if d.Shared != nil {
			l.checkShared(e, ledger, d)
			return
		}
		if e.Phase() == fsm.Active && !holds(ledger, d.Cluster, "Namespace/"+d.Placement.Namespace, e.UID) {
			l.wrong("%s is Active without its namespace", e.Ref)
		}
		if e.Phase() == fsm.Active {
			if _, closed := serving(ledger.Objects(d.Cluster), e.UID, *d.Placement); closed {
				l.wrong("%s is Active, and its namespace is closed", e.Ref)
			}
		}
		l.checkSuspension(e, ledger, d)
		l.checkLanding(e, ledger.Objects(d.Cluster))
	case fsm.ApplicationData:
		on, _ := l.world.Get(ev.Ref{Kind: ev.Tenant, Owner: e.Ref.Owner, ID: e.Ref.Parent()})
		if on.Phase() != fsm.Suspended { // what is deleted there by hand is seen when it is awake
			l.checkInstalled(e, ledger, d.Cluster, d.Objects)
		}
	case fsm.AddonData:
		l.checkInstalled(e, ledger, d.Cluster, d.Objects)
	case fsm.CellApplicationData:
		l.checkInstalled(e, ledger, d.Cluster, d.Objects)
	case fsm.CellData:
		if e.Holds(fsm.ConditionReady) && d.Namespace != "" && !holds(ledger, d.Cluster, "Namespace/"+d.Namespace, e.UID) {
			l.wrong("%s is %s without its namespace", e.Ref, e.Phase())
		}
	}
}

// ownPools is how many pools a tenant infra has itself: none, if each of its cells has them.
func ownPools(s ev.TenantInfraSpec) int {
	if s.CellsHaveNodes() {
		return 0
	}
	return len(s.Pools)
}

// checkShared: the cell of a tenant that shares it knows of it, and no program runs any more by which it came.
func (l *life) checkShared(e fsm.Entity[fsm.Data], ledger sim.Ledger, d fsm.TenantData) {
	if e.Phase() != fsm.Active || e.Failure != nil {
		return
	}
	l.seen["sharing a cell"]++
	if !holds(ledger, d.Cluster, "ConfigMap/"+d.Placement.Record, e.UID) {
		l.wrong("%s is Active, and its cell does not know of it", e.Ref)
	}
	for _, o := range ledger.Objects(d.Cluster) {
		if o.Kind() == "Job" && o.Labels()[kube.LabelOwner] == e.UID {
			l.wrong("%s is Active, and has %s", e.Ref, o.Key())
		}
	}
}

// checkSuspension: nothing of a tenant that sleeps runs, and of one that is awake nothing is stopped.
func (l *life) checkSuspension(e fsm.Entity[fsm.Data], ledger sim.Ledger, d fsm.TenantData) {
	for _, o := range ledger.Objects(d.Cluster) {
		if d.Placement == nil || o.Namespace() != d.Placement.Namespace || e.Failure != nil {
			continue
		}
		spec, from := kube.MapOf(o["spec"]), o.Annotations()[kube.AnnotationSuspendedFrom]
		_, stopped := o.Annotations()[kube.AnnotationSuspendedFrom]
		runs := o.Kind() == "Deployment" && spec["replicas"] != int64(0) || o.Kind() == "CronJob" && spec["suspend"] != true
		switch e.Phase() {
		case fsm.Suspended:
			l.seen["suspended"]++
			if runs || o.Kind() == "Deployment" && !stopped {
				l.wrong("%s is %s, and %s runs: %v", e.Ref, e.Phase(), o.Key(), spec)
			}
		case fsm.Active:
			if stopped || !runs && (o.Kind() == "Deployment" || o.Kind() == "CronJob") {
				l.wrong("%s is %s, and %s is stopped, from %q", e.Ref, e.Phase(), o.Key(), from)
			}
		}
	}
}

func (l *life) checkInstalled(e fsm.Entity[fsm.Data], ledger sim.Ledger, cluster string, objects []string) {
	undone := e.Phase() == fsm.Failed && e.Unmet != nil && *e.Unmet == *e.Failure // its last upgrade was
	if undone {
		l.seen["looked at though an upgrade was undone"]++
	}
	for _, o := range objects {
		if (e.Phase() == fsm.Deployed || undone) && !holds(ledger, cluster, o, e.UID) {
			l.wrong("%s is %s without its %s", e.Ref, e.Phase(), o)
		}
	}
}

func holds(ledger sim.Ledger, cluster, object, uid string) bool {
	return slices.ContainsFunc(ledger.Objects(cluster), func(o kube.Object) bool {
		return o.Kind()+"/"+o.Name() == object && o.Labels()[kube.LabelOwner] == uid
	})
}

// checkCluster: nothing in a cluster is of somebody who has ended, or lives elsewhere.
func (l *life) checkCluster(in sim.Resource, objects []kube.Object) {
	lives := map[string]bool{}
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		switch d := e.Data.(type) {
		case fsm.TenantData:
			lives[e.UID] = !m.Ended(e.Phase()) && (d.Cluster == in.Name || d.Away != nil && d.Away.Cluster == in.Name)
		case fsm.ApplicationData:
			lives[e.UID] = !m.Ended(e.Phase()) && (d.Cluster == in.Name || d.Copy != nil && d.Copy.Cluster == in.Name)
		case fsm.AddonData:
			lives[e.UID] = !m.Ended(e.Phase()) && d.Cluster == in.Name
		case fsm.CellData:
			lives[e.UID] = !m.Ended(e.Phase()) && d.Cluster == in.Name
		case fsm.CellApplicationData:
			lives[e.UID] = !m.Ended(e.Phase()) && d.Cluster == in.Name
		}
	})
	for _, o := range objects {
		if owner := o.Labels()[kube.LabelOwner]; owner != "" && !lives[owner] {
			l.wrong("%s %s/%s of %s is left in cluster %s", o.Kind(), o.Namespace(), o.Name(), owner, in.Name)
		}
	}
	if slices.ContainsFunc(reconcile.Clusters(l.world), func(c reconcile.Cluster) bool { return c.Name == in.Name }) { // it was swept
		l.checkClasses(in.Name, objects)
	}
}

// checkClasses: there is every priority class that a tenant's namespace names, and no other but that of placeholders.
func (l *life) checkClasses(cluster string, objects []kube.Object) {
	there, named := map[string]bool{}, map[string]bool{"": true}
	for _, o := range objects {
		if o.Kind() == "PriorityClass" && o.Name() != tenant.PlaceholderClass {
			there[o.Name()] = true
		}
		named[o.Labels()[tenant.LabelPriority]] = true
	}
	there[""] = true
	if !maps.Equal(there, named) {
		l.wrong("cluster %s has the classes %v, its namespaces name %v", cluster, there, named)
	}
}

// checkGone: nothing is left of anybody.
func (l *life) checkGone() {
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if !m.Ended(e.Phase()) {
			l.wrong("%s is %s after everything was deleted: %+v", e.Ref, e.Phase(), l.world.Blocker(e))
		}
	})
	ledger, err := l.ledger.Read()
	l.must(err)
	for _, r := range ledger.Live() {
		l.wrong("%s is left of everything", fmt.Sprint(r))
	}
}
