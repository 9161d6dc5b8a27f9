package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/cell"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/execute"
)

// inspection is one look at what was made for an entity: the calls are a task's. In a
// round each cluster's objects are listed once.
type inspection struct {
	*execute.Task
	round map[string]kube.API
	seen  ev.Seen // how it is besides
	// rotated says that a secret is another than the one that it was installed with.
	rotated bool
}

// drift compares what an effect made with what is there. It changes nothing.
func (l *inspection) drift(ctx context.Context, made ev.Effect) ([]ev.Drift, error) {
	switch e := made.(type) {
	case ev.EnsureNetwork:
		return l.networkDrift(ctx, e)
	case ev.EnsureCluster:
		return l.clusterDrift(ctx, e)
	case ev.EnsureSystemPool:
		return l.systemPoolDrift(ctx, e)
	case ev.EnsurePools:
		return l.poolsDrift(ctx, e)
	case ev.EnsureCloudAddons:
		return l.addonsDrift(ctx, e)
	case ev.EnsureBase:
		return l.baseDrift(ctx, e)
	case ev.EnsureTenant:
		return l.objects(ctx, e.Target, e.Cluster, func(api kube.API) ([]kube.Difference, error) {
			return tenant.Drift(ctx, api, l.TenantSpec(e))
		})
	case ev.EnsureCell:
		return l.objects(ctx, e.Target, e.Cluster, func(api kube.API) ([]kube.Difference, error) {
			return cell.Drift(ctx, api, l.CellSpec(e))
		})
	case ev.RecordTenant:
		return l.objects(ctx, e.Target, e.Cluster, func(api kube.API) ([]kube.Difference, error) {
			return cell.RecordDrift(ctx, api, l.RecordOf(e.CellTenant, ev.StateActive))
		})
	case ev.SuspendTenant:
		return l.objects(ctx, e.Target, e.Cluster, func(api kube.API) ([]kube.Difference, error) {
			found, err := tenant.Drift(ctx, api, l.TenantSpec(e.EnsureTenant))
			if err != nil {
				return nil, err
			}
			awake, err := tenant.Awake(ctx, api, e.Placement.Namespace)
			return append(found, awake...), err
		})
	case ev.EnsureAddon:
		return l.installed(ctx, e.EnsureApplication, func(api kube.API) ([]kube.Difference, error) {
			found, err := release.AddonDrift(ctx, api, l.AddonSpec(e.Namespace))
			if err != nil {
				return nil, err
			}
			more, err := l.installedDrift(ctx, api, e.EnsureApplication)
			return append(found, more...), err
		})
	case ev.EnsureApplication:
		return l.installed(ctx, e, func(api kube.API) ([]kube.Difference, error) {
			return l.installedDrift(ctx, api, e)
		})
	}
	return nil, fmt.Errorf("nobody looks at what %s made", made.Effect())
}

// installed looks at what is installed. That its secrets have changed is a drift of its own.
func (l *inspection) installed(ctx context.Context, e ev.EnsureApplication,
	differences func(kube.API) ([]kube.Difference, error)) ([]ev.Drift, error) {
	found, err := l.objects(ctx, e.Target, e.Cluster, differences)
	if l.rotated {
		found = append(found, ev.Drift{What: ev.PartSecrets, How: ev.DriftChanged, Message: "one that it refers to has another value"})
	}
	return found, err
}

// installedDrift compares what is installed with what is there. Of one whose secrets are others now, nothing else is said: it
// is brought up to date first.
func (l *inspection) installedDrift(ctx context.Context, api kube.API, e ev.EnsureApplication) ([]kube.Difference, error) {
	wish, changed, err := l.Compared(ctx, api, e)
	switch {
	case err != nil:
		return nil, err
	case changed:
		l.rotated = true
		return nil, nil
	case e.Chart.Name != "":
		return release.ChartDrift(ctx, api, wish)
	}
	return release.ApplicationDrift(ctx, api, wish)
}

func (l *inspection) networkDrift(ctx context.Context, e ev.EnsureNetwork) ([]ev.Drift, error) {
	spec := l.NetworkSpec(e)
	o, err := l.CallCloud(e.Target, "ObserveNetwork", func(c execute.Cloud) (cloud.Observation, error) {
		return c.ObserveNetwork(ctx, execute.ScopeOf(e.Target), spec.Name)
	})
	if err != nil {
		return nil, err
	}
	return driftOf(ev.PartNetwork, o, spec.Owner, differs("range", o.Range, spec.Range)), nil
}

