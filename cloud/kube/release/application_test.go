package release_test

import (
	"context"
	"slices"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

func app(revision uint64, objects ...kube.Object) release.AppSpec {
	return release.AppSpec{Namespace: "a", Name: "shop", Owner: "01HX", Revision: revision, Objects: objects}
}

func space(t *testing.T) *memory.Store {
	return kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "a"))
}

func configs(t *testing.T, m kube.API) (names []string) {
	t.Helper()
	found, err := m.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "ConfigMap", Namespace: "a"})
	kubetest.Must(t, err)
	for _, o := range found {
		names = append(names, o.Name())
	}
	return names
}

func TestApplicationAppliesAndPrunes(t *testing.T) {
	m := space(t)
	applied, err := release.EnsureApplication(t.Context(), m, app(1, kubetest.Config("", "x", "1"), kubetest.Config("a", "y", "1")))
	if err != nil || !slices.Equal(applied, []string{"ConfigMap/x", "ConfigMap/y"}) {
		t.Fatal(applied, err)
	}
	o, err := m.Get(t.Context(), "v1", "ConfigMap", "a", "x")
	kubetest.Must(t, err)
	if o.Labels()[kube.LabelApplication] != "shop" || o.Annotations()[kube.AnnotationRevision] != "1" {
		t.Fatal(o)
	}
	_, err = release.EnsureApplication(t.Context(), m, app(2, kubetest.Config("", "y", "1"), kubetest.Config("", "z", "1")))
	kubetest.Must(t, err)
	if got := configs(t, m); !slices.Equal(got, []string{"aerie.app.shop", "y", "z"}) {
		t.Fatal(got)
	}
	_, err = release.EnsureApplication(t.Context(), m, app(1, kubetest.Config("", "x", "1")))
	kubetest.Is(t, kube.Conflict, err) // an older one comes late
	for range 2 {
		_, err = release.EnsureApplication(t.Context(), m, app(3))
		kubetest.Must(t, err)
	}
	if got := configs(t, m); len(got) != 0 {
		t.Fatal(got)
	}
}

// Who deletes the list of an application's objects does not keep them alive.
func TestApplicationIsRemovedWithoutItsList(t *testing.T) {
	m := space(t)
	spec := app(1, kubetest.Config("", "x", "1"))
	_, err := release.EnsureApplication(t.Context(), m, spec)
	kubetest.Must(t, err)
	kubetest.Must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "aerie.app.shop"))
	other := spec
	other.Owner = "01HY"
	kubetest.Must(t, release.RemoveApplication(t.Context(), m, other))
	if got := configs(t, m); !slices.Equal(got, []string{"x"}) {
		t.Fatal(got)
	}
	kubetest.Must(t, release.RemoveApplication(t.Context(), m, spec))
	if got := configs(t, m); len(got) != 0 {
		t.Fatal(got)
	}
}

func TestApplicationLeavesOthersAlone(t *testing.T) {
	m := space(t)
	_, err := m.Apply(t.Context(), kubetest.Config("a", "x", "mine"))
	kubetest.Must(t, err)
	_, err = release.EnsureApplication(t.Context(), m, app(1, kubetest.Config("", "x", "1")))
	kubetest.Is(t, kube.Conflict, err)
	stranger := app(2)
	stranger.Owner = "01HY"
	_, err = release.EnsureApplication(t.Context(), m, stranger)
	kubetest.Is(t, kube.Conflict, err)
	_, err = release.EnsureApplication(t.Context(), m, app(2))
	kubetest.Must(t, err)
	if got := configs(t, m); !slices.Equal(got, []string{"x"}) {
		t.Fatal(got)
	}
}

