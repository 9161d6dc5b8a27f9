package kube

import (
	"context"
	"errors"
)

// farKinds are what addons make that does not go with their namespace. What stands between callers and the API server is
// first: without its pods it would refuse the rest.
var farKinds = []Key{
	{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingWebhookConfiguration"},
	{APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration"},
	{APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService"},
	{APIVersion: rbacAPI, Kind: "ClusterRoleBinding"}, {APIVersion: rbacAPI, Kind: "ClusterRole"},
	{APIVersion: rbacAPI, Kind: "RoleBinding"}, {APIVersion: rbacAPI, Kind: "Role"},
	{APIVersion: "v1", Kind: "Service"}, {APIVersion: "v1", Kind: "ConfigMap"}, {APIVersion: "v1", Kind: "Secret"},
	{APIVersion: "v1", Kind: "ServiceAccount"}, {APIVersion: "networking.k8s.io/v1", Kind: "IngressClass"},
	{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"}, {APIVersion: "storage.k8s.io/v1", Kind: "CSIDriver"},
	{APIVersion: "scheduling.k8s.io/v1", Kind: "PriorityClass"}, {APIVersion: "v1", Kind: "Namespace"},
}

// RemoveFar deletes what carries an addon's mark outside its namespace, but for what says that it stays. It finds what the
// list of what was applied does not name any more: somebody has deleted the namespace with it.
func RemoveFar(ctx context.Context, api API, owner string) error {
	for _, k := range farKinds {
		found, err := api.List(ctx, Selector{APIVersion: k.APIVersion, Kind: k.Kind, Labels: map[string]string{LabelOwner: owner}, Brief: true})
		if errors.Is(err, errUnserved) {
			continue
		}
		if err != nil {
			return err
		}
		for _, o := range found {
			if o.kept() {
				continue
			}
			if err := remove(ctx, api, o.Key()); err != nil {
				return err
			}
		}
	}
	return nil
}
