package kube

import "k8s.io/apimachinery/pkg/runtime/schema"

// Unserved is the error of a cluster that does not serve a kind.
func Unserved(apiVersion, kind string) error {
	return unserved(schema.FromAPIVersionAndKind(apiVersion, kind))
}
