package kube_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/kube"
)

func app(revision uint64, objects ...kube.Object) kube.AppSpec {
	return kube.AppSpec{Namespace: "a", Name: "shop", Owner: "01HX", Revision: revision, Objects: objects}
}

func space(t *testing.T) *kube.Memory { return memory(t, object("v1", "Namespace", "", "a")) }

func configs(t *testing.T, m kube.API) (names []string) {
	t.Helper()
	found, err := m.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "ConfigMap", Namespace: "a"})
	must(t, err)
	for _, o := range found {
		names = append(names, o.Name())
	}
	return names
}

func TestApplicationAppliesAndPrunes(t *testing.T) {
	m := space(t)
	applied, err := kube.EnsureApplication(t.Context(), m, app(1, config("", "x", "1"), config("a", "y", "1")))
	if err != nil || !slices.Equal(applied, []string{"ConfigMap/x", "ConfigMap/y"}) {
		t.Fatal(applied, err)
	}
	o, err := m.Get(t.Context(), "v1", "ConfigMap", "a", "x")
	must(t, err)
	if o.Labels()[kube.LabelApplication] != "shop" || o.Annotations()[kube.AnnotationRevision] != "1" {
		t.Fatal(o)
	}
	_, err = kube.EnsureApplication(t.Context(), m, app(2, config("", "y", "1"), config("", "z", "1")))
	must(t, err)
	if got := configs(t, m); !slices.Equal(got, []string{"aerie.app.shop", "y", "z"}) {
		t.Fatal(got)
	}
	_, err = kube.EnsureApplication(t.Context(), m, app(1, config("", "x", "1")))
	is(t, kube.Conflict, err) // an older one comes late
	for range 2 {
		_, err = kube.EnsureApplication(t.Context(), m, app(3))
		must(t, err)
	}
	if got := configs(t, m); len(got) != 0 {
		t.Fatal(got)
	}
}

// Who deletes the list of an application's objects does not keep them alive.
func TestApplicationIsRemovedWithoutItsList(t *testing.T) {
	m := space(t)
	spec := app(1, config("", "x", "1"))
	_, err := kube.EnsureApplication(t.Context(), m, spec)
	must(t, err)
	must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "aerie.app.shop"))
	other := spec
	other.Owner = "01HY"
	must(t, kube.RemoveApplication(t.Context(), m, other))
	if got := configs(t, m); !slices.Equal(got, []string{"x"}) {
		t.Fatal(got)
	}
	must(t, kube.RemoveApplication(t.Context(), m, spec))
	if got := configs(t, m); len(got) != 0 {
		t.Fatal(got)
	}
}

func TestApplicationLeavesOthersAlone(t *testing.T) {
	m := space(t)
	_, err := m.Apply(t.Context(), config("a", "x", "mine"))
	must(t, err)
	_, err = kube.EnsureApplication(t.Context(), m, app(1, config("", "x", "1")))
	is(t, kube.Conflict, err)
	stranger := app(2)
	stranger.Owner = "01HY"
	_, err = kube.EnsureApplication(t.Context(), m, stranger)
	is(t, kube.Conflict, err)
	_, err = kube.EnsureApplication(t.Context(), m, app(2))
	must(t, err)
	if got := configs(t, m); !slices.Equal(got, []string{"x"}) {
		t.Fatal(got)
	}
}

// dying is an API that dies after so many calls.
type dying struct {
	kube.API
	left int
}

func (d *dying) spend() error {
	if d.left--; d.left < 0 {
		return &kube.Error{Code: kube.Unavailable, Op: "test"}
	}
	return nil
}

func (d *dying) Apply(ctx context.Context, o kube.Object) (bool, error) {
	if err := d.spend(); err != nil {
		return false, err
	}
	return d.API.Apply(ctx, o)
}

func (d *dying) Delete(ctx context.Context, apiVersion, kind, namespace, name string) error {
	if err := d.spend(); err != nil {
		return err
	}
	return d.API.Delete(ctx, apiVersion, kind, namespace, name)
}

func (d *dying) As(string, string) (kube.API, error) { return d, nil }

// Wherever the process dies between two revisions, the next try leaves exactly the newer one.
func TestApplicationSurvivesADeathAnywhere(t *testing.T) {
	for calls := range 12 {
		m := space(t)
		first := &dying{API: m, left: calls}
		_, _ = kube.EnsureApplication(t.Context(), first, app(1, config("", "x", "1"), config("", "y", "1")))
		_, _ = kube.EnsureApplication(t.Context(), first, app(2, config("", "y", "2"), config("", "z", "2")))
		_, err := kube.EnsureApplication(t.Context(), m, app(3, config("", "z", "3")))
		must(t, err)
		if got := configs(t, m); !slices.Equal(got, []string{"aerie.app.shop", "z"}) {
			t.Fatalf("dead after %d calls: %v", calls, got)
		}
	}
}

