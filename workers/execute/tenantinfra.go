package execute

import (
	"context"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
)

// PoolSpec is the wish for one node pool. Its name is within the bound of the strictest
// cloud, so that it is the same in each.
func (t *Task) PoolSpec(s ev.Target, cluster string, p ev.NodePool) cloud.PoolSpec {
	of := IdentityOf(s.Owner)
	of.ID += "/" + p.Name
	spec := cloud.PoolSpec{Cluster: cluster, Name: cloud.Name(of, cloud.MaxAKSPool, p.Name), Owner: s.Owner,
		Machine: p.Machine, Others: p.Others,
		Min: p.Min, Max: p.Max, Labels: p.Labels, Zones: p.Zones, Spot: p.Spot, Token: t.Digest}
	for _, taint := range p.Taints {
		spec.Taints = append(spec.Taints, cloud.Taint{Key: taint.Key, Value: taint.Value, Effect: taint.Effect})
	}
	return spec
}

// ensurePool asks for one node pool and says what is to be done about it if it
// is not ready. One that has failed and has no node is nobody's: it may be made anew.
func (t *Task) ensurePool(ctx context.Context, s ev.Target, cluster string, p ev.NodePool, remake bool) (cloud.Observation, Result) {
	spec := t.PoolSpec(s, cluster, p)
	o, r := t.ensure(s, thing{"Pool", func(c Cloud) (cloud.Observation, error) {
		return c.EnsurePool(ctx, ScopeOf(s), spec)
	}, func(c Cloud) error {
		return c.DeletePool(ctx, ScopeOf(s), cluster, spec.Name, s.Owner)
	}, true}, remake)
	if p.Backed && o.Phase == cloud.Degraded {
		return o, Result{}
	}
	return o, r
}

// poolStates is what a cloud's phase of a pool is called in its status.
var poolStates = map[cloud.Phase]string{
	cloud.Creating: "creating", cloud.Ready: "active", cloud.Updating: "updating",
	cloud.Degraded: "degraded", cloud.Deleting: "deleting", cloud.Failed: "failed", cloud.Absent: "deleted",
}

// PoolStatusOf is what is said of a pool that looks so.
func PoolStatusOf(name string, o cloud.Observation) ev.PoolStatus {
	status := ev.PoolStatus{Name: name, State: poolStates[o.Phase], Nodes: o.Nodes, Zones: o.Zones}
	if len(o.Issues) > 0 {
		status.Message = o.Issues[0].Message
	}
	return status
}

// ensurePools asks for every pool of a tenant infra: one that fails keeps none of
// the others from being built.
func ensurePools(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsurePools](t)
	if err != nil {
		return Result{Err: err}
	}
	seen, r := ev.PoolsObserved{}, Result{}
	for _, p := range e.Pools {
		o, came := t.ensurePool(ctx, e.Target, e.Cluster, p, e.Remake)
		if o.Phase != "" { // of a pool that was not seen nothing can be said
			seen.Pools = append(seen.Pools, PoolStatusOf(p.Name, o))
		}
		if came.Err != nil || came.Again > 0 {
			r = worse(r, came)
		}
	}
	if len(seen.Pools) > 0 {
		r.Outcome = seen
	}
	return r
}

// worse keeps a failure over a wish to look again, and the sooner of two wishes.
func worse(a, b Result) Result {
	switch {
	case a.Err != nil:
		return a
	case b.Err != nil || a.Again == 0 || b.Again < a.Again:
		return b
	}
	return a
}
