package kube

import "context"

// DeleteBalancers deletes the Services that have a load balancer in the cloud, and says how many are left. The cloud
// deletes a load balancer because its Service goes; without the cluster nobody would.
func DeleteBalancers(ctx context.Context, api API) (left int, err error) {
	services, err := api.List(ctx, Selector{APIVersion: "v1", Kind: "Service"})
	if err != nil {
		return 0, err
	}
	for _, s := range services {
		if spec, _ := s["spec"].(map[string]any); spec["type"] != "LoadBalancer" {
			continue
		}
		left++
		if err := api.Delete(ctx, "v1", "Service", s.Namespace(), s.Name()); err != nil && CodeOf(err) != NotFound {
			return left, err
		}
	}
	return left, nil
}
