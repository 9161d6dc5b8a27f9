package workers

import (
	"context"
	"errors"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/kube"
	"github.com/aeriehq/aerie/kube/helm"
)

// removeOwned takes away everything in the cloud that carries the owner's mark,
// also what is half built, in an order in which it can be deleted: what is in
// another's way is met again at the next look. It is done when a listing is empty.
func removeOwned(ctx context.Context, t *task) result {
	e, err := args[ev.RemoveOwned](t)
	if err != nil {
		return result{err: err}
	}
	c, err := t.cloudOf(e.Account)
	if err != nil {
		return result{err: err}
	}
	if e.Existing != "" {
		err := t.inCluster(ctx, e.Site, e.Existing, "RemoveBase", func(api kube.API) error { return kube.RemoveBase(ctx, api, e.Owner) })
		if err != nil && cloud.ClassOf(err) != cloud.NotFound {
			return result{err: err}
		}
	}
	var left []cloud.Ref
	err = t.call("ListOwned", func() (err error) {
		left, err = c.ListOwned(ctx, scope(e.Site), e.Owner)
		return err
	})
	if nowhere(err) {
		return result{outcome: ev.Deleted{}}
	}
	if err != nil {
		return result{err: err}
	}
	if len(left) == 0 {
		return result{outcome: ev.Deleted{}}
	}
	for _, r := range left {
		if hold, err := t.balanced(ctx, c, scope(e.Site), r); err != nil {
			return result{err: err}
		} else if hold {
			continue
		}
		if err := t.removeOne(ctx, c, scope(e.Site), r); err != nil && cloud.ClassOf(err) != cloud.Conflict {
			return result{err: err}
		}
	}
	return result{again: lookAgain}
}

// nowhere says that there is no such region: nothing was ever made in it. Any other
// refusal to list says nothing about what is there.
func nowhere(err error) bool {
	var e *cloud.Error
	return errors.As(err, &e) && e.Code == cloud.UnknownRegion
}

// unreached is how many attempts are made to clear up inside a cluster: it may be
// one that nobody reaches any more.
const unreached = 4

// balanced says that a cluster has load balancers yet: the cloud would be left with
// them, and with the network that they are in.
func (t *task) balanced(ctx context.Context, c Cloud, s cloud.Scope, r cloud.Ref) (hold bool, err error) {
	if r.Kind != cloud.KindCluster || r.Phase != cloud.Ready {
		return false, nil
	}
	left := 0
	err = t.call("DeleteBalancers", func() error {
		api, err := c.Kube(ctx, s, r.Name)
		if err == nil {
			left, err = kube.DeleteBalancers(ctx, api)
		}
		return err
	})
	if err != nil && (t.Attempt > unreached || cloud.ClassOf(err) == cloud.Conflict || cloud.ClassOf(err) == cloud.NotFound) {
		return false, nil
	}
	return left > 0, err
}

func (t *task) removeOne(ctx context.Context, c Cloud, s cloud.Scope, r cloud.Ref) error {
	switch r.Kind {
	case cloud.KindPool:
		return t.call("DeletePool", func() error { return c.DeletePool(ctx, s, r.Cluster, r.Name, r.Owner) })
	case cloud.KindAddon:
		return t.call("DeleteAddon", func() error { return c.DeleteAddon(ctx, s, r.Cluster, cloud.Addon(r.Name), r.Owner) })
	case cloud.KindCluster:
		return t.call("DeleteCluster", func() error { return c.DeleteCluster(ctx, s, r.Name, r.Owner) })
	}
	return t.call("DeleteNetwork", func() error { return c.DeleteNetwork(ctx, s, r.Name, r.Owner) })
}

// removeTenant deletes the tenant's namespace and waits until it is gone.
func removeTenant(ctx context.Context, t *task) result {
	e, err := args[ev.RemoveTenant](t)
	if err != nil {
		return result{err: err}
	}
	there := false
	err = t.inCluster(ctx, e.Site, e.Cluster, "DeleteTenant", func(api kube.API) error {
		if err := kube.DeleteTenant(ctx, api, e.Namespace, t.UID); err != nil {
			return err
		}
		there, err = remains(ctx, api, e.Namespace)
		return err
	})
	return removed(err, there)
}

// remains tells whether a deleted namespace is still there; what keeps it from its end is an error.
func remains(ctx context.Context, api kube.API, namespace string) (bool, error) {
	left, err := api.Get(ctx, "v1", "Namespace", "", namespace)
	if kube.CodeOf(err) == kube.NotFound {
		return false, nil
	}
	if err == nil && kube.Holds(left) != "" {
		err = &kube.Error{Code: kube.Unready, Op: "delete namespace", Object: namespace, Message: "it does not end: " + kube.Holds(left)}
	}
	return true, err
}

// removeApplication deletes the application's objects.
func removeApplication(ctx context.Context, t *task) result {
	e, err := args[ev.RemoveApplication](t)
	if err != nil {
		return result{err: err}
	}
	err = t.inCluster(ctx, e.Site, e.Cluster, "RemoveApplication", func(api kube.API) error {
		return t.uninstall(ctx, api, e)
	})
	return removed(err, false)
}

func (t *task) uninstall(ctx context.Context, api kube.API, e ev.RemoveApplication) error {
	if err := t.removeRelease(ctx, api, e.Namespace, e.Name); err != nil {
		return err
	}
	return kube.RemoveApplication(ctx, api, kube.AppSpec{Namespace: e.Namespace, Name: e.Name, Owner: t.UID, Revision: t.Revision,
		Objects: objects(e.Manifests), Terms: termsOf(t.Ref)})
}

// removed is the result of a removal in a cluster: with the cluster or the
// namespace everything in it is gone too.
func removed(err error, there bool) result {
	var gone *cloud.Error
	switch {
	case errors.As(err, &gone) && gone.Class == cloud.NotFound, kube.CodeOf(err) == kube.NotFound:
		return result{outcome: ev.Deleted{}}
	case errors.Is(err, helm.ErrBusy):
		return result{again: lookAgain}
	case err != nil:
		return result{err: err}
	case there:
		return result{again: lookAgain}
	}
	return result{outcome: ev.Deleted{}}
}
