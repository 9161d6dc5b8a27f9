package release_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

// A manifest may be what kubectl get -o yaml has shown of another cluster: what its server wrote is left out, so that it
// is applied, and does not differ afterwards.
func TestManifestsAsKubectlShowsThem(t *testing.T) {
	m := space(t)
	shown := kubetest.Config("a", "x", "1")
	shown["status"] = map[string]any{"phase": "Bound"}
	metadata := shown["metadata"].(map[string]any)
	for field, v := range map[string]any{"uid": "8f1c", "resourceVersion": "77", "generation": float64(3), "creationTimestamp": "2026-01-01T00:00:00Z",
		"managedFields": []any{map[string]any{"manager": "kubectl"}}, "selfLink": "/x"} {
		metadata[field] = v
	}
	for range 2 {
		_, err := release.EnsureApplication(t.Context(), m, app(1, shown))
		kubetest.Must(t, err)
	}
	found, err := release.ApplicationDrift(t.Context(), m, app(1, shown))
	if err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	o, err := m.Get(t.Context(), "v1", "ConfigMap", "a", "x")
	kubetest.Must(t, err)
	is := o["metadata"].(map[string]any)
	if o["status"] != nil || is["managedFields"] != nil || is["selfLink"] != nil || is["resourceVersion"] == "77" || metadata["uid"] != "8f1c" {
		t.Errorf("applied as %v, of %v", o, metadata)
	}
}
