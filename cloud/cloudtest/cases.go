package cloudtest

import (
	"context"
	"errors"
	"slices"

	"github.com/aeriehq/aerie/cloud"
)

func absent(t *trial) {
	t.phase(cloud.Absent)(t.p.ObserveNetwork(t.ctx, t.Home, "net1"))
	t.phase(cloud.Absent)(t.p.ObserveCluster(t.ctx, t.Home, "cl1"))
	t.phase(cloud.Absent)(t.p.ObservePool(t.ctx, t.Home, "cl1", "p1"))
	t.ok(t.p.DeletePool(t.ctx, t.Home, "cl1", "p1", owner))
	t.ok(t.p.DeleteCluster(t.ctx, t.Home, "cl1", owner))
	t.ok(t.p.DeleteNetwork(t.ctx, t.Home, "net1", owner))
	_, err := t.p.Access(t.ctx, t.Home, "cl1")
	t.is(cloud.NotFound, err)
}

func ensureAgain(t *trial) {
	spec := t.network()
	first := t.begun(t.ensureNetwork(t.Home, spec))
	t.p = t.Fresh()
	again := t.begun(t.ensureNetwork(t.Home, spec))
	if first.ID == "" || first.ID != again.ID {
		t.Fatalf("made %q, then found %q", first.ID, again.ID)
	}
	t.until(cloud.Ready, t.ensureNetwork(t.Home, spec))
	t.p = t.Fresh()
	o := t.phase(cloud.Ready)(t.p.ObserveNetwork(t.ctx, t.Home, spec.Name))
	if o.Owner != owner || o.SpecHash != spec.Hash() || o.Range != spec.Range || len(o.Zones) == 0 {
		t.Fatalf("observed %+v", o)
	}
}

func wholeLife(t *trial) {
	t.up(t.Home)
	if a, err := t.p.Access(t.ctx, t.Home, "cl1"); err != nil || a.Endpoint == "" {
		t.Fatal(a, err)
	}
	o := t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
	if o.Nodes != 3 || len(o.Zones) == 0 || o.SpecHash != t.pool().Hash() {
		t.Fatalf("pool %+v", o)
	}
	t.is(cloud.Conflict, t.p.DeleteNetwork(t.ctx, t.Home, "net1", owner))
	t.is(cloud.Conflict, t.p.DeleteCluster(t.ctx, t.Home, "cl1", owner))
	down(t)
	t.nothing()
}

func down(t *trial) {
	for range 2 { // deleting twice is deleting once
		t.ok(t.p.DeletePool(t.ctx, t.Home, "cl1", "p1", owner))
	}
	t.phase(cloud.Deleting)(t.p.ObservePool(t.ctx, t.Home, "cl1", "p1"))
	_, err := t.p.EnsurePool(t.ctx, t.Home, t.pool())
	t.is(cloud.Conflict, err)
	t.is(cloud.Conflict, t.p.DeleteCluster(t.ctx, t.Home, "cl1", owner))
	t.gone(t.deletePool("p1"), t.observePool("p1"))
	t.ok(t.p.DeleteCluster(t.ctx, t.Home, "cl1", owner))
	t.is(cloud.Conflict, t.p.DeleteNetwork(t.ctx, t.Home, "net1", owner))
	t.gone(t.deleteCluster, t.observeCluster)
	t.gone(t.deleteNetwork, t.observeNetwork)
}

func foreign(t *trial) {
	t.up(t.Home)
	t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
	n, c, p := t.network(), t.cluster(), t.pool()
	n.Owner, c.Owner, p.Owner, p.Min = stranger, stranger, stranger, 1
	_, err := t.p.EnsureNetwork(t.ctx, t.Home, n)
	t.is(cloud.Taken, err)
	_, err = t.p.EnsureCluster(t.ctx, t.Home, c)
	t.is(cloud.Taken, err)
	_, err = t.p.EnsurePool(t.ctx, t.Home, p)
	t.is(cloud.Taken, err)
	t.is(cloud.Taken, t.p.DeletePool(t.ctx, t.Home, "cl1", "p1", stranger))
	t.is(cloud.Taken, t.p.DeleteCluster(t.ctx, t.Home, "cl1", stranger))
	t.is(cloud.Taken, t.p.DeleteNetwork(t.ctx, t.Home, "net1", stranger))
	t.phase(cloud.Ready)(t.p.ObserveNetwork(t.ctx, t.Home, "net1"))
	t.phase(cloud.Ready)(t.p.ObserveCluster(t.ctx, t.Home, "cl1"))
	if o := t.phase(cloud.Ready)(t.p.ObservePool(t.ctx, t.Home, "cl1", "p1")); o.Owner != owner || o.Nodes != 3 {
		t.Fatalf("touched: %+v", o)
	}
}

