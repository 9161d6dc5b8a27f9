package kube

import (
	"context"
	"path"
	"time"
)

// balancerWithin is how long a controller is given for the load balancer of a Service that goes.
const balancerWithin = 10 * time.Minute

// DeleteBalancers deletes the Services that have a load balancer in the cloud, and says how many are left. The cloud
// deletes a load balancer because its Service goes; without the cluster nobody would. A Service that has been going for
// long is not among them: the controller that its finalizer waits for may be gone with the nodes, and what it made is found
// in the cloud by its mark when the cluster is gone.
func DeleteBalancers(ctx context.Context, api API) (left int, err error) {
	services, err := api.List(ctx, Selector{APIVersion: "v1", Kind: "Service"})
	if err != nil {
		return 0, err
	}
	for _, s := range services {
		if spec, _ := s["spec"].(map[string]any); spec["type"] != "LoadBalancer" {
			continue
		}
		if since, err := time.Parse(time.RFC3339, StringOf(s.Metadata()["deletionTimestamp"])); err == nil && time.Since(since) > balancerWithin {
			continue
		}
		left++
		if err := api.Delete(ctx, "v1", "Service", s.Namespace(), s.Name()); err != nil && CodeOf(err) != NotFound {
			return left, err
		}
	}
	return left, nil
}

// ReclaimedVolumes reads the PersistentVolumes: for each volume, by the cloud's own id, whether it goes when nobody claims
// it any more. One that is named twice goes only if both say so. Afterwards, without the cluster, nobody could tell.
func ReclaimedVolumes(ctx context.Context, api API) (goes map[string]bool, err error) {
	all, err := api.List(ctx, Selector{APIVersion: "v1", Kind: "PersistentVolume"})
	if err != nil {
		return nil, err
	}
	goes = map[string]bool{}
	for _, o := range all {
		spec := MapOf(o["spec"])
		id := volumeID(spec)
		if id == "" {
			continue
		}
		before, twice := goes[id]
		goes[id] = StringOf(spec["persistentVolumeReclaimPolicy"]) == "Delete" && (before || !twice)
	}
	return goes, nil
}

// volumeID is a volume's in its cloud; empty if it is in none. Volumes of EBS may still be written down in the way from before
// there were drivers.
func volumeID(spec map[string]any) string {
	if id := StringOf(MapOf(spec["csi"])["volumeHandle"]); id != "" {
		return id
	}
	if id := StringOf(MapOf(spec["awsElasticBlockStore"])["volumeID"]); id != "" {
		return path.Base(id)
	}
	return ""
}
