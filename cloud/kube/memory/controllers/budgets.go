package controllers

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// count writes down for each budget how many pods it has, and how many of them may go.
func (c *cluster) count(ctx context.Context) error {
	budgets, err := c.api.List(ctx, kube.Selector{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"})
	if err != nil || len(budgets) == 0 {
		return err
	}
	if c, err = read(ctx, c.api); err != nil { // what this step has made counts
		return err
	}
	for _, b := range budgets {
		chosen := texts(kube.MapOf(kube.MapOf(kube.MapOf(b["spec"])["selector"])["matchLabels"]))
		expected, healthy := int64(0), int64(0)
		for _, w := range c.workloads {
			if w.Namespace() == b.Namespace() && memory.Has(texts(kube.Nested(w, "spec", "template", "metadata", "labels")), chosen) {
				expected += int64(replicas(w))
			}
		}
		for _, p := range c.pods {
			if p.Namespace() == b.Namespace() && memory.Has(p.Labels(), chosen) && memory.IsReady(p) {
				healthy++
			}
		}
		o := b.Clone()
		desired := int64(memory.Healthy(kube.MapOf(b["spec"]), int(expected)))
		o["status"] = map[string]any{"expectedPods": expected, "currentHealthy": healthy, "desiredHealthy": desired,
			"disruptionsAllowed": max(0, healthy-desired)}
		if err := c.put(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
