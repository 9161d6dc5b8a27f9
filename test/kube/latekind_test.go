package kube_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

const crds = "apiextensions.k8s.io/v1"

// An application of a kind that comes late is waited for, and none of its attempts counts; one whose kind never comes ends
// with its phase and says which. When a kind goes, that is told, and what is left can be changed and removed.
func TestAKindThatComesLateOrNever(t *testing.T) {
	t.Parallel()
	rig, api := newRig(t)
	c := startControl(t, rig.Kubeconfig, 30) // a minute of ours is the time of a phase
	base, _, _ := strings.Cut(strings.Replace(offer, "region: eu-central", "region: eu-central, drift: report", 1), "---\nkind: application")
	c.run(base, "apply", "-f", "-", "--wait", "--timeout", "4m")
	url, login := chartsOf(t, map[string][]byte{"1.0.0": web("1.0.0", map[string]string{
		"templates/x.yaml": "{{ if .Values.kind }}apiVersion: example.com/v1\nkind: {{ .Values.kind }}\nmetadata: {name: x}\n{{ end }}"})})
	c.knows("zoo", "charts", login)
	spec := func(kind string) string {
		return fmt.Sprintf("{chart: {name: web, version: 1.0.0, repository: %q, credentials: charts}, values: {kind: %q}}", url, kind)
	}
	c.run("", "application", "create", "zoo/prod_late", "--spec", spec("Late"))
	c.run("", "application", "create", "zoo/prod_plain", "--spec", "{manifests: [{apiVersion: example.com/v1, kind: Late, metadata: {name: plain}}]}")
	c.run("", "application", "create", "zoo/prod_never", "--spec", spec("Never")) // its phase runs while the others are seen to
	for _, id := range []string{"zoo/prod_late", "zoo/prod_plain"} {
		c.explains("application", id, "dependency")
		for _, command := range []string{"get", "why"} {
			if got := c.run("", command, "application", id, "-o", "json"); !strings.Contains(got, "nobody has defined the kind Late of example.com/v1") {
				t.Errorf("%s does not say what is waited for:\n%s", command, got)
			}
		}
	}
	role := kubetest.Object(rbac+"/v1", "ClusterRole", "", "tenants-lates", map[string]any{"rules": []any{map[string]any{
		"apiGroups": []any{"example.com"}, "resources": []any{"lates"}, "verbs": []any{"get", "create", "patch", "delete"}}}})
	role["metadata"].(map[string]any)["labels"] = map[string]any{kube.LabelInstaller: "true"}
	apply(t, api, role)
	apply(t, api, definition("Late", "lates", "late"))
	for _, id := range []string{"zoo/prod_late", "zoo/prod_plain"} {
		c.reaches("application", id, "Deployed")
		c.countsNothing("application", id, time.Now())
	}
	c.reaches("application", "zoo/prod_never", "Failed")
	c.countsNothing("application", "zoo/prod_never", time.Now())
	if got := c.run("", "get", "application", "zoo/prod_never", "-o", "json"); !strings.Contains(got, `"dependency"`) || !strings.Contains(got, "not done within") || !strings.Contains(got, "the kind Never of example.com/v1") {
		t.Error("it does not say which kind did not come:", got)
	}
	kindGoes(t, c, api, spec)
}

// kindGoes takes the kind Late away from under its two applications.
func kindGoes(t *testing.T, c *control, api kube.API, spec func(string) string) {
	t.Helper()
	if err := api.Delete(t.Context(), crds, "CustomResourceDefinition", "", "lates.example.com"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"zoo/prod_late", "zoo/prod_plain"} {
		kubetest.Eventually(t, id+" says which kind is missing", func() bool {
			return strings.Contains(c.run("", "get", "application", id, "-o", "json"), `no matches for kind \"Late\"`)
		})
		if phase, reason := c.phase("application", id); phase != "Deployed" || reason != "drifted" {
			t.Errorf("%s is %s: %s", id, phase, reason)
		}
	}
	c.run("", "application", "delete", "zoo/prod_plain")
	c.reaches("application", "zoo/prod_plain", "Uninstalled")
	c.run("", "application", "update", "zoo/prod_late", "--spec", spec(""))
	c.reaches("application", "zoo/prod_late", "Deployed")
	c.run("", "application", "delete", "zoo/prod_late")
	c.reaches("application", "zoo/prod_late", "Uninstalled")
	for _, kind := range []string{"Secret", "Deployment"} {
		version := map[string]string{"Secret": "v1", "Deployment": "apps/v1"}[kind]
		left, err := api.List(t.Context(), kube.Selector{APIVersion: version, Kind: kind, Namespace: "zoo--prod"})
		if err != nil || len(left) > 0 {
			t.Error("left:", left, err)
		}
	}
}
