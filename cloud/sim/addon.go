package sim

import (
	"cmp"
	"context"

	"github.com/aeriehq/aerie/cloud"
)

// EnsureAddon implements cloud.Provider. An add-on takes its time, as on AWS, and does nothing.
func (s *Sim) EnsureAddon(ctx context.Context, sc cloud.Scope, spec cloud.AddonSpec) (cloud.Observation, error) {
	r := request{op: "EnsureAddon", scope: sc, cluster: spec.Cluster, name: string(spec.Addon)}
	return s.observed(ctx, r, func(c *call) (*resource, error) { return c.ensureAddon(spec) })
}

// ObserveAddon implements cloud.Provider.
func (s *Sim) ObserveAddon(ctx context.Context, sc cloud.Scope, cluster string, addon cloud.Addon) (cloud.Observation, error) {
	return s.observe(ctx, "ObserveAddon", cloud.KindAddon, sc, cluster, string(addon))
}

// DeleteAddon implements cloud.Provider.
func (s *Sim) DeleteAddon(ctx context.Context, sc cloud.Scope, cluster string, addon cloud.Addon, owner string) error {
	return s.delete(ctx, request{op: "DeleteAddon", scope: sc, cluster: cluster, name: string(addon)}, cloud.KindAddon, owner)
}

func (c *call) ensureAddon(spec cloud.AddonSpec) (*resource, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	r, err := c.seen(cloud.KindAddon, spec.Cluster, string(spec.Addon), spec.Owner)
	if err != nil {
		return nil, err
	}
	if spec.Version != "" && (r == nil || r.Addon.Version != spec.Version) {
		if err := c.offered("version of an add-on", spec.Version, c.sim.offers.Addons); err != nil {
			return nil, err
		}
	}
	if r == nil {
		return c.createAddon(spec)
	}
	if spec.Version == "" || spec.Version == r.Addon.Version {
		return c.agree(r, spec.Hash())
	}
	if r.phase(c.now) != cloud.Ready {
		return r, nil
	}
	changed := *r
	changed.Addon, changed.Hash = &spec, spec.Hash()
	return c.update(changed)
}

func (c *call) createAddon(spec cloud.AddonSpec) (*resource, error) {
	if _, err := c.parent(cloud.KindCluster, spec.Cluster); err != nil {
		return nil, err
	}
	hash, versions := spec.Hash(), c.sim.offers.Addons
	spec.Version = cmp.Or(spec.Version, versions[len(versions)-1])
	r := resource{Kind: cloud.KindAddon, Name: string(spec.Addon), Owner: spec.Owner, Hash: hash, Addon: &spec}
	return c.makeOne(r, c.sim.options.Times.Addon)
}
