package release_test

import (
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

// In a cluster that only stores, what somebody deletes or changes of a release is found, whatever revision applied it, and
// applying it again ends that.
func TestStoredReleaseDrift(t *testing.T) {
	m := space(t)
	spec := app(7, kubetest.Config("", "x", "1"), kubetest.Config("", "y", "1"))
	spec.Sealed = true
	wants := func(what string) {
		t.Helper()
		for _, api := range []kube.API{m, kube.CachedList(m)} {
			found, err := release.ChartDrift(t.Context(), api, release.AppSpec{Namespace: spec.Namespace, Name: spec.Name, Owner: spec.Owner})
			if err != nil || fmt.Sprint(found) != what {
				t.Errorf("%v %v, want %s", found, err, what)
			}
		}
	}
	ensure := func() {
		t.Helper()
		_, err := release.EnsureApplication(t.Context(), m, spec)
		kubetest.Must(t, err)
		wants("[]")
	}
	ensure()
	kubetest.Must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "x"))
	wants("[{ConfigMap a/x true }]")
	ensure()
	o, err := m.Get(t.Context(), "v1", "ConfigMap", "a", "y")
	kubetest.Must(t, err)
	o["data"] = map[string]any{"k": "by hand"}
	_, err = m.Apply(t.Context(), o)
	kubetest.Must(t, err)
	wants("[{ConfigMap a/y false it is not as the chart has it}]")
	spec.Revision++
	ensure()
	kubetest.Must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "aerie.app.shop"))
	wants("[{ConfigMap a/aerie.app.shop true }]")
	ensure()
}
