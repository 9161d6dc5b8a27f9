package kube

import (
	"context"
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
		if since, err := time.Parse(time.RFC3339, text(s.metadata()["deletionTimestamp"])); err == nil && time.Since(since) > balancerWithin {
			continue
		}
		left++
		if err := api.Delete(ctx, "v1", "Service", s.Namespace(), s.Name()); err != nil && CodeOf(err) != NotFound {
			return left, err
		}
	}
	return left, nil
}
