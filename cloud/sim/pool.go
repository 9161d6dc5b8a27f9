package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim/offers"
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
	if _, err := offers.FindZones(spec.Zones, c.zones); err != nil {
		return nil, c.invalid(err)
	}
	// The caller's stay the caller's.
	spec.Labels, spec.Taints, spec.Others = maps.Clone(spec.Labels), slices.Clone(spec.Taints), slices.Clone(spec.Others)
	r, err := c.seen(cloud.KindPool, spec.Cluster, spec.Name, spec.Owner)
	if err != nil {
		return nil, err
	}
	for _, machine := range append([]string{spec.Machine}, spec.Others...) {
		if r != nil && (machine == r.Pool.Machine || slices.Contains(r.Pool.Others, machine)) {
			continue
		}
		if err := c.offered("machine", machine, c.sim.offers.Machines); err != nil {
			return nil, err
		}
	}
	if r == nil {
		return c.createPool(spec)
	}
	return c.changePool(r, spec)
}

func (c *call) createPool(spec cloud.PoolSpec) (*resource, error) {
	cluster, err := c.parent(cloud.KindCluster, spec.Cluster)
	if err != nil {
		return nil, err
	}
	zones, err := c.poolZones(spec, cluster)
	if err != nil {
		return nil, err
	}
	if err := c.poolVersion(offers.OldestMinor, spec.Version, cluster.Cluster.Version); err != nil {
		return nil, err
	}
	if err := c.room(cloud.KindPool, spec.Min); err != nil {
		return nil, err
	}
	hash := spec.Hash()
	spec.Zones, spec.Version = zones, cmp.Or(spec.Version, cluster.Cluster.Version)
	r := resource{Kind: cloud.KindPool, Name: spec.Name, Owner: spec.Owner, Hash: hash, Pool: &spec}
	return c.makeOne(r, c.sim.options.Times.Pool)
}

// poolZones are the wished zones, which must be the cluster's, or all of those.
func (c *call) poolZones(spec cloud.PoolSpec, cluster *resource) ([]string, error) {
	there, err := c.clusterZones(cluster.Cluster)
	if err != nil {
		return nil, err
	}
	zones, err := offers.FindZones(spec.Zones, there)
	if err != nil {
		return nil, c.invalid(err)
	}
	return zones, nil
}

// clusterZones are those of what the cluster stands on. One that somebody else made stands on all of the region's.
func (c *call) clusterZones(cluster *cloud.ClusterSpec) ([]string, error) {
	if len(cluster.Existing.Subnets) > 0 {
		return offers.ExistingZones(cluster.Existing, c.zones)
	}
	if cluster.Network == "" {
		return c.zones, nil
	}
	network, err := c.one(cloud.KindNetwork, "", cluster.Network)
	if err != nil {
		return nil, err
	}
	if network == nil {
		return nil, c.fail(cloud.NotFound, "NoParent", "there is no network "+cluster.Network)
	}
	return network.Network.Zones, nil
}

// poolVersion refuses a version older than the pool may have, or newer than its cluster.
func (c *call) poolVersion(least int, wanted, cluster string) error {
	if wanted == "" {
		return nil
	}
	to, err := offers.Minor(wanted)
	if err != nil {
		return c.invalid(err)
	}
	if most, err := offers.Minor(cluster); err == nil && (to < least || to > most) {
		return c.fail(cloud.Invalid, "VersionSkew", fmt.Sprintf("a pool of a cluster at %s can have 1.%d to %s, not %s", cluster, least, cluster, wanted))
	}
	return nil
}

// changePool brings bounds, labels, taints and version to the spec's.
func (c *call) changePool(r *resource, spec cloud.PoolSpec) (*resource, error) {
	has := r.Pool
	zones, err := offers.FindZones(spec.Zones, has.Zones)
	same := slices.Equal(zones, has.Zones) && has.Machine == spec.Machine && slices.Equal(has.Others, spec.Others) && has.Spot == spec.Spot
	if err != nil || !same {
		return nil, c.fail(cloud.Invalid, "Immutable",
			fmt.Sprintf("pool %s cannot change its machines, zones or spot: make another", spec.Name))
	}
	same = has.Min == spec.Min && has.Max == spec.Max && maps.Equal(has.Labels, spec.Labels) && slices.Equal(has.Taints, spec.Taints)
	if same && (spec.Version == "" || spec.Version == has.Version) {
		return c.agree(r, spec.Hash())
	}
	if r.phase(c.now) != cloud.Ready {
		return r, nil
	}
	cluster, err := c.parent(cloud.KindCluster, spec.Cluster)
	if err != nil {
		return nil, err
	}
	at, _ := offers.Minor(has.Version) // 0 of a pool that is older than pools' versions
	if err := c.poolVersion(at, spec.Version, cluster.Cluster.Version); err != nil {
		return nil, err
	}
	if more := spec.Min - has.Min; more > 0 {
		if err := c.room(cloud.KindPool, more); err != nil {
			return nil, err
		}
	}
	changed := *r
	changed.Nodes, changed.Hash = has.Min, spec.Hash()
	spec.Zones, spec.Version = has.Zones, cmp.Or(spec.Version, has.Version)
	changed.Pool = &spec
	return c.update(changed)
}
