package kube_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

func TestDeleteBalancers(t *testing.T) {
	api, err := memory.New(nil, func(kube.Object, kube.Key) error { return nil })
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

// TestReclaimedVolumes has a volume of each sort, and what is no volume of a cloud.
func TestReclaimedVolumes(t *testing.T) {
	api, err := memory.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	csi := func(id string) map[string]any { return map[string]any{"driver": "ebs.csi.aws.com", "volumeHandle": id} }
	for i, spec := range []map[string]any{
		{"persistentVolumeReclaimPolicy": "Delete", "csi": csi("vol-goes")},
		{"persistentVolumeReclaimPolicy": "Retain", "csi": csi("vol-stays")},
		{"csi": csi("vol-unsaid")},
		{"persistentVolumeReclaimPolicy": "Delete", "csi": csi("vol-twice")},
		{"persistentVolumeReclaimPolicy": "Retain", "csi": csi("vol-twice")},
		{"persistentVolumeReclaimPolicy": "Delete", "csi": csi("vol-twice")},
		{"persistentVolumeReclaimPolicy": "Delete", "awsElasticBlockStore": map[string]any{"volumeID": "aws://eu-central-1a/vol-old"}},
		{"persistentVolumeReclaimPolicy": "Delete", "hostPath": map[string]any{"path": "/tmp"}},
	} {
		pv := kube.Object{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": map[string]any{"name": fmt.Sprint("pv-", i)}, "spec": spec}
		if _, err := api.Apply(t.Context(), pv); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{"vol-goes": true, "vol-stays": false, "vol-unsaid": false, "vol-twice": false, "vol-old": true}
	if goes, err := kube.ReclaimedVolumes(t.Context(), api); err != nil || !maps.Equal(goes, want) {
		t.Errorf("%v %v, want %v", goes, err, want)
	}
}
