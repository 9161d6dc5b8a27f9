package kube_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// wakes is a tenant with an application of two pods.
const wakes = webGround + zoo + `kind: plan
name: shared
spec: {deployment: resource-shared, apps: [{type: web, size: small}]}
---
kind: tenant
name: prod
owner: zoo
spec: {plan: shared}
---
kind: application
name: prod_front
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
`

// TestARepairKeepsWhatWasAskedFor resumes a tenant in vain, as a policy of its cluster refuses it, and then deletes its namespace. The
// repair makes that again and lets the tenant sleep, and it is said still that it is to wake; that stands over a killed control plane.
// A retry wakes it when the cluster lets it, with all that ran there.
func TestARepairKeepsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	rig, api := newRig(t)
	c := startControl(t, newProxy(t, rig).kubeconfig(t), 60)
	c.run(wakes, "apply", "-f", "-", "--wait", "--timeout", "4m")
	c.run("", "tenant", "suspend", "zoo/prod", "--wait", "--timeout", "4m")
	refuse(t, api, "zoo--prod", "apps", "deployments", "object.spec.replicas == 0", "nothing runs here today")
	kubetest.Eventually(t, "the policy refuses", func() bool { // it works late
		_, err := api.Apply(t.Context(), kubetest.Object("apps/v1", "Deployment", "zoo--prod", "probe", map[string]any{"spec": map[string]any{
			"replicas": int64(1), "selector": map[string]any{"matchLabels": map[string]any{"app": "probe"}},
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"app": "probe"}},
				"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "example.test/app:1"}}}}}}))
		return kube.CodeOf(err) == kube.Forbidden
	})
	c.refused("tenant", "resume", "zoo/prod", "--wait", "--timeout", "4m")
	toWake := func() bool {
		phase, reason := c.phase("tenant", "zoo/prod")
		return phase == "Suspended" && reason == "unauthorized"
	}
	if !toWake() {
		t.Fatal(c.run("", "why", "tenant", "zoo/prod"))
	}

	before, err := api.Get(t.Context(), "v1", "Namespace", "", "zoo--prod")
	if err == nil {
		err = api.Delete(t.Context(), "v1", "Namespace", "", "zoo--prod")
	}
	if err != nil {
		t.Fatal(err)
	}
	again := func() bool {
		now, err := api.Get(t.Context(), "v1", "Namespace", "", "zoo--prod")
		return err == nil && now.Metadata()["uid"] != before.Metadata()["uid"] && toWake()
	}
	kubetest.Eventually(t, "its namespace is made again, and it is to wake", again)
	c.kill()
	c.start()
	if !again() {
		t.Error("after a restart:", c.run("", "why", "tenant", "zoo/prod"))
	}
	for _, kind := range []string{"ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"} {
		if err := api.Delete(t.Context(), "admissionregistration.k8s.io/v1", kind, "", "zoo--prod"); err != nil {
			t.Fatal(err)
		}
	}
	kubetest.Eventually(t, "it is awake, with what ran there", func() bool {
		if phase, _ := c.phase("tenant", "zoo/prod"); phase == "Suspended" { // the policy's end works late too
			c.run("", "tenant", "retry", "zoo/prod")
		}
		phase, _ := c.phase("tenant", "zoo/prod")
		d, err := api.Get(t.Context(), "apps/v1", "Deployment", "zoo--prod", "front")
		return phase == "Active" && err == nil && kube.MapOf(d["status"])["readyReplicas"] == int64(2)
	})
}
