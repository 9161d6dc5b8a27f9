package release

import (
	"context"
	"errors"

	"github.com/aeriehq/aerie/cloud/kube"
)

// outsideKinds are what addons make that does not go with their namespace. What stands between callers and the API server is
// first: without its pods it would refuse the rest.
var outsideKinds = []kube.Key{
	{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingWebhookConfiguration"},
	{APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration"},
	{APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService"},
	{APIVersion: kube.RBACAPI, Kind: "ClusterRoleBinding"}, {APIVersion: kube.RBACAPI, Kind: "ClusterRole"},
	{APIVersion: kube.RBACAPI, Kind: "RoleBinding"}, {APIVersion: kube.RBACAPI, Kind: "Role"},
	{APIVersion: "v1", Kind: "Service"}, {APIVersion: "v1", Kind: "ConfigMap"}, {APIVersion: "v1", Kind: "Secret"},
	{APIVersion: "v1", Kind: "ServiceAccount"}, {APIVersion: "networking.k8s.io/v1", Kind: "IngressClass"},
	{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"}, {APIVersion: "storage.k8s.io/v1", Kind: "CSIDriver"},
	{APIVersion: "scheduling.k8s.io/v1", Kind: "PriorityClass"}, {APIVersion: "v1", Kind: "Namespace"},
}

// RemoveOutside deletes what carries an addon's mark outside its namespace, but for what says that it stays. It finds what the
// list of what was applied does not name any more: somebody has deleted the namespace with it.
func RemoveOutside(ctx context.Context, api kube.API, owner string) error {
	for _, k := range outsideKinds {
		found, err := api.List(ctx, kube.Selector{APIVersion: k.APIVersion, Kind: k.Kind,
			Labels: map[string]string{kube.LabelOwner: owner}, Brief: true})
		if errors.Is(err, kube.ErrUnserved) {
			continue
		}
		if err != nil {
			return err
		}
		for _, o := range found {
			if kept(o) {
				continue
			}
			if err := kube.Delete(ctx, api, o.Key()); err != nil {
				return err
			}
		}
	}
	return nil
}
