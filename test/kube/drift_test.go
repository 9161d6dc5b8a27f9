package kube_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/kube"
	"github.com/aeriehq/aerie/kube/helm"
)

// What somebody changes or deletes of a release is found, and only that; a repair brings it back, once.
func TestReleaseDrift(t *testing.T) {
	s := newShop(t, "drifts")
	q := s.request(helm.Ensure, "1.0.0", nil)
	s.must(q, "install", "")
	if err := s.ready(); err != nil {
		t.Fatal(err)
	}
	spec := kube.AppSpec{Namespace: s.namespace, Name: "web", Owner: q.Owner}
	wants := func(what string) {
		t.Helper()
		found, err := kube.ReleaseDrift(t.Context(), admin, spec)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, d := range found {
			got += d.Object.String() + " " + d.Detail
			if d.Gone {
				got += "gone"
			}
		}
		if got != what {
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
}
