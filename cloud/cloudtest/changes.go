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
