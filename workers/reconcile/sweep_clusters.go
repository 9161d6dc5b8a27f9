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
	"github.com/aeriehq/aerie/workers/consent"
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
		if d := e.Data.(fsm.DataplaneData); e.Holds(fsm.ConditionReady) && fsm.WorkerOn(e) == fsm.ByServer {
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
	left, err := s.known.left(looking, c, all)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	place, remain := sweptPlace(c.Dataplane.String(), c.Name), map[ev.Ref]bool{}
	notKnown := map[string][]string{}
	asked, err := s.sweepClasses(looking, api, c, now, seen) // first: it also makes again what is missing
	remain[c.Dataplane] = asked || err != nil
	for _, o := range all {
		state, known := states[incarnation{RefOf(o), o.Owner}]
		if state == alive && left[o] {
			state = ended
		}
		if mark := RefOf(o).Mark(o.Owner); known && state == unknown {
			notKnown[mark] = append(notKnown[mark], o.String())
		}
		remain[RefOf(o)] = remain[RefOf(o)] || known && state == ended
		if !known || state == alive || !s.graceIsOver(fmt.Sprint(c, o, o.Owner), now, seen) {
			continue
		}
		if state == unknown {
			s.tellOf(RefOf(o), o.Owner, now, seen)
			continue
		}
		if s.gate.May(sweeping(RefOf(o), o.Owner, place)) != nil {
			continue
		}
		err = errors.Join(err, s.removeOwned(ctx, api, o)) // what does not go, as where its hook fails, keeps nothing else
	}
	s.gate.Still(place, func(ref ev.Ref) bool { return remain[ref] })
	return errors.Join(err, s.known.noteUnknown(looking, c.Site, c, notKnown))
}

// sweepClasses tells also whether people were asked whether something may be changed, or would have been.
func (s *Sweeper) sweepClasses(ctx context.Context, api kube.API, c Cluster, now time.Time, seen map[string]time.Time) (
	asked bool, err error) {
	t := execute.NewTask(ev.Work{Ref: c.Dataplane, UID: c.UID}, nil, nil)
	asking := &askedFirst{API: api, gate: s.gate, of: c, removed: map[string]bool{}, held: map[string]error{}}
	var removed, others []string
	err = t.Call("SweepClasses", func() (err error) {
		removed, others, err = tenant.SweepClasses(ctx, asking)
		if len(asking.held) > 0 && !asking.failed {
			return nil // it is asked about, and that is all
		}
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
		return len(asking.held) > 0, fmt.Errorf("sweep priority classes: %w", err)
	}
	return len(asking.held) > 0, nil
}

// askedFirst is a cluster in which people are asked before a priority class is changed.
type askedFirst struct {
	kube.API
	gate    *consent.Gate
	of      Cluster
	removed map[string]bool  // which may be made again without a question
	held    map[string]error // what was not let, removing or making: people are asked about one class after the other
	failed  bool             // something that was let has failed
}

// Delete implements kube.API.
func (a *askedFirst) Delete(ctx context.Context, apiVersion, kind, namespace, name string) error {
	return a.change("removes", name, "", func() error {
		a.removed[name] = true
		return a.API.Delete(ctx, apiVersion, kind, namespace, name)
	})
}

// Apply implements kube.API.
func (a *askedFirst) Apply(ctx context.Context, o kube.Object) (changed bool, err error) {
	if a.removed[o.Name()] {
		return a.API.Apply(ctx, o)
	}
	err = a.change("makes", o.Name(), consent.Repair, func() (err error) {
		changed, err = a.API.Apply(ctx, o)
		return err
	})
	return changed, err
}

func (a *askedFirst) change(verb, name string, as consent.Class, do func() error) error {
	if held := a.held[verb]; held != nil {
		return held
	}
	args, err := ev.Encode(map[string]string{verb: "PriorityClass " + name})
	if err != nil {
		return err
	}
	w := ev.Work{Ref: a.of.Dataplane, UID: a.of.UID, Effect: consent.SweptClasses, Digest: verb + " " + name, Args: args}
	if err := a.gate.May(consent.Change{Work: w, Place: sweptPlace(a.of.Dataplane.String(), a.of.Name), As: as}); err != nil {
		a.held[verb] = err
		return err
	}
	if err := do(); err != nil {
		a.failed = true
		return err
	}
	a.gate.Done(w, verb+" PriorityClass "+name)
	return nil
}

// RefOf is the entity for which something was made in a cluster: its labels say so.
func RefOf(o release.Owned) ev.Ref {
	cell, _, _ := ev.ParseMark(o.Cell)
	switch {
	case o.Cell != "" && o.Application != "":
		return cell.Child(ev.CellApplication, o.Application)
	case o.Cell != "" && o.Tenant == "":
		return cell
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
	s.gate.Done(sweeping(t.Ref, t.UID, "").Work, o.String())
	return s.swept(ctx, t, o.String())
}
