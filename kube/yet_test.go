package kube_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/kube"
)

// served is a definition of the kind Thing, and of what a tenant's installer may do with it.
func served() []kube.Object {
	crd := object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "things.example.com")
	crd["spec"] = map[string]any{"group": "example.com", "names": map[string]any{"kind": "Thing"},
		"versions": []any{map[string]any{"name": "v1", "served": true}}}
	role := object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "things")
	role["metadata"].(map[string]any)["labels"] = map[string]any{kube.LabelInstaller: "true"}
	role["rules"] = []any{map[string]any{"apiGroups": []any{"example.com"}, "resources": []any{"things"}, "verbs": []any{"get", "create"}}}
	return []kube.Object{crd, role, object("v1", "Namespace", "", "n")}
}

// What an API server and Helm say of what is not there yet is told from what will never be.
func TestWhatIsNotYet(t *testing.T) {
	api := memory(t, served()...)
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
		err := kube.NotYet(t.Context(), api, "n", &kube.Error{Code: row.is, Message: row.message})
		if kube.CodeOf(err) != row.means || !strings.Contains(err.Error(), "kind") && !strings.Contains(err.Error(), "RBAC") {
			t.Errorf("%s: %q, want %q: %v", row.what, kube.CodeOf(err), row.means, err)
		}
	}
}

// unserving is an API that does not serve the kind Thing.
type unserving struct{ kube.API }

func (u unserving) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	if kind == "Thing" {
		return nil, kube.Unserved(apiVersion, kind)
	}
	return u.API.Get(ctx, apiVersion, kind, namespace, name)
}

func (u unserving) List(ctx context.Context, s kube.Selector) ([]kube.Object, error) {
	if s.Kind == "Thing" {
		return nil, kube.Unserved(s.APIVersion, s.Kind)
	}
	return u.API.List(ctx, s)
}

func (u unserving) As(string, string) (kube.API, error) { return u, nil }

// Of a kind that went there is nothing: that is what is missing, and keeps nobody from removing the rest.
func TestAKindThatWent(t *testing.T) {
	m := memory(t, object("v1", "Namespace", "", "n"))
	app := kube.AppSpec{Namespace: "n", Name: "web", Owner: "01WEB", Revision: 7, Objects: []kube.Object{config("", "c", "1"), object("example.com/v1", "Thing", "", "one")}}
	_, err := kube.EnsureApplication(t.Context(), m, app)
	must(t, err)
	for _, api := range []kube.API{unserving{m}, kube.Listed(unserving{m})} {
		found, err := kube.ApplicationDrift(t.Context(), api, app)
		if err != nil || len(found) != 1 || !found[0].Gone || !strings.Contains(found[0].Detail, `no matches for kind "Thing" in version "example.com/v1"`) {
			t.Fatal(found, err)
		}
	}
	must(t, kube.RemoveApplication(t.Context(), unserving{m}, app))
	left, err := m.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "ConfigMap"})
	if err != nil || len(left) > 0 {
		t.Error("left:", left, err)
	}
}