func order(t *trial) {
	_, err := t.p.EnsureCluster(t.ctx, t.Home, t.cluster())
	t.is(cloud.NotFound, err)
	_, err = t.p.EnsurePool(t.ctx, t.Home, t.pool())
	t.is(cloud.NotFound, err)
	t.begun(t.ensureNetwork(t.Home, t.network()))
	t.Advance(t.ConsistencyDelay)
	_, err = t.p.EnsureCluster(t.ctx, t.Home, t.cluster())
	t.is(cloud.Conflict, err)
	t.until(cloud.Ready, t.ensureNetwork(t.Home, t.network()))
	t.begun(t.ensureCluster(t.Home, t.cluster()))
	_, err = t.p.EnsurePool(t.ctx, t.Home, t.pool())
	t.is(cloud.Conflict, err)
	_, err = t.p.Access(t.ctx, t.Home, "cl1")
	t.is(cloud.Conflict, err)
	t.until(cloud.Ready, t.ensureCluster(t.Home, t.cluster()))
	t.must(t.p.EnsurePool(t.ctx, t.Home, t.pool()))
}

// lostAnswer loses the answer of each create and of each delete.
func lostAnswer(t *trial) {
	t.needs(t.Inject != nil)
	steps := map[string]func() (cloud.Observation, error){
		"EnsureNetwork": t.ensureNetwork(t.Home, t.network()),
		"EnsureCluster": t.ensureCluster(t.Home, t.cluster()),
		"EnsurePool":    t.ensurePool(t.Home, t.pool()),
	}
	for _, op := range []string{"EnsureNetwork", "EnsureCluster", "EnsurePool"} {
		t.Inject(Fault{Op: op, Class: cloud.Retryable, After: true})
		t.struck(cloud.Retryable, steps[op])
		t.p = t.Fresh()
		t.phase(cloud.Creating)(steps[op]())
		t.until(cloud.Ready, steps[op])
	}
	t.Inject(Fault{Op: "DeletePool", Class: cloud.Retryable, After: true})
	t.is(cloud.Retryable, t.p.DeletePool(t.ctx, t.Home, "cl1", "p1", owner))
	t.p = t.Fresh()
	t.phase(cloud.Deleting)(t.p.ObservePool(t.ctx, t.Home, "cl1", "p1"))
}

func refused(t *trial) {
	t.needs(t.Inject != nil)
	for _, class := range []cloud.Class{cloud.Throttled, cloud.Retryable, cloud.Capacity, cloud.Denied} {
		t.Inject(Fault{Op: "EnsureNetwork", Class: class})
		t.struck(class, t.ensureNetwork(t.Home, t.network()))
		t.phase(cloud.Absent)(t.p.ObserveNetwork(t.ctx, t.Home, "net1"))
	}
	t.begun(t.ensureNetwork(t.Home, t.network()))
}

func quota(t *trial) {
	t.needs(t.Nodes != nil)
	t.up(t.Home)
	t.Nodes(t.Home, 4)
	t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
	second := t.pool()
	second.Name, second.Min = "p2", 2
	t.limited(t.ensurePool(t.Home, second))
	t.gone(t.deletePool("p2"), t.observePool("p2"))
	t.Nodes(t.Home, 5)
	t.until(cloud.Ready, t.ensurePool(t.Home, second))
}

// limited is refused for want of quota, now or when it comes to it.
func (t *trial) limited(ask func() (cloud.Observation, error)) {
	t.Helper()
	o, err := ask()
	if err != nil {
		t.is(cloud.Quota, err)
		return
	}
	for range t.rounds() {
		t.Advance(t.Long)
		if o = t.must(ask()); o.Phase != cloud.Ready && len(o.Issues) > 0 && o.Issues[0].Class == cloud.Quota {
			return
		}
	}
	t.Fatalf("beyond the quota: %+v", o)
}

