// Package cloudtest is the conformance suite of the clouds: what every cloud.Provider does, whatever
// stands behind it.
//
// It is for tests alone, and it has no test of what one cloud does otherwise than the rest. Begin with
// Rig, which is the cloud to try, and Run, which lists the cases; Killed in mortal.go kills a provider
// after each of its calls. The cases of Run come one after the other, those of Killed at once, each on
// a rig of its own. A rig that is Kept is cleaned after each case; after a crash of the test itself
// what was made stays there.
package cloudtest

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
)

// Rig is one empty cloud to try a provider on. What a cloud can't do, as a real one can't be made to fail, is nil: the
// cases that need it are skipped.
type Rig struct {
	Fresh            func() cloud.Provider // the provider of a new process on the same cloud; the one before is dead from then on
	Inject           func(Fault)
	Advance          func(time.Duration) // moves the cloud's clock
	Long             time.Duration       // after which anything begun is done
	Rounds           int                 // how often that is waited for something; 0 is 6
	ConsistencyDelay time.Duration       // how long a provider may look before it makes something; 0: it does not

	Kept    bool        // the cloud stays after a case: what the case has made is taken away
	Home    cloud.Scope // where most is tried
	Account cloud.Scope // another account
	Region  cloud.Scope // the same account elsewhere
	Machine string      // a machine type
	Another string      // another one

	Foreign func(s cloud.Scope, name string) // makes a cluster, at 1.34 and ready after Long, as somebody else would
	Subnets []string                         // two that somebody else has made, at home
	Addons  []string                         // two versions of the add-on for DNS, the older first; none if it is built in

	Principals []string // who can be let into a cluster; none if the cloud knows nobody

	// Mortal is the provider of a new process that is killed after its n-th call to the cloud, before the answer; of n = 0
	// it never is. It counts the calls.
	Mortal func(n int) (p cloud.Provider, calls func() int)

	Volume  func(cluster string) string // makes a volume at home, as the storage of a cluster would, and says its id
	Volumes func() []string             // the ids of the volumes at home, in their order
	Vanish  func(cluster string)        // deletes a cluster at home by hand

	Nodes func(cloud.Scope, int) // sets the quota of nodes
	Twice func() int             // how many things were ever made twice; nil if the cloud can't tell
}

// Fault is what a rig must be able to bring about, once: a call refused with this class, an answer lost after the
// effect, or a creation that is accepted and ends failed.
type Fault struct {
	Op    string
	Class cloud.Class
	After bool
	Issue bool
}

// Run tries everything, each case on a rig of its own.
func Run(t *testing.T, newRig func(t *testing.T) Rig) {
	cases := []struct {
		name string
		try  func(*trial)
	}{
		{"what was never made is absent and deletes", absent},
		{"ensuring makes, then finds, also from a new process", ensureAgain},
		{"a whole dataplane comes up and goes down in order", wholeLife},
		{"another owner's is taken and never touched", foreign},
		{"what builds on what is not ready waits", order},
		{"a lost answer makes nothing twice", lostAnswer},
		{"a refused call has no effect", refused},
		{"a pool's bounds, labels and taints follow the spec", updatePool},
		{"a pool's machine, zones and spot stay", immutablePool},
		{"a cluster's version goes up", upgrade},
		{"what is not in the catalogue is refused, and changes nothing", unknownWish},
		{"a failed creation says why and can be deleted", failedPool},
		{"the quota is kept", quota},
		{"a cluster's options follow the spec", options},
		{"a pool's version follows its cluster's", poolVersion},
		{"a pool has several machines", machines},
		{"existing subnets are stood on", existing},
		{"an existing cluster is used and stays", adopted},
		{"a volume goes with its cluster if it is marked so, else it stays", volumes},
		{"volumes of a cluster that is deleted by hand stay", volumesOfVanished},
		{"add-ons come up and go with their cluster", addons},
		{"an add-on's version follows the spec", addonVersion},
		{"an account that is denied says so", denied},
		{"accounts and regions do not see each other", apart},
		{"what is owned is listed by mark", listOwned},
		{"what no cloud can make is invalid", invalid},
		{"a cancelled call is retryable", cancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			one := &trial{T: t, Rig: r, ctx: t.Context(), p: r.Fresh()}
			if r.Kept {
				t.Cleanup(func() { one.ctx = context.WithoutCancel(one.ctx); one.swept() })
			}
			c.try(one)
			if r.Twice != nil && r.Twice() != 0 {
				t.Errorf("%d things were made twice", r.Twice())
			}
		})
	}
}

const (
	owner    = "-/dataplane/eu/01HA"
	stranger = "acme/dataplane/eu/01HB"
)

