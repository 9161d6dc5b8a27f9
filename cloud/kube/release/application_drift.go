package release

import (
	"context"
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// ApplicationDrift says how the application's objects differ from the spec's, and whether the list of them is there.
func ApplicationDrift(ctx context.Context, api kube.API, spec AppSpec) ([]kube.Difference, error) {
	spec = spec.asWish()
	wanted := make([]kube.Object, len(spec.Objects))
	for i, o := range spec.Objects {
		wanted[i] = o.Marked(spec.home(o), spec.labels(), nil)
	}
	k := spec.inventoryKey()
	list := kube.NewObject(k.APIVersion, k.Kind, k.Namespace, k.Name, nil).Marked("", spec.labels(), nil)
	if len(wanted) > 0 {
		wanted = append(wanted, list)
	}
	found, err := kube.FindDifferences(ctx, api, wanted)
	if err != nil || !slices.ContainsFunc(found, func(d kube.Difference) bool { return !d.Gone }) {
		return found, err
	}
	if spec.Pods, err = tenant.PodDefaults(ctx, api, spec.Namespace); err != nil {
		return nil, err
	}
	for i, o := range wanted {
		wanted[i] = spec.Pods.In(o)
	}
	as, err := spec.installer(api)
	if err != nil {
		return nil, err
	}
	return kube.ConfirmDifferences(ctx, as, found, wanted)
}
