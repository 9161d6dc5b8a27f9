package cloudtest

import "slices"

func volumes(t *trial) {
	t.needs(t.Volume != nil)
	t.up(t.Home)
	goes, changed, stays, unknown := t.Volume("cl1"), t.Volume("cl1"), t.Volume("cl1"), t.Volume("cl1")
	t.Advance(t.ConsistencyDelay)
	t.ok(t.p.MarkVolumes(t.ctx, t.Home, "cl1", owner, map[string]bool{goes: true, changed: true, stays: false, "none": true}))
	t.Advance(t.ConsistencyDelay)
	t.p = t.Fresh()
	t.ok(t.p.MarkVolumes(t.ctx, t.Home, "cl1", owner, map[string]bool{goes: true, changed: false, stays: true})) // once to stay is to stay
	t.ok(t.p.MarkVolumes(t.ctx, t.Home, "cl1", stranger, map[string]bool{unknown: true}))
	t.gone(t.deleteCluster, t.observeCluster)
	t.gone(t.deleteNetwork, t.observeNetwork)
	t.nothing()
	t.kept(changed, stays, unknown)
}

func volumesOfVanished(t *trial) {
	t.needs(t.Volume != nil && t.Vanish != nil)
	t.up(t.Home)
	one, other := t.Volume("cl1"), t.Volume("cl1")
	t.Advance(t.ConsistencyDelay)
	t.Vanish("cl1")
	t.gone(t.deleteCluster, t.observeCluster)
	t.kept(one, other)
}

// kept asserts which volumes are left, and that they are told of.
func (t *trial) kept(want ...string) {
	t.Helper()
	slices.Sort(want)
	told, err := t.p.KeptVolumes(t.ctx, t.Home, "cl1", owner)
	if there := t.Volumes(); err != nil || !slices.Equal(told, want) || !slices.Equal(there, want) {
		t.Fatalf("told of %v, there are %v, want %v: %v", told, there, want, err)
	}
}

// markVolumes is the stage of a life in which a cluster has said what is to become of its two volumes.
func (t *trial) markVolumes() (done bool, err error) {
	if t.Volume == nil {
		return true, nil
	}
	if t.goes == "" {
		t.goes, t.stays = t.Volume("cl1"), t.Volume("cl1")
		t.Advance(t.Long)
	}
	err = t.p.MarkVolumes(t.ctx, t.Home, "cl1", owner, map[string]bool{t.goes: true, t.stays: false})
	return err == nil, err
}

// staying asserts that of a life's volumes the one that was to stay has.
func (t *trial) staying() {
	t.Helper()
	if t.Volume != nil {
		t.kept(t.stays)
	}
}
