package kube_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

const rbac = "rbac.authorization.k8s.io"

// roleOf lets somebody read and update resources.
func roleOf(kind, namespace, name, group, resource string) kube.Object {
	rule := map[string]any{"apiGroups": []any{group}, "resources": []any{resource}, "verbs": []any{"get", "update"}}
	return kubetest.Object(rbac+"/v1", kind, namespace, name, map[string]any{"rules": []any{rule}})
}

// bindingOf gives the account app of a namespace a role.
func bindingOf(namespace, name, kind, role string) kube.Object {
	return kubetest.Object(rbac+"/v1", "RoleBinding", "", name, map[string]any{
		"roleRef":  map[string]any{"apiGroup": rbac, "kind": kind, "name": role},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": "app", "namespace": namespace}}})
}

// A tenant's objects are applied as its installer: they give away what the tenant has, and nothing more, and are no kinds
// that it may not make. What cannot be right is refused before anything is written.
func TestManifestsAreTheInstallers(t *testing.T) {
	t.Parallel()
	ensureTenant(t, tenantOf("manifests", "one"))
	spec := release.AppSpec{Namespace: "manifests--one", Name: "app", Owner: "01APP"}
	account := kubetest.Object("v1", "ServiceAccount", "", "app", nil)
	reads := roleOf("Role", "", "reads", "", "configmaps")
	kubetest.Eventually(t, "the server knows the installer's rights", func() bool {
		return subject{user: "system:serviceaccount:manifests--one:" + policy.InstallerAccount}.may(t, "create", rbac, "roles", spec.Namespace)
	})
	bob := subject{user: "system:serviceaccount:manifests--one:app"}
	for i, row := range []struct {
		what    string
		objects []kube.Object
		want    kube.Code
		text    string
		may     bool // bob may update configmaps
	}{
		{"a ClusterRole", []kube.Object{account, roleOf("ClusterRole", "", "reads", "", "configmaps")}, kube.Invalid, "it is of the whole cluster", false},
		{"into kube-system", []kube.Object{account, roleOf("Role", "kube-system", "reads", "", "configmaps")}, kube.Invalid, "the tenant's is manifests--one", false},
		{"a right that the tenant has", []kube.Object{account, reads, bindingOf(spec.Namespace, "reads", "Role", "reads")}, "", "", true},
		{"it is pruned", []kube.Object{account, reads}, "", "", false},
		{"the right to end the isolation", []kube.Object{account, roleOf("Role", "", "opens", "networking.k8s.io", "networkpolicies")}, kube.Forbidden, "attempting to grant RBAC permissions not currently held", false},
		{"an administrator's rights", []kube.Object{account, bindingOf(spec.Namespace, "all", "ClusterRole", "cluster-admin")}, kube.Forbidden, "attempting to grant RBAC permissions not currently held", false},
		{"pods on everybody's machines", []kube.Object{account, kubetest.Object("apps/v1", "DaemonSet", "", "all", nil)}, kube.Forbidden, "cannot", false},
	} {
		t.Run(row.what, func(t *testing.T) {
			spec.Revision, spec.Objects = uint64(i+1), row.objects
			_, err := release.EnsureApplication(t.Context(), admin, spec)
			if kube.CodeOf(err) != row.want || err != nil && !strings.Contains(err.Error(), row.text) {
				t.Errorf("code %q, want %q with %q: %v", kube.CodeOf(err), row.want, row.text, err)
			}
			_, err = admin.Get(t.Context(), "v1", "ConfigMap", spec.Namespace, "aerie.app.app")
			if written := err == nil; written == (row.want == kube.Invalid) {
				t.Errorf("something was written: %v", written)
			}
			kubetest.Eventually(t, "the server knows it", func() bool { return bob.may(t, "update", "", "configmaps", spec.Namespace) == row.may })
		})
	}
	if err := release.RemoveApplication(t.Context(), admin, spec); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"Role", "RoleBinding"} {
		left, err := admin.List(t.Context(), kube.Selector{APIVersion: rbac + "/v1", Kind: kind, Namespace: spec.Namespace, Labels: map[string]string{kube.LabelApplication: "app"}})
		if err != nil || len(left) > 0 {
			t.Error("left:", left, err)
		}
	}
}

// Whatever is around the API, a tenant's objects are not applied with our own rights.
func TestAWrappedAPIAppliesAsTheInstaller(t *testing.T) {
	t.Parallel()
	ensureTenant(t, tenantOf("wrapped", "one"))
	spec := release.AppSpec{Namespace: "wrapped--one", Name: "app", Owner: "01APP", Revision: 1,
		Objects: []kube.Object{kubetest.Object("apps/v1", "DaemonSet", "", "all", nil)}}
	for _, api := range []kube.API{struct{ kube.API }{admin}, kube.CachedList(admin)} {
		kubetest.Eventually(t, "the installer may not make a DaemonSet", func() bool { // its own rights may come late
			_, err := release.EnsureApplication(t.Context(), api, spec)
			if code := kube.CodeOf(err); code != kube.Forbidden && code != kube.Unavailable {
				t.Fatal(err)
			}
			return kube.CodeOf(err) == kube.Forbidden
		})
	}
}

// granted installs, on a server, an application that has a role within the tenant's rights, and one that has one beyond.
func granted(t *testing.T, c *control) {
	t.Helper()
	const role = `{manifests: [{apiVersion: rbac.authorization.k8s.io/v1, kind: %s, metadata: {name: %s}, rules: [{apiGroups: [%q], resources: [%s], verbs: [get]}]}]}`
	c.run("", "application", "create", "zoo/prod_reads", "--spec", fmt.Sprintf(role, "Role", "reads", "", "configmaps"), "--wait", "--timeout", "1m")
	c.run("", "application", "delete", "zoo/prod_reads", "--wait", "--timeout", "1m")
	if _, err := admin.Get(t.Context(), rbac+"/v1", "Role", "zoo--prod", "reads"); kube.CodeOf(err) != kube.NotFound {
		t.Error("the role is left:", err)
	}
	if got := c.refused("application", "create", "zoo/prod_wide", "--spec", fmt.Sprintf(role, "ClusterRole", "reads", "", "configmaps")); !strings.Contains(got, "spec.manifests[0].kind: ClusterRole is not allowed") {
		t.Error(got)
	}
	c.run("", "application", "create", "zoo/prod_opens", "--spec", fmt.Sprintf(role, "Role", "opens", "networking.k8s.io", "networkpolicies"))
	c.explains("application", "zoo/prod_opens", "unauthorized")
	for _, command := range []string{"get", "why"} {
		got := c.run("", command, "application", "zoo/prod_opens", "-o", "json")
		for _, want := range []string{`"unauthorized"`, `"user"`, "attempting to grant RBAC permissions not currently held"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %s:\n%s", command, want, got)
			}
		}
	}
	if _, err := admin.Get(t.Context(), rbac+"/v1", "Role", "zoo--prod", "opens"); kube.CodeOf(err) != kube.NotFound {
		t.Error("the role was made:", err)
	}
	c.run("", "application", "delete", "zoo/prod_opens", "--wait", "--timeout", "1m")
}
