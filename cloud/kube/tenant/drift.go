package tenant

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Drift says how the tenant's namespace and what guards it differ from the spec. It changes nothing. What others
// have added to an object, or put beside it, is no difference.
func Drift(ctx context.Context, api kube.API, spec Spec) ([]kube.Difference, error) {
	wanted := Objects(spec)
	found, err := kube.Drift(ctx, api, wanted)
	if err != nil || len(found) > 0 && found[0].Object == wanted[0].Key() && found[0].Gone {
		return found[:min(len(found), 1)], err // with the namespace all in it is gone
	}
	extra, err := unwanted(ctx, api, spec.Namespace, wanted)
	for _, k := range extra {
		found = append(found, kube.Difference{Object: k, Detail: "it is there though the plan does not want it"})
	}
	return found, err
}
