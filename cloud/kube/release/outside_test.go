package release_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

// outside is what the most used charts make outside their own namespace, with their usual values. Charts that are not here
// (argo-cd, aws-load-balancer-controller, cluster-autoscaler, external-dns, external-secrets, gatekeeper, ingress-nginx, istiod,
// kyverno, loki, traefik, velero) make nothing there. docs/addons.md has the same table.
var outside = map[string][]kube.Object{
	"metrics-server":     {authReader("metrics-server-auth-reader")},
	"keda":               {authReader("keda-operator-auth-reader")},
	"prometheus-adapter": {authReader("prometheus-adapter-auth-reader")},
	"linkerd-viz":        {authReader("linkerd-linkerd-viz-tap-auth-reader")},
	"cert-manager": {kubetest.Named(rbac, "Role", "kube-system", "cert-manager:leaderelection"), kubetest.Named(rbac, "RoleBinding", "kube-system", "cert-manager:leaderelection"),
		kubetest.Named(rbac, "Role", "kube-system", "cert-manager-cainjector:leaderelection"), kubetest.Named(rbac, "RoleBinding", "kube-system", "cert-manager-cainjector:leaderelection")},
	"karpenter": {kubetest.Named(rbac, "Role", "kube-system", "karpenter-dns"), kubetest.Named(rbac, "RoleBinding", "kube-system", "karpenter-dns"),
		kubetest.Named(rbac, "Role", "kube-node-lease", "karpenter-lease"), kubetest.Named(rbac, "RoleBinding", "kube-node-lease", "karpenter-lease")},
	"kube-prometheus-stack": {kubetest.Named("v1", "Service", "kube-system", "stack-coredns"), kubetest.Named("v1", "Service", "kube-system", "stack-kube-controller-manager"),
		kubetest.Named("v1", "Service", "kube-system", "stack-kube-etcd"), kubetest.Named("v1", "Service", "kube-system", "stack-kube-proxy"),
		kubetest.Named("v1", "Service", "kube-system", "stack-kube-scheduler")},
	"cilium": {kubetest.Named("v1", "Namespace", "", "cilium-secrets"), kubetest.Named(rbac, "Role", "cilium-secrets", "cilium-secrets"), kubetest.Named(rbac, "RoleBinding", "cilium-secrets", "cilium-secrets")},
}

const rbac = "rbac.authorization.k8s.io/v1"

// authReader lets an API server behind the cluster's own read how callers are known.
func authReader(name string) kube.Object {
	o := kubetest.Named(rbac, "RoleBinding", "kube-system", name)
	o["roleRef"] = map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "extension-apiserver-authentication-reader"}
	return o
}

// A platform's addon makes what its chart has outside its namespace; it is known as the addon's, missed when it is gone,
// and removed with it. A customer's own addon, and a tenant's application, may not.
func TestAddonsOutsideTheirNamespace(t *testing.T) {
	for chart, objects := range outside {
		t.Run(chart, func(t *testing.T) {
			m := kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "a"))
			before := len(m.All())
			spec := app(1, append(objects[:len(objects):len(objects)], kubetest.Config("", "own", "1"))...)
			spec.Terms, spec.Sealed = policy.AsAddon, true
			theirs := spec
			theirs.Terms = policy.AsTenant
			_, err := release.EnsureApplication(t.Context(), m, theirs)
			kubetest.Is(t, kube.Invalid, err)
			_, err = release.EnsureApplication(t.Context(), m, spec)
			kubetest.Must(t, err)
			for _, o := range objects {
				k := o.Key()
				there, err := m.Get(t.Context(), k.APIVersion, k.Kind, k.Namespace, k.Name)
				kubetest.Must(t, err)
				if there.Labels()[kube.LabelOwner] != spec.Owner {
					t.Error(there)
				}
			}
			last := objects[len(objects)-1].Key()
			kubetest.Must(t, m.Delete(t.Context(), last.APIVersion, last.Kind, last.Namespace, last.Name))
			for name, drift := range map[string]func() ([]kube.Difference, error){
				"chart":     func() ([]kube.Difference, error) { return release.ChartDrift(t.Context(), m, spec) },
				"manifests": func() ([]kube.Difference, error) { return release.ApplicationDrift(t.Context(), m, spec) },
			} {
				if found, err := drift(); err != nil || len(found) != 1 || found[0].Object != last || !found[0].Gone {
					t.Error(name, found, err)
				}
			}
			gone := app(2)
			gone.Terms = policy.AsAddon
			_, err = release.EnsureApplication(t.Context(), m, gone)
			kubetest.Must(t, err)
			if left := m.All(); len(left) != before {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// What is a tenant's, aerie's, the cluster's or another's stays out of an addon's reach.
func TestAddonsStayOutOf(t *testing.T) {
	for _, row := range []struct {
		o    kube.Object
		want string
	}{
		{kubetest.Config("acme--prod", "x", "1"), "is acme--prod, which is a tenant's"},
		{kubetest.Config("aerie-system", "x", "1"), "is aerie-system, which is aerie's own"},
		{kubetest.Named("v1", "Namespace", "", "acme--next"), "is acme--next, which is a tenant's"},
		{kubetest.Named("v1", "Namespace", "", "kube-system"), "is kube-system, which is the cluster's own"},
		{kubetest.Named("v1", "Namespace", "", "default"), "is default, which is the cluster's own"},
	} {
		faults := policy.CheckObjects([]kube.Object{row.o}, policy.AsAddon)
		if len(faults) != 1 || !strings.Contains(faults[0].Message, row.want) {
			t.Errorf("%v, want %q", faults, row.want)
		}
	}
	two := []kube.Object{kubetest.Config("kube-system", "x", "1"), kubetest.Config("", "x", "1")}
	if faults := policy.CheckObjects(two, policy.AsAddon); len(faults) > 0 {
		t.Error(faults)
	}
	if faults := policy.CheckObjects(two, policy.AsTenant); len(faults) == 0 {
		t.Error("a tenant has one namespace, and two objects of a name in it")
	}
	m := kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "a"), kubetest.Config("kube-system", "coredns", "theirs"))
	spec := app(1, kubetest.Config("kube-system", "coredns", "mine"))
	spec.Terms = policy.AsAddon
	_, err := release.EnsureApplication(t.Context(), m, spec)
	kubetest.Is(t, kube.Conflict, err)
}

// What an addon has outside is found by its mark when its namespace is gone, and the list in it.
func TestOutsideIsRemovedWithoutItsList(t *testing.T) {
	for chart, objects := range outside {
		m := kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "a"))
		stays := kubetest.Named(rbac, "ClusterRole", "", "stays")
		stays["metadata"].(map[string]any)["annotations"] = map[string]any{"helm.sh/resource-policy": "keep"}
		spec := app(1, append(objects[:len(objects):len(objects)], stays)...)
		spec.Terms = policy.AsAddon
		before := len(m.All())
		_, err := release.EnsureApplication(t.Context(), m, spec)
		kubetest.Must(t, err)
		kubetest.Must(t, m.Delete(t.Context(), "v1", "Namespace", "", "a"))
		kubetest.Must(t, release.RemoveOutside(t.Context(), m, "another"))
		if left := m.All(); len(left) < before+1 {
			t.Errorf("%s: another's goes: %v", chart, left)
		}
		kubetest.Must(t, release.RemoveOutside(t.Context(), m, spec.Owner))
		if left := m.All(); len(left) != before-1+1 { // without the namespace, and with what stays
			t.Errorf("%s: left: %v", chart, left)
		}
	}
}
