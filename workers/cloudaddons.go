package workers

import (
	"context"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
)

// ensureCloudAddons asks for every add-on: one that is slow keeps none of the others back.
func ensureCloudAddons(ctx context.Context, t *task) result {
	e, err := args[ev.EnsureCloudAddons](t)
	if err != nil {
		return result{err: err}
	}
	seen, r := ev.CloudAddonsReady{}, result{}
	for _, a := range e.Addons {
		o, came := t.ensureCloudAddon(ctx, e, a)
		if o.Phase == "" {
			came = without(ev.PartCluster, came.err)
		}
		if o.Phase != cloud.Ready {
			r = worse(r, came)
			continue
		}
		seen.Addons = append(seen.Addons, ev.CloudAddon{Name: a.Name, Version: o.Version})
	}
	if r.err != nil || r.again > 0 {
		return r
	}
	return result{outcome: seen}
}

// ensureCloudAddon asks for one add-on. One that has failed holds nothing of anybody: it is made anew.
func (t *task) ensureCloudAddon(ctx context.Context, e ev.EnsureCloudAddons, a ev.CloudAddon) (cloud.Observation, result) {
	spec := cloud.AddonSpec{Cluster: e.Cluster, Addon: cloud.Addon(a.Name), Owner: e.Owner, Version: a.Version, Token: t.Digest}
	return t.bring(e.Site, thing{"Addon", func(c Cloud) (cloud.Observation, error) {
		return c.EnsureAddon(ctx, scope(e.Site), spec)
	}, func(c Cloud) error {
		return c.DeleteAddon(ctx, scope(e.Site), e.Cluster, spec.Addon, e.Owner)
	}, false}, true)
}

// upgradePools brings every pool on the cluster, whoever's, to its version: one after
// the other, so that what runs on them always has the rest to go to. What a pool is
// besides is left as it is.
func upgradePools(ctx context.Context, t *task) result {
	e, err := args[ev.UpgradePools](t)
	if err != nil {
		return result{err: err}
	}
	var all []cloud.Ref
	_, err = ensure(t, e.Site, "ListOwned", func(c Cloud) (_ cloud.Observation, err error) {
		all, err = c.ListOwned(ctx, scope(e.Site), "")
		return cloud.Observation{}, err
	})
	if err != nil {
		return result{err: err}
	}
	for _, ref := range all {
		if ref.Kind != cloud.KindPool || ref.Cluster != e.Cluster {
			continue
		}
		if r, done := t.upgradePool(ctx, e, ref); !done {
			return r
		}
	}
	return result{outcome: ev.PoolsUpgraded{Version: e.Version}}
}

// upgradePool brings one pool further; done means that nothing is left to do, or that
// it is going away.
func (t *task) upgradePool(ctx context.Context, e ev.UpgradePools, ref cloud.Ref) (r result, done bool) {
	o, err := ensure(t, e.Site, "ObservePool", func(c Cloud) (cloud.Observation, error) {
		return c.ObservePool(ctx, scope(e.Site), e.Cluster, ref.Name)
	})
	switch {
	case err != nil:
		return result{err: err}, false
	case o.Pool == nil, o.Phase == cloud.Absent, o.Phase == cloud.Deleting, o.Phase == cloud.Failed:
		return result{}, true
	case o.Phase == cloud.Ready && o.Version == e.Version:
		return result{}, true
	}
	spec := *o.Pool
	spec.Cluster, spec.Name, spec.Owner, spec.Version, spec.Token = e.Cluster, ref.Name, o.Owner, e.Version, t.Digest
	o, err = ensure(t, e.Site, "EnsurePool", func(c Cloud) (cloud.Observation, error) { return c.EnsurePool(ctx, scope(e.Site), spec) })
	if err != nil {
		return without(ev.PartCluster, err), false
	}
	return notReady("EnsurePool", o), o.Phase == cloud.Ready
}
