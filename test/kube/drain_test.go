package kube_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/drain"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// A pool that is to go is emptied by the Eviction API: while a budget holds its pods that is said by name, and they run
// elsewhere when it is gone.
func TestNodesAreEmptiedAsBudgetsAllow(t *testing.T) {
	t.Parallel()
	_, api := newRig(t)
	nodes, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Node"})
	if err != nil || len(nodes) != 3 {
		t.Fatal(nodes, err)
	}
	for i, n := range nodes {
		pool := []string{"old", "old", "new"}[i]
		apply(t, api, kube.NewObject("v1", "Node", "", n.Name(), nil).Marked("", map[string]string{"pool": pool, "for": "pg"}, nil))
	}
	if err := api.Cordon(t.Context(), nodes[2].Name(), true); err != nil { // all begin on the old ones
		t.Fatal(err)
	}
	labels := map[string]any{"app": "pg"}
	apply(t, api, kube.NewObject("v1", "Namespace", "", "shop", nil))
	apply(t, api, kube.NewObject("apps/v1", "Deployment", "shop", "pg", map[string]any{"replicas": int64(2), "selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": map[string]any{"nodeSelector": map[string]any{"for": "pg"},
			"containers": []any{map[string]any{"name": "c", "image": "example.test/app:1"}}}}}))
	budget := func(least int64) {
		apply(t, api, kube.NewObject("policy/v1", "PodDisruptionBudget", "shop", "always", map[string]any{"minAvailable": least, "selector": map[string]any{"matchLabels": labels}}))
	}
	budget(2)
	on := func(pool string) (n int) {
		for i, node := range nodes {
			pods, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Node: node.Name()})
			if err != nil {
				t.Fatal(err)
			}
			if (i < 2) == (pool == "old") {
				n += len(pods)
			}
		}
		return n
	}
	kubetest.Eventually(t, "both run on the old pool, and the budget has counted them", func() bool {
		b, err := api.Get(t.Context(), "policy/v1", "PodDisruptionBudget", "shop", "always")
		return err == nil && kube.MapOf(b["status"])["currentHealthy"] == int64(2) && on("old") == 2
	})
	if err := drain.Reopen(t.Context(), api, map[string]string{"pool": "new"}); err != nil {
		t.Fatal(err)
	}
	old := map[string]string{"pool": "old"}
	kubetest.Eventually(t, "the budget holds them", func() bool {
		_, err = drain.Nodes(t.Context(), api, old)
		return kube.CodeOf(err) == kube.Held
	})
	if !strings.Contains(err.Error(), "pod shop/pg-") || !strings.Contains(err.Error(), "disruption budget always needs 2 healthy pods and has 2 currently") {
		t.Error(err)
	}
	budget(1)
	kubetest.Eventually(t, "the old pool is empty", func() bool {
		left, err := drain.Nodes(t.Context(), api, old)
		if err != nil && kube.CodeOf(err) != kube.Held {
			t.Fatal(err)
		}
		return err == nil && left == 0
	})
	kubetest.Eventually(t, "both run on the new pool", func() bool { return on("new") == 2 })
	if on("old") != 0 {
		t.Error("pods are left on the old pool")
	}
	apply(t, api, kube.NewObject("v1", "Pod", "shop", "bare", map[string]any{"nodeName": nodes[0].Name(), "containers": []any{map[string]any{"name": "c", "image": "example.test/app:1"}}}))
	if _, err := drain.Nodes(t.Context(), api, old); err == nil || !strings.Contains(err.Error(), "pod shop/bare has no controller") {
		t.Error(err)
	}
	if err := drain.Reopen(t.Context(), api, old); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if is, err := api.Get(t.Context(), "v1", "Node", "", n.Name()); err != nil || is.Closed() || len(is.Annotations()[kube.NoteCordoned]) > 0 {
			t.Error(is, err)
		}
	}
	if err := api.Cordon(t.Context(), "nobody", true); err != nil || there(t, api, "v1", "Node", "", "nobody") {
		t.Error("a node that is not there:", err)
	}
	if err := api.Evict(t.Context(), "shop", "nobody"); err != nil {
		t.Error("a pod that is not there:", err)
	}
}
