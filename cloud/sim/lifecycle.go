package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud"
)

// lifecycle.go is what networks, clusters, pools and add-ons have in common: being found, made, changed, observed and deleted.

// mine is the resource of that name if it is the owner's and stays, or nil if there is none.
func (c *call) mine(kind cloud.Kind, cluster, name, owner string) (*resource, error) {
	r, err := c.one(kind, cluster, name)
	if err != nil || r == nil {
		return nil, err
	}
	if r.Owner != owner {
		return nil, c.fail(cloud.Taken, "OwnedByAnother", fmt.Sprintf("%s %s belongs to %s", kind, name, r.Owner))
	}
	if r.phase(c.now) == cloud.Deleting {
		return nil, c.fail(cloud.Conflict, "Deleting", fmt.Sprintf("%s %s is being deleted", kind, name))
	}
	return r, nil
}

// seen is mine, as the lookup of an Ensure shows it: a fault that is blind shows it nothing.
func (c *call) seen(kind cloud.Kind, cluster, name, owner string) (*resource, error) {
	r, err := c.mine(kind, cluster, name, owner)
	if _, blind := c.strike(looking); blind && err == nil {
		return nil, nil
	}
	return r, err
}

// parent is the resource that another is made on, and must be ready for it.
func (c *call) parent(kind cloud.Kind, name string) (*resource, error) {
	r, err := c.one(kind, "", name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, c.fail(cloud.NotFound, "NoParent", fmt.Sprintf("there is no %s %s", kind, name))
	}
	if at := r.phase(c.now); at != cloud.Ready {
		return nil, c.fail(cloud.Conflict, "ParentNotReady", fmt.Sprintf("%s %s is %s", kind, name, at))
	}
	return r, nil
}

// create makes a resource. Its ID comes from the number of the call, so it is new for ever.
func (c *call) create(r resource, takes time.Duration) (*resource, error) {
	prefix := map[cloud.Kind]string{cloud.KindNetwork: "net", cloud.KindCluster: "cl", cloud.KindPool: "pool", cloud.KindAddon: "addon", kindVolume: "vol"}
	r.ID = fmt.Sprintf("%s-%08x", prefix[r.Kind], c.n)
	r.Account, r.Region, r.Made = c.scope.account, c.scope.region, c.n
	r.Phase, r.Since, r.Until = cloud.Creating, c.now, c.at(takes)
	if struck, ok := c.strike(creating); ok {
		r.Stuck = struck.Stuck
		if struck.Issue {
			issue := struck.issue()
			r.Issue = &issue
		}
	}
	return c.put(r)
}

// update begins a change of a resource that is ready.
func (c *call) update(r resource) (*resource, error) {
	r.Phase, r.Since, r.Until = cloud.Updating, c.now, c.at(c.sim.options.Times.Update)
	return c.put(r)
}

// agree notes that a wish written otherwise comes to what is there: the observation then shows that wish's hash.
func (c *call) agree(r *resource, hash string) (*resource, error) {
	if r.Hash == hash {
		return r, nil
	}
	agreed := *r
	agreed.Hash = hash
	return c.put(agreed)
}

// look is the observation of a resource, or of its absence.
func (c *call) look(r *resource) cloud.Observation {
	if r == nil {
		return cloud.Observation{Phase: cloud.Absent}
	}
	o := r.observe(c.now)
	if o.Phase == cloud.Ready {
		if struck, ok := c.strike(observing); ok {
			o.Phase, o.Raw = cloud.Degraded, "DEGRADED"
			o.Issues = append(o.Issues, struck.issue())
		}
	}
	return o
}

