package kube_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// operatorChart is a chart of what an operator of databases consists of: a kind of its own, rights in the whole cluster,
// and something that runs.
func operatorChart(version string) []byte {
	return web(version, map[string]string{
		"crds/x.yaml": `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`,
		"templates/rights.yaml": `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reads-things}
rules: [{apiGroups: [example.com], resources: [things], verbs: [get, list, watch]}]
`,
	})
}

// chartsOf serves charts as a repository without a login.
func chartsOf(t *testing.T, charts map[string][]byte) (url string, login helm.Login) {
	t.Helper()
	index := "apiVersion: v1\nentries:\n  web:\n"
	for version := range charts {
		index += fmt.Sprintf("  - {apiVersion: v2, name: web, version: %[1]s, urls: [%[1]s.tgz]}\n", version)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/index.yaml" {
			fmt.Fprint(w, index)
			return
		}
		_, _ = w.Write(charts[strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".tgz")])
	}))
	t.Cleanup(server.Close)
	return server.URL, helm.Login{CA: certificate(server)}
}

// The whole life of an addon on a real API server, up to the end of its dataplane, which takes it along.
func TestAddon(t *testing.T) {
	t.Parallel()
	rig, admin := newRig(t)
	c := startControl(t, rig.Kubeconfig, 60)
	url, login := chartsOf(t, map[string][]byte{"1.0.0": operatorChart("1.0.0"), "1.1.0": operatorChart("1.1.0")})
	c.knows("-", "charts", login)
	spec := func(version, more string) string {
		return fmt.Sprintf("{namespace: things-system, chart: {name: web, version: %s, repository: %q, credentials: charts}%s}", version, url, more)
	}
	dataplane := "kind: account\nname: main\nspec: {cloud: sim, number: '1'}\n---\nkind: dataplane\nname: eu\nspec: {account: main, region: eu-central, bootstrap: [things]}\n"
	c.run(dataplane, "apply", "-f", "-")
	c.reaches("dataplane", "eu", "Equipping")
	c.run("", "addon", "create", "eu_things", "--spec", spec("1.0.0", ", values: {pod: crash}"))
	c.explains("addon", "eu_things", "dependency")
	kubetest.Eventually(t, "the dataplane says what is in the way of its addon", func() bool { // for a moment that may be something else
		got := c.run("", "why", "dataplane", "eu")
		return strings.Contains(got, "eu_things") && strings.Contains(got, "CrashLoopBackOff")
	})
	c.run(dataplane+"---\nkind: addon\nname: eu_things\nspec: "+spec("1.0.0", "")+"\n", "apply", "-f", "-", "--wait", "--timeout", "2m")
	for _, k := range []kube.Key{
		{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "things-system", Name: "things"},
		{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition", Name: "things.example.com"},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: "reads-things"},
	} {
		if _, err := admin.Get(t.Context(), k.APIVersion, k.Kind, k.Namespace, k.Name); err != nil {
			t.Error(err)
		}
	}
	if got := c.run("", "describe", "dataplane", "eu"); !strings.Contains(got, "AddonsReady") {
		t.Error(got)
	}
	if got := c.run("", "get", "addons"); !strings.Contains(got, "eu_things") || !strings.Contains(got, "1.0.0") {
		t.Error(got)
	}
	c.run("", "addon", "update", "eu_things", "--spec", spec("1.1.0", ", values: {replicas: 2}"), "--wait", "--timeout", "1m")
	c.run("", "addon", "rollback", "eu_things", "--wait", "--timeout", "1m")
	if d, _ := admin.Get(t.Context(), "apps/v1", "Deployment", "things-system", "things"); fmt.Sprint(d["spec"].(map[string]any)["replicas"]) != "1" {
		t.Error("not rolled back:", d["spec"])
	}
	// A namespace of somebody else's is not touched, and the addon says why it does not come about.
	apply(t, admin, kube.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "theirs"}})
	c.run("", "addon", "create", "eu_other", "--spec", strings.Replace(spec("1.0.0", ""), "things-system", "theirs", 1))
	c.explains("addon", "eu_other", "conflict")
	c.run("", "delete", "dataplane", "eu", "--wait", "--timeout", "2m")
	for _, id := range []string{"eu_things", "eu_other"} {
		if phase, _ := c.phase("addon", id); phase != "Uninstalled" {
			t.Errorf("%s is %s after its dataplane", id, phase)
		}
	}
	for _, k := range []kube.Key{
		{APIVersion: "v1", Kind: "Namespace", Name: "things-system"},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: "reads-things"},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding", Name: "aerie:addon:things-system"},
	} {
		if _, err := admin.Get(t.Context(), k.APIVersion, k.Kind, k.Namespace, k.Name); kube.CodeOf(err) != kube.NotFound {
			t.Errorf("%s is left: %v", k, err)
		}
	}
	if _, err := admin.Get(t.Context(), "v1", "Namespace", "", "theirs"); err != nil {
		t.Error("another's namespace:", err)
	}
}
