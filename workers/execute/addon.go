package execute

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/cloud/kube/release"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/command"
)

// wide tells whether something may make what is of the whole cluster: the operator's own addons may.
func wide(ref ev.Ref) bool { return command.TermsOf(ref) == policy.AsAddon }

// AddonSpec is the wish for an addon's namespace.
func (t *Task) AddonSpec(namespace string) release.AddonSpec {
	spec := release.AddonSpec{Namespace: namespace, Dataplane: t.Ref.Parent(), Addon: t.Ref.Local(),
		Owner: t.UID, Revision: t.Revision, Wide: wide(t.Ref)}
	if t.Ref.Owner != ev.Platform {
		spec.Customer = t.Ref.Owner
	}
	return spec
}

func ensureAddon(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsureAddon](t)
	if err != nil {
		return Result{Err: err}
	}
	if e.Values, err = t.filled(ctx, e.EnsureApplication); err != nil {
		return Result{Err: err}
	}
	return t.ensureInstalled(ctx, e.EnsureApplication, "EnsureAddon", func(api kube.API) error {
		return release.EnsureAddon(ctx, api, t.AddonSpec(e.Namespace))
	})
}

// removeAddon deletes the addon's objects, then its namespace, and waits until that is gone. Where the namespace is gone, by
// whatever hand, what it does not take along is looked for.
func removeAddon(ctx context.Context, t *Task) Result {
	e, err := args[ev.RemoveAddon](t)
	if err != nil {
		return Result{Err: err}
	}
	there := false
	err = t.inCluster(ctx, e.Target, e.Cluster, "RemoveAddon", func(api kube.API) error {
		ns, err := api.Get(ctx, "v1", "Namespace", "", e.Namespace)
		if err != nil && kube.CodeOf(err) != kube.NotFound {
			return err
		}
		mine := ns.Labels()[kube.LabelOwner] == t.UID // in another's nothing was installed
		if mine && !ns.Terminating() {
			if err := t.uninstall(ctx, api, e.RemoveApplication); err != nil {
				return err
			}
		}
		if ns == nil && wide(t.Ref) {
			if err := release.RemoveOutside(ctx, api, t.UID); err != nil {
				return err
			}
		}
		if err := release.RemoveAddon(ctx, api, t.AddonSpec(e.Namespace)); err != nil || !mine {
			return err
		}
		there, err = remains(ctx, api, e.Namespace)
		return err
	})
	return removed(err, there)
}
