package tenant_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

func tenantSpec() tenant.Spec {
	return tenant.Spec{
		Namespace: "acme--prod", Customer: "acme", Tenant: "prod", Owner: "01HA", Plan: "small", Revision: 7,
		Quota:      tenant.Quota{CPU: "2", Memory: "4Gi", Storage: "10Gi", Pods: 20},
		DefaultCPU: "100m", DefaultMemory: "128Mi",
		Isolation: true, EgressDeny: true, AllowNamespaces: []string{"monitoring", "ingress"},
	}
}

func stayOf(s tenant.Spec) tenant.Stay {
	return tenant.Stay{Namespace: s.Namespace, Owner: s.Owner, Name: s.Stay, Revision: s.Revision}
}

func ensure(t *testing.T, m kube.API, spec tenant.Spec) int {
	t.Helper()
	n, err := tenant.Ensure(t.Context(), m, spec)
	kubetest.Must(t, err)
	return n
}

func policies(t *testing.T, m kube.API) (names []string) {
	t.Helper()
	found, err := m.List(t.Context(), kube.Selector{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: "acme--prod"})
	kubetest.Must(t, err)
	for _, o := range found {
		names = append(names, strings.TrimPrefix(o.Name(), "aerie-"))
	}
	return names
}

func TestTenant(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	if n := ensure(t, m, spec); n != len(tenant.Objects(spec)) {
		t.Fatalf("%d changed", n)
	}
	spec.AllowNamespaces = []string{"ingress", "monitoring"}
	if n := ensure(t, m, spec); n != 0 {
		t.Fatalf("%d changed the second time", n)
	}
	if got := strings.Join(policies(t, m), " "); got != "allow-dns allow-listed allow-own default-deny" {
		t.Fatal(got)
	}
	spec.EgressDeny = false
	ensure(t, m, spec)
	if got := strings.Join(policies(t, m), " "); got != "allow-listed allow-own default-deny" {
		t.Fatal(got)
	}
	spec.Isolation, spec.Quota = false, tenant.Quota{}
	if n := ensure(t, m, spec); n != 4 || len(policies(t, m)) != 0 {
		t.Fatalf("%d changed, left %v", n, policies(t, m))
	}
	kubetest.Must(t, tenant.Delete(t.Context(), m, stayOf(spec)))
	kubetest.Must(t, tenant.Delete(t.Context(), m, stayOf(spec)))
}

func TestTenantObjectsAreMarked(t *testing.T) {
	for _, o := range tenant.Objects(tenantSpec()) {
		l := o.Labels()
		if l[kube.LabelManagedBy] != "aerie" || l[kube.LabelOwner] != "01HA" || l[kube.LabelPlan] != "small" || o.Annotations()[kube.AnnotationRevision] != "7" {
			t.Errorf("%s: %v %v", o.Key(), l, o.Annotations())
		}
	}
	if tenant.Objects(tenantSpec())[0].Labels()["pod-security.kubernetes.io/enforce"] != "baseline" {
		t.Error("no pod security")
	}
}

// An Egress policy closes all that none allows: without EgressDeny there must be none of that type.
func TestOpenEgressHasNoEgressPolicy(t *testing.T) {
	spec := tenantSpec()
	spec.EgressDeny = false
	for _, o := range tenant.Objects(spec) {
		if s, _ := o["spec"].(map[string]any); o.Kind() == "NetworkPolicy" && len(s["policyTypes"].([]any)) != 1 {
			t.Errorf("%s: %v", o.Key(), s["policyTypes"])
		}
	}
}

func TestAnothersNamespaceIsNotTouched(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	ensure(t, m, spec)
	spec.Owner = "01HB"
	_, err := tenant.Ensure(t.Context(), m, spec)
	kubetest.Is(t, kube.Conflict, err)
	kubetest.Is(t, kube.Conflict, tenant.Delete(t.Context(), m, stayOf(spec)))
	if n := ensure(t, m, tenantSpec()); n != 0 {
		t.Fatalf("%d were touched", n)
	}
	older := tenantSpec()
	older.Revision--
	_, err = tenant.Ensure(t.Context(), m, older)
	kubetest.Is(t, kube.Conflict, err)
}

func TestTerminatingNamespaceIsWaitedFor(t *testing.T) {
	ns := kubetest.Named("v1", "Namespace", "", "acme--prod")
	ns["status"] = map[string]any{"phase": "Terminating"}
	_, err := tenant.Ensure(t.Context(), kubetest.Store(t, ns), tenantSpec())
	kubetest.Is(t, kube.Unavailable, err)
}

