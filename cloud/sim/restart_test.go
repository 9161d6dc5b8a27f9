package sim_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	"github.com/aeriehq/aerie/cloud/sim"
)

var acmeProd = tenant.Spec{Namespace: "acme--prod", Customer: "acme", Tenant: "prod", Owner: "01HT", Isolation: true}

// life makes a dataplane and a tenant in it. It may be called again on whatever an earlier call has left.
func life(t testing.TB, s *sim.Sim) {
	t.Helper()
	dataplane(t, s)
	api, err := s.Kube(t.Context(), home, "c")
	must(t, err)
	_, err = tenant.EnsureBase(t.Context(), api, network.Owner)
	must(t, err)
	_, err = tenant.Ensure(t.Context(), api, acmeProd)
	must(t, err)
}

func TestRestartSeesAll(t *testing.T) {
	o := sim.Options{Dir: t.TempDir()}
	s := open(t, o)
	life(t, s)
	before := ledger(t, o.Dir)
	must(t, s.Close())
	if _, err := s.ObserveNetwork(t.Context(), home, "n"); cloud.ClassOf(err) != cloud.Retryable {
		t.Fatalf("after Close: %v", err)
	}
	s = open(t, o)
	api, err := s.Kube(t.Context(), home, "c")
	must(t, err)
	if n, err := tenant.Ensure(t.Context(), api, acmeProd); err != nil || n != 0 {
		t.Fatalf("%d objects changed: %v", n, err)
	}
	if got, want := len(before.Objects("c")), len(tenant.Objects(acmeProd))+5; got != want {
		t.Fatalf("%d objects in the ledger, want %d", got, want)
	}
	must(t, s.DeletePool(t.Context(), home, "c", "p", pool.Owner))
	must(t, s.DeleteCluster(t.Context(), home, "c", pool.Owner))
	if _, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Namespace"}); kube.CodeOf(err) != kube.Unavailable {
		t.Fatalf("API of a cluster that is gone: %v", err)
	}
	if l := ledger(t, o.Dir); len(l.Live()) != 1 || len(l.Objects("c")) != 0 {
		t.Fatalf("left %+v", l.Live())
	}
}

// TestKilledAnywhere cuts the journal at every line and at random bytes, as a kill does, and lives on.
func TestKilledAnywhere(t *testing.T) {
	whole := sim.Options{Dir: t.TempDir()}
	s := open(t, whole)
	life(t, s)
	api, err := s.Kube(t.Context(), home, "c")
	must(t, err)
	must(t, tenant.Delete(t.Context(), api, tenant.Stay{Namespace: acmeProd.Namespace, Owner: acmeProd.Owner, Revision: acmeProd.Revision}))
	must(t, s.Close())
	data, err := os.ReadFile(filepath.Join(whole.Dir, "ledger.jsonl"))
	must(t, err)
	for _, cut := range cuts(data) {
		o := sim.Options{Dir: t.TempDir()}
		must(t, os.WriteFile(filepath.Join(o.Dir, "ledger.jsonl"), data[:cut], 0o644))
		effectsHaveCalls(t, o.Dir)
		s := open(t, o)
		life(t, s)
		l := ledger(t, o.Dir)
		if len(l.Twice()) != 0 || len(l.Live()) != 3 || len(l.Resources) != 3 {
			t.Fatalf("cut at %d: twice %v, live %v", cut, l.Twice(), l.Live())
		}
		if got, want := len(l.Objects("c")), len(tenant.Objects(acmeProd))+5; got != want {
			t.Fatalf("cut at %d: %d objects, want %d", cut, got, want)
		}
		must(t, s.Close())
	}
}

func cuts(data []byte) []int {
	at := []int{0}
	for i, b := range data {
		if b == '\n' {
			at = append(at, i+1)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		at = append(at, r.IntN(len(data)))
	}
	return at
}

func effectsHaveCalls(t *testing.T, dir string) {
	t.Helper()
	l := ledger(t, dir)
	called := map[int64]bool{}
	for _, c := range l.Calls {
		called[c.N] = true
	}
	for _, r := range l.Resources {
		if !called[r.Made] || r.Deleted != 0 && !called[r.Deleted] {
			t.Fatalf("%+v without its call", r)
		}
	}
}

func TestDamagedJournalIsRefused(t *testing.T) {
	o := sim.Options{Dir: t.TempDir()}
	s := open(t, o)
	dataplane(t, s)
	must(t, s.Close())
	path := filepath.Join(o.Dir, "ledger.jsonl")
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, bytes.Replace(data, []byte(`{"n":2`), []byte(`{"n":`), 1), 0o644))
	if _, err := sim.Open(o); err == nil {
		t.Fatal("opened")
	}
}

func TestLedgerTellsCallersAndOutcomes(t *testing.T) {
	o := sim.Options{Dir: t.TempDir(), Faults: []sim.Fault{{Op: "EnsureNetwork", After: true, Code: "Lost"}}}
	s := open(t, o)
	byoa := home
	byoa.Account.Role = "role/aerie"
	_, err := s.EnsureNetwork(t.Context(), byoa, network)
	if cloud.ClassOf(err) != cloud.Retryable {
		t.Fatal(err)
	}
	_, err = s.EnsureNetwork(t.Context(), byoa, network)
	must(t, err)
	l := ledger(t, o.Dir)
	if len(l.Calls) != 2 || len(l.Resources) != 1 {
		t.Fatalf("%+v", l)
	}
	lost, found := l.Calls[0], l.Calls[1]
	if lost.Caller != "role/aerie" || lost.Outcome.Code != "Lost" || found.Outcome.Phase != "ready" || l.Resources[0].Made != lost.N {
		t.Fatalf("%+v %+v", lost, found)
	}
}

func TestFaultOnTheClustersAPI(t *testing.T) {
	dir := t.TempDir()
	s := open(t, sim.Options{Dir: dir, Faults: []sim.Fault{
		{Op: "Apply", Match: "aerie-system", After: true}, {Op: "Get", Nth: 3, Class: cloud.Denied},
	}})
	dataplane(t, s)
	api, err := s.Kube(t.Context(), home, "c")
	must(t, err)
	for _, want := range []kube.Code{kube.Unavailable, kube.Forbidden, ""} {
		if _, err := tenant.EnsureBase(t.Context(), api, "me"); kube.CodeOf(err) != want {
			t.Fatalf("%v, want %q", err, want)
		}
	}
	if _, err := s.Kube(t.Context(), home, "none"); cloud.ClassOf(err) != cloud.NotFound {
		t.Fatal(err)
	}
	_, err = api.Apply(t.Context(), tenant.Objects(acmeProd)[0])
	must(t, err)
	var told []string
	for _, c := range ledger(t, dir).Calls {
		if c.Op == "Apply" {
			told = append(told, c.Name+":"+c.Outcome.Class)
		}
	}
	if want := []string{"Namespace aerie-system:retryable", "ClusterRole aerie:installer:",
		"MutatingAdmissionPolicy aerie-landing:", "MutatingAdmissionPolicyBinding aerie-landing:", "PriorityClass aerie-placeholder:", "Namespace acme--prod:"}; !slices.Equal(told, want) {
		t.Fatalf("the ledger tells of %q, want %q", told, want)
	}
}
