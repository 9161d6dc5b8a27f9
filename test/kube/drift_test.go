package kube_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

// What somebody changes or deletes of a release is found, and only that; a repair brings it back, once.
func TestReleaseDrift(t *testing.T) {
	s := newShop(t, "drifts")
	q := s.request(helm.Ensure, "1.0.0", nil)
	s.must(q, "install", "")
	if err := s.ready(); err != nil {
		t.Fatal(err)
	}
	spec := release.AppSpec{Namespace: s.namespace, Name: "web", Owner: q.Owner}
	wants := func(what string) {
		t.Helper()
		found, err := release.ChartDrift(t.Context(), admin, spec)
		if err != nil {
			t.Fatal(err)
		}
		if got := told(found); got != what {
			t.Errorf("%q, want %q", got, what)
		}
	}
	wants("")
	web := kube.Object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "namespace": s.namespace}}
	changed := web.Clone()
	changed["spec"] = map[string]any{"replicas": int64(2)}
	apply(t, admin, changed)
	wants("Deployment drifts--one/web spec.replicas differs")
	repair := q
	repair.Repair = "7"
	s.must(repair, "upgrade", "")
	wants("")
	s.must(repair, "", "")
	if err := admin.Delete(t.Context(), "apps/v1", "Deployment", s.namespace, "web"); err != nil {
		t.Fatal(err)
	}
	wants("Deployment drifts--one/web gone")
	repair.Repair = "8"
	s.must(repair, "upgrade", "")
	wants("")
	if left := strings.Join(s.states(), " "); strings.Count(left, "deployed") != 1 {
		t.Error(left)
	}
	// A policy that would not let it be applied again changes nothing of it, and hides nothing.
	refuse(t, admin, s.namespace, "apps", "deployments", "object.spec.replicas != 1", "one is too few")
	kubetest.Eventually(t, "the policy refuses", func() bool {
		_, _, err := admin.Try(t.Context(), kube.Object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "namespace": s.namespace},
			"spec": map[string]any{"replicas": int64(1)}})
		return kube.CodeOf(err) == kube.Forbidden
	})
	wants("")
	apply(t, admin, changed)
	found, err := release.ChartDrift(t.Context(), admin, spec)
	if err != nil || len(found) != 1 || !strings.Contains(found[0].Detail, "spec.replicas differs, and to apply it again is refused: ") {
		t.Error(found, err)
	}
}

// What a manifest leaves empty the server may not keep: that is no difference.
func TestWhatIsEmptyIsNotMissed(t *testing.T) {
	s := newShop(t, "empties")
	o, err := kube.Decode([]byte(`{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "creationTimestamp": null}, "spec": {
		"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}, "creationTimestamp": null},
		"spec": {"containers": [{"name": "c", "image": "x", "env": [{"name": "EMPTY", "value": ""}]}]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	spec := release.AppSpec{Namespace: s.namespace, Name: "web", Owner: "u1", Revision: 1, Objects: []kube.Object{o}}
	if _, err := release.EnsureApplication(t.Context(), admin, spec); err != nil {
		t.Fatal(err)
	}
	if found, err := release.ApplicationDrift(t.Context(), admin, spec); err != nil || len(found) > 0 {
		t.Errorf("%+v %v", found, err)
	}
}

// The sweeper finds what was made for whom, a release and an addon too.
func TestOwnedIsListed(t *testing.T) {
	s := newShop(t, "owns")
	q := s.request(helm.Ensure, "1.0.0", nil)
	s.must(q, "install", "")
	addon := release.AddonSpec{Namespace: "owned-addon", Dataplane: "eu", Addon: "db", Owner: "01ADDON", Revision: 1, Wide: true}
	if err := release.EnsureAddon(t.Context(), admin, addon); err != nil {
		t.Fatal(err)
	}
	all, err := release.ListOwned(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []release.Owned{
		{Namespace: s.namespace, Customer: "owns", Tenant: "one", Owner: "01ownsone"},
		{Namespace: s.namespace, Customer: "owns", Tenant: "one", Application: "web", Owner: q.Owner},
		{Namespace: "owned-addon", Dataplane: "eu", Addon: "db", Owner: "01ADDON"},
	} {
		if !slices.Contains(all, want) {
			t.Errorf("%+v is not in %+v", want, all)
		}
	}
	if err := release.RemoveAddon(t.Context(), admin, addon); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Get(t.Context(), "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", "aerie:addon:owned-addon"); kube.CodeOf(err) != kube.NotFound {
		t.Error(err)
	}
}

// Who has changed what aerie applied is known by the name that the server keeps, and nobody once aerie has set it back.
func TestWhoHasChangedAnObject(t *testing.T) {
	s := newShop(t, "fights")
	o := kube.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "settings", "namespace": s.namespace}, "data": map[string]any{"k": "ours"}}
	by := func(want string) {
		t.Helper()
		if who, err := admin.ChangedBy(t.Context(), o.Key()); err != nil || who != want {
			t.Fatalf("changed by %q, %v, want %q", who, err, want)
		}
	}
	apply(t, admin, o)
	by("")
	config, err := kube.ReadConfig(rig.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch,
		config.Host+"/api/v1/namespaces/"+s.namespace+"/configmaps/settings?fieldManager=argocd-controller", strings.NewReader(`{"data":{"k":"theirs"}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/merge-patch+json")
	resp, err := client.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Body.Close() != nil {
		t.Fatal(resp, err)
	}
	by("argocd-controller")
	apply(t, admin, o)
	by("")
}
