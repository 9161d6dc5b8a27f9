package workers

import (
	"context"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/kube"
)

// objects reads manifests as objects.
func objects(manifests []map[string]any) (list []kube.Object) {
	for _, m := range manifests {
		list = append(list, kube.Object(m))
	}
	return list
}

// checkManifests finds what is wrong with an application's manifests before
// anything is asked of a cluster.
func checkManifests(ask ev.Ask) (faults []ev.Fault) {
	var spec ev.Spec
	switch ask := ask.(type) {
	case ev.Create:
		spec = ask.Spec
	case ev.Update:
		spec = ask.Spec
	}
	app, ok := spec.(ev.ApplicationSpec)
	if !ok {
		return nil
	}
	for _, f := range kube.CheckObjects(objects(app.Manifests)) {
		faults = append(faults, ev.Fault{Field: f.Path, Message: f.Message})
	}
	return faults
}

func ensureApplication(ctx context.Context, t *task) result {
	e, err := args[ev.EnsureApplication](t)
	if err != nil {
		return result{err: err}
	}
	spec := t.application(e)
	var applied []string
	err = t.inCluster(ctx, e.Site, e.Cluster, "EnsureApplication", func(api kube.API) error {
		applied, err = kube.EnsureApplication(ctx, api, spec)
		return err
	})
	if err != nil {
		return result{err: err}
	}
	return result{outcome: ev.Deployed{Revision: e.Revision, Objects: applied}}
}

func (t *task) application(e ev.EnsureApplication) kube.AppSpec {
	return kube.AppSpec{Namespace: e.Namespace, Name: e.Name, Owner: t.UID, Revision: t.Revision, Objects: objects(e.Manifests)}
}