func denied(t *trial) {
	t.ok(t.p.Check(t.ctx, t.Home.Account))
	t.needs(t.Inject != nil)
	t.Inject(Fault{Op: "Check", Class: cloud.Denied})
	t.is(cloud.Denied, t.p.Check(t.ctx, t.Home.Account))
	t.ok(t.p.Check(t.ctx, t.Home.Account))
}

func apart(t *trial) {
	t.needs(t.Account.Account.ID != "" && t.Region.Region != "")
	t.up(t.Home)
	for _, s := range []cloud.Scope{t.Account, t.Region} {
		t.phase(cloud.Absent)(t.p.ObserveNetwork(t.ctx, s, "net1"))
		t.phase(cloud.Absent)(t.p.ObserveCluster(t.ctx, s, "cl1"))
		_, err := t.p.EnsureCluster(t.ctx, s, t.cluster())
		t.is(cloud.NotFound, err)
		n := t.network()
		n.Owner = stranger + s.Account.ID + s.Region // the name is free here
		t.phase(cloud.Creating)(t.p.EnsureNetwork(t.ctx, s, n))
		t.ok(t.p.DeleteCluster(t.ctx, s, "cl1", stranger))
		refs, err := t.p.ListOwned(t.ctx, s, owner)
		if err != nil || len(refs) != 0 {
			t.Fatalf("listed %v %v", refs, err)
		}
	}
	t.phase(cloud.Ready)(t.p.ObserveCluster(t.ctx, t.Home, "cl1"))
}

func listOwned(t *trial) {
	t.up(t.Home)
	t.must(t.p.EnsurePool(t.ctx, t.Home, t.pool()))
	other := t.network()
	other.Name, other.Owner = "net2", stranger
	t.begun(t.ensureNetwork(t.Home, other))
	t.Advance(t.ConsistencyDelay)
	for prefix, want := range map[string]int{"": 4, "-/": 3, owner: 3, stranger: 1, "acme/": 1, "nobody/": 0} {
		refs, err := t.p.ListOwned(t.ctx, t.Home, prefix)
		if err != nil || len(refs) != want {
			t.Fatalf("%q: %d, want %d: %v %v", prefix, len(refs), want, refs, err)
		}
	}
	t.p = t.Fresh()
	refs, err := t.p.ListOwned(t.ctx, t.Home, owner)
	t.ok(err)
	var kinds []cloud.Kind
	for _, r := range refs {
		kinds = append(kinds, r.Kind)
		if r.Owner != owner || r.ID == "" || r.Name == "" || r.Scope != t.Home {
			t.Fatalf("ref %+v", r)
		}
	}
	if !slices.Equal(kinds, []cloud.Kind{cloud.KindPool, cloud.KindCluster, cloud.KindNetwork}) || refs[0].Cluster != "cl1" {
		t.Fatalf("order %v", refs)
	}
}

func invalid(t *trial) {
	t.up(t.Home)
	changes := []func(*cloud.PoolSpec){
		func(p *cloud.PoolSpec) { p.Machine = "no-such-machine" },
		func(p *cloud.PoolSpec) { p.Min, p.Max = 3, 2 },
		func(p *cloud.PoolSpec) { p.Owner = "" },
		func(p *cloud.PoolSpec) { p.Zones = []string{"no-such-zone"} },
		func(p *cloud.PoolSpec) { p.Taints = []cloud.Taint{{Key: "k", Effect: "Never"}} },
	}
	for _, change := range changes {
		spec := t.pool()
		change(&spec)
		_, err := t.p.EnsurePool(t.ctx, t.Home, spec)
		t.is(cloud.Invalid, err)
	}
	bad := t.network()
	bad.Name, bad.Range = "net9", "ten"
	_, err := t.p.EnsureNetwork(t.ctx, t.Home, bad)
	t.is(cloud.Invalid, err)
	nowhere := t.Home
	nowhere.Region = "nowhere"
	_, err = t.p.EnsureNetwork(t.ctx, nowhere, t.network())
	t.is(cloud.Invalid, err)
	var refused *cloud.Error
	if _, err = t.p.ListOwned(t.ctx, nowhere, owner); !errors.As(err, &refused) || refused.Code != cloud.UnknownRegion {
		t.Fatal(err)
	}
}

func cancelled(t *trial) {
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	_, err := t.p.EnsureNetwork(ctx, t.Home, t.network())
	t.is(cloud.Retryable, err)
}
