package sim_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/cloudtest"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/cloud/sim/offers"
)

// clock is a clock that stands still until it is moved.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) move(d time.Duration) { c.now = c.now.Add(d) }

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

var (
	home  = cloud.Scope{Account: cloud.Account{ID: "111111111111"}, Region: "eu-central"}
	quiet = slog.New(slog.DiscardHandler)
)

func open(t testing.TB, o sim.Options) *sim.Sim {
	t.Helper()
	s, err := sim.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	cloudtest.Run(t, func(t *testing.T) cloudtest.Rig {
		c := newClock()
		o := sim.Options{Dir: t.TempDir(), Now: c.Now, Speed: 1, Logger: quiet}
		current, made := open(t, o), 0
		return cloudtest.Rig{
			Fresh: func() cloud.Provider {
				must(t, current.Close())
				current = open(t, o)
				return current
			},
			Inject: func(f cloudtest.Fault) {
				must(t, current.Inject(sim.Fault{Op: f.Op, Class: f.Class, After: f.After, Issue: f.Issue}))
			},
			Advance: c.move, Long: time.Hour,
			Home: home, Machine: "s2", Another: "m4",
			Account: cloud.Scope{Account: cloud.Account{ID: "222222222222"}, Region: home.Region},
			Region:  cloud.Scope{Account: home.Account, Region: "us-east"},
			Foreign: func(s cloud.Scope, name string) {
				set := fmt.Appendf(nil, `{"name":%q,"version":"1.34"}`, name)
				_, err := current.ByHand(sim.ManualChange{Make: "cluster", In: s.Account.ID + "/" + s.Region, Set: set})
				must(t, err)
			},
			Subnets: []string{"subnet-eu-central-a", "subnet-eu-central-b"},
			Addons:  offers.AddonVersions(),
			Nodes:   func(s cloud.Scope, n int) { current.SetQuota(s.Account.ID, s.Region, sim.Quota{Nodes: n}) },
			Volume: func(name string) string {
				api, err := current.Kube(t.Context(), home, name)
				must(t, err)
				made++
				id := fmt.Sprint("vol-", made)
				_, err = api.Apply(t.Context(), kube.Object{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": map[string]any{"name": id},
					"spec": map[string]any{"csi": map[string]any{"volumeHandle": id}}})
				must(t, err)
				return id
			},
			Volumes: func() (ids []string) {
				for _, r := range ledger(t, o.Dir).Live() {
					if r.Kind == "volume" {
						ids = append(ids, r.Name)
					}
				}
				return ids
			},
			Vanish: func(name string) {
				_, err := current.ByHand(sim.ManualChange{Delete: "cluster", Match: name})
				must(t, err)
			},
			Twice: func() int { return len(ledger(t, o.Dir).Twice()) },
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ledger(t testing.TB, dir string) sim.Ledger {
	t.Helper()
	l, err := sim.ReadLedger(dir)
	must(t, err)
	return l
}

var (
	network = cloud.NetworkSpec{Name: "n", Owner: "-/dataplane/eu/1", Range: "10.0.0.0/16"}
	cluster = cloud.ClusterSpec{Name: "c", Owner: network.Owner, Network: "n"}
	pool    = cloud.PoolSpec{Cluster: "c", Name: "p", Owner: network.Owner, Machine: "s2", Min: 4, Max: 4}
)

// dataplane makes a dataplane on a cloud that does all at once.
func dataplane(t testing.TB, s *sim.Sim) {
	t.Helper()
	_, err := s.EnsureNetwork(t.Context(), home, network)
	must(t, err)
	_, err = s.EnsureCluster(t.Context(), home, cluster)
	must(t, err)
	o, err := s.EnsurePool(t.Context(), home, pool)
	must(t, err)
	if o.Phase != cloud.Ready || o.Nodes != 4 {
		t.Fatalf("pool %+v", o)
	}
}

func TestAtOnce(t *testing.T) {
	s := open(t, sim.Options{Dir: t.TempDir()})
	dataplane(t, s)
	must(t, s.DeletePool(t.Context(), home, "c", "p", pool.Owner))
	must(t, s.DeleteCluster(t.Context(), home, "c", pool.Owner))
	must(t, s.DeleteNetwork(t.Context(), home, "n", pool.Owner))
}

func TestNodesComeUpOneByOne(t *testing.T) {
	c := newClock()
	s := open(t, sim.Options{Dir: t.TempDir(), Now: c.Now, Speed: 60, Times: sim.Times{Pool: 4 * time.Minute}})
	_, err := s.EnsureNetwork(t.Context(), home, network)
	must(t, err)
	c.move(time.Second)
	_, err = s.EnsureCluster(t.Context(), home, cluster)
	must(t, err)
	c.move(8 * time.Second)
	api, err := s.Kube(t.Context(), home, "c")
	must(t, err)
	_, err = s.EnsureAddon(t.Context(), home, cloud.AddonSpec{Cluster: "c", Addon: cloud.AddonStorage, Owner: pool.Owner, Token: "storage"}) // is no node
	must(t, err)
	_, err = s.EnsurePool(t.Context(), home, pool)
	must(t, err)
	for want := range 5 {
		o, err := s.ObservePool(t.Context(), home, "c", "p")
		must(t, err)
		nodes, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Node"})
		must(t, err)
		if o.Nodes != want || len(nodes) != want || o.After != time.Duration(4-want)*time.Second {
			t.Fatalf("%d nodes, %d listed, after %s; want %d", o.Nodes, len(nodes), o.After, want)
		}
		c.move(time.Second)
	}
}

func TestBlindLookupIsSeenInTheLedger(t *testing.T) {
	dir := t.TempDir()
	s := open(t, sim.Options{Dir: dir, Faults: []sim.Fault{{Op: "EnsureNetwork", Nth: 2, Blind: true}}})
	var o cloud.Observation
	for range 3 {
		var err error
		o, err = s.EnsureNetwork(t.Context(), home, network)
		must(t, err)
	}
	if len(o.Issues) != 1 || o.Issues[0].Code != "Duplicate" {
		t.Fatalf("issues %+v", o.Issues)
	}
	if l := ledger(t, dir); len(l.Twice()) != 1 || len(l.Live()) != 2 || l.Twice()[0].First.ID != o.ID {
		t.Fatalf("twice %+v, live %+v, observed %s", l.Twice(), l.Live(), o.ID)
	}
	must(t, s.DeleteNetwork(t.Context(), home, "n", network.Owner))
	if l := ledger(t, dir); len(l.Live()) != 0 {
		t.Fatalf("left %+v", l.Live())
	}
}

func TestStuckAndDegraded(t *testing.T) {
	c := newClock()
	s := open(t, sim.Options{Dir: t.TempDir(), Now: c.Now, Speed: 1})
	must(t, s.Inject(
		sim.Fault{Op: "EnsureNetwork", Match: "stuck", Stuck: true},
		sim.Fault{Op: "ObserveNetwork", Match: "weak", Degraded: true, Class: cloud.Capacity, Code: "Weak"},
	))
	weak, stuck := network, network
	weak.Name, stuck.Name = "weak", "stuck"
	_, err := s.EnsureNetwork(t.Context(), home, weak)
	must(t, err)
	_, err = s.EnsureNetwork(t.Context(), home, stuck)
	must(t, err)
	c.move(1000 * time.Hour)
	if o, err := s.ObserveNetwork(t.Context(), home, "stuck"); err != nil || o.Phase != cloud.Creating {
		t.Fatal(o, err)
	}
	for _, want := range []cloud.Phase{cloud.Degraded, cloud.Ready} {
		if o, err := s.ObserveNetwork(t.Context(), home, "weak"); err != nil || o.Phase != want {
			t.Fatal(o, err)
		}
	}
	must(t, s.DeleteNetwork(t.Context(), home, "stuck", network.Owner))
	c.move(time.Hour)
	if o, err := s.ObserveNetwork(t.Context(), home, "stuck"); err != nil || o.Phase != cloud.Absent {
		t.Fatal(o, err)
	}
}

func TestFaultsFile(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	s := open(t, sim.Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	path := filepath.Join(dir, "faults.json")
	check := func(want cloud.Class) {
		t.Helper()
		if err := s.Check(t.Context(), home.Account); cloud.ClassOf(err) != want {
			t.Fatalf("%v, want %q", err, want)
		}
	}
	check("")
	must(t, os.WriteFile(path, []byte(`[{"op":"Check","match":"1111","times":-1,"class":"denied","retry_after":"30s"}]`), 0o644))
	check(cloud.Denied)
	var e *cloud.Error
	if err := s.Check(t.Context(), home.Account); !errors.As(err, &e) || e.RetryAfter != 30*time.Second {
		t.Fatalf("%+v", err)
	}
	must(t, os.WriteFile(path, []byte(`[{"op":"Chekc"}]`), 0o644))
	check(cloud.Denied)
	check(cloud.Denied)
	if n := strings.Count(log.String(), "cannot be read"); n != 1 {
		t.Fatalf("logged %d times: %s", n, log.String())
	}
	must(t, os.Remove(path))
	check("")
}

func TestFaultsMustMakeSense(t *testing.T) {
	s := open(t, sim.Options{Dir: t.TempDir()})
	for _, f := range []sim.Fault{{Op: "Nothing"}, {Class: "bad"}, {After: true, Stuck: true}} {
		if s.Inject(f) == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}

func TestQuotaOfClusters(t *testing.T) {
	s := open(t, sim.Options{Dir: t.TempDir(), Quota: sim.Quota{Clusters: 1, Networks: 1}})
	dataplane(t, s)
	second, third := cluster, network
	second.Name, third.Name = "c2", "n2"
	if _, err := s.EnsureCluster(t.Context(), home, second); cloud.ClassOf(err) != cloud.Quota {
		t.Fatal(err)
	}
	if _, err := s.EnsureNetwork(t.Context(), home, third); cloud.ClassOf(err) != cloud.Quota {
		t.Fatal(err)
	}
}

func TestGrowthIsWithinTheQuota(t *testing.T) {
	s := open(t, sim.Options{Dir: t.TempDir(), Quota: sim.Quota{Nodes: 5}})
	dataplane(t, s)
	grown := pool
	grown.Min, grown.Max = 6, 6
	if _, err := s.EnsurePool(t.Context(), home, grown); cloud.ClassOf(err) != cloud.Quota {
		t.Fatal(err)
	}
}
