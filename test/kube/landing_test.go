package kube_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// ownedBy is who owns the base of clusters in these tests.
const ownedBy = "-/dataplane/eu/01HBASE"

// twoPools makes of two nodes of a cluster the machines of the tenant infras small and big, and keeps everybody off the third.
func twoPools(t *testing.T, api *kube.Cluster) (nodes []string) {
	t.Helper()
	found, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Node"})
	if err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	for i, n := range found[:2] {
		pool := []string{"small", "big"}[i]
		taint := map[string]any{"key": kube.LabelTenantInfra, "value": pool, "effect": "NoSchedule"}
		labels := map[string]string{kube.LabelTenantInfra: pool, "topology.kubernetes.io/zone": "zone-" + pool}
		apply(t, api, kube.NewObject("v1", "Node", "", n.Name(), map[string]any{"taints": []any{taint}}).Marked("", labels, nil))
		nodes = append(nodes, n.Name())
	}
	if err := api.Cordon(t.Context(), found[2].Name(), true); err != nil {
		t.Fatal(err)
	}
	return nodes
}

// workload is a Deployment or a StatefulSet, whose pods say no more of where they run than the given.
func workload(kind, namespace, name string, replicas int64, pod map[string]any) kube.Object {
	labels := map[string]any{"app": name}
	pod["containers"] = []any{map[string]any{"name": "c", "image": "example.test/app:1"}}
	spec := map[string]any{"replicas": replicas, "selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": pod}}
	if kind == "StatefulSet" {
		spec["serviceName"] = name
	}
	return kube.NewObject("apps/v1", kind, namespace, name, spec)
}

// runningOn counts the pods of a workload that run on a node.
func runningOn(t *testing.T, api kube.API, namespace, app, node string) (n int) {
	t.Helper()
	pods, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Node: node, Labels: map[string]string{"app": app}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		if !p.Terminating() && kube.MapOf(p["status"])["phase"] == "Running" {
			n++
		}
	}
	return n
}

// What a tenant installs says nothing of machines: its pods run on those of its tenant infra, and made anew on those of another
// if the namespace says so. What they say themselves of labels and taints of their own stays.
func TestPodsLandByTheLabelsOfTheirNamespace(t *testing.T) {
	t.Parallel()
	_, api := newRig(t)
	nodes := twoPools(t, api)
	spec := tenantOf("lands", "one")
	spec.Quota.Pods, spec.Stay, spec.Infra = 20, "01HSTAY", "small"
	if _, err := tenant.Ensure(t.Context(), api, spec); err != nil {
		t.Fatal(err)
	}
	if d, err := tenant.PodDefaults(t.Context(), api, spec.Namespace); err != nil || d.Pool != "small" {
		t.Errorf("without the policy pods get %+v: %v", d, err)
	}
	for _, want := range []bool{true, false} {
		if changed, err := tenant.EnsureBase(t.Context(), api, ownedBy); err != nil || changed != want {
			t.Fatal(changed, err)
		}
	}
	if d, err := tenant.PodDefaults(t.Context(), api, spec.Namespace); err != nil || d.Pool != "" {
		t.Errorf("with the policy pods get %+v: %v", d, err)
	}
	drift := func(want string) {
		t.Helper()
		if found, err := tenant.BaseDrift(t.Context(), api, ownedBy); err != nil || kubetest.Told(found) != want {
			t.Errorf("it has drifted: %q, want %q: %v", kubetest.Told(found), want, err)
		}
	}
	drift("")
	kubetest.Eventually(t, "the policy holds", func() bool {
		probe := pod(spec.Namespace, "probe", nil)
		_, err := api.Apply(t.Context(), probe)
		made, found := api.Get(t.Context(), "v1", "Pod", spec.Namespace, "probe")
		if err != nil || found != nil {
			t.Log(err, found)
			return false
		}
		if err := api.Delete(t.Context(), "v1", "Pod", spec.Namespace, "probe"); err != nil {
			t.Fatal(err)
		}
		return kube.StringOf(kube.Nested(made, "spec", "nodeSelector")[kube.LabelTenantInfra]) == "small"
	})
	own := map[string]any{"nodeSelector": map[string]any{"kubernetes.io/os": "linux"},
		"tolerations": []any{map[string]any{"key": "mine", "operator": "Exists"}}}
	apply(t, api, workload("Deployment", spec.Namespace, "web", 2, map[string]any{}))
	apply(t, api, workload("StatefulSet", spec.Namespace, "db", 2, own))
	all := func(node string) bool {
		return runningOn(t, api, spec.Namespace, "web", node) == 2 && runningOn(t, api, spec.Namespace, "db", node) == 2
	}
	kubetest.Eventually(t, "all pods run on the small machines", func() bool { return all(nodes[0]) })
	spec.Infra, spec.Stay, spec.Revision = "big", "01HNEXT", 2
	if _, err := tenant.Ensure(t.Context(), api, spec); err != nil {
		t.Fatal(err)
	}
	pods, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: spec.Namespace})
	if err != nil || len(pods) != 4 {
		t.Fatal(pods, err)
	}
	for _, p := range pods {
		if err := api.Evict(t.Context(), p.Namespace(), p.Name()); err != nil {
			t.Fatal(err)
		}
	}
	kubetest.Eventually(t, "all pods run on the big machines", func() bool { return all(nodes[1]) })
	if pods, err = api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: spec.Namespace, Labels: map[string]string{"app": "db"}}); err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		spec := kube.MapOf(p["spec"])
		selector, tolerations := kube.MapOf(spec["nodeSelector"]), kube.MapsOf(spec["tolerations"])
		if selector["kubernetes.io/os"] != "linux" || selector[kube.LabelTenantInfra] != "big" || tolerations[0]["key"] != "mine" {
			t.Errorf("%s has %v and %v", p.Name(), selector, tolerations)
		}
	}
	const admission = "admissionregistration.k8s.io/v1"
	policy, err := api.Get(t.Context(), admission, "MutatingAdmissionPolicy", "", "aerie-landing")
	if err != nil {
		t.Fatal(err)
	}
	if err := kube.Set(t.Context(), api, policy, map[string]any{"spec": map[string]any{"failurePolicy": "Ignore"}}); err != nil {
		t.Fatal(err)
	}
	if err := api.Delete(t.Context(), admission, "MutatingAdmissionPolicyBinding", "", "aerie-landing"); err != nil {
		t.Fatal(err)
	}
	drift("MutatingAdmissionPolicy aerie-landing: spec.failurePolicy differs; gone MutatingAdmissionPolicyBinding aerie-landing")
	if changed, err := tenant.EnsureBase(t.Context(), api, ownedBy); err != nil || !changed {
		t.Fatal(changed, err)
	}
	drift("")
	if err := tenant.RemoveBase(t.Context(), api, ownedBy); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"} {
		if there(t, api, admission, kind, "", "aerie-landing") {
			t.Error("left:", kind)
		}
	}
}
