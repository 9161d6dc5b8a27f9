package sim

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/execute"
)

// podsIn is the namespace of the pods that stand for what runs on pools, and of the budget that holds them.
const podsIn = "default"

// eachCluster calls f for every cluster whose API answers.
func (l *life) eachCluster(f func(kube.API)) {
	ledger, err := sim.ReadLedger(filepath.Join(l.dir, "cloud"))
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

// change asks for other pools of an infra that is used, and often lets pods run there first.
func (l *life) change() {
	var list []fsm.Entity[fsm.Data]
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) {
		if e.Ref.Kind == ev.TenantInfra && (e.Phase() == fsm.Active || e.Phase() == fsm.Updating || e.Phase() == fsm.Retiring) {
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
	spec := l.otherPools(e.Data.(fsm.TenantInfraData).Spec)
	l.ask(l.request(e.Ref, ev.VerbUpdate, `{"spec":`+string(l.json(spec))+`}`))
}

// letGo ends the budgets: somebody has made room.
func (l *life) letGo() {
	l.eachCluster(func(api kube.API) {
		l.must(api.Delete(context.Background(), "policy/v1", "PodDisruptionBudget", podsIn, "held"))
	})
}

// checkPods: pods may come to the pools that are wanted, and no other is there.
func (l *life) checkPods(e fsm.Entity[fsm.Data]) {
	d := e.Data.(fsm.TenantInfraData)
	if len(d.PoolPlan.Retiring) > 0 {
		l.wrong("%s is Active, and %v is to go", e.Ref, d.PoolPlan.Retiring)
	}
	api, err := l.cloud.Kube(context.Background(), execute.ScopeOf(d.Site), d.Cluster)
	l.must(err)
	nodes, err := api.List(context.Background(), kube.Selector{APIVersion: "v1", Kind: "Node", Labels: map[string]string{"aerie.io/tenantinfra": e.Ref.Local()}})
	l.must(err)
	for _, n := range nodes {
		if n.Closed() {
			l.wrong("%s is Active, and no pod may come to its node %s", e.Ref, n.Name())
		}
	}
}

// checkMachines: what is there is what is wanted, and pods find it by the same labels and taints, whatever machines it is of.
func (l *life) checkMachines(e fsm.Entity[fsm.Data]) {
	for _, made := range fsm.Machines[ev.TenantInfra].Stands(e, l.world.Refs()) {
		pools := made.(ev.EnsurePools)
		t := execute.NewTask(ev.Work{Ref: e.Ref, UID: e.UID}, nil, nil)
		for _, p := range pools.Pools {
			spec := t.PoolSpec(pools.Target, pools.Cluster, p)
			o, err := l.cloud.ObservePool(context.Background(), execute.ScopeOf(pools.Target), spec.Cluster, spec.Name)
			l.must(err)
			if o.Pool == nil || o.Pool.Machine != p.Machine || o.Pool.Labels["aerie.io/tenantinfra"] != e.Ref.Local() || o.Pool.Labels["aerie.io/pool"] != p.Name ||
				fmt.Sprint(o.Pool.Taints) != fmt.Sprintf("[{aerie.io/tenantinfra %s NoSchedule}]", e.Ref.Local()) {
				l.wrong("%s is Active, and its pool %s of %s is %+v", e.Ref, p.Name, p.Machine, o.Pool)
			}
		}
	}
}
