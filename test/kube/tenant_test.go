package kube_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

func tenantOf(customer, name string) tenant.Spec {
	return tenant.Spec{
		Namespace: customer + "--" + name, Customer: customer, Tenant: name, Owner: "01" + customer + name, Plan: "small", Revision: 1,
		Quota:      tenant.Quota{CPU: "2", Memory: "2Gi", Storage: "10Gi", Pods: 5},
		DefaultCPU: "100m", DefaultMemory: "64Mi",
		Isolation: true, EgressDeny: true, AllowNamespaces: []string{"monitoring"}, AllowRanges: []string{"203.0.113.0/24"},
	}
}

func stayOf(s tenant.Spec) tenant.Stay {
	return tenant.Stay{Namespace: s.Namespace, Owner: s.Owner, Name: s.Stay, Revision: s.Revision}
}

func ensureTenant(t *testing.T, spec tenant.Spec) {
	t.Helper()
	n, err := tenant.Ensure(t.Context(), admin, spec)
	if err != nil || n != len(tenant.Objects(spec)) {
		t.Fatal(n, err)
	}
	if n, err = tenant.Ensure(t.Context(), admin, spec); n != 0 || err != nil {
		t.Fatalf("the second time %d objects changed: %v", n, err)
	}
}

// What each may do in a tenant's namespace and beside it, asked of the API server itself.
func TestWhoMayDoWhat(t *testing.T) {
	ensureTenant(t, tenantOf("may", "one"))
	ensureTenant(t, tenantOf("may", "two"))
	ensureTenant(t, tenantOf("other", "one"))
	account := func(ns, name string) string { return "system:serviceaccount:" + ns + ":" + name }
	who := map[string]subject{
		"installer": {user: account("may--one", policy.InstallerAccount)},
		"workload":  {user: account("may--one", policy.WorkloadAccount)},
		"people":    {user: "ann@may.example", group: policy.PeopleGroup("may")},
		"neighbour": {user: account("other--one", policy.InstallerAccount)},
		"stranger":  {user: "bob@other.example", group: policy.PeopleGroup("other")},
	}
	for _, row := range []struct {
		what, verb, group, resource, namespace string
		may                                    string // who may; nobody else
	}{
		{"make a Deployment", "create", "apps", "deployments", "may--one", "installer"},
		{"make a Secret", "create", "", "secrets", "may--one", "installer"},
		{"read a Secret", "get", "", "secrets", "may--one", "installer"},
		{"see pods", "list", "", "pods", "may--one", "installer workload people"},
		{"see the other tenant's pods", "list", "", "pods", "may--two", "people"},
		{"read logs", "get", "", "pods/log", "may--one", "people"},
		{"open a shell", "create", "", "pods/exec", "may--one", ""},
		{"restart a pod", "delete", "", "pods", "may--one", "installer people"},
		{"change a Deployment", "patch", "apps", "deployments", "may--one", "installer"},
		{"run on every node", "create", "apps", "daemonsets", "may--one", ""},
		{"lift the quota", "patch", "", "resourcequotas", "may--one", ""},
		{"lift the limits", "delete", "", "limitranges", "may--one", ""},
		{"end the isolation", "delete", "networking.k8s.io", "networkpolicies", "may--one", ""},
		{"allow traffic", "create", "networking.k8s.io", "networkpolicies", "may--one", ""},
		{"give rights that it has", "create", "rbac.authorization.k8s.io", "rolebindings", "may--one", "installer"},
		{"give rights that it has not", "escalate", "rbac.authorization.k8s.io", "roles", "may--one", ""},
		{"give anybody's rights", "bind", "rbac.authorization.k8s.io", "roles", "may--one", ""},
		{"make a token", "create", "", "serviceaccounts/token", "may--one", ""},
		{"change the namespace", "patch", "", "namespaces", "may--one", ""},
		{"make a namespace", "create", "", "namespaces", "", ""},
		{"make a ClusterRole", "create", "rbac.authorization.k8s.io", "clusterroles", "", ""},
		{"write in kube-system", "create", "", "configmaps", "kube-system", ""},
		{"read secrets in kube-system", "get", "", "secrets", "kube-system", ""},
		{"see nodes", "list", "", "nodes", "", ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			for name, s := range who {
				got := s.may(t, row.verb, row.group, row.resource, row.namespace)
				if want := contains(row.may, name); got != want {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
		})
	}
}

// The bounds hold, with real calls.
func TestBoundsHold(t *testing.T) {
	spec := tenantOf("bounds", "one")
	spec.Priority = 500
	ensureTenant(t, spec)
	better := tenantOf("bounds", "two")
	better.Priority = 900
	ensureTenant(t, better)
	as := installer(t, spec.Namespace)
	for _, row := range []struct {
		what string
		pod  kube.Object
		want kube.Code
	}{
		{"a pod without wishes gets the defaults", pod(spec.Namespace, "plain", nil), ""},
		{"a pod over the quota is refused", pod(spec.Namespace, "big", map[string]any{"cpu": "3", "memory": "1Gi"}), kube.Full},
		{"a privileged pod is refused", privileged(spec.Namespace), kube.Forbidden},
		{"a pod of the plan's priority is let in", prioritized(spec.Namespace, "first", "aerie-priority-500"), ""},
		{"a pod of another plan's priority is refused", prioritized(spec.Namespace, "better", "aerie-priority-900"), kube.Full},
		{"a pod as important as the cluster is refused", prioritized(spec.Namespace, "best", "system-node-critical"), kube.Full},
		{"a pod in another namespace is refused", pod("kube-system", "out", nil), kube.Forbidden},
	} {
		t.Run(row.what, func(t *testing.T) {
			_, err := as.Apply(t.Context(), row.pod)
			if kube.CodeOf(err) != row.want {
				t.Fatalf("code %q, want %q: %v", kube.CodeOf(err), row.want, err)
			}
		})
	}
	plain, err := admin.Get(t.Context(), "v1", "Pod", spec.Namespace, "plain")
	if err != nil {
		t.Fatal(err)
	}
	containers := plain["spec"].(map[string]any)["containers"].([]any)
	if got := fmt.Sprint(containers[0].(map[string]any)["resources"]); got != "map[limits:map[cpu:100m memory:64Mi] requests:map[cpu:100m memory:64Mi]]" {
		t.Fatal(got)
	}
}

// The installer gives away what it may itself, in its own namespace, and nothing more: with real calls.
func TestRightsGivenAway(t *testing.T) {
	spec := tenantOf("gives", "one")
	ensureTenant(t, spec)
	as := installer(t, spec.Namespace)
	role := func(namespace, name, group, resource string) kube.Object {
		return roleOf("Role", namespace, name, group, resource)
	}
	binding := func(name, kind, to string) kube.Object {
		o := bindingOf(spec.Namespace, name, kind, to)
		o["metadata"].(map[string]any)["namespace"] = spec.Namespace
		return o
	}
	for _, row := range []struct {
		what string
		o    kube.Object
		want kube.Code
	}{
		{"a right that it has", role(spec.Namespace, "reads", "", "configmaps"), ""},
		{"and its binding", binding("reads", "Role", "reads"), ""},
		{"the right to lift the isolation", role(spec.Namespace, "opens", "networking.k8s.io", "networkpolicies"), kube.Forbidden},
		{"the right to lift the quota", role(spec.Namespace, "lifts", "", "resourcequotas"), kube.Forbidden},
		{"an administrator's rights", binding("all", "ClusterRole", "cluster-admin"), kube.Forbidden},
		{"rights in another namespace", role("kube-system", "reads", "", "configmaps"), kube.Forbidden},
	} {
		t.Run(row.what, func(t *testing.T) {
			if _, err := as.Apply(t.Context(), row.o); kube.CodeOf(err) != row.want {
				t.Errorf("code %q, want %q: %v", kube.CodeOf(err), row.want, err)
			}
		})
	}
}

// The network policies are on the server word for word. The rig has no network: that traffic obeys them is not shown.
func TestPoliciesWordForWord(t *testing.T) {
	spec := tenantOf("words", "one")
	ensureTenant(t, spec)
	found, err := admin.List(t.Context(), kube.Selector{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: spec.Namespace})
	if err != nil {
		t.Fatal(err)
	}
	listed := "namespaceSelector:map[matchExpressions:[map[key:kubernetes.io/metadata.name operator:In values:[%s]]]]"
	want := map[string]string{
		"aerie-default-deny": "map[podSelector:map[] policyTypes:[Ingress Egress]]",
		"aerie-allow-own":    "map[egress:[map[to:[map[podSelector:map[]]]]] ingress:[map[from:[map[podSelector:map[]]]]] podSelector:map[] policyTypes:[Ingress Egress]]",
		"aerie-allow-dns":    "map[egress:[map[ports:[map[port:53 protocol:UDP] map[port:53 protocol:TCP]] to:[map[" + fmt.Sprintf(listed, "kube-system") + "]]]] podSelector:map[] policyTypes:[Egress]]",
		"aerie-allow-listed": "map[egress:[map[to:[map[" + fmt.Sprintf(listed, "monitoring") + "]]]] ingress:[map[from:[map[" + fmt.Sprintf(listed, "monitoring") + "]]]] podSelector:map[] policyTypes:[Ingress Egress]]",
		"aerie-allow-ranges": "map[egress:[map[to:[map[ipBlock:map[cidr:203.0.113.0/24]]]]] podSelector:map[] policyTypes:[Egress]]",
	}
	for _, o := range found {
		if got := fmt.Sprint(o["spec"]); got != want[o.Name()] {
			t.Errorf("%s is\n%s\nwant\n%s", o.Name(), got, want[o.Name()])
		}
		delete(want, o.Name())
	}
	if len(want) > 0 {
		t.Error("not there:", want)
	}
}

// A call of an earlier stay comes late, after the tenant was placed again: it deletes nothing, takes nothing over, and waits for
// nobody. The server holds the preconditions too.
func TestALateCallOfAnEarlierStay(t *testing.T) {
	t.Parallel()
	earlier := tenantOf("stays", "one")
	earlier.Stay = "01HEARLIER"
	ensureTenant(t, earlier)
	read, err := admin.Get(t.Context(), "v1", "Namespace", "", earlier.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	now := earlier
	now.Stay, now.Revision = "01HNOW", 9
	ensureTenant(t, now)
	apply(t, admin, kubetest.Object("v1", "PersistentVolumeClaim", now.Namespace, "data", map[string]any{"spec": map[string]any{
		"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "1Gi"}}}}))
	late := stayOf(earlier)
	for _, late.Name = range []string{"", earlier.Stay, now.Stay} { // the last one knows no more than an older revision
		if err := tenant.Delete(t.Context(), admin, late); !errors.Is(err, tenant.ErrOtherStay) {
			t.Errorf("a late call of stay %q: %v", late.Name, err)
		}
	}
	if err := admin.DeleteUnchanged(t.Context(), read); kube.CodeOf(err) != kube.Conflict {
		t.Error("a namespace that was read before:", err)
	}
	if _, err := tenant.Ensure(t.Context(), admin, earlier); kube.CodeOf(err) != kube.Conflict {
		t.Error("an earlier stay comes late:", err)
	}
	ns, err := admin.Get(t.Context(), "v1", "Namespace", "", now.Namespace)
	if err != nil || ns.Terminating() || ns.Labels()[kube.LabelStay] != now.Stay || !there(t, admin, "v1", "PersistentVolumeClaim", now.Namespace, "data") {
		t.Fatal(ns, err)
	}
	for range 2 {
		if err := tenant.Delete(t.Context(), admin, stayOf(now)); err != nil {
			t.Fatal(err)
		}
	}
	if ns, err = admin.Get(t.Context(), "v1", "Namespace", "", now.Namespace); err == nil && !ns.Terminating() {
		t.Error("its own stay does not end it")
	}
}

// A namespace that a finalizer holds says which; with the finalizer it goes, and leaves nothing of ours.
func TestAHeldNamespaceSaysWhy(t *testing.T) {
	spec := tenantOf("held", "one")
	ensureTenant(t, spec)
	hold := kubetest.Object("v1", "ConfigMap", spec.Namespace, "hold", nil)
	hold["metadata"].(map[string]any)["finalizers"] = []any{"example.com/hold"}
	apply(t, admin, hold)
	if err := tenant.Delete(t.Context(), admin, stayOf(spec)); err != nil {
		t.Fatal(err)
	}
	held := ""
	kubetest.Eventually(t, "the finalizer is named", func() bool {
		ns, err := admin.Get(t.Context(), "v1", "Namespace", "", spec.Namespace)
		if err != nil {
			t.Fatal(err)
		}
		held = kube.DeletionBlocker(ns)
		return held != ""
	})
	if want := "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"; held != want {
		t.Errorf("%q, want %q", held, want)
	}
	if _, err := tenant.Ensure(t.Context(), admin, spec); kube.CodeOf(err) != kube.Unavailable {
		t.Errorf("a tenant in a namespace that ends: %v", err)
	}
	delete(hold["metadata"].(map[string]any), "finalizers")
	apply(t, admin, hold)
	kubetest.Eventually(t, "the namespace is gone", func() bool {
		_, err := admin.Get(t.Context(), "v1", "Namespace", "", spec.Namespace)
		return kube.CodeOf(err) == kube.NotFound
	})
	for _, kind := range []string{"ConfigMap", "ServiceAccount", "ResourceQuota", "LimitRange"} {
		left, err := admin.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: kind, Labels: map[string]string{kube.LabelOwner: spec.Owner}})
		if err != nil || len(left) > 0 {
			t.Errorf("%s left: %v %v", kind, left, err)
		}
	}
}
