package kube_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// What the client does not send is no lack of an answer. What it could not send may be one.
func TestRefusalsOfTheClient(t *testing.T) {
	client, err := dynamic.NewForConfig(&rest.Config{Host: "https://127.0.0.1:1"})
	kubetest.Must(t, err)
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
