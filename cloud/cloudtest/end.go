package cloudtest

import "github.com/aeriehq/aerie/cloud"

func (t *trial) deletePool(name string) func() error {
	return func() error { return t.p.DeletePool(t.ctx, t.Home, "cl1", name, owner) }
}

func (t *trial) observePool(name string) func() (cloud.Observation, error) {
	return func() (cloud.Observation, error) { return t.p.ObservePool(t.ctx, t.Home, "cl1", name) }
}

func (t *trial) deleteCluster() error { return t.p.DeleteCluster(t.ctx, t.Home, "cl1", owner) }

func (t *trial) observeCluster() (cloud.Observation, error) {
	return t.p.ObserveCluster(t.ctx, t.Home, "cl1")
}

func (t *trial) deleteNetwork() error { return t.p.DeleteNetwork(t.ctx, t.Home, "net1", owner) }

func (t *trial) observeNetwork() (cloud.Observation, error) {
	return t.p.ObserveNetwork(t.ctx, t.Home, "net1")
}

// sweep deletes what is listed, as far as it lets itself be deleted now.
func (t *trial) sweep() {
	t.Helper()
	refs, err := t.p.ListOwned(t.ctx, t.Home, owner)
	t.ok(err)
	for _, r := range refs {
		if err := t.remove(r); err != nil && cloud.ClassOf(err) != cloud.Conflict {
			t.Fatalf("sweep %+v: %v", r, err)
		}
	}
}

func (t *trial) remove(r cloud.Ref) error {
	switch r.Kind {
	case cloud.KindPool:
		return t.p.DeletePool(t.ctx, r.Scope, r.Cluster, r.Name, r.Owner)
	case cloud.KindAddon:
		return t.p.DeleteAddon(t.ctx, r.Scope, r.Cluster, cloud.Addon(r.Name), r.Owner)
	case cloud.KindCluster:
		return t.p.DeleteCluster(t.ctx, r.Scope, r.Name, r.Owner)
	}
	return t.p.DeleteNetwork(t.ctx, r.Scope, r.Name, r.Owner)
}

// nothing asserts that nothing is left.
func (t *trial) nothing() {
	t.Helper()
	if refs, err := t.p.ListOwned(t.ctx, t.Home, ""); err != nil || len(refs) != 0 {
		t.Fatalf("left: %v %v", refs, err)
	}
}

// swept sweeps until nothing is left, which must come.
func (t *trial) swept() {
	t.Helper()
	for range 2 * t.rounds() {
		t.sweep()
		t.Advance(t.Long)
		if refs, err := t.p.ListOwned(t.ctx, t.Home, owner); err == nil && len(refs) == 0 {
			return
		}
	}
	t.nothing()
}