func TestWrongTenantIsInvalid(t *testing.T) {
	for _, change := range []func(*tenant.Spec){
		func(s *tenant.Spec) { s.Namespace = "A" },
		func(s *tenant.Spec) { s.Owner = "" },
		func(s *tenant.Spec) { s.Customer = "a/b" },
	} {
		spec := tenantSpec()
		change(&spec)
		_, err := tenant.Ensure(t.Context(), kubetest.Store(t), spec)
		kubetest.Is(t, kube.Invalid, err)
	}
}

func TestBase(t *testing.T) {
	m := kubetest.Store(t)
	for _, want := range []bool{true, false} {
		if changed, err := tenant.EnsureBase(t.Context(), m, "-/dataplane/eu/1"); err != nil || changed != want {
			t.Fatal(changed, err)
		}
	}
	_, err := tenant.EnsureBase(t.Context(), m, "-/dataplane/eu/2")
	kubetest.Is(t, kube.Conflict, err)
}

func TestEgressRanges(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	spec.AllowRanges = []string{"203.0.113.0/24", "198.51.100.0/24"}
	ensure(t, m, spec)
	o, err := m.Get(t.Context(), "networking.k8s.io/v1", "NetworkPolicy", "acme--prod", "aerie-allow-ranges")
	kubetest.Must(t, err)
	got := fmt.Sprint(o["spec"])
	want := "map[egress:[map[to:[map[ipBlock:map[cidr:198.51.100.0/24]] map[ipBlock:map[cidr:203.0.113.0/24]]]]] podSelector:map[] policyTypes:[Egress]]"
	if got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	spec.EgressDeny = false
	ensure(t, m, spec)
	if got := strings.Join(policies(t, m), " "); got != "allow-listed allow-own default-deny" {
		t.Fatal(got)
	}
}

// What is older comes late: none of the newer objects is overwritten, whichever was reached.
func TestOlderObjectsNeverWin(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	ensure(t, m, spec)
	for _, o := range tenant.Objects(spec) {
		if o.Kind() == "Namespace" {
			continue
		}
		newer := spec
		newer.Revision = 9
		for _, n := range tenant.Objects(newer) {
			if n.Key() == o.Key() {
				_, err := m.Apply(t.Context(), n)
				kubetest.Must(t, err)
			}
		}
	}
	_, err := tenant.Ensure(t.Context(), m, spec)
	kubetest.Is(t, kube.Conflict, err)
}

// peers are the namespaces that a policy lets in, in words.
func peers(t *testing.T, spec tenant.Spec, policy string) (all []string) {
	t.Helper()
	for _, o := range tenant.Objects(spec) {
		if o.Kind() != "NetworkPolicy" || o.Name() != policy {
			continue
		}
		for _, rule := range o["spec"].(map[string]any)["ingress"].([]any) {
			for _, from := range rule.(map[string]any)["from"].([]any) {
				words := ""
				for _, e := range from.(map[string]any)["namespaceSelector"].(map[string]any)["matchExpressions"].([]any) {
					x := e.(map[string]any)
					words += fmt.Sprint(x["key"], " ", x["operator"], " ", x["values"], "; ")
				}
				all = append(all, words)
			}
		}
	}
	return all
}

// No cell gets into another: what a tenant allows is let in if it is of its own cell, or of none; and where tenants are not
// kept apart, cells are.
func TestNoCellGetsIntoAnother(t *testing.T) {
	spec := tenantSpec()
	spec.AllowNamespaces, spec.Cell = []string{"ops", "bolt--prod"}, "pg_c1"
	names := "kubernetes.io/metadata.name In [bolt--prod ops]; "
	want := []string{names + "aerie.io/cell In [pg_c1]; ", names + "aerie.io/cell DoesNotExist <nil>; "}
	if got := peers(t, spec, "aerie-allow-listed"); !slices.Equal(got, want) {
		t.Errorf("listed are let in %q, want %q", got, want)
	}
	if ns := tenant.Objects(spec)[0]; ns.Labels()[kube.LabelCell] != "pg_c1" {
		t.Errorf("the namespace is labelled %v", ns.Labels())
	}
	spec.Isolation = false
	want = []string{"aerie.io/cell In [pg_c1]; ", "aerie.io/cell DoesNotExist <nil>; "}
	if got := peers(t, spec, "aerie-allow-cell"); !slices.Equal(got, want) {
		t.Errorf("without isolation are let in %q, want %q", got, want)
	}
	m := kubetest.Store(t)
	ensure(t, m, spec)
	if got := strings.Join(policies(t, m), " "); got != "allow-cell" {
		t.Error(got)
	}
	spec.Cell = ""
	ensure(t, m, spec)
	if got := policies(t, m); len(got) > 0 {
		t.Errorf("out of all cells it has %v", got)
	}
}