// A role is made and pruned as any object.
func TestApplicationsGiveRights(t *testing.T) {
	m := space(t)
	role := object("rbac.authorization.k8s.io/v1", "Role", "", "reads")
	applied, err := kube.EnsureApplication(t.Context(), m, app(1, config("", "x", "1"), role))
	if err != nil || !slices.Equal(applied, []string{"ConfigMap/x", "Role/reads"}) {
		t.Fatal(applied, err)
	}
	_, err = kube.EnsureApplication(t.Context(), m, app(2, config("", "x", "1")))
	must(t, err)
	_, err = m.Get(t.Context(), "rbac.authorization.k8s.io/v1", "Role", "a", "reads")
	is(t, kube.NotFound, err)
}

func TestCheckObjects(t *testing.T) {
	for want, objects := range map[string][]kube.Object{
		"": {config("", "x", "1"), object("apps/v1", "Deployment", "", "x"), object("rbac.authorization.k8s.io/v1", "Role", "", "x"), object("rbac.authorization.k8s.io/v1", "RoleBinding", "", "x")},
		"spec.manifests[0].metadata.name: aerie-installer is the platform's": {object("rbac.authorization.k8s.io/v1", "RoleBinding", "", "aerie-installer")},
		"spec.manifests[1].kind: NetworkPolicy is not allowed":               {config("", "x", ""), object("networking.k8s.io/v1", "NetworkPolicy", "", "x")},
		"spec.manifests[0].kind: Namespace is not allowed":                   {object("v1", "Namespace", "", "x")},
		"spec.manifests[0].kind: ClusterRole is not allowed":                 {object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "x")},
		"spec.manifests[0].kind: is missing":                                 {object("v1", "", "", "x")},
		"spec.manifests[0].apiVersion: is missing":                           {object("", "ConfigMap", "", "x")},
		"spec.manifests[0].metadata.name: \"X\"":                             {config("", "X", "1")},
		"spec.manifests[0].metadata.name: names that begin":                  {config("", "aerie.app.shop", "1")},
		"spec.manifests[1].metadata.name: ConfigMap x is":                    {config("", "x", "1"), config("", "x", "2")},
	} {
		faults := kube.CheckObjects(objects, kube.AsTenant)
		if (want == "") != (len(faults) == 0) || want != "" && !strings.HasPrefix(faults[0].String(), want) {
			t.Errorf("%v, want %q", faults, want)
		}
	}
	_, err := kube.EnsureApplication(t.Context(), space(t), app(1, config("b", "x", "1")))
	is(t, kube.Invalid, err)
}

// raced is an API in which a controller writes to an object right before each of the first applies of it.
type raced struct {
	*kube.Memory
	name string
	left int
}

func (r *raced) As(string, string) (kube.API, error) { return r, nil }

func (r *raced) Apply(ctx context.Context, o kube.Object) (bool, error) {
	if there, err := r.Get(ctx, o.APIVersion(), o.Kind(), o.Namespace(), o.Name()); err == nil && o.Name() == r.name && r.left > 0 {
		r.left--
		there["status"] = map[string]any{"left": int64(r.left)}
		if _, err := r.Memory.Apply(ctx, there); err != nil {
			return false, err
		}
	}
	return r.Memory.Apply(ctx, o)
}

// A controller that writes down how far it has come while a manifest is applied is no conflict; one that never rests is.
func TestAControllersWriteIsNoConflict(t *testing.T) {
	for writes, want := range map[int]kube.Code{0: "", 4: "", 100: kube.Conflict} {
		m := space(t)
		_, err := kube.EnsureApplication(t.Context(), m, app(1, config("", "x", "1")))
		must(t, err)
		_, err = kube.EnsureApplication(t.Context(), &raced{m, "x", writes}, app(2, config("", "x", "2")))
		is(t, want, err)
	}
}

// What says that it stays does, over an update that leaves it out and over the removal; its application gets it back.
func TestApplicationKeepsWhatStays(t *testing.T) {
	m := space(t)
	stays := config("", "stays", "1")
	stays["metadata"].(map[string]any)["annotations"] = map[string]any{"helm.sh/resource-policy": "keep"}
	for i, objects := range [][]kube.Object{{stays, config("", "x", "1")}, {config("", "x", "1")}, {stays}, {}} {
		_, err := kube.EnsureApplication(t.Context(), m, app(uint64(i+1), objects...))
		must(t, err)
		if got := configs(t, m); !slices.Contains(got, "stays") {
			t.Fatal(i, got)
		}
	}
	must(t, kube.RemoveApplication(t.Context(), m, app(9, stays)))
	if got := configs(t, m); !slices.Equal(got, []string{"stays"}) {
		t.Fatal(got)
	}
	again := app(10, stays)
	again.Owner = "01HY" // its next incarnation
	_, err := kube.EnsureApplication(t.Context(), m, again)
	must(t, err)
}
