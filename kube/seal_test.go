package kube_test

import (
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/kube"
)

// In a cluster that only stores, what somebody deletes or changes of a release is found, whatever revision applied it, and
// applying it again ends that.
func TestStoredReleaseDrift(t *testing.T) {
	m := space(t)
	spec := app(7, config("", "x", "1"), config("", "y", "1"))
	spec.Sealed = true
	wants := func(what string) {
		t.Helper()
		for _, api := range []kube.API{m, kube.Listed(m)} {
			found, err := kube.ReleaseDrift(t.Context(), api, kube.AppSpec{Namespace: spec.Namespace, Name: spec.Name, Owner: spec.Owner})
			if err != nil || fmt.Sprint(found) != what {
				t.Errorf("%v %v, want %s", found, err, what)
			}
		}
	}
	ensure := func() {
		t.Helper()
		_, err := kube.EnsureApplication(t.Context(), m, spec)
		must(t, err)
		wants("[]")
	}
	ensure()
	must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "x"))
	wants("[{ConfigMap a/x true }]")
	ensure()
	o, err := m.Get(t.Context(), "v1", "ConfigMap", "a", "y")
	must(t, err)
	o["data"] = map[string]any{"k": "by hand"}
	_, err = m.Apply(t.Context(), o)
	must(t, err)
	wants("[{ConfigMap a/y false it is not as the chart has it}]")
	spec.Revision++
	ensure()
	must(t, m.Delete(t.Context(), "v1", "ConfigMap", "a", "aerie.app.shop"))
	wants("[{ConfigMap a/aerie.app.shop true }]")
	ensure()
}
