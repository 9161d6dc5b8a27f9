package kube_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/aeriehq/aerie/kube"
)

// TestReclaimedVolumes has a volume of each sort, and what is no volume of a cloud.
func TestReclaimedVolumes(t *testing.T) {
	api, err := kube.NewMemory(nil, nil)
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
