package sim

import (
	"context"
	"fmt"
	"slices"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory/controllers"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/execute"
)

// podsIn is the namespace of the pods that stand for what runs on pools, and of the budget that holds them.
const podsIn = "default"

// stepPods brings the pods in all clusters one step further, and what is behind volumes.
func (l *life) stepPods() {
	l.must(l.cloud.StepControllers(context.Background(), controllers.Step))
	l.stepSnapshots()
}

// eachCluster calls f for every cluster whose API answers.
func (l *life) eachCluster(f func(kube.API)) {
	ledger, err := l.ledger.Read()
	l.must(err)
	for _, r := range ledger.Live() {
		if r.Kind != cloud.KindCluster {
			continue
		}
		in := cloud.Scope{Account: cloud.Account{ID: r.Account}, Region: r.Region}
		if api, err := l.cloud.Kube(context.Background(), in, r.Name); err == nil {
			f(api)
		}
	}
}

// pods lets pods run on nodes where they may, and a budget hold them, or not any more. Faults may strike that too.
func (l *life) pods() {
	ctx := context.Background()
	l.eachCluster(func(api kube.API) {
		if l.chance(2) {
			budget := kube.NewObject("policy/v1", "PodDisruptionBudget", podsIn, "held", map[string]any{"maxUnavailable": int64(0), "selector": map[string]any{"matchLabels": map[string]any{"app": "pod"}}})
			if l.chance(4) {
				_ = kube.Delete(ctx, api, budget.Key())
			} else if _, err := api.Apply(ctx, budget); err == nil {
				l.seen["pods are held"]++
			}
		}
		nodes, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Node"})
		for i := 0; err == nil && i < len(nodes); i++ {
			if nodes[i].Closed() || !l.chance(2) {
				continue
			}
			pod := kube.NewObject("v1", "Pod", podsIn, "on-"+nodes[i].Name(), map[string]any{"nodeName": nodes[i].Name()}).Marked("", map[string]string{"app": "pod"}, nil)
			pod.Metadata()["ownerReferences"] = []any{map[string]any{"controller": true, "kind": "ReplicaSet", "name": "pg"}}
			if _, err := api.Apply(ctx, pod); err == nil {
				l.seen["pods"]++
			}
		}
	})
}

// change asks for other pools of an infra or a dataplane that is used, and often lets pods run there first.
func (l *life) change() {
	var list []fsm.Entity[fsm.Data]
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) {
		if (e.Ref.Kind == ev.TenantInfra || e.Ref.Kind == ev.Dataplane) && (e.Phase() == fsm.Active || e.Phase() == fsm.Updating || e.Phase() == fsm.Retiring) {
			list = append(list, e)
		}
	})
	if len(list) == 0 {
		return
	}
	e := pick(&l.script, list)
	for range l.rnd.IntN(4) { // the more, the fuller
		l.pods()
	}
	var spec ev.Spec
	switch d := e.Data.(type) {
	case fsm.DataplaneData:
		d.Spec.SystemPool.Machine = l.machine()
		spec = d.Spec
	case fsm.TenantInfraData:
		spec = l.otherPools(d.Spec)
	}
	l.ask(l.request(e.Ref, ev.VerbUpdate, `{"spec":`+string(l.json(spec))+`}`))
}

// letGo ends the budgets: somebody has made room.
func (l *life) letGo() {
	l.eachCluster(func(api kube.API) {
		l.must(api.Delete(context.Background(), "policy/v1", "PodDisruptionBudget", podsIn, "held"))
	})
}

// poolsOf are the pools of an entity: those that stand, the plan of those that do not, and the names of those that are wished.
type poolsOf struct {
	site    ev.Target
	cluster string
	stand   []ev.NodePool
	plan    fsm.PoolPlan
	wished  []string
	labels  map[string]string // of all of its nodes, whatever machines they are
}