// remove begins the deletion of a resource that nothing stands on any more.
func (c *call) remove(r *resource, owner string) error {
	switch at := r.phase(c.now); {
	case r.Owner != owner:
		return c.fail(cloud.Taken, "OwnedByAnother", fmt.Sprintf("%s %s belongs to %s", r.Kind, r.Name, r.Owner))
	case at == cloud.Deleting:
		return nil
	case at == cloud.Updating:
		return c.fail(cloud.Conflict, "Updating", fmt.Sprintf("%s %s is being updated", r.Kind, r.Name))
	}
	if err := c.empty(r); err != nil {
		return err
	}
	going := *r
	going.Phase, going.Since, going.Until = cloud.Deleting, c.now, c.at(c.sim.options.Times.Delete)
	going.Stuck, going.Issue = false, nil
	gone, err := c.put(going)
	if err == nil && gone.phase(c.now) == cloud.Absent {
		err = c.drop(gone)
	}
	return err
}

// empty refuses what something still stands on. Add-ons go with their cluster.
func (c *call) empty(r *resource) error {
	above, err := c.settle(c.sim.state.sorted(c.sim.state.on[r.place()]))
	above = slices.DeleteFunc(above, func(r *resource) bool { return r.Kind == cloud.KindAddon })
	if err != nil || len(above) == 0 {
		return err
	}
	other := above[0]
	return c.fail(cloud.Conflict, "InUse", fmt.Sprintf("%s %s is in use by %s %s", r.Kind, r.Name, other.Kind, other.Name))
}

// room refuses what would exceed the quota of the scope: one more of a kind, or more nodes.
func (c *call) room(kind cloud.Kind, more int) error {
	limit, what := c.limit(kind)
	if limit == 0 {
		return nil
	}
	all, err := c.all()
	if err != nil {
		return err
	}
	used := 0
	for _, r := range all {
		if r.Kind == kind && kind == cloud.KindPool {
			used += r.Pool.Min
		} else if r.Kind == kind {
			used++
		}
	}
	if used+more <= limit {
		return nil
	}
	return c.fail(cloud.Quota, "QuotaExceeded",
		fmt.Sprintf("%d of %d %s are used in %s %s, %d more were wanted", used, limit, what, c.scope.account, c.scope.region, more))
}

func (c *call) limit(kind cloud.Kind) (int, string) {
	q, own := c.sim.options.Quotas[c.scope.account+"/"+c.scope.region]
	if !own {
		q = c.sim.options.Quota
	}
	switch kind {
	case cloud.KindNetwork:
		return q.Networks, "networks"
	case cloud.KindCluster:
		return q.Clusters, "clusters"
	}
	return q.Nodes, "nodes"
}

// observed runs a call that answers with an observation.
func (s *Sim) observed(ctx context.Context, r request, f func(*call) (*resource, error)) (o cloud.Observation, err error) {
	err = s.do(ctx, r, func(c *call) (cloud.Phase, error) {
		found, err := f(c)
		if err != nil {
			return "", err
		}
		o = c.look(found)
		if found != nil && found.Kind == cloud.KindNetwork {
			o.Issues = append(o.Issues, c.duplicates(found)...)
		}
		return o.Phase, nil
	})
	if err != nil {
		return cloud.Observation{}, err
	}
	return o, nil
}

// observe reads one resource.
func (s *Sim) observe(ctx context.Context, op string, kind cloud.Kind, sc cloud.Scope, cluster, name string) (cloud.Observation, error) {
	r := request{op: op, scope: sc, cluster: cluster, name: name, quiet: true}
	return s.observed(ctx, r, func(c *call) (*resource, error) {
		return c.one(kind, cluster, name)
	})
}

// delete begins the deletion of all that has a name: one, or a network and its duplicates.
func (s *Sim) delete(ctx context.Context, r request, kind cloud.Kind, owner string) error {
	return s.do(ctx, r, func(c *call) (cloud.Phase, error) {
		found, err := c.find(kind, r.cluster, r.name)
		if err != nil {
			return "", err
		}
		for _, one := range found {
			if err := c.remove(one, owner); err != nil {
				return "", err
			}
		}
		return "", nil
	})
}
