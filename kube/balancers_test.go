package kube_test

import (
	"testing"
	"time"

	"github.com/aeriehq/aerie/kube"
)

func TestDeleteBalancers(t *testing.T) {
	api, err := kube.NewMemory(nil, func(kube.Object, kube.Key) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	apply := func(o kube.Object) {
		t.Helper()
		if _, err := api.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	apply(kube.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "a"}})
	for name, kind := range map[string]string{"in": "ClusterIP", "front": "LoadBalancer", "back": "LoadBalancer"} {
		apply(kube.Object{
			"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": name, "namespace": "a"}, "spec": map[string]any{"type": kind},
		})
	}
	apply(kube.Object{ // its controller is gone
		"apiVersion": "v1", "kind": "Service", "spec": map[string]any{"type": "LoadBalancer"},
		"metadata": map[string]any{"name": "held", "namespace": "a", "deletionTimestamp": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)},
	})
	for _, want := range []int{2, 0} {
		if left, err := kube.DeleteBalancers(t.Context(), api); err != nil || left != want {
			t.Fatalf("%d left, want %d: %v", left, want, err)
		}
	}
	if _, err := api.Get(t.Context(), "v1", "Service", "a", "in"); err != nil {
		t.Error(err)
	}
}