func (l *inspection) clusterDrift(ctx context.Context, e ev.EnsureCluster) ([]ev.Drift, error) {
	spec := l.ClusterSpec(e)
	o, err := l.CallCloud(e.Target, "ObserveCluster", func(c execute.Cloud) (cloud.Observation, error) {
		return c.ObserveCluster(ctx, execute.ScopeOf(e.Target), spec.Name)
	})
	if err != nil {
		return nil, err
	}
	l.seen.Version = o.Version
	if spec.Adopt { // all of it but its end is its owner's business
		return driftOf(ev.PartCluster, o, o.Owner, ""), nil
	}
	return driftOf(ev.PartCluster, o, spec.Owner, cmp.Or(
		differs("version", o.Version, spec.Version),
		differs("options", fmt.Sprintf("%+v", o.Options), fmt.Sprintf("%+v", spec.Options)),
		admitsDiffer(o.Admits, cloud.Sorted(spec.Admits)),
	)), nil
}

// admitsDiffer finds the first who may do something else in a cluster than was wanted.
func admitsDiffer(is, wanted []cloud.AccessEntry) string {
	may := func(all []cloud.AccessEntry, who string) string {
		i := slices.IndexFunc(all, func(a cloud.AccessEntry) bool { return a.Principal == who })
		if i < 0 {
			return "nothing"
		}
		return all[i].Policy
	}
	for _, a := range slices.Concat(wanted, is) {
		if d := differs("access of "+a.Principal, may(is, a.Principal), may(wanted, a.Principal)); d != "" {
			return d
		}
	}
	return ""
}

func (l *inspection) addonsDrift(ctx context.Context, e ev.EnsureCloudAddons) (found []ev.Drift, err error) {
	for _, a := range e.Addons {
		o, err := l.CallCloud(e.Target, "ObserveAddon", func(c execute.Cloud) (cloud.Observation, error) {
			return c.ObserveAddon(ctx, execute.ScopeOf(e.Target), e.Cluster, cloud.Addon(a.Name))
		})
		if err != nil {
			return nil, err
		}
		if o.Phase != cloud.Absent {
			l.seen.Addons = append(l.seen.Addons, ev.CloudAddon{Name: a.Name, Version: o.Version})
		}
		for _, d := range driftOf(ev.PartAddons, o, cmp.Or(o.Owner, e.Owner), differs("version", o.Version, a.Version)) {
			d.Message = strings.TrimSpace(a.Name + " " + d.Message)
			found = append(found, d)
		}
	}
	return found, nil
}

func (l *inspection) poolsDrift(ctx context.Context, e ev.EnsurePools) (found []ev.Drift, err error) {
	for _, p := range e.Pools {
		o, one, err := l.poolDrift(ctx, ev.PoolPart+p.Name, e.Target, l.PoolSpec(e.Target, e.Cluster, p))
		if err != nil {
			return nil, err
		}
		status := execute.PoolStatusOf(p.Name, o)
		l.seen.Pools, l.seen.Nodes = append(l.seen.Pools, status), l.seen.Nodes+status.Nodes
		found = append(found, one...)
	}
	return found, nil
}

func (l *inspection) systemPoolDrift(ctx context.Context, e ev.EnsureSystemPool) ([]ev.Drift, error) {
	o, found, err := l.poolDrift(ctx, ev.PartSystemPool, e.Target, l.PoolSpec(e.Target, e.Cluster, e.Pool))
	if o.Phase != cloud.Absent {
		l.seen.Nodes, l.seen.Zones = o.Nodes, o.Zones
	}
	return found, err
}

func (l *inspection) poolDrift(ctx context.Context, what string, s ev.Target, spec cloud.PoolSpec) (cloud.Observation, []ev.Drift, error) {
	o, err := l.CallCloud(s, "ObservePool", func(c execute.Cloud) (cloud.Observation, error) {
		return c.ObservePool(ctx, execute.ScopeOf(s), spec.Cluster, spec.Name)
	})
	if err != nil {
		return o, nil, err
	}
	return o, driftOf(what, o, spec.Owner, poolDiffers(o.Pool, spec)), nil
}

