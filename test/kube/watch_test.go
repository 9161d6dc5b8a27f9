package kube_test

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	"github.com/aeriehq/aerie/test/kube/rigtest"
)

// somebody changes things as a person does with kubectl.
func somebody(t *testing.T, of *rigtest.Rig, group, version, resource, namespace, name, patch string) {
	t.Helper()
	config, err := kube.ReadConfig(of.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	at := client.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: resource}).Namespace(namespace)
	if _, err := at.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
}

// The watch tells what somebody else changes of ours, and nothing of what we change ourselves.
func TestWatchTellsOthersChanges(t *testing.T) {
	spec := tenantOf("watched", "one")
	ensureTenant(t, spec)
	told := make(chan kube.ForeignChange)
	go admin.Watch(t.Context(), func(touched kube.ForeignChange) {
		select {
		case told <- touched:
		case <-t.Context().Done():
		}
	})
	n := 0
	next := func() string {
		for { // until all its watches have begun, the same is done again, each time a little else
			select {
			case got := <-told:
				if got.Object.Namespace == spec.Namespace {
					return got.Object.String()
				}
			default:
			}
			n++
			somebody(t, rig, "networking.k8s.io", "v1", "networkpolicies", spec.Namespace, "aerie-allow-own", fmt.Sprintf(`{"metadata":{"annotations":{"n":"%d"}}}`, n))
		}
	}
	if got := next(); got != "NetworkPolicy watched--one/aerie-allow-own" {
		t.Error(got)
	}
	for range n { // and nothing of what is ours stands between what was done by hand
		spec.Revision++
		if _, err := tenant.Ensure(t.Context(), admin, spec); err != nil {
			t.Fatal(err)
		}
		if got := next(); got != "NetworkPolicy watched--one/aerie-allow-own" {
			t.Error(got)
		}
	}
}

// changedByHand has somebody change things in a tenant's namespace, and in a release there: it is brought back.
func changedByHand(t *testing.T, c *control) {
	t.Helper()
	if err := admin.Delete(t.Context(), "networking.k8s.io/v1", "NetworkPolicy", "zoo--prod", "aerie-default-deny"); err != nil {
		t.Fatal(err)
	}
	somebody(t, rig, "", "v1", "resourcequotas", "zoo--prod", "aerie-quota", `{"spec":{"hard":{"pods":"99"}}}`)
	somebody(t, rig, "apps", "v1", "deployments", "zoo--prod", "exporter", `{"spec":{"replicas":2}}`)
	kubetest.Eventually(t, "all is as it was", func() bool {
		_, err := admin.Get(t.Context(), "networking.k8s.io/v1", "NetworkPolicy", "zoo--prod", "aerie-default-deny")
		quota, _ := admin.Get(t.Context(), "v1", "ResourceQuota", "zoo--prod", "aerie-quota")
		web, _ := admin.Get(t.Context(), "apps/v1", "Deployment", "zoo--prod", "exporter")
		return err == nil && at(quota, "spec", "hard", "pods") == "5" && at(web, "spec", "replicas") == "1"
	})
	for kind, id := range map[string]string{"tenant": "zoo/prod", "application": "zoo/prod_exporter"} {
		if got := c.run("", "history", kind, id); !contains(got, "drifted") || !contains(got, "repair_started") {
			t.Error(got)
		}
	}
}

func at(o kube.Object, path ...string) string {
	var v any = map[string]any(o)
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return fmt.Sprint(v)
}
