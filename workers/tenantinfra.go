package workers

import (
	"context"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
)

// pool is the wish for one node pool. Its name is within the bound of the strictest
// cloud, so that it is the same in each.
func (t *task) pool(s ev.Site, cluster string, p ev.NodePool) cloud.PoolSpec {
	of := identity(s.Owner)
	of.ID += "/" + p.Name
	spec := cloud.PoolSpec{Cluster: cluster, Name: cloud.Name(of, cloud.MaxAKSPool, p.Name), Owner: s.Owner, Machine: p.Machine, Others: p.Others,
		Min: p.Min, Max: p.Max, Labels: p.Labels, Zones: p.Zones, Spot: p.Spot, Token: t.Digest}
	for _, taint := range p.Taints {
		spec.Taints = append(spec.Taints, cloud.Taint{Key: taint.Key, Value: taint.Value, Effect: taint.Effect})
	}
	return spec
}

// ensurePool asks for one node pool and says what is to be done about it if it
// is not ready. One that has failed and has no node is nobody's: it may be made anew.
func (t *task) ensurePool(ctx context.Context, s ev.Site, cluster string, p ev.NodePool, remake bool) (cloud.Observation, result) {
	spec := t.pool(s, cluster, p)
	o, r := t.bring(s, thing{"Pool", func(c Cloud) (cloud.Observation, error) {
		return c.EnsurePool(ctx, scope(s), spec)
	}, func(c Cloud) error {
		return c.DeletePool(ctx, scope(s), cluster, spec.Name, s.Owner)
	}, true}, remake)
	if p.Backed && o.Phase == cloud.Degraded {
		return o, result{}
	}
	return o, r
}

// poolStates is what a cloud's phase of a pool is called in its status.
var poolStates = map[cloud.Phase]string{
	cloud.Creating: "creating", cloud.Ready: "active", cloud.Updating: "updating",
	cloud.Degraded: "degraded", cloud.Deleting: "deleting", cloud.Failed: "failed",
}

// ensurePools asks for every pool of a tenant infra: one that fails keeps none of
// the others from being built.
func ensurePools(ctx context.Context, t *task) result {
	e, err := args[ev.EnsurePools](t)
	if err != nil {
		return result{err: err}
	}
	seen, r := ev.PoolsObserved{}, result{}
	for _, p := range e.Pools {
		o, came := t.ensurePool(ctx, e.Site, e.Cluster, p, e.Remake)
		if o.Phase == "" {
			return came // of a pool that was not seen nothing can be said
		}
		status := ev.PoolStatus{Name: p.Name, State: poolStates[o.Phase], Nodes: o.Nodes, Zones: o.Zones}
		if len(o.Issues) > 0 {
			status.Message = o.Issues[0].Message
		}
		seen.Pools = append(seen.Pools, status)
		if came.err != nil || came.again > 0 {
			r = worse(r, came)
		}
	}
	r.outcome = seen
	return r
}

// worse keeps a failure over a wish to look again, and the sooner of two wishes.
func worse(a, b result) result {
	switch {
	case a.err != nil:
		return a
	case b.err != nil || a.again == 0 || b.again < a.again:
		return b
	}
	return a
}
