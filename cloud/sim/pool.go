package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aeriehq/aerie/cloud"
)

// EnsurePool implements cloud.Provider.
func (s *Sim) EnsurePool(ctx context.Context, sc cloud.Scope, spec cloud.PoolSpec) (cloud.Observation, error) {
	r := request{op: "EnsurePool", scope: sc, cluster: spec.Cluster, name: spec.Name}
	return s.observed(ctx, r, func(c *call) (*resource, error) { return c.ensurePool(spec) })
}

// ObservePool implements cloud.Provider.
func (s *Sim) ObservePool(ctx context.Context, sc cloud.Scope, cluster, name string) (cloud.Observation, error) {
	return s.observe(ctx, "ObservePool", cloud.KindPool, sc, cluster, name)
}

// DeletePool implements cloud.Provider.
func (s *Sim) DeletePool(ctx context.Context, sc cloud.Scope, cluster, name, owner string) error {
	return s.delete(ctx, request{op: "DeletePool", scope: sc, cluster: cluster, name: name}, cloud.KindPool, owner)
}

func (c *call) ensurePool(spec cloud.PoolSpec) (*resource, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if err := findMachine(spec.Machine); err != nil {
		return nil, c.invalid(err)
	}
	if _, err := findZones(spec.Zones, c.zones); err != nil {
		return nil, c.invalid(err)
	}
	spec.Labels, spec.Taints = maps.Clone(spec.Labels), slices.Clone(spec.Taints) // the caller's stay the caller's
	r, err := c.mine(cloud.KindPool, spec.Cluster, spec.Name, spec.Owner)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return c.createPool(spec)
	}
	return c.changePool(r, spec)
}

func (c *call) createPool(spec cloud.PoolSpec) (*resource, error) {
	zones, err := c.poolZones(spec)
	if err != nil {
		return nil, err
	}
	if err := c.room(cloud.KindPool, spec.Min); err != nil {
		return nil, err
	}
	hash := spec.Hash()
	spec.Zones = zones
	r := resource{Kind: cloud.KindPool, Name: spec.Name, Owner: spec.Owner, Hash: hash, Pool: &spec}
	return c.create(r, c.sim.options.Times.Pool)
}

// poolZones are the wished zones, which must be the network's, or all of those.
func (c *call) poolZones(spec cloud.PoolSpec) ([]string, error) {
	cluster, err := c.parent(cloud.KindCluster, spec.Cluster)
	if err != nil {
		return nil, err
	}
	network, err := c.one(cloud.KindNetwork, "", cluster.Cluster.Network)
	if err != nil {
		return nil, err
	}
	if network == nil {
		return nil, c.fail(cloud.NotFound, "NoParent", "there is no network "+cluster.Cluster.Network)
	}
	zones, err := findZones(spec.Zones, network.Network.Zones)
	if err != nil {
		return nil, c.invalid(err)
	}
	return zones, nil
}

// changePool brings bounds, labels and taints to the spec's.
func (c *call) changePool(r *resource, spec cloud.PoolSpec) (*resource, error) {
	has := r.Pool
	zones, err := findZones(spec.Zones, has.Zones)
	if err != nil || !slices.Equal(zones, has.Zones) || has.Machine != spec.Machine || has.Spot != spec.Spot {
		return nil, c.fail(cloud.Invalid, "Immutable",
			fmt.Sprintf("pool %s cannot change its machine, zones or spot: make another", spec.Name))
	}
	same := has.Min == spec.Min && has.Max == spec.Max && maps.Equal(has.Labels, spec.Labels) && slices.Equal(has.Taints, spec.Taints)
	if same {
		return c.agree(r, spec.Hash())
	}
	if r.phase(c.now) != cloud.Ready {
		return r, nil
	}
	if _, err := c.parent(cloud.KindCluster, spec.Cluster); err != nil {
		return nil, err
	}
	if more := spec.Min - has.Min; more > 0 {
		if err := c.room(cloud.KindPool, more); err != nil {
			return nil, err
		}
	}
	changed := *r
	changed.Nodes, changed.Hash = has.Min, spec.Hash()
	spec.Zones = has.Zones
	changed.Pool = &spec
	return c.update(changed)
}
