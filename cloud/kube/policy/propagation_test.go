package policy_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// served is a definition of the kind Thing, and of what a tenant's installer may do with it.
func served() []kube.Object {
	crd := kubetest.Named("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "things.example.com")
	crd["spec"] = map[string]any{"group": "example.com", "names": map[string]any{"kind": "Thing"},
		"versions": []any{map[string]any{"name": "v1", "served": true}}}
	role := kubetest.Named("rbac.authorization.k8s.io/v1", "ClusterRole", "", "things")
	role["metadata"].(map[string]any)["labels"] = map[string]any{kube.LabelInstaller: "true"}
	role["rules"] = []any{map[string]any{"apiGroups": []any{"example.com"}, "resources": []any{"things"}, "verbs": []any{"get", "create"}}}
	return []kube.Object{crd, role, kubetest.Named("v1", "Namespace", "", "n")}
}

// What an API server and Helm say of what is not there yet is told from what will never be.
func TestReclassify(t *testing.T) {
	api := kubetest.Store(t, served()...)
	const (
		user   = `"system:serviceaccount:n:aerie-installer"`
		grants = `roles.rbac.authorization.k8s.io "r" is forbidden: user ` + user + ` (groups=["system:serviceaccounts" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:` + "\n"
		things = `{APIGroups:["example.com"], Resources:["things"], Verbs:["create" "get"]}`
	)
	for _, row := range []struct {
		what      string
		is, means kube.Code
		message   string
	}{
		{"a kind that is defined", kube.Invalid, kube.Unavailable, `no matches for kind "Thing" in version "example.com/v1"`},
		{"it, by Helm", kube.Broken, kube.Unavailable, `resource mapping not found for name: "x" namespace: "" from "": no matches for kind "Thing" in version "example.com/v1"` + "\nensure CRDs are installed first"},
		{"it is not registered", kube.Broken, kube.Unavailable, `no kind "Thing" is registered for version "example.com/v1" in scheme "x"`},
		{"another version of it", kube.Invalid, kube.Unready, `no matches for kind "Thing" in version "example.com/v2"`},
		{"a kind of nobody", kube.Broken, kube.Unready, `no matches for kind "Other" in version "example.com/v1"`},
		{"one of nobody beside one that is defined", kube.Broken, kube.Unready, `[no matches for kind "Thing" in version "example.com/v1", no matches for kind "Other" in version "example.com/v1"]`},
		{"a kind of Kubernetes that there is not", kube.Invalid, kube.Invalid, `no matches for kind "Deploymnet" in version "apps/v1"`},
		{"it beside one that comes", kube.Broken, kube.Broken, `[no matches for kind "Thing" in version "example.com/v1", no matches for kind "Deploymnet" in version "apps/v1"]`},
		{"a right to give away that is to come", kube.Forbidden, kube.Unavailable, grants + things},
		{"two", kube.Forbidden, kube.Unavailable, grants + things + "\n" + `{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get"]}`},
		{"one that is not", kube.Forbidden, kube.Forbidden, grants + things + "\n" + `{APIGroups:["networking.k8s.io"], Resources:["networkpolicies"], Verbs:["get"]}`},
		{"all of them", kube.Forbidden, kube.Forbidden, grants + `{APIGroups:["*"], Resources:["*"], Verbs:["*"]}`},
		{"addresses", kube.Forbidden, kube.Forbidden, grants + things + "\n" + `{NonResourceURLs:["/metrics"], Verbs:["get"]}`},
		{"somebody else's", kube.Forbidden, kube.Forbidden, strings.ReplaceAll(grants, ":n:", ":m:") + things},
	} {
		err := policy.Reclassify(t.Context(), api, "n", &kube.Error{Code: row.is, Message: row.message})
		if kube.CodeOf(err) != row.means || !strings.Contains(err.Error(), "kind") && !strings.Contains(err.Error(), "RBAC") {
			t.Errorf("%s: %q, want %q: %v", row.what, kube.CodeOf(err), row.means, err)
		}
	}
}
