package kube_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// install installs a release in zoo--prod past the control plane.
func install(t *testing.T, api *kube.Cluster, name, owner string) {
	t.Helper()
	r, err := api.Access(t.Context(), "zoo--prod", policy.InstallerAccount)
	if err != nil {
		t.Fatal(err)
	}
	q := helm.Request{Op: helm.Ensure, Release: name, Namespace: "zoo--prod", Owner: owner, Cluster: &r, Within: time.Minute,
		Chart: helm.Chart{Name: "web", Version: "1.0.0", Archive: web("1.0.0", nil)}}
	q.Digest = helm.DigestOf(q.Chart, q.Values)
	if _, err := releases.Run(t.Context(), t.Name(), q); err != nil {
		t.Fatal(err)
	}
}

// there tells whether an object is there.
func there(t *testing.T, api kube.API, apiVersion, kind, namespace, name string) bool {
	t.Helper()
	_, err := api.Get(t.Context(), apiVersion, kind, namespace, name)
	if err != nil && kube.CodeOf(err) != kube.NotFound {
		t.Fatal(err)
	}
	return err == nil
}

// statesOf are the states of a release's revisions in zoo--prod.
func statesOf(t *testing.T, api kube.API, name string) (all []string) {
	t.Helper()
	found, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Secret", Namespace: "zoo--prod", Labels: map[string]string{"owner": "helm", "name": name}})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range found {
		all = append(all, o.Labels()["status"])
	}
	return all
}

// A whole sweep: a release that came after the end of its application goes, by Helm; a release that the log knows nothing
// of stays. Of the priority classes that one goes which no tenant has any longer.
func TestSweep(t *testing.T) {
	t.Parallel()
	rig, api := newRig(t)
	c := startControl(t, rig.Kubeconfig, 60)
	plan := "kind: plan\nname: small\nspec: {deployment: resource-shared, "
	all := strings.Replace(offer, plan, plan+"priority: 400, ", 1)
	all += "---\n" + strings.Replace(plan, "small", "big", 1) + "priority: 500, apps: [{type: web, size: small}]}\n" +
		"---\nkind: tenant\nname: leaves\nowner: zoo\nspec: {plan: big, app: web}\n"
	c.run(all, "apply", "-f", "-", "--wait", "--timeout", "2m")
	d, err := api.Get(t.Context(), "apps/v1", "Deployment", "zoo--prod", "exporter")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"aerie-priority-600", "theirs"} {
		apply(t, api, kubetest.Object("scheduling.k8s.io/v1", "PriorityClass", "", name, map[string]any{"value": int64(600)}))
	}
	c.run("", "application", "delete", "zoo/prod_exporter", "--wait", "--timeout", "1m")
	c.run("", "tenant", "delete", "zoo/leaves", "--wait", "--timeout", "1m")
	install(t, api, "exporter", d.Labels()[kube.LabelOwner]) // as a call that was long on its way
	install(t, api, "theirs", "01STRANGER")
	kubetest.Eventually(t, "the release is swept", func() bool { return len(statesOf(t, api, "exporter")) == 0 })
	kubetest.Eventually(t, "it is in the log", func() bool {
		return strings.Contains(c.run("", "history", "application", "zoo/prod_exporter"), "swept")
	})
	kubetest.Eventually(t, "the class that nobody has is swept, which is in the log", func() bool {
		return strings.Contains(c.run("", "history", "dataplane", "eu", "-o", "json"), "PriorityClass aerie-priority-500")
	})
	if there(t, api, "apps/v1", "Deployment", "zoo--prod", "exporter") {
		t.Error("the release's Deployment is left")
	}
	if len(statesOf(t, api, "theirs")) != 1 || !there(t, api, "apps/v1", "Deployment", "zoo--prod", "theirs") {
		t.Error("the stranger's release was touched")
	}
	for name, want := range map[string]bool{"aerie-priority-400": true, "aerie-priority-500": false, "aerie-priority-600": true, "theirs": true} {
		if got := there(t, api, "scheduling.k8s.io/v1", "PriorityClass", "", name); got != want {
			t.Errorf("class %s is there: %v, want %v", name, got, want)
		}
	}
}
