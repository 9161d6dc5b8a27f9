package tenant_test

import (
	"context"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

func TestTenantDrift(t *testing.T) {
	spec := tenantSpec()
	rows := []struct {
		name string
		do   func(*testing.T, *memory.Store)
		want string
	}{
		{"as it was made", func(*testing.T, *memory.Store) {}, ""},
		{"the namespace is gone, and all in it", func(t *testing.T, m *memory.Store) {
			kubetest.Must(t, m.Delete(t.Context(), "v1", "Namespace", "", spec.Namespace))
		}, "gone Namespace " + spec.Namespace},
		{"a policy is gone", func(t *testing.T, m *memory.Store) {
			kubetest.Must(t, m.Delete(t.Context(), "networking.k8s.io/v1", "NetworkPolicy", spec.Namespace, "aerie-default-deny"))
		}, "gone NetworkPolicy " + spec.Namespace + "/aerie-default-deny"},
		{"a quota is wider", func(t *testing.T, m *memory.Store) {
			kubetest.Edit(t, m, "v1", "ResourceQuota", spec.Namespace, "aerie-quota", func(o kube.Object) { o["spec"].(map[string]any)["hard"] = map[string]any{"pods": "999"} })
		}, "ResourceQuota " + spec.Namespace + "/aerie-quota: spec.hard.limits.cpu differs"},
		{"others may add fields", func(t *testing.T, m *memory.Store) {
			kubetest.Edit(t, m, "v1", "ServiceAccount", spec.Namespace, "workload", func(o kube.Object) { o["secrets"] = []any{"x"} })
		}, ""},
		{"a hole in the wall", func(t *testing.T, m *memory.Store) {
			_, err := m.Apply(t.Context(), kubetest.Named("networking.k8s.io/v1", "NetworkPolicy", spec.Namespace, "aerie-allow-listed"))
			kubetest.Must(t, err)
		}, "NetworkPolicy " + spec.Namespace + "/aerie-allow-listed: it is there though the plan does not want it"},
	}
	spec.AllowNamespaces = nil
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m := kubetest.Store(t)
			ensure(t, m, spec)
			row.do(t, m)
			found, err := tenant.Drift(t.Context(), m, spec)
			if err != nil || kubetest.Told(found) != row.want {
				t.Fatalf("%s, %v; want %s", kubetest.Told(found), err, row.want)
			}
			ensure(t, m, spec)
			if found, err := tenant.Drift(t.Context(), m, spec); err != nil || len(found) > 0 {
				t.Errorf("after it was ensured again: %s, %v", kubetest.Told(found), err)
			}
		})
	}
}

func TestBaseDrift(t *testing.T) {
	m := kubetest.Store(t)
	_, err := tenant.EnsureBase(t.Context(), m, "me")
	kubetest.Must(t, err)
	if found, err := tenant.BaseDrift(t.Context(), m, "me"); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	kubetest.Must(t, m.Delete(t.Context(), "v1", "Namespace", "", kube.SystemNamespace))
	if found, err := tenant.BaseDrift(t.Context(), m, "me"); err != nil || kubetest.Told(found) != "gone Namespace aerie-system" {
		t.Fatal(found, err)
	}
}

// A look through lists asks for each kind once.
func TestCachedListAsksOnce(t *testing.T) {
	m := kubetest.Store(t)
	ensure(t, m, tenantSpec())
	counted := &counting{API: m}
	api := kube.CachedList(counted)
	for range 3 {
		if found, err := tenant.Drift(t.Context(), api, tenantSpec()); err != nil || len(found) > 0 {
			t.Fatal(kubetest.Told(found), err)
		}
	}
	if counted.lists != 7 { // namespace, quota, limits, policies, account, role, binding
		t.Errorf("%d lists", counted.lists)
	}
}

type counting struct {
	kube.API
	lists int
}

func (c *counting) List(ctx context.Context, s kube.Selector) ([]kube.Object, error) {
	c.lists++
	return c.API.List(ctx, s)
}
