package tenant_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

func important(name string, priority int) tenant.Spec {
	spec := tenantSpec()
	spec.Namespace, spec.Tenant, spec.Owner, spec.Priority = "acme--"+name, name, "01H"+name, priority
	return spec
}

func class(name, manager string) kube.Object {
	o := kubetest.Named("scheduling.k8s.io/v1", "PriorityClass", "", name)
	o["metadata"].(map[string]any)["labels"] = map[string]any{"app.kubernetes.io/managed-by": manager}
	return o
}

func classes(t *testing.T, m kube.API) string {
	t.Helper()
	found, err := m.List(t.Context(), kube.Selector{APIVersion: "scheduling.k8s.io/v1", Kind: "PriorityClass"})
	kubetest.Must(t, err)
	var names []string
	for _, o := range found {
		names = append(names, strings.TrimPrefix(o.Name(), "aerie-priority-"))
	}
	return strings.Join(names, " ")
}

// A class goes with the last tenant that has it, and none of anybody else's.
func TestClassesAreSwept(t *testing.T) {
	m := kubetest.Store(t, class("aerie-priority-7", "someone"), class("theirs", "aerie"))
	ensure(t, m, important("one", 5))
	ensure(t, m, important("two", 5))
	ensure(t, m, important("three", 9))
	for _, step := range []struct {
		delete  string
		removed []string
		left    string
	}{
		{"", nil, "5 7 9 theirs"},
		{"one", nil, "5 7 9 theirs"},
		{"three", []string{"aerie-priority-9"}, "5 7 theirs"},
		{"two", []string{"aerie-priority-5"}, "7 theirs"},
	} {
		kubetest.Must(t, tenant.Delete(t.Context(), m, tenant.Stay{Namespace: "acme--" + step.delete, Owner: "01H" + step.delete, Revision: 9}))
		removed, _, err := tenant.SweepClasses(t.Context(), m)
		if got := classes(t, m); err != nil || !slices.Equal(removed, step.removed) || got != step.left {
			t.Errorf("after %q: removed %v, left %s: %v", step.delete, removed, got, err)
		}
	}
	_, err := tenant.Ensure(t.Context(), m, important("four", 7))
	kubetest.Is(t, kube.Conflict, err)
}

// between does something right before the first deletion.
type between struct {
	kube.API
	do func()
}

func (b *between) Delete(ctx context.Context, apiVersion, kind, namespace, name string) error {
	if b.do != nil {
		b.do()
		b.do = nil
	}
	return b.API.Delete(ctx, apiVersion, kind, namespace, name)
}

// Wherever a tenant comes while its class is being removed, and whoever dies then, it has its class after the next sweep;
// without a death at once.
func TestATenantComesWhileItsClassGoes(t *testing.T) {
	for calls := range 8 { // what the tenant's maker lives to do before the class is deleted, of some eight calls
		m := kubetest.Store(t)
		ensure(t, m, important("gone", 5))
		kubetest.Must(t, tenant.Delete(t.Context(), m, tenant.Stay{Namespace: "acme--gone", Owner: "01Hgone", Revision: 9}))
		comes := func() {
			_, _ = tenant.Ensure(t.Context(), &kubetest.Dying{API: m, Left: calls}, important("new", 5))
		}
		_, _, err := tenant.SweepClasses(t.Context(), &between{API: m, do: comes})
		kubetest.Must(t, err)
		if got := classes(t, m); calls > 0 && got != "5" {
			t.Errorf("after %d calls the classes are %q", calls, got)
		}
		ensure(t, m, important("new", 5))
		if got := classes(t, m); got != "5" {
			t.Errorf("after %d calls and the tenant's own next try the classes are %q", calls, got)
		}
	}
	m := kubetest.Store(t)
	ensure(t, m, important("lives", 5))
	kubetest.Must(t, m.Delete(t.Context(), "scheduling.k8s.io/v1", "PriorityClass", "", "aerie-priority-5")) // and the sweeper has died
	_, _, err := tenant.SweepClasses(t.Context(), m)
	kubetest.Must(t, err)
	if got := classes(t, m); got != "5" {
		t.Errorf("the classes are %q", got)
	}
}

