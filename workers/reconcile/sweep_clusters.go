package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/execute"
)

// Cluster is a living dataplane's cluster to look through.
type Cluster struct {
	Dataplane ev.Ref
	UID       string // of the dataplane's incarnation
	Site      ev.Target
	Name      string // in the cloud
}

// sweepClusters removes namespaces of tenants, applications and addons that have ended:
// what a slow call made after the end would stand in the way of the name's next
// owner. Priority classes that no tenant has any longer go too.
func (s *Sweeper) sweepClusters(ctx context.Context, now time.Time, seen map[string]time.Time) {
	all, err := s.known.clusters(ctx)
	if err != nil && ctx.Err() == nil {
		slog.Warn("no cluster is swept, will try again", "err", err)
	}
	for _, c := range all {
		if err := s.sweepCluster(ctx, c, now, seen); err != nil && ctx.Err() == nil {
			slog.Warn("not swept, will try again", "cluster", c.Name, "err", err)
		}
	}
}

// Clusters lists the clusters of the dataplanes that are ready.
func Clusters(w *state.Entities) (all []Cluster) {
	w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
		if d := e.Data.(fsm.DataplaneData); e.Holds(fsm.ConditionReady) && !d.Account.Agent {
			all = append(all, Cluster{e.Ref, e.UID, ev.Target{Account: d.Account, Region: d.Spec.Region}, d.Cluster.Cluster})
		}
	})
	return all
}

func (s *Sweeper) sweepCluster(ctx context.Context, c Cluster, now time.Time, seen map[string]time.Time) error {
	there, ok := s.clouds[c.Site.Account.Cloud]
	if !ok {
		return nil // for who works in that cloud
	}
	looking, cancel := context.WithTimeout(ctx, execute.CallTimeout)
	defer cancel()
	api, err := there.Kube(looking, execute.ScopeOf(c.Site), c.Name)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	all, err := release.ListOwned(looking, api)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	var owners []incarnation
	for _, o := range all {
		owners = append(owners, incarnation{RefOf(o), o.Owner})
	}
	states, err := s.known.states(looking, owners)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	err = s.sweepClasses(looking, api, c, now, seen) // first: it also makes again what is missing
	for _, o := range all {
		state, known := states[incarnation{RefOf(o), o.Owner}]
		if state == alive && s.known.hasLeft(c, o) {
			state = ended
		}
		if !known || state == alive || !s.graceIsOver(fmt.Sprint(c, o, o.Owner), now, seen) {
			continue
		}
		if state == unknown {
			s.tellOf(RefOf(o), o.Owner, now, seen)
			continue
		}
		err = errors.Join(err, s.removeOwned(ctx, api, o)) // what does not go, as where its hook fails, keeps nothing else
	}
	return err
}

func (s *Sweeper) sweepClasses(ctx context.Context, api kube.API, c Cluster, now time.Time, seen map[string]time.Time) error {
	t := execute.NewTask(ev.Work{Ref: c.Dataplane, UID: c.UID}, nil, nil)
	var removed, others []string
	err := t.Call("SweepClasses", func() (err error) {
		removed, others, err = tenant.SweepClasses(ctx, api)
		return err
	})
	for _, name := range others {
		key := fmt.Sprint(c, name)
		if _, told := s.seen[key]; !told {
			slog.Warn("a priority class that tenants need is another's, and is left alone", "cluster", c.Name, "class", name)
		}
		seen[key] = now
	}
	for _, name := range removed {
		err = errors.Join(err, s.swept(ctx, t, "PriorityClass "+name))
	}
	if err != nil {
		return fmt.Errorf("sweep priority classes: %w", err)
	}
	return nil
}

// RefOf is the entity for which something was made in a cluster: its labels say so.
func RefOf(o release.Owned) ev.Ref {
	switch {
	case o.Addon != "":
		return ev.Ref{Kind: ev.Addon, Owner: cmp.Or(o.Customer, ev.Platform), ID: o.Dataplane + "_" + o.Addon}
	case o.Application == "":
		return ev.Ref{Kind: ev.Tenant, Owner: o.Customer, ID: o.Tenant}
	}
	return ev.Ref{Kind: ev.Application, Owner: o.Customer, ID: o.Tenant + "_" + o.Application}
}

func (s *Sweeper) removeOwned(ctx context.Context, api kube.API, o release.Owned) error {
	ctx, cancel := context.WithTimeout(ctx, execute.CallTimeout)
	defer cancel()
	t := execute.NewTask(ev.Work{Ref: RefOf(o), UID: o.Owner}, nil, s.charts)
	err := t.Call("Remove", func() error {
		if name := cmp.Or(o.Addon, o.Application); name != "" {
			if err := t.RemoveRelease(ctx, api, o.Namespace, name); err != nil {
				return err
			}
		}
		return o.Remove(ctx, api)
	})
	if errors.Is(err, helm.ErrBusy) {
		return nil // the next sweep
	}
	if err != nil {
		return fmt.Errorf("sweep %s of %s: %w", o, t.Ref, err)
	}
	return s.swept(ctx, t, o.String())
}