// baseDrift is a dataplane's: with its cluster the base is gone too, and said so there.
func (l *inspection) baseDrift(ctx context.Context, e ev.EnsureBase) (found []ev.Drift, err error) {
	found, err = l.objects(ctx, e.Target, e.Cluster, func(api kube.API) ([]kube.Difference, error) {
		return tenant.BaseDrift(ctx, api, e.Owner)
	})
	for i := range found {
		found[i].What = ev.PartBase
	}
	return found, err
}

// maxAsked is of how many objects a look asks who has changed them.
const maxAsked = 10

// objects looks into a cluster. A cluster that is not there has no objects: that it
// is gone is said of its dataplane.
func (l *inspection) objects(ctx context.Context, s ev.Target, cluster string,
	differences func(kube.API) ([]kube.Difference, error)) (found []ev.Drift, err error) {
	key := keyOf(s, cluster)
	if l.round[key] == nil {
		c, err := l.CloudOf(s.Account)
		if err != nil {
			return nil, err
		}
		api, err := c.Kube(ctx, execute.ScopeOf(s), cluster)
		if cloud.ClassOf(err) == cloud.NotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		l.round[key] = kube.CachedList(api)
	}
	var all []kube.Difference
	err = l.Call("Compare", func() error {
		all, err = differences(l.round[key])
		return err
	})
	for _, d := range all {
		how := ev.Drift{What: d.Object.String(), How: ev.DriftChanged, Message: d.Detail}
		switch {
		case d.Gone:
			how.How = ev.DriftDeleted
		case len(found) < maxAsked:
			who, _ := l.round[key].ChangedBy(ctx, d.Object) // a name more or less is no reason to see nothing
			how.By = ev.Truncate(who)
		}
		found = append(found, how)
	}
	return found, err
}

// keyOf tells one cluster from another.
func keyOf(s ev.Target, cluster string) string { return fmt.Sprint(s.Account, s.Region, cluster) }

// driftOf judges an observation. What is in the middle of something is looked at
// again later; what the cloud shows as degraded was not changed by anybody.
func driftOf(what string, o cloud.Observation, owner, differs string) []ev.Drift {
	switch {
	case o.Phase == cloud.Absent, o.Phase == cloud.Deleting:
		return []ev.Drift{{What: what, How: ev.DriftDeleted}}
	case o.Lacks != "":
		return []ev.Drift{{What: what, How: ev.DriftChanged, Message: "is without " + o.Lacks + ", which is gone"}}
	case o.Owner == "" && owner != "":
		return []ev.Drift{{What: what, How: ev.DriftChanged, Message: "it carries no owner's mark any more"}}
	case o.Owner != owner:
		return []ev.Drift{{What: what, How: ev.DriftChanged, Message: "it carries another owner's mark: " + o.Owner}}
	case o.Phase == cloud.Failed:
		return []ev.Drift{{What: what, How: ev.DriftChanged, Message: "the cloud says it has failed"}}
	case differs != "":
		return []ev.Drift{{What: what, How: ev.DriftChanged, Message: differs}}
	}
	return nil
}

// differs says that one thing is another than was wanted; "" if it is not, or if
// the cloud was left to choose.
func differs(what, is, wanted string) string {
	if wanted == "" || is == wanted {
		return ""
	}
	return fmt.Sprintf("%s is %s, wanted %s", what, is, wanted)
}

// poolDiffers finds the first thing in which a pool is another than was wanted.
func poolDiffers(is *cloud.PoolSpec, wanted cloud.PoolSpec) string {
	if is == nil {
		return ""
	}
	for _, f := range [][3]string{
		{"machine", is.Machine, wanted.Machine},
		{"min", fmt.Sprint(is.Min), fmt.Sprint(wanted.Min)},
		{"max", fmt.Sprint(is.Max), fmt.Sprint(wanted.Max)},
		{"spot", fmt.Sprint(is.Spot), fmt.Sprint(wanted.Spot)},
	} {
		if why := differs(f[0], f[1], f[2]); why != "" {
			return why
		}
	}
	switch {
	case !maps.Equal(is.Labels, wanted.Labels):
		return "its labels are others"
	case !cloud.SameTaints(is.Taints, wanted.Taints):
		return "its taints are others"
	case len(wanted.Zones) > 0 && !slices.Equal(slices.Sorted(slices.Values(is.Zones)), slices.Sorted(slices.Values(wanted.Zones))):
		return "its zones are others"
	}
	return ""
}
