package execute

import (
	"cmp"
	"context"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

func ensureNetwork(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsureNetwork](t)
	if err != nil {
		return Result{Err: err}
	}
	spec := t.NetworkSpec(e)
	if r, lost := t.checkMissing(e.Target, ev.PartNetwork, e.Remake, "ObserveNetwork", func(c Cloud) (cloud.Observation, error) {
		return c.ObserveNetwork(ctx, ScopeOf(e.Target), spec.Name)
	}); lost {
		return r
	}
	o, r := t.ensure(e.Target, thing{"Network", func(c Cloud) (cloud.Observation, error) {
		return c.EnsureNetwork(ctx, ScopeOf(e.Target), spec)
	}, func(c Cloud) error {
		return c.DeleteNetwork(ctx, ScopeOf(e.Target), spec.Name, e.Owner)
	}, false}, e.Remake)
	if o.Phase != cloud.Ready {
		return r
	}
	return Result{Outcome: ev.NetworkReady{Network: spec.Name, ID: o.ID, Range: o.Range}}
}

// NetworkSpec is the wish for a dataplane's network.
func (t *Task) NetworkSpec(e ev.EnsureNetwork) cloud.NetworkSpec {
	return cloud.NetworkSpec{Name: cloud.Name(IdentityOf(e.Owner), cloud.MaxGKECluster, t.Ref.ID), Owner: e.Owner,
		Range: e.Range, Zones: e.Zones, Token: t.Digest}
}

func ensureCluster(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsureCluster](t)
	if err != nil {
		return Result{Err: err}
	}
	spec := t.ClusterSpec(e)
	if r, lost := t.checkMissing(e.Target, ev.PartCluster, e.Remake, "ObserveCluster", func(c Cloud) (cloud.Observation, error) {
		return c.ObserveCluster(ctx, ScopeOf(e.Target), spec.Name)
	}); lost {
		return r
	}
	o, r := t.ensure(e.Target, thing{"Cluster", func(c Cloud) (cloud.Observation, error) {
		return c.EnsureCluster(ctx, ScopeOf(e.Target), spec)
	}, func(c Cloud) error {
		return c.DeleteCluster(ctx, ScopeOf(e.Target), spec.Name, e.Owner)
	}, false}, e.Remake)
	switch {
	case o.Phase == "" && e.Network != "":
		return missingParent(ev.PartNetwork, r.Err)
	case o.Phase != cloud.Ready:
		return r
	}
	return Result{Outcome: ev.ClusterReady{Cluster: spec.Name, Endpoint: o.Endpoint, Version: o.Version}}
}

func (t *Task) clusterName(owner string) string {
	return cloud.Name(IdentityOf(owner), cloud.MaxGKECluster, t.Ref.ID)
}

// ClusterSpec is the wish for a dataplane's cluster: one of its own, or one that is there already.
func (t *Task) ClusterSpec(e ev.EnsureCluster) cloud.ClusterSpec {
	var admits []cloud.AccessEntry
	for _, a := range e.Access {
		admits = append(admits, cloud.AccessEntry(a))
	}
	return cloud.ClusterSpec{
		Name: cmp.Or(e.Existing, t.clusterName(e.Owner)), Owner: e.Owner, Token: t.Digest,
		Network: e.Network, Existing: cloud.ExistingNetwork{Subnets: e.Subnets, SecurityGroups: e.SecurityGroups}, Adopt: e.Existing != "",
		Version: e.Version, Options: cloud.ClusterOptions{Private: e.Private, Logging: e.Logging, SecretsKey: e.SecretsKey}, Admits: admits,
	}
}

func ensureSystemPool(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsureSystemPool](t)
	if err != nil {
		return Result{Err: err}
	}
	o, r := t.ensurePool(ctx, e.Target, e.Cluster, e.Pool, e.Remake)
	switch {
	case o.Phase == cloud.Ready && e.Reopen:
		if err := t.reopen(ctx, e.Target, e.Cluster, []map[string]string{o.NodeLabels}); err != nil {
			return Result{Err: err}
		}
		fallthrough
	case o.Phase == cloud.Ready:
		r.Outcome = ev.SystemPoolReady{Nodes: o.Nodes, Zones: o.Zones}
	case o.Phase == "":
		return missingParent(ev.PartCluster, r.Err)
	}
	return r
}

func ensureBase(ctx context.Context, t *Task) Result {
	e, err := args[ev.EnsureBase](t)
	if err != nil {
		return Result{Err: err}
	}
	err = t.inCluster(ctx, e.Target, e.Cluster, "EnsureBase", func(api kube.API) error {
		_, err := tenant.EnsureBase(ctx, api, e.Owner)
		return err
	})
	if err != nil {
		return missingParent(ev.PartCluster, err)
	}
	return Result{Outcome: ev.Activated{}}
}
