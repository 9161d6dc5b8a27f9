package sim_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	"github.com/aeriehq/aerie/cloud/sim"
)

func TestByHand(t *testing.T) {
	rows := []struct {
		name string
		hand sim.ManualChange
		n    int
		look func(*testing.T, *sim.Sim)
	}{
		{"a pool is deleted", sim.ManualChange{Delete: "pool", Match: "dataplane/eu/"}, 1, func(t *testing.T, s *sim.Sim) { phases(t, s, cloud.Ready, cloud.Ready, cloud.Absent) }},
		{"a cluster is deleted with its pools", sim.ManualChange{Delete: "cluster"}, 1, func(t *testing.T, s *sim.Sim) { phases(t, s, cloud.Ready, cloud.Absent, cloud.Absent) }},
		{"a network is deleted with all in it", sim.ManualChange{Delete: "network", Match: "n"}, 1, func(t *testing.T, s *sim.Sim) { phases(t, s, cloud.Absent, cloud.Absent, cloud.Absent) }},
		{"nothing matches", sim.ManualChange{Delete: "network", Match: "other"}, 0, func(t *testing.T, s *sim.Sim) { phases(t, s, cloud.Ready, cloud.Ready, cloud.Ready) }},
		{"a pool is changed", sim.ManualChange{Change: "pool", Set: json.RawMessage(`{"max":9}`)}, 1, func(t *testing.T, s *sim.Sim) {
			if o, err := s.ObservePool(t.Context(), home, "c", "p"); err != nil || o.Pool.Max != 9 || o.Pool.Min != pool.Min {
				t.Errorf("%+v, %v", o.Pool, err)
			}
		}},
		{"a cluster is changed", sim.ManualChange{Change: "cluster", Set: json.RawMessage(`{"version":"1.36"}`)}, 1, func(t *testing.T, s *sim.Sim) {
			if o, err := s.ObserveCluster(t.Context(), home, "c"); err != nil || o.Version != "1.36" {
				t.Errorf("%+v, %v", o, err)
			}
		}},
		{"an object is changed", sim.ManualChange{Change: "object", Match: "Namespace aerie-system", Set: json.RawMessage(`{"metadata":{"labels":{"x":"y"}}}`)}, 1, func(t *testing.T, s *sim.Sim) {
			if o := system(t, s); o == nil || o.Labels()["x"] != "y" || o.Labels()[kube.LabelManagedBy] != "aerie" {
				t.Errorf("%v", o)
			}
		}},
		{"an object is deleted", sim.ManualChange{Delete: "object", Match: "aerie-system"}, 1, func(t *testing.T, s *sim.Sim) {
			if o := system(t, s); o != nil {
				t.Errorf("%v", o)
			}
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o := sim.Options{Dir: t.TempDir(), Logger: quiet}
			s := furnished(t, o)
			if n, err := s.ByHand(row.hand); err != nil || n != row.n {
				t.Fatalf("%d things, %v", n, err)
			}
			row.look(t, s)
			must(t, s.Close())
			row.look(t, open(t, o)) // it lasts
			if l := ledger(t, o.Dir); len(l.Twice()) > 0 || row.n > 0 && l.Calls[len(l.Calls)-1].Op == "" {
				t.Errorf("%+v", l)
			}
		})
	}
}

func furnished(t *testing.T, o sim.Options) *sim.Sim {
	t.Helper()
	s := open(t, o)
	dataplane(t, s)
	api, err := s.Kube(t.Context(), home, "c")
	must(t, err)
	_, err = tenant.EnsureBase(t.Context(), api, "me")
	must(t, err)
	return s
}

func phases(t *testing.T, s *sim.Sim, network, cluster, pool cloud.Phase) {
	t.Helper()
	n, err := s.ObserveNetwork(t.Context(), home, "n")
	must(t, err)
	c, err := s.ObserveCluster(t.Context(), home, "c")
	must(t, err)
	p, err := s.ObservePool(t.Context(), home, "c", "p")
	must(t, err)
	if n.Phase != network || c.Phase != cluster || p.Phase != pool {
		t.Errorf("network %s, cluster %s, pool %s", n.Phase, c.Phase, p.Phase)
	}
}

func system(t *testing.T, s *sim.Sim) kube.Object {
	t.Helper()
	api, err := s.Kube(t.Context(), home, "c")
	must(t, err)
	o, err := api.Get(t.Context(), "v1", "Namespace", "", kube.SystemNamespace)
	if kube.CodeOf(err) == kube.NotFound {
		return nil
	}
	must(t, err)
	return o
}

func TestHandsMustMakeSense(t *testing.T) {
	s := furnished(t, sim.Options{Dir: t.TempDir(), Logger: quiet})
	for _, h := range []sim.ManualChange{{}, {Delete: "account"}, {Delete: "pool", Change: "pool"}, {Change: "pool"}, {Delete: "pool", Set: json.RawMessage(`{}`)},
		{Change: "pool", Set: json.RawMessage(`{"colour":"red"}`)}, {Change: "pool", Set: json.RawMessage(`{"zones":[]}`)}, {Change: "network", Set: json.RawMessage(`{"name":"x"}`)}, {Change: "object", Set: json.RawMessage(`[`)}} {
		if n, err := s.ByHand(h); err == nil {
			t.Errorf("%+v was done to %d things", h, n)
		}
	}
	phases(t, s, cloud.Ready, cloud.Ready, cloud.Ready)
}

// What stands in the file is done once, at the next call; a broken file is left as it is.
func TestHandsFile(t *testing.T) {
	dir := t.TempDir()
	s := furnished(t, sim.Options{Dir: dir, Logger: quiet})
	path := filepath.Join(dir, "by-hand.json")
	must(t, os.WriteFile(path, []byte(`[{"delet":"pool"}]`), 0o644))
	phases(t, s, cloud.Ready, cloud.Ready, cloud.Ready)
	must(t, os.WriteFile(path, []byte(`[{"delete":"pool"}]`), 0o644))
	phases(t, s, cloud.Ready, cloud.Ready, cloud.Absent)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	_, err := s.EnsurePool(t.Context(), home, pool)
	must(t, err)
	phases(t, s, cloud.Ready, cloud.Ready, cloud.Ready)
}
