package kube_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// TestAgentChartMayNothing has an API server take the chart of an agent, and asks it what the agent's account may: nothing at all.
// An agent enters clusters by the identity that its cloud gives it.
func TestAgentChartMayNothing(t *testing.T) {
	t.Parallel()
	const namespace = "chart-agent"
	values := map[string]any{
		"image":  map[string]any{"repository": "registry.example.com/aerie", "tag": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
		"join":   map[string]any{"secretName": "invitation"},
		"policy": map[string]any{"approve": []any{"create", "delete"}, "freeze": []any{map[string]any{"days": []any{"sat"}}}},
	}
	for _, o := range taken(t, helm.Request{Op: helm.Render, Release: "agent", Namespace: namespace, Terms: policy.AsAddon, Values: values,
		Stored: &helm.Stored{Version: "1.36"}, Chart: helm.Chart{Name: "aerie-agent", Version: "0.1.0", Archive: packed(t, "aerie-agent", "agent/chart")}}) {
		switch o.Kind() {
		case "ConfigMap", "NetworkPolicy", "ServiceAccount", "StatefulSet":
		default:
			t.Errorf("the chart has a %s", o.Kind())
		}
	}
	agent := subject{"system:serviceaccount:" + namespace + ":agent", "system:serviceaccounts"}
	for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete"} {
		for _, what := range [][2]string{{"", "secrets"}, {"", "configmaps"}, {"", "pods"}, {"", "pods/exec"}, {"", "namespaces"}, {"", "nodes"},
			{"apps", "statefulsets"}, {"rbac.authorization.k8s.io", "rolebindings"}, {"rbac.authorization.k8s.io", "clusterrolebindings"}, {"", "serviceaccounts/token"}} {
			for _, where := range []string{namespace, "kube-system", ""} {
				if agent.may(t, verb, what[0], what[1], where) {
					t.Errorf("the agent may %s %s in %q", verb, what[1], where)
				}
			}
		}
	}
}
