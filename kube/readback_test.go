package kube_test

import (
	"errors"
	"net/url"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/aeriehq/aerie/kube"
)

// A manifest may be what kubectl get -o yaml has shown of another cluster: what its server wrote is left out, so that it
// is applied, and does not differ afterwards.
func TestManifestsAsKubectlShowsThem(t *testing.T) {
	m := space(t)
	shown := config("a", "x", "1")
	shown["status"] = map[string]any{"phase": "Bound"}
	metadata := shown["metadata"].(map[string]any)
	for field, v := range map[string]any{"uid": "8f1c", "resourceVersion": "77", "generation": float64(3), "creationTimestamp": "2026-01-01T00:00:00Z",
		"managedFields": []any{map[string]any{"manager": "kubectl"}}, "selfLink": "/x"} {
		metadata[field] = v
	}
	for range 2 {
		_, err := kube.EnsureApplication(t.Context(), m, app(1, shown))
		must(t, err)
	}
	found, err := kube.ApplicationDrift(t.Context(), m, app(1, shown))
	if err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	o, err := m.Get(t.Context(), "v1", "ConfigMap", "a", "x")
	must(t, err)
	is := o["metadata"].(map[string]any)
	if o["status"] != nil || is["managedFields"] != nil || is["selfLink"] != nil || is["resourceVersion"] == "77" || metadata["uid"] != "8f1c" {
		t.Errorf("applied as %v, of %v", o, metadata)
	}
}

// What the client does not send is no lack of an answer. What it could not send may be one.
func TestRefusalsOfTheClient(t *testing.T) {
	client, err := dynamic.NewForConfig(&rest.Config{Host: "https://127.0.0.1:1"})
	must(t, err)
	at := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"})
	withBooks := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "x", "managedFields": []any{map[string]any{"manager": "m"}}}}}
	for name, call := range map[string]func() error{
		"books of fields": func() error {
			_, err := at.Namespace("a").Apply(t.Context(), "x", withBooks, metav1.ApplyOptions{FieldManager: "m"})
			return err
		},
		"a name with a slash": func() error { _, err := at.Namespace("a").Get(t.Context(), "x/y", metav1.GetOptions{}); return err },
		"no name":             func() error { _, err := at.Namespace("a").Get(t.Context(), "", metav1.GetOptions{}); return err },
		"a wrong namespace":   func() error { _, err := at.Namespace("..").Get(t.Context(), "x", metav1.GetOptions{}); return err },
	} {
		if err := call(); kube.AnswerCode(err) != kube.Invalid {
			t.Errorf("%s: %q is %s", name, err, kube.AnswerCode(err))
		}
	}
	if _, err := at.Namespace("a").Get(t.Context(), "x", metav1.GetOptions{}); kube.AnswerCode(err) != kube.Unavailable {
		t.Errorf("no server: %q is %s", err, kube.AnswerCode(err))
	}
	if err := error(&url.Error{Op: "Get", Err: errors.New("name is required")}); kube.AnswerCode(err) != kube.Unavailable {
		t.Errorf("%q is %s", err, kube.AnswerCode(err))
	}
}
