package sim

import (
	"context"
	"fmt"
	"slices"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim/offers"
)

// Networks have no unique names here, as on AWS: two creates make two. Only the lookup by name and owner before the
// create keeps that from happening, and a fault that is Blind shows what happens without it.

// EnsureNetwork implements cloud.Provider.
func (s *Sim) EnsureNetwork(ctx context.Context, sc cloud.Scope, spec cloud.NetworkSpec) (cloud.Observation, error) {
	r := request{op: "EnsureNetwork", scope: sc, name: spec.Name}
	return s.observed(ctx, r, func(c *call) (*resource, error) { return c.ensureNetwork(spec) })
}

// ObserveNetwork implements cloud.Provider.
func (s *Sim) ObserveNetwork(ctx context.Context, sc cloud.Scope, name string) (cloud.Observation, error) {
	return s.observe(ctx, "ObserveNetwork", cloud.KindNetwork, sc, "", name)
}

// DeleteNetwork implements cloud.Provider.
func (s *Sim) DeleteNetwork(ctx context.Context, sc cloud.Scope, name, owner string) error {
	return s.delete(ctx, request{op: "DeleteNetwork", scope: sc, name: name}, cloud.KindNetwork, owner)
}

func (c *call) ensureNetwork(spec cloud.NetworkSpec) (*resource, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	zones, err := offers.FindZones(spec.Zones, c.zones)
	if err != nil {
		return nil, c.invalid(err)
	}
	r, err := c.seen(cloud.KindNetwork, "", spec.Name, spec.Owner)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return c.createNetwork(spec, zones)
	}
	if r.Network.Range != spec.Range || len(spec.Zones) > 0 && !slices.Equal(r.Network.Zones, zones) {
		return nil, c.fail(cloud.Invalid, "Immutable", fmt.Sprintf("network %s cannot change its range or zones", spec.Name))
	}
	return c.agree(r, spec.Hash())
}

func (c *call) createNetwork(spec cloud.NetworkSpec, zones []string) (*resource, error) {
	if err := c.room(cloud.KindNetwork, 1); err != nil {
		return nil, err
	}
	hash := spec.Hash()
	spec.Zones = zones
	r := resource{Kind: cloud.KindNetwork, Name: spec.Name, Owner: spec.Owner, Hash: hash, Network: &spec}
	return c.makeOne(r, c.sim.options.Times.Network)
}

// duplicates says of a network that it was made more than once. The oldest is the one that all is built on.
func (c *call) duplicates(r *resource) []cloud.Issue {
	n := len(c.sim.state.byName[r.place()])
	if n < 2 {
		return nil
	}
	return []cloud.Issue{{Class: cloud.Conflict, Code: "Duplicate", Message: fmt.Sprintf("there are %d networks %s", n, r.Name)}}
}
