package kube_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/kube"
)

// outside is what the most used charts make outside their own namespace, with their usual values. Charts that are not here
// (argo-cd, aws-load-balancer-controller, cluster-autoscaler, external-dns, external-secrets, gatekeeper, ingress-nginx, istiod,
// kyverno, loki, traefik, velero) make nothing there. docs/operations.md has the same table.
var outside = map[string][]kube.Object{
	"metrics-server":     {authReader("metrics-server-auth-reader")},
	"keda":               {authReader("keda-operator-auth-reader")},
	"prometheus-adapter": {authReader("prometheus-adapter-auth-reader")},
	"linkerd-viz":        {authReader("linkerd-linkerd-viz-tap-auth-reader")},
	"cert-manager": {object(rbac, "Role", "kube-system", "cert-manager:leaderelection"), object(rbac, "RoleBinding", "kube-system", "cert-manager:leaderelection"),
		object(rbac, "Role", "kube-system", "cert-manager-cainjector:leaderelection"), object(rbac, "RoleBinding", "kube-system", "cert-manager-cainjector:leaderelection")},
	"karpenter": {object(rbac, "Role", "kube-system", "karpenter-dns"), object(rbac, "RoleBinding", "kube-system", "karpenter-dns"),
		object(rbac, "Role", "kube-node-lease", "karpenter-lease"), object(rbac, "RoleBinding", "kube-node-lease", "karpenter-lease")},
	"kube-prometheus-stack": {object("v1", "Service", "kube-system", "stack-coredns"), object("v1", "Service", "kube-system", "stack-kube-controller-manager"),
		object("v1", "Service", "kube-system", "stack-kube-etcd"), object("v1", "Service", "kube-system", "stack-kube-proxy"),
		object("v1", "Service", "kube-system", "stack-kube-scheduler")},
	"cilium": {object("v1", "Namespace", "", "cilium-secrets"), object(rbac, "Role", "cilium-secrets", "cilium-secrets"), object(rbac, "RoleBinding", "cilium-secrets", "cilium-secrets")},
}

const rbac = "rbac.authorization.k8s.io/v1"

// authReader lets an API server behind the cluster's own read how callers are known.
func authReader(name string) kube.Object {
	o := object(rbac, "RoleBinding", "kube-system", name)
	o["roleRef"] = map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "extension-apiserver-authentication-reader"}
	return o
}

// A platform's addon makes what its chart has outside its namespace; it is known as the addon's, missed when it is gone,
// and removed with it. A customer's own addon, and a tenant's application, may not.
func TestAddonsOutsideTheirNamespace(t *testing.T) {
	for chart, objects := range outside {
		t.Run(chart, func(t *testing.T) {
			m := memory(t, object("v1", "Namespace", "", "a"))
			before := len(m.All())
			spec := app(1, append(objects[:len(objects):len(objects)], config("", "own", "1"))...)
			spec.Terms, spec.Sealed = kube.AsAddon, true
			theirs := spec
			theirs.Terms = kube.AsTenant
			_, err := kube.EnsureApplication(t.Context(), m, theirs)
			is(t, kube.Invalid, err)
			_, err = kube.EnsureApplication(t.Context(), m, spec)
			must(t, err)
			for _, o := range objects {
				k := o.Key()
				there, err := m.Get(t.Context(), k.APIVersion, k.Kind, k.Namespace, k.Name)
				must(t, err)
				if there.Labels()[kube.LabelOwner] != spec.Owner {
					t.Error(there)
				}
			}
			last := objects[len(objects)-1].Key()
			must(t, m.Delete(t.Context(), last.APIVersion, last.Kind, last.Namespace, last.Name))
			for name, drift := range map[string]func() ([]kube.Difference, error){
				"chart":     func() ([]kube.Difference, error) { return kube.ReleaseDrift(t.Context(), m, spec) },
				"manifests": func() ([]kube.Difference, error) { return kube.ApplicationDrift(t.Context(), m, spec) },
			} {
				if found, err := drift(); err != nil || len(found) != 1 || found[0].Object != last || !found[0].Gone {
					t.Error(name, found, err)
				}
			}
			gone := app(2)
			gone.Terms = kube.AsAddon
			_, err = kube.EnsureApplication(t.Context(), m, gone)
			must(t, err)
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
		{config("acme--prod", "x", "1"), "is acme--prod, which is a tenant's"},
		{config("aerie-system", "x", "1"), "is aerie-system, which is aerie's own"},
		{object("v1", "Namespace", "", "acme--next"), "is acme--next, which is a tenant's"},
		{object("v1", "Namespace", "", "kube-system"), "is kube-system, which is the cluster's own"},
		{object("v1", "Namespace", "", "default"), "is default, which is the cluster's own"},
	} {
		faults := kube.CheckObjects([]kube.Object{row.o}, kube.AsAddon)
		if len(faults) != 1 || !strings.Contains(faults[0].Message, row.want) {
			t.Errorf("%v, want %q", faults, row.want)
		}
	}
	two := []kube.Object{config("kube-system", "x", "1"), config("", "x", "1")}
	if faults := kube.CheckObjects(two, kube.AsAddon); len(faults) > 0 {
		t.Error(faults)
	}
	if faults := kube.CheckObjects(two, kube.AsTenant); len(faults) == 0 {
		t.Error("a tenant has one namespace, and two objects of a name in it")
	}
	m := memory(t, object("v1", "Namespace", "", "a"), config("kube-system", "coredns", "theirs"))
	spec := app(1, config("kube-system", "coredns", "mine"))
	spec.Terms = kube.AsAddon
	_, err := kube.EnsureApplication(t.Context(), m, spec)
	is(t, kube.Conflict, err)
}

// What an addon has outside is found by its mark when its namespace is gone, and the list in it.
func TestFarIsRemovedWithoutItsList(t *testing.T) {
	for chart, objects := range outside {
		m := memory(t, object("v1", "Namespace", "", "a"))
		stays := object(rbac, "ClusterRole", "", "stays")
		stays["metadata"].(map[string]any)["annotations"] = map[string]any{"helm.sh/resource-policy": "keep"}
		spec := app(1, append(objects[:len(objects):len(objects)], stays)...)
		spec.Terms = kube.AsAddon
		before := len(m.All())
		_, err := kube.EnsureApplication(t.Context(), m, spec)
		must(t, err)
		must(t, m.Delete(t.Context(), "v1", "Namespace", "", "a"))
		must(t, kube.RemoveFar(t.Context(), m, "another"))
		if left := m.All(); len(left) < before+1 {
			t.Errorf("%s: another's goes: %v", chart, left)
		}
		must(t, kube.RemoveFar(t.Context(), m, spec.Owner))
		if left := m.All(); len(left) != before-1+1 { // without the namespace, and with what stays
			t.Errorf("%s: left: %v", chart, left)
		}
	}
}
