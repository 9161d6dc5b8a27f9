package execute

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/command"
)

// objects reads manifests as objects.
func objects(manifests []map[string]any) (list []kube.Object) {
	for _, m := range manifests {
		list = append(list, kube.Object(m))
	}
	return list
}

func ensureApplication(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsureApplication](t)
	if err != nil {
		return Result{Err: err}
	}
	return t.ensureInstalled(ctx, e, "EnsureApplication", func(kube.API) error { return nil })
}

// ensureInstalled installs something where a place for it is made first, and waits until it runs.
func (t *Task) ensureInstalled(ctx context.Context, e ev.EnsureApplication, call string, place func(kube.API) error) Result {
	var applied []string
	var reached []ev.EndpointAddress
	ready := false
	err := t.inCluster(ctx, e.Target, e.Cluster, call, func(api kube.API) (err error) {
		if err := place(api); err != nil {
			return err
		}
		if closed, err := closedMeanwhile(ctx, api, e); err != nil || closed {
			return err
		}
		if applied, err = t.install(ctx, api, e); err != nil {
			return err
		}
		if err := t.sleep(ctx, api, e); err != nil || e.Sleeps {
			ready = err == nil
			return err
		}
		if ready, err = kube.Ready(ctx, api, e.Namespace, e.Name); err != nil || !ready {
			return err
		}
		reached, ready, err = endpoints(ctx, api, e)
		return err
	})
	switch {
	case errors.Is(err, helm.ErrBusy):
		return Result{Again: LookAgain/2 + rand.N(LookAgain), Queued: true} // spread, so that some ask whenever a place is free
	case err != nil:
		return Result{Err: err}
	case !ready:
		return Result{Again: LookAgain}
	}
	return Result{Outcome: ev.Deployed{Revision: e.Revision, Objects: applied, Endpoints: reached}}
}

// closedMeanwhile tells whether a repair comes too late: its tenant has been closed, or has left. Then nothing is made. No tenant is closed
// while a repair is owed.
func closedMeanwhile(ctx context.Context, api kube.API, e ev.EnsureApplication) (closed bool, err error) {
	if !e.Repair {
		return false, nil
	}
	return tenant.IsClosed(ctx, api, e.Namespace)
}

// install brings an application's objects into a cluster and says what they are.
func (t *Task) install(ctx context.Context, api kube.API, e ev.EnsureApplication) (applied []string, err error) {
	f, err := t.fill(ctx, api, e)
	if err != nil {
		return nil, err
	}
	if e.Chart.Name != "" {
		applied, err = t.ensureRelease(ctx, api, e, f)
	} else {
		applied, err = t.ensureObjects(ctx, api, e, f)
	}
	if err == nil && f.mark != "" {
		err = release.KeepSecretMark(ctx, api, t.placeOf(e), f.mark)
	}
	return applied, err
}

// ensureObjects applies an application's manifests.
func (t *Task) ensureObjects(ctx context.Context, api kube.API, e ev.EnsureApplication, f filling) ([]string, error) {
	if err := t.RemoveRelease(ctx, api, e.Namespace, e.Name); err != nil { // of an earlier revision
		return nil, err
	}
	spec := t.ApplicationSpec(e)
	spec.Objects = objects(f.manifests)
	var err error
	if spec.Pods, err = tenant.PodDefaults(ctx, api, e.Namespace); err != nil {
		return nil, err
	}
	return release.EnsureApplication(ctx, api, spec)
}

// ApplicationSpec is the wish for the objects of an application or an addon.
func (t *Task) ApplicationSpec(e ev.EnsureApplication) release.AppSpec {
	return release.AppSpec{Namespace: e.Namespace, Name: e.Name, Owner: t.UID, Revision: t.Revision,
		Objects: objects(e.Manifests), Terms: command.TermsOf(t.Ref)}
}
