package tenant_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

const programsAt = "acme--prod--move"

func programs() tenant.Programs {
	return tenant.Programs{Egress: []string{"198.51.100.0/24"}, Ingress: []string{"203.0.113.0/24"}, Secrets: []string{"db"}}
}

// Programs run beside their tenant: nothing that bounds the tenant counts them, nothing that the tenant makes is taken for one of
// them, and what was made for them goes at the move's end.
func TestProgramsOfAMove(t *testing.T) {
	for calls := range 30 { // whoever does it dies after so many calls, and is asked again
		m, spec := kubetest.Store(t), tenantSpec()
		spec.Stay = "s1"
		ensure(t, m, spec)
		secret := kubetest.Object("v1", "Secret", spec.Namespace, "db", map[string]any{"type": "example.test/db", "data": map[string]any{"key": "dmFsdWU="}})
		_, err := m.Apply(t.Context(), secret)
		kubetest.Must(t, err)
		had := len(m.All())
		spec.Revision++
		kubetest.Must(t, tenant.Close(t.Context(), m, spec))
		spec.Closed = true
		_ = tenant.Allow(t.Context(), &kubetest.Dying{API: m, Left: calls}, spec, programs())
		kubetest.Must(t, tenant.Allow(t.Context(), m, spec, programs()))
		kubetest.Must(t, tenant.StandBy(t.Context(), m, spec))
		kubetest.Must(t, tenant.Close(t.Context(), m, spec)) // what lets the programs in is no reason not to be closed
		checkPrograms(t, m, spec)
		late := spec
		late.Revision--
		if err := tenant.Allow(t.Context(), m, late, programs()); kube.CodeOf(err) != kube.Conflict {
			t.Fatalf("a late call: %v", err)
		}
		spec.Revision++
		spec.Closed = false
		_, err = tenant.Open(t.Context(), m, spec)
		kubetest.Must(t, err)
		kubetest.Must(t, tenant.EndMove(t.Context(), m, late))
		if there, err := kube.Find(t.Context(), m, kube.NamespaceKey(programsAt)); err != nil || there == nil {
			t.Fatalf("a late end has taken away the programs: %v", err)
		}
		_ = tenant.EndMove(t.Context(), &kubetest.Dying{API: m, Left: calls}, spec)
		kubetest.Must(t, tenant.EndMove(t.Context(), m, spec))
		if now := len(m.All()); now != had {
			t.Fatalf("%d objects are there, %d were", now, had)
		}
	}
}

// checkPrograms looks at what programs are given, and what they reach.
func checkPrograms(t *testing.T, m *memory.Store, spec tenant.Spec) {
	t.Helper()
	var egress []string
	for _, namespace := range []string{spec.Namespace, programsAt} {
		all, err := m.List(t.Context(), kube.Selector{APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy", Namespace: namespace})
		kubetest.Must(t, err)
		for _, o := range all {
			if got := kube.MapOf(kube.MapOf(o["spec"])["podSelector"]); len(got) > 0 {
				t.Errorf("%s in %s picks pods by labels, %v, which the tenant's may wear", o.Name(), namespace, got)
			}
			if strings.Contains(fmt.Sprint(kube.MapOf(o["spec"])["egress"]), "198.51.100.0/24") {
				egress = append(egress, namespace)
			}
		}
	}
	if fmt.Sprint(egress) != "["+programsAt+"]" {
		t.Errorf("what programs may reach is open to pods in %v", egress)
	}
	quotas, err := m.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "ResourceQuota", Namespace: programsAt})
	if err != nil || len(quotas) > 0 {
		t.Errorf("programs are counted by %v: %v", quotas, err)
	}
	limits, err := m.Get(t.Context(), "v1", "LimitRange", programsAt, "aerie-limits")
	kubetest.Must(t, err)
	if got := fmt.Sprint(kube.MapsOf(kube.MapOf(limits["spec"])["limits"])[0]["default"]); got != "map[cpu:100m memory:128Mi]" {
		t.Errorf("a program is bounded by %s", got)
	}
	given, err := m.Get(t.Context(), "v1", "Secret", programsAt, "db")
	kubetest.Must(t, err)
	if got := fmt.Sprint(given["type"], given["data"]); got != "<nil> map[key:dmFsdWU=]" {
		t.Errorf("programs are given %s", got)
	}
	if got := lets(t, m, spec.Namespace); got != "aerie-allow-own aerie-move-ingress" {
		t.Errorf("closed, it lets in by %q", got)
	}
	in, err := m.Get(t.Context(), kube.NetworkingAPI, "NetworkPolicy", spec.Namespace, "aerie-move-ingress")
	kubetest.Must(t, err)
	if got := fmt.Sprint(kube.MapOf(in["spec"])["ingress"]); !strings.Contains(got, programsAt) || !strings.Contains(got, "203.0.113.0/24") {
		t.Errorf("closed, it lets in %s", got)
	}
}

// A Secret that a program names and that is not there is waited for.
func TestAProgramWaitsForItsSecret(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	ensure(t, m, spec)
	if err := tenant.Allow(t.Context(), m, spec, programs()); kube.CodeOf(err) != kube.Unready || !strings.Contains(err.Error(), "Secret acme--prod/db") {
		t.Fatal(err)
	}
}

