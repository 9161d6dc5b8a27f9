package kube_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// chartWith is to install a chart that has one more object.
func chartWith(t *testing.T, api *kube.Cluster, namespace, object string) helm.Request {
	t.Helper()
	r, err := api.Access(t.Context(), namespace, policy.InstallerAccount)
	if err != nil {
		t.Fatal(err)
	}
	q := helm.Request{Op: helm.Ensure, Release: "web", Namespace: namespace, Owner: "01WEB", Cluster: &r, Within: time.Minute,
		Chart: helm.Chart{Name: "web", Version: "1.0.0", Archive: web("1.0.0", map[string]string{"templates/x.yaml": object})}}
	q.Digest = helm.DigestOf(q.Chart, q.Values)
	return q
}

// Of an addon's kinds a tenant may make what the addon says, in its own namespace; and what is there is taken away even
// when the addon is gone.
func TestKindsOfAnAddon(t *testing.T) {
	t.Parallel()
	_, api := newRig(t)
	if _, err := tenant.EnsureBase(t.Context(), api, "me"); err != nil {
		t.Fatal(err)
	}
	theirs := tenantOf("kinds", "one")
	if _, err := tenant.Ensure(t.Context(), api, theirs); err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "the server knows the installer", func() bool {
		plain := release.AppSpec{Namespace: theirs.Namespace, Name: "plain", Owner: "01PLAIN", Objects: []kube.Object{kubetest.Object("v1", "ConfigMap", "", "c", nil)}}
		_, err := release.EnsureApplication(t.Context(), api, plain)
		return err == nil
	})
	apply(t, api, definition("Thing", "things", "thing"))
	spec := release.AppSpec{Namespace: theirs.Namespace, Name: "app", Owner: "01APP", Revision: 1, Objects: []kube.Object{kubetest.Object("example.com/v1", "Thing", "", "one", nil)}}
	q := chartWith(t, api, theirs.Namespace, "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: two}\n")
	// What is not known yet is no answer: until it ends so, nothing else is said.
	ensure := func(want kube.Code) {
		t.Helper()
		for _, do := range []func() error{
			func() error { _, err := release.EnsureApplication(t.Context(), api, spec); return err },
			func() error {
				_, err := releases.Run(t.Context(), theirs.Namespace, q)
				return policy.Reclassify(t.Context(), api, theirs.Namespace, err)
			},
		} {
			kubetest.Eventually(t, fmt.Sprintf("it ends with %q", want), func() bool {
				err := do()
				if code := kube.CodeOf(err); code != want && code != kube.Unavailable {
					t.Fatal(err)
				}
				return kube.CodeOf(err) == want
			})
		}
	}
	ensure(kube.Forbidden)
	role := kubetest.Object(rbac+"/v1", "ClusterRole", "", "tenants-things", map[string]any{"rules": []any{map[string]any{
		"apiGroups": []any{"example.com"}, "resources": []any{"things"}, "verbs": []any{"get", "create", "patch"}}}})
	role["metadata"].(map[string]any)["labels"] = map[string]any{kube.LabelInstaller: "true"}
	apply(t, api, role)
	ensure("")
	if err := api.Delete(t.Context(), rbac+"/v1", "RoleBinding", theirs.Namespace, policy.InstallerAccount+"-kinds"); err != nil {
		t.Fatal(err)
	}
	spec.Revision, q.Repair = 2, "2"
	ensure(kube.Unavailable) // it is to have them, and they come back
	if _, err := tenant.Ensure(t.Context(), api, theirs); err != nil {
		t.Fatal(err)
	}
	ensure("")
	if changed, err := tenant.EnsureBase(t.Context(), api, "me"); err != nil || changed {
		t.Errorf("the role that the cluster adds up is changed by us: %v %v", changed, err)
	}
	if err := api.Delete(t.Context(), rbac+"/v1", "ClusterRole", "", "tenants-things"); err != nil {
		t.Fatal(err)
	}
	spec.Revision, q.Repair = 3, "3"
	ensure(kube.Forbidden)
	if err := release.RemoveApplication(t.Context(), api, spec); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Get(t.Context(), "example.com/v1", "Thing", theirs.Namespace, "one"); kube.CodeOf(err) != kube.NotFound {
		t.Error("it is left:", err)
	}
}

// definition defines a kind of an addon.
func definition(kind, plural, singular string) kube.Object {
	version := map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}}}
	return kubetest.Object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", plural+".example.com", map[string]any{"spec": map[string]any{
		"group": "example.com", "scope": "Namespaced", "names": map[string]any{"kind": kind, "plural": plural, "singular": singular}, "versions": []any{version}}})
}

