package execute

import (
	"context"
	"encoding/base64"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// Secrets follow a tenant to another cluster through the memory of the executor that does the step. No event, no queue and no error
// has what they say.

// followFrom brings the Secrets of the place that a tenant is in to the one that it goes to, which is made and closed.
func (t *Task) followFrom(ctx context.Context, api kube.API, spec tenant.Spec, from ev.MoveFollow) error {
	var secrets []kube.Object
	err := t.inCluster(ctx, from.Site, from.Cluster, "ReadSecrets", func(source kube.API) (err error) {
		secrets, err = t.following(ctx, source, from.Namespace)
		return err
	})
	if err != nil {
		return err
	}
	return tenant.Follow(ctx, api, spec, secrets)
}

// followTo brings the Secrets of the place that is closed to the other one, with what they say at last. Where none followed before and
// none does now, nothing is asked of the other.
func (t *Task) followTo(ctx context.Context, api kube.API, spec tenant.Spec, e ev.RelocateTenant) error {
	to := e.Follow
	if to == nil || e.Step != ev.StepQuiesce {
		return nil
	}
	secrets, err := t.following(ctx, api, spec.Namespace)
	if err != nil || len(secrets) == 0 && !to.Some {
		return err
	}
	spec.Namespace, spec.Stay = to.Namespace, to.Stay
	return t.inCluster(ctx, to.Site, to.Cluster, "FollowSecrets", func(target kube.API) error {
		return tenant.Follow(ctx, target, spec, secrets)
	})
}

// following reads the Secrets that follow a tenant, and sees to it that no error says what they say.
func (t *Task) following(ctx context.Context, api kube.API, namespace string) ([]kube.Object, error) {
	secrets, err := tenant.Following(ctx, api, namespace)
	for _, s := range secrets {
		for _, v := range kube.MapOf(s["data"]) {
			if raw, err := base64.StdEncoding.DecodeString(kube.StringOf(v)); err == nil {
				t.known.Add(string(raw))
			}
		}
	}
	return secrets, err
}
