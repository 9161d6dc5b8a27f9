package kube_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// webGround is where tenants of the type web may live.
const webGround = `kind: account
name: main
spec: {cloud: sim, number: "1"}
---
kind: dataplane
name: eu
spec: {account: main, region: eu-central}
---
kind: tenantinfra
name: eu_web
spec: {app: web, size: small, pools: [{name: main, machine: s4}]}
---
`

// zoo is a customer.
const zoo = `kind: customer
name: zoo
---
`

// webPlan is all that the platform has before a customer comes.
const webPlan = webGround + `kind: plan
name: small
spec: {deployment: resource-shared, apps: [{type: web, size: small}], quota: {pods: 5}}
---
`

const webTenant = zoo + `kind: tenant
name: prod
owner: zoo
spec: {plan: small, app: web}
---
kind: application
name: prod_exporter
owner: zoo
spec: {chart: {name: exporter, version: 0.1.0}, values: {target: db}}
`

const offer = webPlan + webTenant

// The whole way: aerie with a real cluster behind its dataplane, from nothing to a chart that runs, and back to nothing.
func TestTheWholeWay(t *testing.T) {
	t.Parallel()
	c := startControl(t, rig.Kubeconfig, 60)
	c.run(offer, "apply", "-f", "-", "--wait", "--timeout", "2m")
	d, err := admin.Get(t.Context(), "apps/v1", "Deployment", "zoo--prod", "exporter")
	if err != nil || d.Labels()[kube.LabelApplication] != "exporter" {
		t.Fatal(d, err)
	}
	uid := d.Labels()[kube.LabelOwner]
	c.run("", "application", "update", "zoo/prod_exporter", "--spec", `{chart: {name: exporter, version: 0.1.0}, values: {target: other}}`, "--wait", "--timeout", "1m")
	c.run("", "application", "rollback", "zoo/prod_exporter", "--wait", "--timeout", "1m")
	if got := c.run("", "history", "application", "zoo/prod_exporter"); !strings.Contains(got, "rollback_requested") {
		t.Error(got)
	}
	granted(t, c)
	changedByHand(t, c)
	held(t, c)
	c.run("", "delete", "customer", "zoo", "--cascade", "--wait", "--timeout", "2m")
	if _, err := admin.Get(t.Context(), "v1", "Namespace", "", "zoo--prod"); kube.CodeOf(err) != kube.NotFound {
		t.Error("the namespace is left:", err)
	}
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		left, err := admin.List(t.Context(), kube.Selector{APIVersion: "apps/v1", Kind: kind, Labels: map[string]string{kube.LabelOwner: uid}})
		if err != nil || len(left) > 0 {
			t.Errorf("%s left: %v %v", kind, left, err)
		}
	}
}

// held deletes a tenant whose namespace a finalizer holds: the tenant names it, and who wants its name anew waits.
func held(t *testing.T, c *control) {
	t.Helper()
	c.run("", "tenant", "create", "zoo/held", "--spec", "{plan: small, app: web}", "--wait", "--timeout", "1m")
	hold := kubetest.Object("v1", "ConfigMap", "zoo--held", "hold", nil)
	hold["metadata"].(map[string]any)["finalizers"] = []any{"example.com/hold"}
	apply(t, admin, hold)
	c.run("", "delete", "tenant", "zoo/held")
	kubetest.Eventually(t, "the finalizer is named", func() bool {
		return strings.Contains(c.run("", "describe", "tenant", "zoo/held"), "example.com/hold")
	})
	if phase, _ := c.phase("tenant", "zoo/held"); phase != "Deleting" {
		t.Error("it is", phase)
	}
	delete(hold["metadata"].(map[string]any), "finalizers")
	apply(t, admin, hold)
	c.reaches("tenant", "zoo/held", "Deleted")
	c.run("", "tenant", "create", "zoo/held", "--spec", "{plan: small, app: web}", "--wait", "--timeout", "1m")
}
