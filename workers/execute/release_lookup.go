package execute

import (
	"context"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	ev "github.com/aeriehq/aerie/events"
)

// maxLookups is how often a chart may want to know more of a cluster that only stores. One lookup seldom depends on another.
const maxLookups = 10

// rendered is what a chart renders to for a cluster that only stores. What it looks up there is read, and it is rendered
// again, until it has asked for all.
func (t *Task) rendered(ctx context.Context, api kube.API, e ev.EnsureApplication, q helm.Request) (made helm.Result, err error) {
	if q.Stored, err = t.stored(ctx, api, e); err != nil {
		return made, err
	}
	for range maxLookups {
		made, err = t.charts.Runner.Run(ctx, t.Ref.Owner, q)
		if err != nil || len(made.Wants) == 0 {
			return made, err
		}
		for _, k := range made.Wants {
			found, err := lookUp(ctx, api, q, k)
			if err != nil {
				return made, err
			}
			q.Stored.Found = append(q.Stored.Found, found)
		}
	}
	return made, &kube.Error{Code: kube.Invalid, Op: "render", Object: q.Namespace + "/" + q.Release, Message: "the chart looks up ever more of the cluster"}
}

// stored is what a chart is told of a cluster that only stores: the version of the dataplane, and the kinds defined in it.
func (t *Task) stored(ctx context.Context, api kube.API, e ev.EnsureApplication) (*helm.Stored, error) {
	o, err := t.CallCloud(e.Target, "ObserveCluster", func(c Cloud) (cloud.Observation, error) {
		return c.ObserveCluster(ctx, ScopeOf(e.Target), e.Cluster)
	})
	if err != nil {
		return nil, err
	}
	defined, err := api.List(ctx, kube.Selector{APIVersion: kube.DefinitionAPI, Kind: kube.DefinitionKind})
	s := &helm.Stored{Version: o.Version}
	for _, d := range defined {
		s.Kinds = append(s.Kinds, d.Outline())
	}
	return s, err
}

// lookUp reads what a chart has looked up, as far as who installs it may.
func lookUp(ctx context.Context, api kube.API, q helm.Request, k kube.Key) (found helm.Found, err error) {
	found.Key = k
	switch {
	case !q.MayLook(k):
		err = &kube.Error{Code: kube.Forbidden, Op: "lookup", Object: k.String()}
	case k.Name == "":
		found.Objects, err = api.List(ctx, kube.Selector{APIVersion: k.APIVersion, Kind: k.Kind, Namespace: k.Namespace})
	default:
		var o kube.Object
		o, err = api.Get(ctx, k.APIVersion, k.Kind, k.Namespace, k.Name)
		if kube.CodeOf(err) == kube.NotFound {
			return found, nil
		}
		found.Objects = []kube.Object{o}
	}
	return found, err
}
