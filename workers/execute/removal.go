package execute

import (
	"context"
	"errors"
	"fmt"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/move"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/command"
)

// removeOwned takes away everything in the cloud that carries the owner's mark,
// also what is half built, in an order in which it can be deleted: what is in
// another's way is met again at the next look. It is done when a listing is empty.
func removeOwned(ctx context.Context, t *Task) Result {
	e, err := args[ev.RemoveOwned](t)
	if err != nil {
		return Result{Err: err}
	}
	c, err := t.CloudOf(e.Account)
	if err != nil {
		return Result{Err: err}
	}
	if e.Existing != "" {
		err := t.inCluster(ctx, e.Target, e.Existing, "RemoveBase", func(api kube.API) error { return tenant.RemoveBase(ctx, api, e.Owner) })
		if err != nil && cloud.ClassOf(err) != cloud.NotFound {
			return Result{Err: err}
		}
	}
	var left []cloud.Ref
	err = t.Call("ListOwned", func() (err error) {
		left, err = c.ListOwned(ctx, ScopeOf(e.Target), e.Owner)
		return err
	})
	if nowhere(err) {
		return Result{Outcome: ev.Deleted{}}
	}
	if err != nil {
		return Result{Err: err}
	}
	if len(left) == 0 {
		return t.gone(ctx, c, e)
	}
	for _, r := range left {
		if ready, err := t.emptied(ctx, c, ScopeOf(e.Target), r); err != nil {
			return Result{Err: err}
		} else if !ready {
			continue
		}
		if err := t.RemoveResource(ctx, c, ScopeOf(e.Target), r); err != nil && cloud.ClassOf(err) != cloud.Conflict {
			return Result{Err: err}
		}
	}
	return Result{Again: LookAgain}
}

// nowhere says that there is no such region: nothing was ever made in it. Any other
// refusal to list says nothing about what is there.
func nowhere(err error) bool {
	var e *cloud.Error
	return errors.As(err, &e) && e.Code == cloud.UnknownRegion
}

// gone is the result when nothing is left, with the volumes that stay. They have no mark of ours any more, so the cloud knows
// them by their cluster.
func (t *Task) gone(ctx context.Context, c Cloud, e ev.RemoveOwned) Result {
	if t.Ref.Kind != ev.Dataplane || e.Existing != "" {
		return Result{Outcome: ev.Deleted{}}
	}
	var kept []string
	err := t.Call("KeptVolumes", func() (err error) {
		kept, err = c.KeptVolumes(ctx, ScopeOf(e.Target), t.clusterName(e.Owner), e.Owner)
		return err
	})
	if err != nil {
		return Result{Err: err}
	}
	return Result{Outcome: ev.Deleted{Kept: firstNames(kept)}}
}

// unreached is how many attempts are made to clear up inside a cluster: it may be
// one that nobody reaches any more. They take some ten minutes.
const unreached = 8

// emptied brings a cluster to where it can be deleted: its load balancers are gone, with which the cloud would be left, and
// with the network that they are in; and its volumes have it written on them whether they go, which nobody could tell
// afterwards. Of a cluster that does not say, its volumes stay.
func (t *Task) emptied(ctx context.Context, c Cloud, s cloud.Scope, r cloud.Ref) (ready bool, err error) {
	switch {
	case r.Kind == cloud.KindCluster && r.Phase == cloud.Updating:
		return false, nil // no cloud deletes it now, and in a while it may
	case r.Kind != cloud.KindCluster || r.Phase != cloud.Ready:
		return true, nil
	}
	left, goes, err := t.ask(ctx, c, s, r.Name)
	var silent *unanswered
	switch class := cloud.ClassOf(err); {
	case err == nil && left > 0:
		return false, nil
	case err == nil:
		return true, t.Call("MarkVolumes", func() error { return c.MarkVolumes(ctx, s, r.Name, r.Owner, goes) })
	case errors.As(err, &silent) && t.Attempt <= unreached:
		return false, err
	case errors.As(err, &silent), class == cloud.Conflict, class == cloud.NotFound:
		return true, nil
	}
	return false, err
}

// ask asks a cluster to let go of its load balancers and, when none are left, what is to become of its volumes.
func (t *Task) ask(ctx context.Context, c Cloud, s cloud.Scope, cluster string) (left int, goes map[string]bool, err error) {
	var api kube.API
	if err := t.Call("Access", func() (err error) { api, err = c.Kube(ctx, s, cluster); return err }); err != nil {
		return 0, nil, err
	}
	err = t.Call("DeleteBalancers", func() (err error) { left, err = kube.DeleteBalancers(ctx, api); return err })
	if err == nil && left == 0 {
		err = t.Call("ReclaimedVolumes", func() (err error) { goes, err = kube.ReclaimedVolumes(ctx, api); return err })
	}
	if err != nil {
		return left, nil, &unanswered{err}
	}
	return left, goes, nil
}