// trial is one case under way.
type trial struct {
	*testing.T
	Rig
	ctx context.Context
	p   cloud.Provider

	goes, stays string // volumes, once they are made
}

func (t *trial) network() cloud.NetworkSpec {
	return cloud.NetworkSpec{Name: "net1", Owner: owner, Range: "10.0.0.0/16", Token: "t1"}
}

func (t *trial) cluster() cloud.ClusterSpec {
	return cloud.ClusterSpec{Name: "cl1", Owner: owner, Network: "net1", Version: "1.34", Token: "t2"}
}

func (t *trial) pool() cloud.PoolSpec {
	return cloud.PoolSpec{
		Cluster: "cl1", Name: "p1", Owner: owner, Machine: t.Machine, Min: 3, Max: 5,
		Labels: map[string]string{"a": "b"}, Taints: []cloud.Taint{{Key: "k", Value: "v", Effect: "NoSchedule"}}, Token: "t3",
	}
}

func (t *trial) ensureNetwork(s cloud.Scope, spec cloud.NetworkSpec) func() (cloud.Observation, error) {
	return func() (cloud.Observation, error) { return t.p.EnsureNetwork(t.ctx, s, spec) }
}

func (t *trial) ensureCluster(s cloud.Scope, spec cloud.ClusterSpec) func() (cloud.Observation, error) {
	return func() (cloud.Observation, error) { return t.p.EnsureCluster(t.ctx, s, spec) }
}

func (t *trial) ensurePool(s cloud.Scope, spec cloud.PoolSpec) func() (cloud.Observation, error) {
	return func() (cloud.Observation, error) { return t.p.EnsurePool(t.ctx, s, spec) }
}

// up brings up the standard network and cluster of a scope.
func (t *trial) up(s cloud.Scope) {
	t.Helper()
	t.until(cloud.Ready, t.ensureNetwork(s, t.network()))
	t.until(cloud.Ready, t.ensureCluster(s, t.cluster()))
}

// rounds is how often something is asked before it must have come about.
func (t *trial) rounds() int { return cmp.Or(t.Rounds, 6) }

// needs skips a case that the cloud can't be made to show.
func (t *trial) needs(can bool) {
	t.Helper()
	if !can {
		t.Skip("this cloud can't be made to do that")
	}
}

// until asks, once before and then each time after a long time, for the phase.
func (t *trial) until(want cloud.Phase, ask func() (cloud.Observation, error)) (o cloud.Observation) {
	t.Helper()
	t.must(ask())
	for range t.rounds() {
		t.Advance(t.Long)
		if o = t.must(ask()); o.Phase == want {
			return o
		}
	}
	t.Fatalf("phase %s (%s), want %s: %+v", o.Phase, o.Raw, want, o.Issues)
	return o
}

// begun asks until the cloud has begun to make something.
func (t *trial) begun(ask func() (cloud.Observation, error)) (o cloud.Observation) {
	t.Helper()
	for range t.rounds() {
		if o = t.phase(cloud.Creating)(ask()); o.ID != "" {
			return o
		}
		t.Advance(t.ConsistencyDelay)
	}
	t.Fatalf("nothing is made: %+v", o)
	return o
}

// struck asks until a call fails, and wants it to fail so.
func (t *trial) struck(want cloud.Class, ask func() (cloud.Observation, error)) {
	t.Helper()
	for range t.rounds() {
		if _, err := ask(); err != nil {
			t.is(want, err)
			return
		}
		t.Advance(t.ConsistencyDelay)
	}
	t.Fatalf("no call fails")
}

// gone deletes, each time for a long time, until it is absent.
func (t *trial) gone(remove func() error, observe func() (cloud.Observation, error)) {
	t.Helper()
	for range t.rounds() {
		t.ok(remove())
		t.Advance(t.Long)
		if t.must(observe()).Phase == cloud.Absent {
			return
		}
	}
	t.phase(cloud.Absent)(observe())
}

func (t *trial) must(o cloud.Observation, err error) cloud.Observation {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (t *trial) ok(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t *trial) is(want cloud.Class, err error) {
	t.Helper()
	if cloud.ClassOf(err) != want {
		t.Fatalf("class %q, want %q: %v", cloud.ClassOf(err), want, err)
	}
}

func (t *trial) phase(want cloud.Phase) func(cloud.Observation, error) cloud.Observation {
	t.Helper()
	return func(o cloud.Observation, err error) cloud.Observation {
		t.Helper()
		if t.must(o, err); o.Phase != want {
			t.Fatalf("phase %s (%s), want %s", o.Phase, o.Raw, want)
		}
		return o
	}
}