func (l *life) poolsOf(e fsm.Entity[fsm.Data]) poolsOf {
	p := poolsOf{}
	for _, made := range fsm.Machines[e.Ref.Kind].ExpectedEffects(e, l.world.Refs()) {
		switch effect := made.(type) {
		case ev.EnsurePools:
			p.site, p.cluster, p.stand = effect.Target, effect.Cluster, effect.Pools
		case ev.EnsureSystemPool:
			p.site, p.cluster, p.stand = effect.Target, effect.Cluster, []ev.NodePool{effect.Pool}
		}
	}
	switch d := e.Data.(type) {
	case fsm.TenantInfraData:
		p.plan, p.labels = d.PoolPlan, map[string]string{"aerie.io/tenantinfra": e.Ref.Local()}
		for _, pool := range d.Spec.Pools {
			p.wished = append(p.wished, pool.Name)
		}
	case fsm.DataplaneData:
		p.plan, p.wished = d.PoolPlan, []string{"system"}
	}
	return p
}

// checkPools: what stands is there as it was made, pods may come to it, and find it by the same labels and taints, whatever
// machines it is of. Nothing else is there but what is to go when a wish in vain comes about, and what that has made.
func (l *life) checkPools(e fsm.Entity[fsm.Data], ledger sim.Ledger) {
	all := l.poolsOf(e)
	if e.Unmet == nil && len(all.plan.Retiring) > 0 {
		l.wrong("%s is Active, and %v is to go", e.Ref, all.plan.Retiring)
	}
	known := map[string]bool{}
	t := execute.NewTask(ev.Work{Ref: e.Ref, UID: e.UID}, nil, nil)
	for _, p := range all.stand {
		spec := t.PoolSpec(all.site, all.cluster, p)
		known[spec.Name] = true
		l.checkPool(e, all, p, spec)
	}
	for _, p := range slices.Concat(all.plan.Retiring, wishedPools(all)) {
		known[t.PoolSpec(all.site, all.cluster, p).Name] = true
	}
	for _, r := range ledger.Live() {
		if r.Kind == cloud.KindPool && r.Owner == fsm.OwnerTag(e.Base) && len(all.stand) > 0 && !known[r.Name] {
			l.wrong("%s is Active, and nobody wants its pool %s", e.Ref, r.Name)
		}
	}
}

// wishedPools are the pools that are wished, by their names and generations.
func wishedPools(all poolsOf) (pools []ev.NodePool) {
	for _, name := range all.wished {
		n := ev.NodePool{Name: name}
		for _, g := range all.plan.Generations {
			if g.Name == name {
				n.Generation = g.Now
			}
		}
		pools = append(pools, n)
	}
	return pools
}

// checkPool: a pool that stands is as it was made, and pods may come to its nodes.
func (l *life) checkPool(e fsm.Entity[fsm.Data], all poolsOf, p ev.NodePool, spec cloud.PoolSpec) {
	o, err := l.cloud.ObservePool(context.Background(), execute.ScopeOf(all.site), spec.Cluster, spec.Name)
	l.must(err)
	taints := "[]"
	for _, infra := range all.labels {
		taints = fmt.Sprintf("[{aerie.io/tenantinfra %s NoSchedule}]", infra)
	}
	if o.Pool == nil || o.Pool.Machine != p.Machine || o.Pool.Labels["aerie.io/tenantinfra"] != all.labels["aerie.io/tenantinfra"] ||
		o.Pool.Labels["aerie.io/pool"] != p.Name || fmt.Sprint(o.Pool.Taints) != taints {
		l.wrong("%s is Active, and its pool %s of %s is %+v", e.Ref, p.Name, p.Machine, o.Pool)
		return
	}
	api, err := l.cloud.Kube(context.Background(), execute.ScopeOf(all.site), all.cluster)
	l.must(err)
	nodes, err := api.List(context.Background(), kube.Selector{APIVersion: "v1", Kind: "Node", Labels: o.NodeLabels})
	l.must(err)
	for _, n := range nodes {
		if n.Closed() {
			l.wrong("%s is Active, and no pod may come to its node %s", e.Ref, n.Name())
		}
	}
}
