package cloudtest

import (
	"slices"

	"github.com/aeriehq/aerie/cloud"
)

func (t *trial) addon(a cloud.Addon) cloud.AddonSpec {
	return cloud.AddonSpec{Cluster: "cl1", Addon: a, Owner: owner, Token: "t4" + string(a)}
}

func (t *trial) ensureAddon(spec cloud.AddonSpec) func() (cloud.Observation, error) {
	return func() (cloud.Observation, error) { return t.p.EnsureAddon(t.ctx, t.Home, spec) }
}

func options(t *trial) {
	t.up(t.Home)
	spec := t.cluster()
	for _, spec.Options = range []cloud.ClusterOptions{{Private: true, Logging: true}, {}} {
		t.phase(cloud.Updating)(t.p.EnsureCluster(t.ctx, t.Home, spec))
		if o := t.until(cloud.Ready, t.ensureCluster(t.Home, spec)); o.Options != spec.Options || o.SpecHash != spec.Hash() {
			t.Fatalf("options %+v", o.Options)
		}
	}
}

func poolVersion(t *trial) {
	t.up(t.Home)
	if o := t.until(cloud.Ready, t.ensurePool(t.Home, t.pool())); o.Version != "1.34" {
		t.Fatalf("version %q", o.Version)
	}
	newer := t.pool()
	newer.Version = "1.35"
	_, err := t.p.EnsurePool(t.ctx, t.Home, newer)
	t.is(cloud.Invalid, err) // than the cluster
	cluster := t.cluster()
	cluster.Version = "1.35"
	t.until(cloud.Ready, t.ensureCluster(t.Home, cluster))
	if o := t.phase(cloud.Ready)(t.p.EnsurePool(t.ctx, t.Home, t.pool())); o.Version != "1.34" {
		t.Fatalf("version %q", o.Version)
	}
	t.phase(cloud.Updating)(t.p.EnsurePool(t.ctx, t.Home, newer))
	if o := t.until(cloud.Ready, t.ensurePool(t.Home, newer)); o.Version != "1.35" || o.Nodes != 3 {
		t.Fatalf("version %q, %d nodes", o.Version, o.Nodes)
	}
	newer.Version = "1.34"
	_, err = t.p.EnsurePool(t.ctx, t.Home, newer)
	t.is(cloud.Invalid, err) // back
}

func machines(t *trial) {
	t.up(t.Home)
	spec := t.pool()
	spec.Others = []string{t.Another}
	o := t.until(cloud.Ready, t.ensurePool(t.Home, spec))
	if o.Pool.Machine != t.Machine || !slices.Equal(o.Pool.Others, spec.Others) {
		t.Fatalf("machines %s, %v", o.Pool.Machine, o.Pool.Others)
	}
	_, err := t.p.EnsurePool(t.ctx, t.Home, t.pool())
	t.is(cloud.Invalid, err)
}

func existing(t *trial) {
	t.needs(len(t.Subnets) > 1)
	spec := t.cluster()
	spec.Network, spec.Existing.Subnets = "", []string{"no-such-subnet", t.Subnets[1]}
	_, err := t.p.EnsureCluster(t.ctx, t.Home, spec)
	t.is(cloud.Invalid, err)
	spec.Existing.Subnets = t.Subnets
	t.until(cloud.Ready, t.ensureCluster(t.Home, spec))
	t.p = t.Fresh()
	t.phase(cloud.Ready)(t.p.EnsureCluster(t.ctx, t.Home, spec))
	if o := t.until(cloud.Ready, t.ensurePool(t.Home, t.pool())); len(o.Zones) == 0 {
		t.Fatalf("pool %+v", o)
	}
	t.gone(t.deletePool("p1"), t.observePool("p1"))
	t.gone(t.deleteCluster, t.observeCluster)
	t.nothing()
	t.until(cloud.Ready, t.ensureCluster(t.Home, spec)) // the subnets are there
}

