package release

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Define makes the definitions that are not there yet. Those that are stay as they are, as Helm has it.
func Define(ctx context.Context, api kube.API, definitions []kube.Object) error {
	for _, d := range definitions {
		there, err := kube.Find(ctx, api, d.Key())
		if err != nil {
			return err
		}
		if there != nil {
			continue
		}
		if _, err := api.Apply(ctx, d.Marked("", map[string]string{kube.LabelManagedBy: kube.Manager}, nil)); err != nil {
			return err
		}
	}
	return nil
}
