package workers

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/kube"
)

// cluster is a living dataplane's cluster to look through.
type cluster struct {
	site ev.Site
	name string
}

// sweepClusters removes namespaces of tenants that have ended: what a slow call
// made after the end would stand in the way of the name's next owner.
func (s *Sweeper) sweepClusters(ctx context.Context, now time.Time, seen map[string]time.Time) {
	for _, c := range s.clusters() {
		if err := s.sweepCluster(ctx, c, now, seen); err != nil && ctx.Err() == nil {
			slog.Warn("not swept, will try again", "cluster", c.name, "err", err)
		}
	}
}

func (s *Sweeper) clusters() (all []cluster) {
	s.fold.View(func(w *fsm.World) {
		w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
			if d := e.Data.(fsm.DataplaneData); e.Holds(fsm.ConditionReady) {
				all = append(all, cluster{ev.Site{Account: d.Account, Region: d.Spec.Region}, d.Cluster.Cluster})
			}
		})
	})
	return all
}

func (s *Sweeper) sweepCluster(ctx context.Context, c cluster, now time.Time, seen map[string]time.Time) error {
	there, ok := s.clouds[c.site.Account.Cloud]
	if !ok {
		return fmt.Errorf("sweep: no cloud is called %q here", c.site.Account.Cloud)
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	api, err := there.Kube(ctx, scope(c.site), c.name)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	namespaces, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Namespace", Labels: map[string]string{kube.LabelManagedBy: "aerie"}})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, n := range namespaces {
		ref, orphan := s.orphanNamespace(n)
		if !orphan || n.Terminating() || !s.graceIsOver(fmt.Sprint(c, n.Name()), now, seen) {
			continue
		}
		if err := s.removeNamespace(ctx, api, n, ref); err != nil {
			return err
		}
	}
	return nil
}

// orphanNamespace tells whether a namespace was made for an incarnation of a
// tenant of ours that has ended. One that says nothing of a tenant we ever had is
// somebody else's.
func (s *Sweeper) orphanNamespace(n kube.Object) (ref ev.Ref, orphan bool) {
	labels := n.Labels()
	ref = ev.Ref{Kind: ev.Tenant, Owner: labels[kube.LabelCustomer], ID: labels[kube.LabelTenant]}
	s.fold.View(func(w *fsm.World) {
		e, known := w.Get(ref)
		ended := fsm.Machines[ev.Tenant].Ended(e.Phase())
		orphan = known && labels[kube.LabelOwner] != "" && (ended || e.UID != labels[kube.LabelOwner])
	})
	return ref, orphan
}

func (s *Sweeper) removeNamespace(ctx context.Context, api kube.API, n kube.Object, ref ev.Ref) error {
	uid := n.Labels()[kube.LabelOwner]
	t := &task{Work: ev.Work{Ref: ref, UID: uid}}
	err := t.call("DeleteTenant", func() error { return kube.DeleteTenant(ctx, api, n.Name(), uid) })
	if err != nil {
		return fmt.Errorf("sweep namespace %s of %s: %w", n.Name(), ref, err)
	}
	slog.Info("swept", "kind", "namespace", "name", n.Name(), "owner", uid)
	swept := ev.Swept{UID: uid, Resources: []string{"namespace " + n.Name()}, Calls: t.calls}
	_, err = s.intake.Do(ctx, internal(ref, ev.ActorExecutor, ev.Sweep{Swept: swept}))
	return err
}