// keeps deletes nothing of a name.
type keeps struct {
	kube.API
	name string
}

func (k *keeps) Delete(ctx context.Context, apiVersion, kind, namespace, name string) error {
	if name == k.name {
		return &kube.Error{Code: kube.Unavailable, Op: "delete", Object: name}
	}
	return k.API.Delete(ctx, apiVersion, kind, namespace, name)
}

// A class that can't be removed keeps no other from being made again, and is not told of as removed.
func TestAClassThatStays(t *testing.T) {
	m := kubetest.Store(t)
	ensure(t, m, important("one", 5))
	ensure(t, m, important("two", 9))
	kubetest.Must(t, tenant.Delete(t.Context(), m, tenant.Stay{Namespace: "acme--one", Owner: "01Hone", Revision: 9}))
	kubetest.Must(t, tenant.Delete(t.Context(), m, tenant.Stay{Namespace: "acme--two", Owner: "01Htwo", Revision: 9}))
	comes := &between{API: m, do: func() { ensure(t, m, important("new", 5)) }}
	removed, _, err := tenant.SweepClasses(t.Context(), &keeps{API: comes, name: "aerie-priority-9"})
	kubetest.Is(t, kube.Unavailable, err)
	if got := classes(t, m); got != "5 9" || len(removed) > 0 {
		t.Errorf("removed %v, left %s", removed, got)
	}
}

// With a dataplane whose cluster stays, its classes go.
func TestClassesGoWithTheirDataplane(t *testing.T) {
	m := kubetest.Store(t, class("aerie-priority-7", "someone"))
	before := len(m.All())
	_, err := tenant.EnsureBase(t.Context(), m, "me")
	kubetest.Must(t, err)
	ensure(t, m, important("one", 5))
	kubetest.Must(t, tenant.Delete(t.Context(), m, tenant.Stay{Namespace: "acme--one", Owner: "01Hone", Revision: 9}))
	kubetest.Must(t, tenant.RemoveBase(t.Context(), m, "another"))
	if got := classes(t, m); got != "aerie-placeholder 5 7" {
		t.Errorf("for another the classes are %q", got)
	}
	kubetest.Must(t, tenant.RemoveBase(t.Context(), m, "me"))
	if got := classes(t, m); got != "7" || len(m.All()) != before {
		t.Errorf("left: %v", m.All())
	}
}

// A class in use that somebody has taken our label from gets it back. One that somebody has put in its place is left alone
// and told of, and is no error.
func TestAClassInOthersHands(t *testing.T) {
	m := kubetest.Store(t)
	ensure(t, m, important("one", 5))
	ensure(t, m, important("two", 9))
	for _, name := range []string{"aerie-priority-5", "aerie-priority-9"} {
		kubetest.Edit(t, m, "scheduling.k8s.io/v1", "PriorityClass", "", name, func(o kube.Object) {
			delete(o["metadata"].(map[string]any)["labels"].(map[string]any), kube.LabelManagedBy)
			if name == "aerie-priority-9" {
				o["value"] = int64(1)
			}
		})
	}
	for range 2 {
		_, others, err := tenant.SweepClasses(t.Context(), m)
		if err != nil || !slices.Equal(others, []string{"aerie-priority-9"}) {
			t.Fatal(others, err)
		}
	}
	for name, want := range map[string]string{"aerie-priority-5": "aerie", "aerie-priority-9": ""} {
		o, err := m.Get(t.Context(), "scheduling.k8s.io/v1", "PriorityClass", "", name)
		if err != nil || o.Labels()[kube.LabelManagedBy] != want {
			t.Error(o, err)
		}
	}
}
