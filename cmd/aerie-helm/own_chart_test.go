package main

import (
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
)

const ownChart = "../../deploy/aerie"

// given are the values that the chart of the control plane has no default for.
func given() map[string]any {
	return map[string]any{
		"image": map[string]any{"repository": "registry.example.com/aerie", "tag": "1"},
		"token": map[string]any{"secretName": "aerie-token"},
		"tls":   map[string]any{"secretName": "aerie-tls"},
	}
}

// TestOwnChartIsPlain has Helm's own lint look at the chart of the control plane: it says nothing but that there is no icon.
func TestOwnChartIsPlain(t *testing.T) {
	for _, m := range lint.RunAll(ownChart, given(), "control").Messages {
		if !strings.Contains(m.Error(), "icon is recommended") {
			t.Error(m)
		}
	}
}

// TestOwnChartSaysWhatIsMissing leaves out or contradicts one value after the other.
func TestOwnChartSaysWhatIsMissing(t *testing.T) {
	for name, row := range map[string]struct {
		set  map[string]any
		says string
	}{
		"no image":       {map[string]any{"image": map[string]any{"repository": ""}}, "image.repository is missing"},
		"no tag":         {map[string]any{"image": map[string]any{"repository": "a", "tag": ""}}, "image.tag is missing"},
		"no token":       {map[string]any{"token": map[string]any{}}, "token.secretName is missing"},
		"no certificate": {map[string]any{"tls": map[string]any{}}, "give secretName, or insecure"},
		"both":           {map[string]any{"tls": map[string]any{"secretName": "a", "insecure": true}}, "and not both"},
		"two logs":       {map[string]any{"replicas": 2}, "more than one needs nats.url"},
		"keys of nobody": {map[string]any{"nats": map[string]any{"url": "nats://a:4222", "keys": []any{"creds"}}}, "nats.secretName is missing"},
		"no reader":      {map[string]any{"serviceMonitor": map[string]any{"enabled": true}}, "tokenSecretName is missing"},
		"a flag it sets": {map[string]any{"settings": map[string]any{"AERIE_HTTP": ":1"}}, "AERIE_HTTP"},
		"a typo":         {map[string]any{"replica": 2}, "replica"},
	} {
		t.Run(name, func(t *testing.T) {
			values := given()
			for k, v := range row.set {
				values[k] = v
			}
			if err := renderOwn(t, values); err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("it says %v, want %q", err, row.says)
			}
		})
	}
	if err := renderOwn(t, given()); err != nil {
		t.Error("with all that it needs:", err)
	}
}

func renderOwn(t *testing.T, values map[string]any) error {
	t.Helper()
	chart, err := loader.LoadDir(ownChart)
	if err != nil {
		t.Fatal(err)
	}
	all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: "aerie", Namespace: "control"}, nil)
	if err != nil {
		return err
	}
	_, err = engine.Render(chart, all)
	return err
}