// unanswered is that a cluster that is to go does not say what is in it. It counts as an attempt, also where there was no
// answer: the cluster goes in the end, answer or not.
type unanswered struct{ err error }

func (e *unanswered) Error() string {
	return fmt.Sprintf("after %d attempts the cluster goes without an answer, and its volumes stay: %v", unreached, e.err)
}

func (e *unanswered) Unwrap() error { return e.err }

// RemoveResource deletes one thing in a cloud. What is in its way is an error of the class cloud.Conflict.
func (t *Task) RemoveResource(ctx context.Context, c Cloud, s cloud.Scope, r cloud.Ref) error {
	switch r.Kind {
	case cloud.KindPool:
		return t.Call("DeletePool", func() error { return c.DeletePool(ctx, s, r.Cluster, r.Name, r.Owner) })
	case cloud.KindAddon:
		return t.Call("DeleteAddon", func() error { return c.DeleteAddon(ctx, s, r.Cluster, cloud.Addon(r.Name), r.Owner) })
	case cloud.KindCluster:
		return t.Call("DeleteCluster", func() error { return c.DeleteCluster(ctx, s, r.Name, r.Owner) })
	}
	return t.Call("DeleteNetwork", func() error { return c.DeleteNetwork(ctx, s, r.Name, r.Owner) })
}

// removeTenant deletes the tenant's namespace, that of its move's programs, and what holds room for its pods, and waits until both
// are gone.
func removeTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.RemoveTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	there := false
	err = t.inCluster(ctx, e.Target, e.Cluster, "DeleteTenant", func(api kube.API) error {
		err := tenant.Delete(ctx, api, tenant.Stay{Namespace: e.Namespace, Owner: t.UID, Name: e.Stay, Revision: t.Revision})
		if errors.Is(err, tenant.ErrOtherStay) {
			return nil // of this stay nothing is left; should the tenant have ended, the sweeper takes the other
		}
		if err != nil {
			return err
		}
		if err := move.Forget(ctx, api, t.UID); err != nil {
			return err
		}
		if there, err = remains(ctx, api, e.Namespace); err == nil && !there {
			there, err = programsRemain(ctx, api, e.Namespace, t.UID)
		}
		return err
	})
	return removed(err, there)
}

// programsRemain does as remains for the namespace of a tenant's programs. One of that name that is another's is none of them, and in
// nobody's way.
func programsRemain(ctx context.Context, api kube.API, namespace, owner string) (bool, error) {
	at := tenant.ProgramsNamespace(namespace)
	there, err := kube.Find(ctx, api, kube.NamespaceKey(at))
	if err != nil || there.Labels()[kube.LabelOwner] != owner {
		return false, err
	}
	return remains(ctx, api, at)
}

// remains tells whether a deleted namespace is still there; what keeps it from its end is an error.
func remains(ctx context.Context, api kube.API, namespace string) (bool, error) {
	left, err := api.Get(ctx, "v1", "Namespace", "", namespace)
	if kube.CodeOf(err) == kube.NotFound {
		return false, nil
	}
	if err == nil && kube.DeletionBlocker(left) != "" {
		err = &kube.Error{Code: kube.Unready, Op: "delete namespace", Object: namespace, Message: "it does not end: " + kube.DeletionBlocker(left)}
	}
	return true, err
}

// removeApplication deletes the application's objects.
func removeApplication(ctx context.Context, t *Task) Result {
	e, err := args[ev.RemoveApplication](t)
	if err != nil {
		return Result{Err: err}
	}
	err = t.inCluster(ctx, e.Target, e.Cluster, "RemoveApplication", func(api kube.API) error {
		return t.uninstall(ctx, api, e)
	})
	return removed(err, false)
}

func (t *Task) uninstall(ctx context.Context, api kube.API, e ev.RemoveApplication) error {
	if err := t.RemoveRelease(ctx, api, e.Namespace, e.Name); err != nil {
		return err
	}
	return release.RemoveApplication(ctx, api, release.AppSpec{Namespace: e.Namespace, Name: e.Name, Owner: t.UID, Revision: t.Revision,
		Objects: objects(e.Manifests), Terms: command.TermsOf(t.Ref)})
}

// removed is the result of a removal in a cluster: with the cluster or the
// namespace everything in it is gone too.
func removed(err error, there bool) Result {
	var gone *cloud.Error
	switch {
	case errors.As(err, &gone) && gone.Class == cloud.NotFound, kube.CodeOf(err) == kube.NotFound:
		return Result{Outcome: ev.Deleted{}}
	case errors.Is(err, helm.ErrBusy):
		return Result{Again: LookAgain}
	case err != nil:
		return Result{Err: err}
	case there:
		return Result{Again: LookAgain}
	}
	return Result{Outcome: ev.Deleted{}}
}
