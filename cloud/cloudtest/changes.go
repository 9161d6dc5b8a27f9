package cloudtest

import (
	"slices"

	"github.com/aeriehq/aerie/cloud"
)

func updatePool(t *trial) {
	t.up(t.Home)
	t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
	changes := []func(*cloud.PoolSpec){
		func(p *cloud.PoolSpec) { p.Min, p.Max = 4, 9 },
		func(p *cloud.PoolSpec) { p.Labels = map[string]string{"c": "d"} },
		func(p *cloud.PoolSpec) { p.Taints = nil },
		func(p *cloud.PoolSpec) { p.Min = 1 },
	}
	for i, change := range changes {
		spec := t.pool()
		change(&spec)
		t.phase(cloud.Updating)(t.p.EnsurePool(t.ctx, t.Home, spec))
		t.p = t.Fresh()
		t.phase(cloud.Updating)(t.p.EnsurePool(t.ctx, t.Home, spec))
		o := t.until(cloud.Ready, t.ensurePool(t.Home, spec))
		if o.SpecHash != spec.Hash() || o.Nodes < spec.Min || o.Nodes > spec.Max {
			t.Fatalf("change %d: %+v", i, o)
		}
	}
}

func immutablePool(t *trial) {
	t.up(t.Home)
	o := t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
	changes := []func(*cloud.PoolSpec){
		func(p *cloud.PoolSpec) { p.Machine = t.Another },
		func(p *cloud.PoolSpec) { p.Spot = true },
		func(p *cloud.PoolSpec) { p.Zones = o.Zones[:1] },
	}
	for _, change := range changes {
		spec := t.pool()
		change(&spec)
		_, err := t.p.EnsurePool(t.ctx, t.Home, spec)
		t.is(cloud.Invalid, err)
	}
	same := t.pool()
	same.Zones = slices.Clone(o.Zones)
	t.phase(cloud.Ready)(t.p.EnsurePool(t.ctx, t.Home, same))
}

func upgrade(t *trial) {
	t.up(t.Home)
	spec := t.cluster()
	spec.Version = "1.35"
	t.phase(cloud.Updating)(t.p.EnsureCluster(t.ctx, t.Home, spec))
	if o := t.until(cloud.Ready, t.ensureCluster(t.Home, spec)); o.Version != "1.35" {
		t.Fatalf("version %s", o.Version)
	}
	_, err := t.p.EnsureCluster(t.ctx, t.Home, t.cluster())
	t.is(cloud.Invalid, err) // back
}

// unknownWish asks for what the cloud says that it does not have, and then for what is there.
func unknownWish(t *trial) {
	there, err := t.p.Catalogue(t.ctx, t.Home)
	t.ok(err)
	has := func(version string) bool {
		return slices.ContainsFunc(there.Versions, func(v cloud.Version) bool { return v.Name == version })
	}
	if !has("1.34") || !has("1.35") || has("1.99") || !slices.Contains(there.Machines, t.Machine) || slices.Contains(there.Machines, "x99.huge") {
		t.Fatalf("catalogue %+v", there)
	}
	t.up(t.Home)
	spec := t.cluster()
	spec.Version = "1.99"
	_, err = t.p.EnsureCluster(t.ctx, t.Home, spec)
	t.is(cloud.Invalid, err)
	pool := t.pool()
	pool.Machine = "x99.huge"
	_, err = t.p.EnsurePool(t.ctx, t.Home, pool)
	t.is(cloud.Invalid, err)
	t.phase(cloud.Absent)(t.p.ObservePool(t.ctx, t.Home, "cl1", pool.Name))
	if len(t.Addons) > 0 {
		if !slices.Contains(there.Addons[cloud.AddonDNS], t.Addons[0]) {
			t.Fatalf("add-ons %+v", there.Addons)
		}
		addon := t.addon(cloud.AddonDNS)
		addon.Version = "99"
		_, err = t.p.EnsureAddon(t.ctx, t.Home, addon)
		t.is(cloud.Invalid, err)
	}
	o := t.until(cloud.Ready, t.ensureCluster(t.Home, t.cluster())) // the wish is withdrawn
	if o.Version != t.cluster().Version {
		t.Fatalf("version %s", o.Version)
	}
	t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
}

func failedPool(t *trial) {
	t.needs(t.Inject != nil)
	t.up(t.Home)
	t.Inject(Fault{Op: "EnsurePool", Class: cloud.Capacity, Issue: true})
	o := t.until(cloud.Failed, t.ensurePool(t.Home, t.pool()))
	if len(o.Issues) == 0 || o.Issues[0].Class != cloud.Capacity || o.Nodes != 0 {
		t.Fatalf("observed %+v", o)
	}
	t.ok(t.p.DeletePool(t.ctx, t.Home, "cl1", "p1", owner))
	t.gone(t.deletePool("p1"), t.observePool("p1"))
	t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
}
