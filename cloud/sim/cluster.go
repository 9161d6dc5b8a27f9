package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim/offers"
)

// EnsureCluster implements cloud.Provider.
func (s *Sim) EnsureCluster(ctx context.Context, sc cloud.Scope, spec cloud.ClusterSpec) (cloud.Observation, error) {
	r := request{op: "EnsureCluster", scope: sc, name: spec.Name}
	return s.observed(ctx, r, func(c *call) (*resource, error) { return c.ensureCluster(spec) })
}

// ObserveCluster implements cloud.Provider.
func (s *Sim) ObserveCluster(ctx context.Context, sc cloud.Scope, name string) (cloud.Observation, error) {
	return s.observe(ctx, "ObserveCluster", cloud.KindCluster, sc, "", name)
}

// DeleteCluster implements cloud.Provider. The cluster's Kubernetes objects go with it.
func (s *Sim) DeleteCluster(ctx context.Context, sc cloud.Scope, name, owner string) error {
	return s.delete(ctx, request{op: "DeleteCluster", scope: sc, name: name}, cloud.KindCluster, owner)
}

// Access implements cloud.Provider. The endpoint leads nowhere and has no CA: Kube is the way in.
func (s *Sim) Access(ctx context.Context, sc cloud.Scope, cluster string) (a cloud.Access, err error) {
	err = s.do(ctx, request{op: "Access", scope: sc, name: cluster}, func(c *call) (cloud.Phase, error) {
		r, err := c.reachable(cluster)
		if err != nil {
			return "", err
		}
		a = cloud.Access{Endpoint: r.endpoint()}
		return r.phase(c.now), nil
	})
	if err != nil {
		return cloud.Access{}, err
	}
	return a, nil
}

// reachable is a cluster whose API can be used: ready, or being updated.
func (c *call) reachable(name string) (*resource, error) {
	r, err := c.one(cloud.KindCluster, "", name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, c.fail(cloud.NotFound, "NoCluster", "there is no cluster "+name)
	}
	if at := r.phase(c.now); at != cloud.Ready && at != cloud.Updating {
		return nil, c.fail(cloud.Conflict, "NotReady", fmt.Sprintf("cluster %s is %s", name, at))
	}
	return r, nil
}

func (c *call) ensureCluster(spec cloud.ClusterSpec) (*resource, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if spec.Adopt {
		return c.adopted(spec.Name)
	}
	wanted, err := offers.Minor(cmp.Or(spec.Version, offers.DefaultVersion))
	if err != nil {
		return nil, c.invalid(err)
	}
	if _, err := offers.ExistingZones(spec.Existing, c.zones); err != nil {
		return nil, c.invalid(err)
	}
	r, err := c.seen(cloud.KindCluster, "", spec.Name, spec.Owner)
	if err != nil {
		return nil, err
	}
	if r == nil {
		if err := c.offered("version", cmp.Or(spec.Version, offers.DefaultVersion), c.sim.offers.Versions); err != nil {
			return nil, err
		}
		return c.createCluster(spec)
	}
	return c.changeCluster(r, spec, wanted)
}

// adopted is a cluster that somebody else made.
func (c *call) adopted(name string) (*resource, error) {
	r, err := c.one(cloud.KindCluster, "", name)
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, c.fail(cloud.NotFound, "NoCluster", "there is no cluster "+name+" to adopt")
	case r.Owner != "":
		return nil, c.fail(cloud.Taken, "OwnedByAnother", fmt.Sprintf("cluster %s belongs to %s", name, r.Owner))
	}
	return r, nil
}

func (c *call) createCluster(spec cloud.ClusterSpec) (*resource, error) {
	if spec.Network != "" {
		if _, err := c.parent(cloud.KindNetwork, spec.Network); err != nil {
			return nil, err
		}
	}
	if err := c.room(cloud.KindCluster, 1); err != nil {
		return nil, err
	}
	hash := spec.Hash()
	spec.Version = cmp.Or(spec.Version, offers.DefaultVersion)
	r := resource{Kind: cloud.KindCluster, Name: spec.Name, Owner: spec.Owner, Hash: hash, Cluster: &spec}
	return c.makeOne(r, c.sim.options.Times.Cluster)
}

// changeCluster brings the options and the version to the wished ones, one minor at a time.
func (c *call) changeCluster(r *resource, spec cloud.ClusterSpec, wanted int) (*resource, error) {
	has := r.Cluster
	if has.Network != spec.Network || !sameExisting(has.Existing, spec.Existing) || has.Options.SecretsKey != spec.Options.SecretsKey {
		return nil, c.fail(cloud.Invalid, "Immutable", fmt.Sprintf("cluster %s cannot change its network or the key of its secrets", spec.Name))
	}
	spec.Version = cmp.Or(spec.Version, has.Version)
	if spec.Version == has.Version && spec.Options == has.Options && slices.Equal(spec.Admits, has.Admits) {
		return c.agree(r, spec.Hash())
	}
	if spec.Version != has.Version {
		if err := c.offered("version", spec.Version, c.sim.offers.Versions); err != nil {
			return nil, err
		}
	}
	if r.phase(c.now) != cloud.Ready {
		return r, nil
	}
	if at, err := offers.Minor(has.Version); err == nil && spec.Version != has.Version && wanted != at+1 {
		return nil, c.fail(cloud.Invalid, "VersionSkew",
			fmt.Sprintf("cluster %s is at %s: the next is 1.%d", spec.Name, has.Version, at+1))
	}
	changed := *r
	changed.Cluster, changed.Hash = &spec, spec.Hash()
	return c.update(changed)
}

func sameExisting(a, b cloud.ExistingNetwork) bool {
	return slices.Equal(a.Subnets, b.Subnets) && slices.Equal(a.SecurityGroups, b.SecurityGroups)
}
