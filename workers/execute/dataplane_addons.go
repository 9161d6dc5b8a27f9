package execute

import (
	"context"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
)

// ensureCloudAddons asks for every add-on: one that is slow keeps none of the others back.
func ensureCloudAddons(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsureCloudAddons](t)
	if err != nil {
		return Result{Err: err}
	}
	seen, r := ev.CloudAddonsReady{}, Result{}
	for _, a := range e.Addons {
		o, came := t.ensureCloudAddon(ctx, e, a)
		if o.Phase == "" {
			came = missingParent(ev.PartCluster, came.Err)
		}
		if o.Phase != cloud.Ready {
			r = worse(r, came)
			continue
		}
		seen.Addons = append(seen.Addons, ev.CloudAddon{Name: a.Name, Version: o.Version})
	}
	if r.Err != nil || r.Again > 0 {
		return r
	}
	return Result{Outcome: seen}
}

// ensureCloudAddon asks for one add-on. One that has failed holds nothing of anybody: it is made anew.
func (t *Task) ensureCloudAddon(ctx context.Context, e ev.EnsureCloudAddons, a ev.CloudAddon) (cloud.Observation, Result) {
	spec := cloud.AddonSpec{Cluster: e.Cluster, Addon: cloud.Addon(a.Name), Owner: e.Owner, Version: a.Version, Token: t.Digest}
	return t.ensure(e.Target, thing{"Addon", func(c Cloud) (cloud.Observation, error) {
		return c.EnsureAddon(ctx, ScopeOf(e.Target), spec)
	}, func(c Cloud) error {
		return c.DeleteAddon(ctx, ScopeOf(e.Target), e.Cluster, spec.Addon, e.Owner)
	}, false}, true)
}

// upgradePools brings every pool on the cluster, whoever's, to its version: one after
// the other, so that what runs on them always has the rest to go to. What a pool is
// besides is left as it is.
func upgradePools(ctx context.Context, t *Task) Result {
	e, err := args[ev.UpgradePools](t)
	if err != nil {
		return Result{Err: err}
	}
	var all []cloud.Ref
	_, err = t.CallCloud(e.Target, "ListOwned", func(c Cloud) (_ cloud.Observation, err error) {
		all, err = c.ListOwned(ctx, ScopeOf(e.Target), "")
		return cloud.Observation{}, err
	})
	if err != nil {
		return Result{Err: err}
	}
	for _, ref := range all {
		if ref.Kind != cloud.KindPool || ref.Cluster != e.Cluster {
			continue
		}
		if r, done := t.upgradePool(ctx, e, ref); !done {
			return r
		}
	}
	return Result{Outcome: ev.PoolsUpgraded{Version: e.Version}}
}

// upgradePool brings one pool further; done means that nothing is left to do, or that
// it is going away.
func (t *Task) upgradePool(ctx context.Context, e ev.UpgradePools, ref cloud.Ref) (r Result, done bool) {
	o, err := t.CallCloud(e.Target, "ObservePool", func(c Cloud) (cloud.Observation, error) {
		return c.ObservePool(ctx, ScopeOf(e.Target), e.Cluster, ref.Name)
	})
	switch {
	case err != nil:
		return Result{Err: err}, false
	case o.Pool == nil, o.Phase == cloud.Absent, o.Phase == cloud.Deleting, o.Phase == cloud.Failed:
		return Result{}, true
	case o.Phase == cloud.Ready && o.Version == e.Version:
		return Result{}, true
	}
	spec := *o.Pool
	spec.Cluster, spec.Name, spec.Owner, spec.Version, spec.Token = e.Cluster, ref.Name, o.Owner, e.Version, t.Digest
	o, err = t.CallCloud(e.Target, "EnsurePool", func(c Cloud) (cloud.Observation, error) { return c.EnsurePool(ctx, ScopeOf(e.Target), spec) })
	if err != nil {
		return missingParent(ev.PartCluster, err), false
	}
	return notReady("EnsurePool", o), o.Phase == cloud.Ready
}
