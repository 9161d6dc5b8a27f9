package main

import (
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
)

const agentChart = "../../deploy/agent/chart"

// agentGiven are the values that the chart of an agent is tried with.
func agentGiven() map[string]any {
	return map[string]any{
		"image":  map[string]any{"repository": "registry.example.com/aerie", "tag": "1"},
		"join":   map[string]any{"secretName": "invitation"},
		"policy": map[string]any{"approve": []any{"delete"}},
	}
}

// TestAgentChartIsPlain has Helm's own lint look at the chart of an agent: it says nothing but that there is no icon.
func TestAgentChartIsPlain(t *testing.T) {
	for _, m := range lint.RunAll(agentChart, agentGiven(), "away").Messages {
		if !strings.Contains(m.Error(), "icon is recommended") {
			t.Error(m)
		}
	}
}

// TestAgentChartGivesNoRights renders the chart: there is no role in it, no token of the cluster, and what is missing is named.
func TestAgentChartGivesNoRights(t *testing.T) {
	chart, err := loader.LoadDir(agentChart)
	if err != nil {
		t.Fatal(err)
	}
	render := func(values map[string]any) (map[string]string, error) {
		all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: "agent", Namespace: "away"}, nil)
		if err != nil {
			return nil, err
		}
		return engine.Render(chart, all)
	}
	files, err := render(agentGiven())
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	whole := ""
	for _, text := range files {
		whole += text
		for line := range strings.Lines(text) {
			if kind, is := strings.CutPrefix(line, "kind: "); is {
				kinds = append(kinds, strings.TrimSpace(kind))
			}
		}
	}
	slices.Sort(kinds)
	if want := []string{"ConfigMap", "NetworkPolicy", "ServiceAccount", "StatefulSet"}; !slices.Equal(kinds, want) {
		t.Errorf("it makes %v, want %v", kinds, want)
	}
	for _, part := range []string{"automountServiceAccountToken: false", "readOnlyRootFilesystem: true", "approve:", "name: invitation", "/var/lib/aerie-agent"} {
		if !strings.Contains(whole, part) {
			t.Errorf("it has no %q", part)
		}
	}
	for says, set := range map[string]map[string]any{
		"image.repository is missing": {"image": map[string]any{"repository": ""}},
		"image.tag is missing":        {"image": map[string]any{"repository": "a", "tag": ""}},
		"AERIE_JOIN":                  {"settings": map[string]any{"AERIE_JOIN": "t"}},
		"replicas":                    {"replicas": 2},
	} {
		values := agentGiven()
		for k, v := range set {
			values[k] = v
		}
		if _, err := render(values); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
}
