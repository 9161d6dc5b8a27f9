package kube

import (
	"context"
	"path"
)

// ReclaimedVolumes reads the PersistentVolumes: for each volume, by the cloud's own id, whether it goes when nobody claims
// it any more. One that is named twice goes only if both say so. Afterwards, without the cluster, nobody could tell.
func ReclaimedVolumes(ctx context.Context, api API) (goes map[string]bool, err error) {
	all, err := api.List(ctx, Selector{APIVersion: "v1", Kind: "PersistentVolume"})
	if err != nil {
		return nil, err
	}
	goes = map[string]bool{}
	for _, o := range all {
		spec := table(o["spec"])
		id := volumeID(spec)
		if id == "" {
			continue
		}
		before, twice := goes[id]
		goes[id] = text(spec["persistentVolumeReclaimPolicy"]) == "Delete" && (before || !twice)
	}
	return goes, nil
}

// volumeID is a volume's in its cloud; empty if it is in none. Volumes of EBS may still be written down in the way from before
// there were drivers.
func volumeID(spec map[string]any) string {
	if id := text(table(spec["csi"])["volumeHandle"]); id != "" {
		return id
	}
	if id := text(table(spec["awsElasticBlockStore"])["volumeID"]); id != "" {
		return path.Base(id)
	}
	return ""
}
