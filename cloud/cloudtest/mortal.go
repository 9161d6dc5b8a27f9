package cloudtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aeriehq/aerie/cloud"
)

// Killed lives a whole dataplane's life on a cloud whose provider's process is killed once, after its n-th call to the
// cloud and before that call's answer, for each n from first on in steps of stride; and then takes away what was begun,
// once after going on to the end and once from where it was. Nothing may be made twice, and nothing may be left.
func Killed(t *testing.T, first, stride int, newRig func(t *testing.T) Rig) {
	all := calls(t, newRig)
	t.Logf("a life is %d calls", all)
	for n := first; n <= all; n += stride {
		t.Run(fmt.Sprintf("after call %d", n), func(t *testing.T) {
			t.Parallel()
			goesOn(t, newRig(t), n)
			isSwept(t, newRig(t), n)
		})
	}
}

// calls are those of a life that nothing disturbs.
func calls(t *testing.T, newRig func(t *testing.T) Rig) (n int) {
	r := newRig(t)
	p, made := r.Mortal(0)
	l := &trial{T: t, Rig: r, ctx: t.Context(), p: p}
	l.live()
	l.nothing()
	l.once()
	l.staying()
	return made()
}

func goesOn(t *testing.T, r Rig, n int) {
	p, _ := r.Mortal(n)
	l := &trial{T: t, Rig: r, ctx: t.Context(), p: p}
	l.live()
	l.nothing()
	l.once()
	l.staying()
}

func isSwept(t *testing.T, r Rig, n int) {
	p, _ := r.Mortal(n)
	l := &trial{T: t, Rig: r, ctx: t.Context(), p: p}
	l.die()
	l.p = r.Fresh()
	l.swept()
	l.once()
	if l.stays != "" && !slices.Contains(l.Volumes(), l.stays) {
		t.Errorf("%s is gone", l.stays)
	}
}

// once asserts that nothing was made twice.
func (t *trial) once() {
	t.Helper()
	if t.Twice != nil && t.Twice() != 0 {
		t.Errorf("%d things were made twice", t.Twice())
	}
}

// stage is one thing to bring about; it is asked for again until it is.
type stage struct {
	what string
	ask  func(*trial) (done bool, err error)
}

// lifeStages are a dataplane's life: built, changed, upgraded and taken away.
func lifeStages() []stage {
	ready := func(what string, ask func(*trial) (cloud.Observation, error)) stage {
		return stage{what, func(t *trial) (bool, error) {
			o, err := ask(t)
			return o.Phase == cloud.Ready, err
		}}
	}
	absent := func(what string, remove func(*trial) error, observe func(*trial) (cloud.Observation, error)) stage {
		return stage{what, func(t *trial) (bool, error) {
			if err := remove(t); err != nil {
				return false, err
			}
			o, err := observe(t)
			return o.Phase == cloud.Absent, err
		}}
	}
	upgraded := func(t *trial) cloud.ClusterSpec {
		c := t.cluster()
		c.Version, c.Options.Logging = "1.35", true
		for _, p := range t.Principals {
			c.Admits = append(c.Admits, cloud.AccessEntry{Principal: p, Policy: "view"})
		}
		return c
	}
	changed := func(t *trial) cloud.PoolSpec {
		p := t.pool()
		p.Min, p.Labels, p.Taints, p.Version = 4, map[string]string{"c": "d"}, nil, "1.35"
		return p
	}
	return []stage{
		ready("network", func(t *trial) (cloud.Observation, error) { return t.p.EnsureNetwork(t.ctx, t.Home, t.network()) }),
		ready("cluster", func(t *trial) (cloud.Observation, error) { return t.p.EnsureCluster(t.ctx, t.Home, t.cluster()) }),
		ready("pool", func(t *trial) (cloud.Observation, error) { return t.p.EnsurePool(t.ctx, t.Home, t.pool()) }),
		ready("storage", func(t *trial) (cloud.Observation, error) {
			return t.p.EnsureAddon(t.ctx, t.Home, t.addon(cloud.AddonStorage))
		}),
		ready("autoscaler", func(t *trial) (cloud.Observation, error) {
			return t.p.EnsureAddon(t.ctx, t.Home, t.addon(cloud.AddonAutoscaler))
		}),
		{"version in vain", func(t *trial) (bool, error) {
			c := t.cluster()
			c.Version = "1.99"
			_, err := t.p.EnsureCluster(t.ctx, t.Home, c)
			return inVain(err)
		}},
		{"pool in vain", func(t *trial) (bool, error) {
			p := t.pool()
			p.Name, p.Machine = "p2", "x99.huge"
			_, err := t.p.EnsurePool(t.ctx, t.Home, p)
			return inVain(err)
		}},
		ready("wish taken back", func(t *trial) (cloud.Observation, error) { return t.p.EnsureCluster(t.ctx, t.Home, t.cluster()) }),
		ready("upgrade", func(t *trial) (cloud.Observation, error) { return t.p.EnsureCluster(t.ctx, t.Home, upgraded(t)) }),
		ready("change of pool", func(t *trial) (cloud.Observation, error) { return t.p.EnsurePool(t.ctx, t.Home, changed(t)) }),
		{"volumes", (*trial).markVolumes},
		absent("end of pool", func(t *trial) error { return t.deletePool("p1")() }, func(t *trial) (cloud.Observation, error) { return t.observePool("p1")() }),
		absent("end of cluster", (*trial).deleteCluster, (*trial).observeCluster),
		absent("end of network", (*trial).deleteNetwork, (*trial).observeNetwork),
	}
}

// inVain is done when the cloud has refused.
func inVain(err error) (bool, error) {
	if cloud.ClassOf(err) == cloud.Invalid {
		return true, nil
	}
	return false, err
}

// patience is how often a stage is asked for.
const patience = 40

// live goes through all stages. A process that is killed is followed by another.
func (t *trial) live() {
	t.Helper()
	t.through(func() bool { t.p = t.Fresh(); return true })
	t.p = t.Fresh()
}

// die goes through the stages until the process is killed.
func (t *trial) die() {
	t.Helper()
	t.through(func() bool { return false })
}

// through asks for each stage until it has come about; goOn says, when the process is killed, whether there is another.
func (t *trial) through(goOn func() bool) {
	t.Helper()
	for _, s := range lifeStages() {
		done, killed := t.ask(s)
		for n := 0; !done; n++ {
			switch {
			case n == patience:
				t.Fatalf("%s does not come about", s.what)
			case !killed:
				t.Advance(t.Long)
			case !goOn(): // the next one asks at once
				return
			}
			done, killed = t.ask(s)
		}
	}
}

// ask asks once. Only what comes of a kill, and what must be waited for, may fail.
func (t *trial) ask(s stage) (done, killed bool) {
	t.Helper()
	done, err := s.ask(t)
	if class := cloud.ClassOf(err); err != nil && class != cloud.Conflict && class != cloud.Retryable {
		t.Fatalf("%s: %v", s.what, err)
	}
	return done && err == nil, cloud.ClassOf(err) == cloud.Retryable
}