// Programs that are stopped are gone with all that they were given, and a call of before begins none again.
func TestStoppedPrograms(t *testing.T) {
	for calls := range 30 {
		m, spec := kubetest.Store(t), tenantSpec()
		ensure(t, m, spec)
		spec.Closed = true
		kubetest.Must(t, tenant.Close(t.Context(), m, spec))
		if had, err := tenant.HadPrograms(t.Context(), m, spec); had || err != nil {
			t.Fatal("none was asked for:", had, err)
		}
		p := programs()
		p.Secrets = nil
		before := spec
		_ = tenant.Allow(t.Context(), &kubetest.Dying{API: m, Left: calls}, spec, p)
		if had, err := tenant.HadPrograms(t.Context(), m, spec); had != (calls > 0) || err != nil {
			t.Fatalf("after %d calls some were asked for: %t, %v", calls, had, err)
		}
		spec.Revision++
		_ = tenant.StopPrograms(t.Context(), &kubetest.Dying{API: m, Left: calls}, spec)
		kubetest.Must(t, tenant.StopPrograms(t.Context(), m, spec))
		if err := tenant.Close(t.Context(), m, before); kube.CodeOf(err) != kube.Conflict {
			t.Fatalf("a late call closes it: %v", err)
		}
		if err := tenant.Allow(t.Context(), m, before, p); kube.CodeOf(err) != kube.Conflict {
			t.Fatalf("a late call: %v", err)
		}
		if _, err := m.Get(t.Context(), "v1", "Namespace", "", programsAt); kube.CodeOf(err) != kube.NotFound {
			t.Fatal("their namespace is left:", err)
		}
	}
}

// With a stay the namespace of its programs goes, and not that of another's.
func TestProgramsGoWithTheirStay(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	spec.Stay = "s1"
	ensure(t, m, spec)
	p := programs()
	p.Secrets = nil
	kubetest.Must(t, tenant.Allow(t.Context(), m, spec, p))
	other := stayOf(spec)
	other.Name = "s2"
	if err := tenant.Delete(t.Context(), m, other); err == nil {
		t.Fatal("another stay is deleted")
	}
	_, err := m.Get(t.Context(), "v1", "Namespace", "", programsAt)
	kubetest.Must(t, err)
	kubetest.Must(t, tenant.Delete(t.Context(), m, stayOf(spec)))
	for _, name := range []string{spec.Namespace, programsAt} {
		if _, err := m.Get(t.Context(), "v1", "Namespace", "", name); kube.CodeOf(err) != kube.NotFound {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	long := strings.Repeat("a", 63)
	if n := tenant.ProgramsNamespace(long); len(n) > 63 || n == tenant.ProgramsNamespace(long[:62]+"b") {
		t.Errorf("%s names that of a tenant with a long name", n)
	}
}

// justBefore is a cluster in which something happens just before a namespace of programs is made.
type justBefore struct {
	*memory.Store
	once func()
}

// Apply implements kube.API.
func (b *justBefore) Apply(ctx context.Context, o kube.Object) (bool, error) {
	if o.Kind() == "Namespace" && o.Name() == programsAt && b.once != nil {
		once := b.once
		b.once = nil
		once()
	}
	return b.Store.Apply(ctx, o)
}

// Programs that are stopped while somebody is about to allow them stay stopped: what that one makes goes again.
func TestProgramsAreStoppedMeanwhile(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	spec.Closed = true
	ensure(t, m, spec)
	p := programs()
	p.Secrets = nil
	newer := spec
	newer.Revision++
	late := &justBefore{Store: m, once: func() { kubetest.Must(t, tenant.StopPrograms(t.Context(), m, newer)) }}
	kubetest.Is(t, kube.Conflict, tenant.Allow(t.Context(), late, spec, p))
	if _, err := m.Get(t.Context(), "v1", "Namespace", "", programsAt); kube.CodeOf(err) != kube.NotFound {
		t.Fatal("their namespace is made again:", err)
	}
}

// A namespace of the programs' name that is another's is left, and named by who would stop programs in it.
func TestProgramsOfAnother(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	ensure(t, m, spec)
	_, err := m.Apply(t.Context(), kube.NewObject("v1", "Namespace", "", programsAt, nil))
	kubetest.Must(t, err)
	spec.Revision++
	err = tenant.StopPrograms(t.Context(), m, spec)
	kubetest.Is(t, kube.Conflict, err)
	if !strings.Contains(fmt.Sprint(err), programsAt) {
		t.Errorf("it is not named: %v", err)
	}
	if _, err := m.Get(t.Context(), "v1", "Namespace", "", programsAt); err != nil {
		t.Error("another's is deleted:", err)
	}
}

// What the release before has made for programs in the tenant's own namespace says that some ran there, and goes at the move's end.
func TestProgramsOfTheReleaseBefore(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	ensure(t, m, spec)
	out := kube.NewObject(kube.NetworkingAPI, "NetworkPolicy", spec.Namespace, "aerie-move-egress", map[string]any{"podSelector": map[string]any{}})
	_, err := m.Apply(t.Context(), out.Marked("", map[string]string{kube.LabelOwner: spec.Owner}, nil))
	kubetest.Must(t, err)
	if had, err := tenant.HadPrograms(t.Context(), m, spec); !had || err != nil {
		t.Errorf("some ran: %t, %v", had, err)
	}
	kubetest.Must(t, tenant.EndMove(t.Context(), m, spec))
	if _, err := m.Get(t.Context(), kube.NetworkingAPI, "NetworkPolicy", spec.Namespace, "aerie-move-egress"); kube.CodeOf(err) != kube.NotFound {
		t.Error("it is left:", err)
	}
}
