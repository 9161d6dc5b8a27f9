package workers

import (
	"context"
	"errors"
	"math/rand/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/kube"
	"github.com/aeriehq/aerie/kube/helm"
)

// objects reads manifests as objects.
func objects(manifests []map[string]any) (list []kube.Object) {
	for _, m := range manifests {
		list = append(list, kube.Object(m))
	}
	return list
}

// CheckAsk finds what is wrong with a command that decodes and can be told before
// anything is asked of the log or of a cluster: manifests that no cluster may have.
func CheckAsk(ref ev.Ref, ask ev.Ask) (faults []ev.Fault) {
	var spec ev.Spec
	switch ask := ask.(type) {
	case ev.Create:
		spec = ask.Spec
	case ev.Update:
		spec = ask.Spec
	case ev.Adopt:
		spec = ask.Spec
	}
	app, ok := spec.(ev.Installed)
	if !ok {
		return nil
	}
	for _, f := range kube.CheckObjects(objects(app.Content().Manifests), termsOf(ref)) {
		faults = append(faults, ev.Fault{Field: f.Path, Message: f.Message})
	}
	return faults
}

func ensureApplication(ctx context.Context, t *task) result {
	e, err := args[ev.EnsureApplication](t)
	if err != nil {
		return result{err: err}
	}
	return t.ensureInstalled(ctx, e, "EnsureApplication", func(kube.API) error { return nil })
}

// ensureInstalled installs something where a place for it is made first, and waits until it runs.
func (t *task) ensureInstalled(ctx context.Context, e ev.EnsureApplication, call string, place func(kube.API) error) result {
	var applied []string
	ready := false
	err := t.inCluster(ctx, e.Site, e.Cluster, call, func(api kube.API) (err error) {
		if err := place(api); err != nil {
			return err
		}
		if applied, err = t.install(ctx, api, e); err != nil {
			return err
		}
		ready, err = kube.Ready(ctx, api, e.Namespace, e.Name)
		return err
	})
	switch {
	case errors.Is(err, helm.ErrBusy):
		return result{again: lookAgain/2 + rand.N(lookAgain), queued: true} // spread, so that some ask whenever a place is free
	case err != nil:
		return result{err: err}
	case !ready:
		return result{again: lookAgain}
	}
	return result{outcome: ev.Deployed{Revision: e.Revision, Objects: applied}}
}

// install brings an application's objects into a cluster and says what they are.
func (t *task) install(ctx context.Context, api kube.API, e ev.EnsureApplication) ([]string, error) {
	if e.Chart.Name != "" {
		return t.ensureRelease(ctx, api, e)
	}
	if err := t.removeRelease(ctx, api, e.Namespace, e.Name); err != nil { // of an earlier revision
		return nil, err
	}
	spec := t.application(e)
	var err error
	if spec.Class, err = kube.ClassOf(ctx, api, e.Namespace); err != nil {
		return nil, err
	}
	return kube.EnsureApplication(ctx, api, spec)
}

func (t *task) application(e ev.EnsureApplication) kube.AppSpec {
	return kube.AppSpec{Namespace: e.Namespace, Name: e.Name, Owner: t.UID, Revision: t.Revision, Objects: objects(e.Manifests), Terms: termsOf(t.Ref)}
}
