package execute

import (
	"context"
	"errors"
	"fmt"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/drain"
	ev "github.com/aeriehq/aerie/events"
)

// PoolSpec is the wish for one node pool. Its name is within the bound of the strictest
// cloud, so that it is the same in each.
func (t *Task) PoolSpec(s ev.Target, cluster string, p ev.NodePool) cloud.PoolSpec {
	of := IdentityOf(s.Owner)
	of.ID += "/" + p.Name
	if p.Generation > 0 {
		of.ID += fmt.Sprintf("/%d", p.Generation)
	}
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
	seen, r, labels := ev.PoolsObserved{}, Result{}, []map[string]string{}
	for _, p := range e.Pools {
		o, came := t.ensurePool(ctx, e.Target, e.Cluster, p, e.Remake)
		if o.Phase != "" { // of a pool that was not seen nothing can be said
			seen.Pools = append(seen.Pools, PoolStatusOf(p.Name, o))
			labels = append(labels, o.NodeLabels)
		}
		if came.Err != nil || came.Again > 0 {
			r = worse(r, came)
		}
	}
	if e.Reopen {
		if err := t.reopen(ctx, e.Target, e.Cluster, labels); err != nil {
			return worse(r, Result{Err: err}) // nothing is said of the pools before pods may come there
		}
	}
	if len(seen.Pools) > 0 {
		r.Outcome = seen
	}
	return r
}

// reopen lets pods come to the nodes of pools again that were to go.
func (t *Task) reopen(ctx context.Context, s ev.Target, cluster string, pools []map[string]string) error {
	return t.inCluster(ctx, s, cluster, "ReopenNodes", func(api kube.API) error {
		for _, labels := range pools {
			if err := drain.Reopen(ctx, api, labels); err != nil {
				return err
			}
		}
		return nil
	})
}

// retirePools empties pools that are to go and deletes them, each for itself: one that can't be emptied keeps none of the
// others. It is done when all are gone.
func retirePools(ctx context.Context, t *Task) Result {
	e, err := args[ev.RetirePools](t)
	if err != nil {
		return Result{Err: err}
	}
	all := Result{}
	for _, p := range e.Pools {
		if came := t.retirePool(ctx, e, p); came.Err != nil || came.Again > 0 {
			all = worse(all, came)
		}
	}
	if all.Err == nil && all.Again == 0 {
		all.Outcome = ev.PoolsRetired{}
	}
	return all
}

// retirePool brings the end of one pool further; it is there if there is nothing to wait for.
func (t *Task) retirePool(ctx context.Context, e ev.RetirePools, p ev.NodePool) Result {
	spec := t.PoolSpec(e.Target, e.Cluster, p)
	o, err := t.CallCloud(e.Target, "ObservePool", func(c Cloud) (cloud.Observation, error) {
		return c.ObservePool(ctx, ScopeOf(e.Target), e.Cluster, spec.Name)
	})
	if err != nil || o.Phase == cloud.Absent {
		return Result{Err: err}
	}
	if left, err := t.emptyNodes(ctx, e, o); err != nil || left > 0 {
		return emptying(p, err)
	}
	_, err = t.CallCloud(e.Target, "DeletePool", func(c Cloud) (cloud.Observation, error) {
		return cloud.Observation{}, c.DeletePool(ctx, ScopeOf(e.Target), e.Cluster, spec.Name, e.Owner)
	})
	if err != nil && cloud.ClassOf(err) != cloud.Conflict {
		return Result{Err: err}
	}
	return Result{Again: LookAgain}
}

// emptyNodes asks the pods of a pool to leave, and says how many have not yet. In a cluster that is gone there are none.
func (t *Task) emptyNodes(ctx context.Context, e ev.RetirePools, o cloud.Observation) (left int, err error) {
	if o.Phase == cloud.Deleting || o.Owner != e.Owner {
		return 0, nil
	}
	err = t.inCluster(ctx, e.Target, e.Cluster, "EmptyNodes", func(api kube.API) (err error) {
		left, err = drain.Nodes(ctx, api, o.NodeLabels)
		return err
	})
	if cloud.ClassOf(err) == cloud.NotFound {
		return 0, nil
	}
	return left, err
}

// emptying is what is said while pods are on a pool that is to go. What holds them is told of the pool.
func emptying(p ev.NodePool, err error) Result {
	var held *kube.Error
	switch {
	case err == nil:
		return Result{Again: LookAgain}
	case errors.As(err, &held) && held.Code == kube.Held:
		return Result{Err: &kube.Error{Code: kube.Held, Op: fmt.Sprintf("pool %s (%s) is to go and can't be emptied", p.Name, p.Machine), Message: held.Message, Err: err}}
	}
	return Result{Err: err}
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