func adopted(t *trial) {
	t.needs(t.Foreign != nil)
	spec := t.cluster()
	spec.Network, spec.Adopt = "", true
	_, err := t.p.EnsureCluster(t.ctx, t.Home, spec)
	t.is(cloud.NotFound, err)
	t.Foreign(t.Home, "cl1")
	spec.Version = "1.35"
	if o := t.until(cloud.Ready, t.ensureCluster(t.Home, spec)); o.Version != "1.34" || o.Endpoint == "" || o.Owner != "" {
		t.Fatalf("adopted %+v", o)
	}
	if a, err := t.p.Access(t.ctx, t.Home, "cl1"); err != nil || a.Endpoint == "" {
		t.Fatal(a, err)
	}
	t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
	t.until(cloud.Ready, t.ensureAddon(t.addon(cloud.AddonDNS)))
	t.is(cloud.Taken, t.p.DeleteCluster(t.ctx, t.Home, "cl1", owner))
	t.swept()
	t.phase(cloud.Ready)(t.p.ObserveCluster(t.ctx, t.Home, "cl1"))
	t.is(cloud.Taken, ignored(t.p.EnsureCluster(t.ctx, t.Home, t.ours())))
}

// ours is the same cluster, not adopted.
func (t *trial) ours() cloud.ClusterSpec {
	t.until(cloud.Ready, t.ensureNetwork(t.Home, t.network()))
	return t.cluster()
}

func ignored(_ cloud.Observation, err error) error { return err }

func addons(t *trial) {
	t.is(cloud.NotFound, ignored(t.p.EnsureAddon(t.ctx, t.Home, t.addon(cloud.AddonDNS))))
	t.until(cloud.Ready, t.ensureNetwork(t.Home, t.network()))
	t.begun(t.ensureCluster(t.Home, t.cluster()))
	t.is(cloud.Conflict, ignored(t.p.EnsureAddon(t.ctx, t.Home, t.addon(cloud.AddonDNS))))
	t.until(cloud.Ready, t.ensureCluster(t.Home, t.cluster()))
	t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
	for _, a := range cloud.Addons() {
		t.must(t.p.EnsureAddon(t.ctx, t.Home, t.addon(a)))
		t.p = t.Fresh()
		t.until(cloud.Ready, t.ensureAddon(t.addon(a)))
	}
	t.is(cloud.Invalid, ignored(t.p.EnsureAddon(t.ctx, t.Home, t.addon("coffee"))))
	refs, err := t.p.ListOwned(t.ctx, t.Home, owner)
	if err != nil || len(refs) != 3 {
		t.Fatalf("listed %v %v", refs, err)
	}
	t.gone(t.deletePool("p1"), t.observePool("p1"))
	t.gone(t.deleteCluster, t.observeCluster)
	for _, a := range cloud.Addons() {
		t.phase(cloud.Absent)(t.p.ObserveAddon(t.ctx, t.Home, "cl1", a))
		t.ok(t.p.DeleteAddon(t.ctx, t.Home, "cl1", a, owner))
	}
}

func addonVersion(t *trial) {
	t.needs(len(t.Addons) > 1)
	t.up(t.Home)
	t.until(cloud.Ready, t.ensurePool(t.Home, t.pool()))
	spec := t.addon(cloud.AddonDNS)
	spec.Version = "no-such-version"
	t.is(cloud.Invalid, ignored(t.p.EnsureAddon(t.ctx, t.Home, spec)))
	for _, spec.Version = range t.Addons {
		if o := t.until(cloud.Ready, t.ensureAddon(spec)); o.Version != spec.Version {
			t.Fatalf("version %q", o.Version)
		}
	}
	theirs := spec
	theirs.Owner = stranger
	t.is(cloud.Taken, ignored(t.p.EnsureAddon(t.ctx, t.Home, theirs)))
	t.is(cloud.Taken, t.p.DeleteAddon(t.ctx, t.Home, "cl1", cloud.AddonDNS, stranger))
	spec.Version = ""
	t.phase(cloud.Ready)(t.p.EnsureAddon(t.ctx, t.Home, spec))
}
