package workers

import (
	"cmp"
	"context"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/kube"
)

func ensureNetwork(ctx context.Context, t *task) result {
	e, err := args[ev.EnsureNetwork](t)
	if err != nil {
		return result{err: err}
	}
	spec := t.network(e)
	if r, lost := t.lost(e.Site, ev.PartNetwork, e.Remake, "ObserveNetwork", func(c Cloud) (cloud.Observation, error) {
		return c.ObserveNetwork(ctx, scope(e.Site), spec.Name)
	}); lost {
		return r
	}
	o, r := t.bring(e.Site, thing{"Network", func(c Cloud) (cloud.Observation, error) {
		return c.EnsureNetwork(ctx, scope(e.Site), spec)
	}, func(c Cloud) error {
		return c.DeleteNetwork(ctx, scope(e.Site), spec.Name, e.Owner)
	}, false}, e.Remake)
	if o.Phase != cloud.Ready {
		return r
	}
	return result{outcome: ev.NetworkReady{Network: spec.Name, ID: o.ID, Range: o.Range}}
}

func (t *task) network(e ev.EnsureNetwork) cloud.NetworkSpec {
	return cloud.NetworkSpec{Name: cloud.Name(identity(e.Owner), cloud.MaxGKECluster, t.Ref.ID), Owner: e.Owner, Range: e.Range, Zones: e.Zones, Token: t.Digest}
}

func ensureCluster(ctx context.Context, t *task) result {
	e, err := args[ev.EnsureCluster](t)
	if err != nil {
		return result{err: err}
	}
	spec := t.cluster(e)
	if r, lost := t.lost(e.Site, ev.PartCluster, e.Remake, "ObserveCluster", func(c Cloud) (cloud.Observation, error) {
		return c.ObserveCluster(ctx, scope(e.Site), spec.Name)
	}); lost {
		return r
	}
	o, r := t.bring(e.Site, thing{"Cluster", func(c Cloud) (cloud.Observation, error) {
		return c.EnsureCluster(ctx, scope(e.Site), spec)
	}, func(c Cloud) error {
		return c.DeleteCluster(ctx, scope(e.Site), spec.Name, e.Owner)
	}, false}, e.Remake)
	switch {
	case o.Phase == "" && e.Network != "":
		return without(ev.PartNetwork, r.err)
	case o.Phase != cloud.Ready:
		return r
	}
	return result{outcome: ev.ClusterReady{Cluster: spec.Name, Endpoint: o.Endpoint, Version: o.Version}}
}

func (t *task) clusterName(owner string) string {
	return cloud.Name(identity(owner), cloud.MaxGKECluster, t.Ref.ID)
}

func (t *task) cluster(e ev.EnsureCluster) cloud.ClusterSpec {
	var admits []cloud.Admission
	for _, a := range e.Access {
		admits = append(admits, cloud.Admission(a))
	}
	return cloud.ClusterSpec{
		Name: cmp.Or(e.Existing, t.clusterName(e.Owner)), Owner: e.Owner, Token: t.Digest,
		Network: e.Network, Existing: cloud.Existing{Subnets: e.Subnets, SecurityGroups: e.SecurityGroups}, Adopt: e.Existing != "",
		Version: e.Version, Options: cloud.ClusterOptions{Private: e.Private, Logging: e.Logging, SecretsKey: e.SecretsKey}, Admits: admits,
	}
}

func ensureSystemPool(ctx context.Context, t *task) result {
	e, err := args[ev.EnsureSystemPool](t)
	if err != nil {
		return result{err: err}
	}
	o, r := t.ensurePool(ctx, e.Site, e.Cluster, e.Pool, e.Remake)
	switch {
	case o.Phase == cloud.Ready:
		r.outcome = ev.SystemPoolReady{Nodes: o.Nodes}
	case o.Phase == "":
		return without(ev.PartCluster, r.err)
	}
	return r
}

func ensureBase(ctx context.Context, t *task) result {
	e, err := args[ev.EnsureBase](t)
	if err != nil {
		return result{err: err}
	}
	err = t.inCluster(ctx, e.Site, e.Cluster, "EnsureBase", func(api kube.API) error {
		_, err := kube.EnsureBase(ctx, api, e.Owner)
		return err
	})
	if err != nil {
		return without(ev.PartCluster, err)
	}
	return result{outcome: ev.Activated{}}
}

// thing is something in a cloud: what its calls are called, and those that make it and
// take it away.
type thing struct {
	name   string
	ensure func(Cloud) (cloud.Observation, error)
	remove func(Cloud) error
	empty  bool // one without a node is nobody's
}

// bring asks for a thing and says what is to be done about it if it is not ready. Where
// the call itself failed, the observation is empty. One
// that has failed is deleted if nobody relies on it: the next attempt makes it anew.
func (t *task) bring(s ev.Site, what thing, remake bool) (cloud.Observation, result) {
	api := "Ensure" + what.name
	o, err := ensure(t, s, api, what.ensure)
	switch {
	case err != nil:
		return cloud.Observation{}, result{err: err}
	case o.Phase == cloud.Ready:
		return o, result{}
	case o.Phase == cloud.Failed && (remake || what.empty && o.Nodes == 0):
		// If it is refused now, the next attempt meets it again.
		_ = t.call("Delete"+what.name, func() error { return what.remove(t.clouds[s.Account.Cloud]) })
	}
	return o, notReady(api, o)
}

// lost looks, before a part is ensured that has been in use, whether it is still
// there. If it is not, that is said first: then it may be made anew as if for the
// first time. The rest of the ensuring tells what cannot be seen.
func (t *task) lost(s ev.Site, part string, remake bool, api string, observe func(Cloud) (cloud.Observation, error)) (result, bool) {
	if remake {
		return result{}, false
	}
	o, err := ensure(t, s, api, observe)
	if err != nil || o.Phase != cloud.Absent {
		return result{err: err}, err != nil
	}
	return result{outcome: gone(part)}, true
}

// without is the result of an error of something that stands on a part: where that is
// gone, it says so.
func without(part string, err error) result {
	if cloud.ClassOf(err) == cloud.NotFound {
		return result{outcome: gone(part), err: err}
	}
	return result{err: err}
}

func gone(part string) ev.Drifted {
	return ev.Drifted{Found: []ev.Drift{{What: part, How: ev.DriftDeleted}}}
}

// ensure makes one call to the cloud of a site.
func ensure(t *task, s ev.Site, api string, do func(Cloud) (cloud.Observation, error)) (o cloud.Observation, err error) {
	c, err := t.cloudOf(s.Account)
	if err != nil {
		return o, err
	}
	err = t.call(api, func() error {
		o, err = do(c)
		return err
	})
	return o, err
}

// inCluster works in a cluster of a site.
func (t *task) inCluster(ctx context.Context, s ev.Site, cluster, what string, do func(kube.API) error) error {
	c, err := t.cloudOf(s.Account)
	if err != nil {
		return err
	}
	var api kube.API
	err = t.call("Access", func() error {
		api, err = c.Kube(ctx, scope(s), cluster)
		return err
	})
	if err != nil {
		return err
	}
	return t.call(what, func() error { return do(api) })
}
