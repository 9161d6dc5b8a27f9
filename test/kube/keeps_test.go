package kube_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

// A server keeps some wishes as something else than they were written as, or not at all. That is no difference; and what
// somebody has changed beside it is one, until it is repaired.
func TestWhatAServerKeepsOtherwiseIsNotMissed(t *testing.T) {
	const pods = `"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"`
	for _, row := range []struct{ what, object, changed, want string }{
		{"a no that is not kept", `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "o"}, "spec": {"paused": false, ` + pods + `}], "hostNetwork": false, "hostPID": false}}}}`,
			`{"spec": {"replicas": 1, "template": {"spec": {"hostPID": true}}}}`, "spec.template.spec.hostPID differs"},
		{"a nought that is not kept", `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "o"}, "spec": {"minReadySeconds": 0, "replicas": 1, ` + pods + `}]}}}}`,
			`{"spec": {"replicas": 2}}`, "spec.replicas differs"},
		{"quantities", `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "o"}, "spec": {"replicas": 1, ` + pods + `, "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.1}}}]}}}}`,
			`{"spec": {"replicas": 3}}`, "spec.replicas differs"},
		{"what can only be written", `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "o"}, "stringData": {"password": "geheim"}}`,
			`{"data": {"password": "YW5kZXJz"}}`, "data.password differs"},
		{"what an export has besides", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "o", "resourceVersion": "7", "generation": 3, "creationTimestamp": "2020-01-01T00:00:00Z", "selfLink": "/x"}, "data": {"k": "v"}}`,
			`{"data": {"k": "w"}}`, "data.k differs"},
		{"a status", `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "o"}, "spec": {"replicas": 1, ` + pods + `}]}}}, "status": {"replicas": 7}}`,
			`{"spec": {"replicas": 2}}`, "spec.replicas differs"},
		{"ports", `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "o"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": 80, "nodePort": 0}], "externalIPs": [], "sessionAffinity": ""}}`,
			`{"spec": {"selector": {"a": "c"}}}`, "spec.selector.a differs"},
		{"bytes in another spelling", `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "o"}, "data": {"a": "YQ==\n"}, "immutable": false, "type": ""}`,
			`{"data": {"a": "Yg=="}}`, "data.a differs"},
	} {
		t.Run(row.what, func(t *testing.T) {
			s := newShop(t, "keeps-"+strings.ReplaceAll(strings.ReplaceAll(row.what, ",", ""), " ", "-"))
			spec := release.AppSpec{Namespace: s.namespace, Name: "web", Owner: "u1", Revision: 3, Objects: []kube.Object{decoded(t, row.object)}}
			ensure := func() {
				t.Helper()
				kubetest.Eventually(t, "it is applied", func() bool { // the server may know the installer's rights late
					_, err := release.EnsureApplication(t.Context(), admin, spec)
					if err != nil && kube.CodeOf(err) != kube.Unavailable {
						t.Fatal(err)
					}
					return err == nil
				})
			}
			looked := spec
			looked.Revision = 0 // who looks knows of none
			wants := func(want string) {
				t.Helper()
				for _, api := range []kube.API{admin, kube.CachedList(admin)} {
					found, err := release.ApplicationDrift(t.Context(), api, looked)
					if err != nil || told(found) != want {
						t.Errorf("%q, %v; want %q", told(found), err, want)
					}
				}
			}
			ensure()
			wants("")
			o := spec.Objects[0]
			patched(t, s.namespace, o, row.changed)
			wants(fmt.Sprintf("%s %s/o %s", o.Kind(), s.namespace, row.want))
			ensure()
			wants("")
		})
	}
}

// What does not fit its kind's schema is the fault of who wrote it.
func TestAMisfitIsInvalid(t *testing.T) {
	s := newShop(t, "misfits")
	for _, data := range []string{`"data": {"k": 7}`, `"dota": {}`} {
		o := decoded(t, `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "o", "namespace": "`+s.namespace+`"}, `+data+`}`)
		if _, err := admin.Apply(t.Context(), o); kube.CodeOf(err) != kube.Invalid {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func decoded(t *testing.T, object string) kube.Object {
	t.Helper()
	o, err := kube.Decode([]byte(object))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// told says differences in words.
func told(found []kube.Difference) string {
	var all []string
	for _, d := range found {
		words := d.Object.String() + " " + d.Detail
		if d.Gone {
			words += "gone"
		}
		all = append(all, words)
	}
	return strings.Join(all, "; ")
}

// patched changes an object as somebody does by hand.
func patched(t *testing.T, namespace string, o kube.Object, by string) {
	t.Helper()
	client := dynamicClient(t)
	gv, _ := schema.ParseGroupVersion(o.APIVersion())
	at := client.Resource(gv.WithResource(strings.ToLower(o.Kind()) + "s")).Namespace(namespace)
	if _, err := at.Patch(t.Context(), o.Name(), types.MergePatchType, []byte(by), metav1.PatchOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
}
