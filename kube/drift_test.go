package kube_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/kube"
)

// told says differences as "gone KIND NAME" or "KIND NAME: detail".
func told(found []kube.Difference) string {
	var all []string
	for _, d := range found {
		if d.Gone {
			all = append(all, "gone "+d.Object.String())
		} else {
			all = append(all, d.Object.String()+": "+d.Detail)
		}
	}
	return strings.Join(all, "; ")
}

func TestTenantDrift(t *testing.T) {
	spec := tenant()
	rows := []struct {
		name string
		do   func(*testing.T, *kube.Memory)
		want string
	}{
		{"as it was made", func(*testing.T, *kube.Memory) {}, ""},
		{"the namespace is gone, and all in it", func(t *testing.T, m *kube.Memory) {
			must(t, m.Delete(t.Context(), "v1", "Namespace", "", spec.Namespace))
		}, "gone Namespace " + spec.Namespace},
		{"a policy is gone", func(t *testing.T, m *kube.Memory) {
			must(t, m.Delete(t.Context(), "networking.k8s.io/v1", "NetworkPolicy", spec.Namespace, "aerie-default-deny"))
		}, "gone NetworkPolicy " + spec.Namespace + "/aerie-default-deny"},
		{"a quota is wider", func(t *testing.T, m *kube.Memory) {
			edit(t, m, "v1", "ResourceQuota", spec.Namespace, "aerie-quota", func(o kube.Object) { o["spec"].(map[string]any)["hard"] = map[string]any{"pods": "999"} })
		}, "ResourceQuota " + spec.Namespace + "/aerie-quota: spec.hard.limits.cpu differs"},
		{"others may add fields", func(t *testing.T, m *kube.Memory) {
			edit(t, m, "v1", "ServiceAccount", spec.Namespace, "workload", func(o kube.Object) { o["secrets"] = []any{"x"} })
		}, ""},
		{"a hole in the wall", func(t *testing.T, m *kube.Memory) {
			_, err := m.Apply(t.Context(), object("networking.k8s.io/v1", "NetworkPolicy", spec.Namespace, "aerie-allow-listed"))
			must(t, err)
		}, "NetworkPolicy " + spec.Namespace + "/aerie-allow-listed: it is there though the plan does not want it"},
	}
	spec.AllowNamespaces = nil
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m := memory(t)
			ensure(t, m, spec)
			row.do(t, m)
			found, err := kube.TenantDrift(t.Context(), m, spec)
			if err != nil || told(found) != row.want {
				t.Fatalf("%s, %v; want %s", told(found), err, row.want)
			}
			ensure(t, m, spec)
			if found, err := kube.TenantDrift(t.Context(), m, spec); err != nil || len(found) > 0 {
				t.Errorf("after it was ensured again: %s, %v", told(found), err)
			}
		})
	}
}

func edit(t *testing.T, m kube.API, apiVersion, kind, namespace, name string, by func(kube.Object)) {
	t.Helper()
	o, err := m.Get(t.Context(), apiVersion, kind, namespace, name)
	must(t, err)
	by(o)
	_, err = m.Apply(t.Context(), o)
	must(t, err)
}

func TestApplicationDrift(t *testing.T) {
	m := space(t)
	spec := app(1, config("", "x", "1"), config("", "y", "1"))
	_, err := kube.EnsureApplication(t.Context(), m, spec)
	must(t, err)
	look := func(want string) {
		t.Helper()
		for _, api := range []kube.API{m, kube.Listed(m)} {
			if found, err := kube.ApplicationDrift(t.Context(), api, spec); err != nil || told(found) != want {
				t.Fatalf("%s, %v; want %s", told(found), err, want)
			}
		}
	}
	look("")
	edit(t, m, "v1", "ConfigMap", "a", "x", func(o kube.Object) { o["data"] = map[string]any{"v": "by hand"} })
	must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "y"))
	must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "aerie.app.shop"))
	look("ConfigMap a/x: data.v differs; gone ConfigMap a/y; gone ConfigMap a/aerie.app.shop")
	_, err = kube.EnsureApplication(t.Context(), m, spec)
	must(t, err)
	look("")
}

func TestBaseDrift(t *testing.T) {
	m := memory(t)
	_, err := kube.EnsureBase(t.Context(), m, "me")
	must(t, err)
	if found, err := kube.BaseDrift(t.Context(), m, "me"); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	must(t, m.Delete(t.Context(), "v1", "Namespace", "", kube.SystemNamespace))
	if found, err := kube.BaseDrift(t.Context(), m, "me"); err != nil || told(found) != "gone Namespace aerie-system" {
		t.Fatal(found, err)
	}
}

// A look through lists asks for each kind once.
func TestListedAsksOnce(t *testing.T) {
	m := memory(t)
	ensure(t, m, tenant())
	counted := &counting{API: m}
	api := kube.Listed(counted)
	for range 3 {
		if found, err := kube.TenantDrift(t.Context(), api, tenant()); err != nil || len(found) > 0 {
			t.Fatal(told(found), err)
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