// Wherever the process dies between two revisions, the next try leaves exactly the newer one.
func TestApplicationSurvivesADeathAnywhere(t *testing.T) {
	for calls := range 12 {
		m := space(t)
		first := &kubetest.Dying{API: m, Left: calls}
		_, _ = release.EnsureApplication(t.Context(), first, app(1, kubetest.Config("", "x", "1"), kubetest.Config("", "y", "1")))
		_, _ = release.EnsureApplication(t.Context(), first, app(2, kubetest.Config("", "y", "2"), kubetest.Config("", "z", "2")))
		_, err := release.EnsureApplication(t.Context(), m, app(3, kubetest.Config("", "z", "3")))
		kubetest.Must(t, err)
		if got := configs(t, m); !slices.Equal(got, []string{"aerie.app.shop", "z"}) {
			t.Fatalf("dead after %d calls: %v", calls, got)
		}
	}
}

// A role is made and pruned as any object.
func TestApplicationsGiveRights(t *testing.T) {
	m := space(t)
	role := kubetest.Named("rbac.authorization.k8s.io/v1", "Role", "", "reads")
	applied, err := release.EnsureApplication(t.Context(), m, app(1, kubetest.Config("", "x", "1"), role))
	if err != nil || !slices.Equal(applied, []string{"ConfigMap/x", "Role/reads"}) {
		t.Fatal(applied, err)
	}
	_, err = release.EnsureApplication(t.Context(), m, app(2, kubetest.Config("", "x", "1")))
	kubetest.Must(t, err)
	_, err = m.Get(t.Context(), "rbac.authorization.k8s.io/v1", "Role", "a", "reads")
	kubetest.Is(t, kube.NotFound, err)
}

func TestAnothersNamespaceIsInvalid(t *testing.T) {
	_, err := release.EnsureApplication(t.Context(), space(t), app(1, kubetest.Config("b", "x", "1")))
	kubetest.Is(t, kube.Invalid, err)
}

// raced is an API in which a controller writes to an object right before each of the first applies of it.
type raced struct {
	*memory.Store
	name string
	left int
}

func (r *raced) As(string, string) (kube.API, error) { return r, nil }

func (r *raced) Apply(ctx context.Context, o kube.Object) (bool, error) {
	if there, err := r.Get(ctx, o.APIVersion(), o.Kind(), o.Namespace(), o.Name()); err == nil && o.Name() == r.name && r.left > 0 {
		r.left--
		there["status"] = map[string]any{"left": int64(r.left)}
		if _, err := r.Store.Apply(ctx, there); err != nil {
			return false, err
		}
	}
	return r.Store.Apply(ctx, o)
}

// A controller that writes down how far it has come while a manifest is applied is no conflict; one that never rests is.
func TestAControllersWriteIsNoConflict(t *testing.T) {
	for writes, want := range map[int]kube.Code{0: "", 4: "", 100: kube.Conflict} {
		m := space(t)
		_, err := release.EnsureApplication(t.Context(), m, app(1, kubetest.Config("", "x", "1")))
		kubetest.Must(t, err)
		_, err = release.EnsureApplication(t.Context(), &raced{m, "x", writes}, app(2, kubetest.Config("", "x", "2")))
		kubetest.Is(t, want, err)
	}
}

// What says that it stays does, over an update that leaves it out and over the removal; its application gets it back.
func TestApplicationKeepsWhatStays(t *testing.T) {
	m := space(t)
	stays := kubetest.Config("", "stays", "1")
	stays["metadata"].(map[string]any)["annotations"] = map[string]any{"helm.sh/resource-policy": "keep"}
	for i, objects := range [][]kube.Object{{stays, kubetest.Config("", "x", "1")}, {kubetest.Config("", "x", "1")}, {stays}, {}} {
		_, err := release.EnsureApplication(t.Context(), m, app(uint64(i+1), objects...))
		kubetest.Must(t, err)
		if got := configs(t, m); !slices.Contains(got, "stays") {
			t.Fatal(i, got)
		}
	}
	kubetest.Must(t, release.RemoveApplication(t.Context(), m, app(9, stays)))
	if got := configs(t, m); !slices.Equal(got, []string{"stays"}) {
		t.Fatal(got)
	}
	again := app(10, stays)
	again.Owner = "01HY" // its next incarnation
	_, err := release.EnsureApplication(t.Context(), m, again)
	kubetest.Must(t, err)
}
