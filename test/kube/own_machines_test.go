package kube_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// alone is an offer of two plans, of which one has its tenants on machines of their own, and a tenant of each with an application that says
// nothing of machines.
const alone = webGround + zoo + `kind: plan
name: shared
spec: {deployment: resource-shared, apps: [{type: web, size: small}]}
---
kind: plan
name: own
spec: {deployment: resource-shared, machines: own, apps: [{type: web, size: small}]}
---
kind: tenant
name: many
owner: zoo
spec: {plan: shared}
---
kind: tenant
name: prod
owner: zoo
spec: {plan: own}
`

// TestATenantOnMachinesOfItsOwn: the machines are made with the tenant, its pods run on them alone and nobody else's do, by what the
// namespaces say, and they are gone with it. The control plane is killed, as a process, in between.
func TestATenantOnMachinesOfItsOwn(t *testing.T) {
	t.Parallel()
	rig, api := newRig(t)
	c := startControl(t, newProxy(t, rig).kubeconfig(t), 60)
	c.run(alone, "apply", "-f", "-", "--wait", "--timeout", "4m")
	machines := ownMachines(c, "zoo/prod")
	if len(machines) != 1 {
		t.Fatal("the machines of zoo/prod are", machines)
	}
	own := strings.TrimPrefix(machines[0], "eu_")
	mine, others := nodeOf(t, api, 0, own), nodeOf(t, api, 1, "web")
	if err := api.Cordon(t.Context(), nodeOf(t, api, 2, "nobodys"), true); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"many", "prod"} {
		c.run(`kind: application
name: `+name+`_front
owner: zoo
spec:
  manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: front}
      spec:
        replicas: 2
        selector: {matchLabels: {app: front}}
        template:
          metadata: {labels: {app: front}}
          spec: {containers: [{name: front, image: "example.test/front:1"}]}
`, "apply", "-f", "-", "--wait", "--timeout", "4m")
	}
	apart := func() bool {
		return runningOn(t, api, "zoo--prod", "front", mine) == 2 && runningOn(t, api, "zoo--many", "front", others) == 2
	}
	kubetest.Eventually(t, "each runs on its own machines", apart)
	c.kill()
	c.start()
	for _, namespace := range []string{"zoo--prod", "zoo--many"} { // its pods are made anew
		pods, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: namespace})
		if err != nil || len(pods) != 2 {
			t.Fatal(pods, err)
		}
		for _, p := range pods {
			if err := api.Evict(t.Context(), p.Namespace(), p.Name()); err != nil {
				t.Fatal(err)
			}
		}
	}
	kubetest.Eventually(t, "each runs on its own machines again", apart)
	c.run("", "tenant", "create", "zoo/second", "--spec", "{plan: shared}", "--wait", "--timeout", "4m")
	if at := infraOf(c, "zoo/second"); at != "-/eu_web" {
		t.Error("another tenant was put on", at)
	}
	c.run("", "delete", "tenant", "zoo/prod", "--cascade", "--wait", "--timeout", "4m")
	kubetest.Eventually(t, "its machines are gone", func() bool { return len(ownMachines(c, "zoo/prod")) == 0 })
	left, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Namespace"})
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range left {
		if ns.Name() == "zoo--prod" || ns.Labels()[kube.LabelTenantInfra] == own {
			t.Errorf("namespace %s is left, with %v", ns.Name(), ns.Labels())
		}
	}
	if n := runningOn(t, api, "zoo--many", "front", others); n != 2 {
		t.Error("of the other tenant there run", n)
	}
}

// nodeOf makes of one of the cluster's nodes a machine of a tenant infra, as its node pool would, and returns its name.
func nodeOf(t *testing.T, api *kube.Cluster, n int, infra string) string {
	t.Helper()
	found, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Node"})
	if err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	taint := map[string]any{"key": kube.LabelTenantInfra, "value": infra, "effect": "NoSchedule"}
	apply(t, api, kube.NewObject("v1", "Node", "", found[n].Name(), map[string]any{"taints": []any{taint}}).Marked("", map[string]string{kube.LabelTenantInfra: infra}, nil))
	return found[n].Name()
}

// ownMachines are the tenant infras that are for a tenant alone and not gone.
func ownMachines(c *control, tenant string) (ids []string) {
	c.Helper()
	var list struct {
		Items []struct {
			ID   string
			Spec struct{ For string }
		}
	}
	c.get("/v1/tenantinfras", &list)
	for _, i := range list.Items {
		if i.Spec.For == tenant {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// infraOf is where a tenant was put.
func infraOf(c *control, tenant string) string {
	c.Helper()
	var e struct {
		Status struct {
			Placement struct {
				TenantInfra string `json:"tenantinfra"`
			}
		}
	}
	owner, name, _ := strings.Cut(tenant, "/")
	c.get("/v1/tenants/"+owner+"/"+name, &e)
	return e.Status.Placement.TenantInfra
}
