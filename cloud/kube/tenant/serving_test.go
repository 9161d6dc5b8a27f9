package tenant_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// isOpen tells whether the namespace of a spec's stay lets others in.
func isOpen(t *testing.T, m *memory.Store, spec tenant.Spec) bool {
	t.Helper()
	open, err := tenant.IsOpen(t.Context(), m, stayOf(spec))
	kubetest.Must(t, err)
	return open
}

// lets are the names of the policies of a namespace that let somebody in.
func lets(t *testing.T, m *memory.Store, namespace string) string {
	t.Helper()
	all, err := m.List(t.Context(), kube.Selector{APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy", Namespace: namespace})
	kubetest.Must(t, err)
	var names []string
	for _, o := range all {
		if rules, _ := kube.MapOf(o["spec"])["ingress"].([]any); len(rules) > 0 {
			names = append(names, o.Name())
		}
	}
	return strings.Join(names, " ")
}

// A namespace that is closed lets in its own pods alone, whatever its plan says, and is open again as it was.
func TestANamespaceIsClosedAndOpened(t *testing.T) {
	for _, isolation := range []bool{true, false} {
		for calls := range 40 { // whoever closes and opens dies after so many calls, and is asked again
			m, spec := kubetest.Store(t), tenantSpec()
			spec.Isolation, spec.Stay = isolation, "s1"
			ensure(t, m, spec)
			before := lets(t, m, spec.Namespace)
			spec.Revision++
			_ = tenant.Close(t.Context(), &kubetest.Dying{API: m, Left: calls}, spec)
			kubetest.Must(t, tenant.Close(t.Context(), m, spec))
			if got := lets(t, m, spec.Namespace); isOpen(t, m, spec) || got != "aerie-allow-own" {
				t.Fatalf("closed, it lets in by %q", got)
			}
			spec.Revision++
			_, _ = tenant.Open(t.Context(), &kubetest.Dying{API: m, Left: calls}, spec)
			if open, err := tenant.Open(t.Context(), m, spec); err != nil || !open || !isOpen(t, m, spec) || lets(t, m, spec.Namespace) != before {
				t.Fatalf("open is %t, it lets in by %q, before by %q: %v", open, lets(t, m, spec.Namespace), before, err)
			}
		}
	}
}

// Who is told late to open or to close does neither, and what it makes of a namespace that is gone is closed.
func TestALateCallOpensAndClosesNothing(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	spec.Stay = "s1"
	if open, err := tenant.Open(t.Context(), m, spec); err != nil || open || isOpen(t, m, spec) {
		t.Errorf("a namespace that was not there is open: %t, %v", open, err)
	}
	now := spec
	now.Revision++
	ensure(t, m, now)
	kubetest.Is(t, kube.Conflict, tenant.Close(t.Context(), m, spec))
	if !isOpen(t, m, now) {
		t.Error("a late call has closed it")
	}
	now.Revision++
	kubetest.Must(t, tenant.Close(t.Context(), m, now))
	if _, err := tenant.Open(t.Context(), m, spec); kube.CodeOf(err) != kube.Conflict || isOpen(t, m, now) {
		t.Errorf("a late call has opened it: %v", err)
	}
	other := now
	other.Stay, other.Revision = "s2", now.Revision+1
	if open, err := tenant.Open(t.Context(), m, other); err != nil || open || isOpen(t, m, other) {
		t.Errorf("what another stay has left is open: %t, %v", open, err)
	}
}

// Who is told late to close a namespace that has gone, to stop what ran beside it, or to open it, makes none; nor does who finds it, and
// comes to open it when it has gone.
func TestALateCallMakesNothing(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	spec.Stay = "s1"
	before := len(m.All())
	kubetest.Is(t, kube.NotFound, tenant.Close(t.Context(), m, spec))
	kubetest.Must(t, tenant.StopPrograms(t.Context(), m, spec))
	if left := m.All(); len(left) != before {
		t.Fatalf("%v was made", left)
	}
	ensure(t, m, spec)
	spec.Revision++
	_, err := tenant.Open(t.Context(), &goes{API: m}, spec)
	if kubetest.Is(t, kube.NotFound, err); holdsNamespace(t, m, spec.Namespace) {
		t.Fatal("what has gone is there again, and open")
	}
}

// goes is a cluster in which a namespace goes as soon as somebody has read it.
type goes struct{ kube.API }

// Get implements kube.API.
func (g *goes) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	o, err := g.API.Get(ctx, apiVersion, kind, namespace, name)
	if err == nil && kind == "Namespace" {
		err = kube.Delete(ctx, g.API, o.Key())
	}
	return o, err
}

func holdsNamespace(t *testing.T, m *memory.Store, name string) bool {
	t.Helper()
	there, err := kube.Find(t.Context(), m, kube.NamespaceKey(name))
	kubetest.Must(t, err)
	return there != nil
}

// What lets somebody in that is not ours is named: such a namespace is not closed.
func TestAnotherPolicyKeepsItOpen(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	ensure(t, m, spec)
	_, err := m.Apply(t.Context(), kubetest.Object(kube.NetworkingAPI, "NetworkPolicy", spec.Namespace, "theirs", map[string]any{"spec": map[string]any{"ingress": []any{map[string]any{}}}}))
	kubetest.Must(t, err)
	err = tenant.Close(t.Context(), m, spec)
	if kubetest.Is(t, kube.Held, err); !strings.Contains(err.Error(), "theirs") {
		t.Error(err)
	}
	kubetest.Must(t, m.Delete(t.Context(), kube.NetworkingAPI, "NetworkPolicy", spec.Namespace, "theirs"))
	kubetest.Must(t, tenant.Close(t.Context(), m, spec))
}

// Where a tenant sleeps nothing begins.
func TestNothingBeginsInASleepersNamespace(t *testing.T) {
	m, spec := kubetest.Store(t), tenantSpec()
	spec.Asleep = true
	ensure(t, m, spec)
	quota, err := m.Get(t.Context(), "v1", "ResourceQuota", spec.Namespace, "aerie-quota")
	if kubetest.Must(t, err); kube.Nested(quota, "spec", "hard")["pods"] != "0" {
		t.Errorf("the quota is %v", quota["spec"])
	}
}