// A kind that is defined and not served yet, as here another one has its name, is waited for, and so is one that nobody has
// defined; one of Kubernetes' own that there is not is wrong.
func TestAKindOfNobody(t *testing.T) {
	t.Parallel()
	ensureTenant(t, tenantOf("nobodys", "one"))
	apply(t, admin, definition("First", "firsts", "one"))
	kubetest.Eventually(t, "it is served", func() bool {
		_, err := admin.List(t.Context(), kube.Selector{APIVersion: "example.com/v1", Kind: "First"})
		return err == nil
	})
	apply(t, admin, definition("Second", "seconds", "one"))
	waits := release.AppSpec{Namespace: "nobodys--one", Name: "waits", Owner: "01APP", Revision: 1, Objects: []kube.Object{kubetest.Object("example.com/v1", "Second", "", "one", nil)}}
	kubetest.Eventually(t, "it is waited for", func() bool {
		_, err := release.EnsureApplication(t.Context(), admin, waits)
		if kube.CodeOf(err) != kube.Unavailable {
			t.Fatal(err)
		}
		return strings.Contains(err.Error(), "the kind is defined and not served yet")
	})
	for apiVersion, want := range map[string]struct{ plain, chart kube.Code }{
		"example.com/v7": {kube.Unready, kube.Unready},
		"apps/v7":        {kube.Invalid, kube.Broken},
	} {
		spec := release.AppSpec{Namespace: "nobodys--one", Name: "app", Owner: "01APP", Revision: 1, Objects: []kube.Object{kubetest.Object(apiVersion, "Thing", "", "one", nil)}}
		kubetest.Eventually(t, "it is told", func() bool {
			_, err := release.EnsureApplication(t.Context(), admin, spec)
			if code := kube.CodeOf(err); code != want.plain && code != kube.Unavailable {
				t.Fatal(err)
			}
			return kube.CodeOf(err) == want.plain
		})
		_, err := releases.Run(t.Context(), spec.Namespace, chartWith(t, admin, spec.Namespace, "apiVersion: "+apiVersion+"\nkind: Thing\nmetadata: {name: x}\n"))
		err = policy.Reclassify(t.Context(), admin, spec.Namespace, err)
		if kube.CodeOf(err) != want.chart || !strings.Contains(err.Error(), "Thing") || !strings.Contains(err.Error(), apiVersion) {
			t.Error(err)
		}
	}
}

// What a policy of the cluster refuses is an answer, also to the first write: it does not pass by itself.
func TestAPolicysRefusalIsAnAnswer(t *testing.T) {
	t.Parallel()
	ensureTenant(t, tenantOf("policed", "one"))
	refuse(t, admin, "policed--one", "", "configmaps", "!object.metadata.name.startsWith('aerie.app.')", "no lists here")
	spec := release.AppSpec{Namespace: "policed--one", Owner: "01APP", Revision: 1}
	n := 0
	kubetest.Eventually(t, "the policy refuses", func() bool { // it works late
		n++
		spec.Name, spec.Objects = fmt.Sprint("app", n), []kube.Object{kubetest.Object("v1", "ConfigMap", "", fmt.Sprint("c", n), nil)}
		_, err := release.EnsureApplication(t.Context(), admin, spec)
		said := err != nil && strings.Contains(err.Error(), "no lists here")
		if code := kube.CodeOf(err); said != (code == kube.Forbidden) || !said && code != "" && code != kube.Unavailable {
			t.Fatal(err)
		}
		return said
	})
}

// refuse makes a policy of the cluster for a resource in a namespace.
func refuse(t *testing.T, api kube.API, namespace, group, resource, unless, message string) {
	t.Helper()
	const admission = "admissionregistration.k8s.io/v1"
	apply(t, api, kubetest.Object(admission, "ValidatingAdmissionPolicy", "", namespace, map[string]any{"spec": map[string]any{
		"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{"apiGroups": []any{group}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE", "UPDATE"}, "resources": []any{resource}}}},
		"validations":      []any{map[string]any{"expression": unless, "message": message, "reason": "Forbidden"}}}}))
	apply(t, api, kubetest.Object(admission, "ValidatingAdmissionPolicyBinding", "", namespace, map[string]any{"spec": map[string]any{
		"policyName": namespace, "validationActions": []any{"Deny"},
		"matchResources": map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": namespace}}}}}))
}
