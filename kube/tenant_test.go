package kube_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/kube"
)

func tenant() kube.TenantSpec {
	return kube.TenantSpec{
		Namespace: "acme--prod", Customer: "acme", Tenant: "prod", Owner: "01HA", Plan: "small", Revision: 7,
		Quota:      kube.Quota{CPU: "2", Memory: "4Gi", Storage: "10Gi", Pods: 20},
		DefaultCPU: "100m", DefaultMemory: "128Mi",
		Isolation: true, EgressDeny: true, AllowNamespaces: []string{"monitoring", "ingress"},
	}
}

func ensure(t *testing.T, m kube.API, spec kube.TenantSpec) int {
	t.Helper()
	n, err := kube.EnsureTenant(t.Context(), m, spec)
	must(t, err)
	return n
}

func policies(t *testing.T, m kube.API) (names []string) {
	t.Helper()
	found, err := m.List(t.Context(), kube.Selector{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: "acme--prod"})
	must(t, err)
	for _, o := range found {
		names = append(names, strings.TrimPrefix(o.Name(), "aerie-"))
	}
	return names
}

func TestTenant(t *testing.T) {
	m, spec := memory(t), tenant()
	if n := ensure(t, m, spec); n != len(kube.TenantObjects(spec)) {
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
	spec.Isolation, spec.Quota = false, kube.Quota{}
	if n := ensure(t, m, spec); n != 4 || len(policies(t, m)) != 0 {
		t.Fatalf("%d changed, left %v", n, policies(t, m))
	}
	must(t, kube.DeleteTenant(t.Context(), m, spec.Namespace, spec.Owner))
	must(t, kube.DeleteTenant(t.Context(), m, spec.Namespace, spec.Owner))
}

func TestTenantObjectsAreMarked(t *testing.T) {
	for _, o := range kube.TenantObjects(tenant()) {
		l := o.Labels()
		if l[kube.LabelManagedBy] != "aerie" || l[kube.LabelOwner] != "01HA" || l[kube.LabelPlan] != "small" || o.Annotations()[kube.AnnotationRevision] != "7" {
			t.Errorf("%s: %v %v", o.Key(), l, o.Annotations())
		}
	}
	if kube.TenantObjects(tenant())[0].Labels()["pod-security.kubernetes.io/enforce"] != "baseline" {
		t.Error("no pod security")
	}
}

// An Egress policy closes all that none allows: without EgressDeny there must be none of that type.
func TestOpenEgressHasNoEgressPolicy(t *testing.T) {
	spec := tenant()
	spec.EgressDeny = false
	for _, o := range kube.TenantObjects(spec) {
		if s, _ := o["spec"].(map[string]any); o.Kind() == "NetworkPolicy" && len(s["policyTypes"].([]any)) != 1 {
			t.Errorf("%s: %v", o.Key(), s["policyTypes"])
		}
	}
}

func TestAnothersNamespaceIsNotTouched(t *testing.T) {
	m, spec := memory(t), tenant()
	ensure(t, m, spec)
	spec.Owner = "01HB"
	_, err := kube.EnsureTenant(t.Context(), m, spec)
	is(t, kube.Conflict, err)
	is(t, kube.Conflict, kube.DeleteTenant(t.Context(), m, spec.Namespace, spec.Owner))
	if n := ensure(t, m, tenant()); n != 0 {
		t.Fatalf("%d were touched", n)
	}
	older := tenant()
	older.Revision--
	_, err = kube.EnsureTenant(t.Context(), m, older)
	is(t, kube.Conflict, err)
}

func TestTerminatingNamespaceIsWaitedFor(t *testing.T) {
	ns := object("v1", "Namespace", "", "acme--prod")
	ns["status"] = map[string]any{"phase": "Terminating"}
	_, err := kube.EnsureTenant(t.Context(), memory(t, ns), tenant())
	is(t, kube.Unavailable, err)
}

func TestWrongTenantIsInvalid(t *testing.T) {
	for _, change := range []func(*kube.TenantSpec){
		func(s *kube.TenantSpec) { s.Namespace = "A" },
		func(s *kube.TenantSpec) { s.Owner = "" },
		func(s *kube.TenantSpec) { s.Customer = "a/b" },
	} {
		spec := tenant()
		change(&spec)
		_, err := kube.EnsureTenant(t.Context(), memory(t), spec)
		is(t, kube.Invalid, err)
	}
}

func TestBase(t *testing.T) {
	m := memory(t)
	for _, want := range []bool{true, false} {
		if changed, err := kube.EnsureBase(t.Context(), m, "-/dataplane/eu/1"); err != nil || changed != want {
			t.Fatal(changed, err)
		}
	}
	_, err := kube.EnsureBase(t.Context(), m, "-/dataplane/eu/2")
	is(t, kube.Conflict, err)
}

func TestEgressRanges(t *testing.T) {
	m, spec := memory(t), tenant()
	spec.AllowRanges = []string{"203.0.113.0/24", "198.51.100.0/24"}
	ensure(t, m, spec)
	o, err := m.Get(t.Context(), "networking.k8s.io/v1", "NetworkPolicy", "acme--prod", "aerie-allow-ranges")
	must(t, err)
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
	m, spec := memory(t), tenant()
	ensure(t, m, spec)
	for _, o := range kube.TenantObjects(spec) {
		if o.Kind() == "Namespace" {
			continue
		}
		newer := spec
		newer.Revision = 9
		for _, n := range kube.TenantObjects(newer) {
			if n.Key() == o.Key() {
				_, err := m.Apply(t.Context(), n)
				must(t, err)
			}
		}
	}
	_, err := kube.EnsureTenant(t.Context(), m, spec)
	is(t, kube.Conflict, err)
}
