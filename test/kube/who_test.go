package kube_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// dynamicClient comes to the rig's cluster as its administrator, past what is tested.
func dynamicClient(t *testing.T) dynamic.Interface {
	t.Helper()
	config, err := kube.ReadConfig(rig.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// subject is somebody who comes to the cluster.
type subject struct{ user, group string }

// may asks the API server whether the subject may do something: a SubjectAccessReview.
func (s subject) may(t *testing.T, verb, group, resource, namespace string) bool {
	t.Helper()
	client := dynamicClient(t)
	resource, part, _ := strings.Cut(resource, "/")
	groups := []any{"system:authenticated"}
	if s.group != "" {
		groups = append(groups, s.group)
	}
	review := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
		"spec": map[string]any{"user": s.user, "groups": groups, "resourceAttributes": map[string]any{
			"verb": verb, "group": group, "resource": resource, "subresource": part, "namespace": namespace}},
	}}
	answer, err := client.Resource(schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "subjectaccessreviews"}).
		Create(t.Context(), review, v1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	allowed, _, _ := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed
}

// installer is the API as the installer of a namespace has it.
func installer(t *testing.T, namespace string) *kube.Cluster {
	t.Helper()
	r, err := admin.Access(t.Context(), namespace, policy.InstallerAccount)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.NewCluster(&rest.Config{Host: r.Endpoint, BearerToken: r.Token, TLSClientConfig: rest.TLSClientConfig{CAData: r.CA}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func apply(t *testing.T, api kube.API, o kube.Object) {
	t.Helper()
	if _, err := api.Apply(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func pod(namespace, name string, resources map[string]any) kube.Object {
	c := map[string]any{"name": "c", "image": "example.test/app:1"}
	if resources != nil {
		c["resources"] = map[string]any{"requests": resources, "limits": resources}
	}
	return kubetest.Object("v1", "Pod", namespace, name, map[string]any{"spec": map[string]any{"containers": []any{c}}})
}

func prioritized(namespace, name, class string) kube.Object {
	p := pod(namespace, name, nil)
	p["spec"].(map[string]any)["priorityClassName"] = class
	return p
}

func privileged(namespace string) kube.Object {
	p := pod(namespace, "root", nil)
	c := p["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
	c["securityContext"] = map[string]any{"privileged": true}
	return p
}

func contains(words, word string) bool { return slices.Contains(strings.Fields(words), word) }
