package release_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

func TestApplicationDrift(t *testing.T) {
	m := space(t)
	spec := app(1, kubetest.Config("", "x", "1"), kubetest.Config("", "y", "1"))
	_, err := release.EnsureApplication(t.Context(), m, spec)
	kubetest.Must(t, err)
	look := func(want string) {
		t.Helper()
		for _, api := range []kube.API{m, kube.CachedList(m)} {
			if found, err := release.ApplicationDrift(t.Context(), api, spec); err != nil || kubetest.Told(found) != want {
				t.Fatalf("%s, %v; want %s", kubetest.Told(found), err, want)
			}
		}
	}
	look("")
	kubetest.Edit(t, m, "v1", "ConfigMap", "a", "x", func(o kube.Object) { o["data"] = map[string]any{"v": "by hand"} })
	kubetest.Must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "y"))
	kubetest.Must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "aerie.app.shop"))
	look("ConfigMap a/x: data.v differs; gone ConfigMap a/y; gone ConfigMap a/aerie.app.shop")
	_, err = release.EnsureApplication(t.Context(), m, spec)
	kubetest.Must(t, err)
	look("")
}
