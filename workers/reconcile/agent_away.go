package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/consent"
	"github.com/aeriehq/aerie/workers/execute"
)

// errKept is that something is not removed, or not made, while nobody can be asked.
var errKept = errors.New("not while the control plane is away")

// mend brings back what has drifted, from the last state that was told, and notes that it did. Only what stands inside a cluster
// is brought back, by what made it: whether a part of the cloud may be made once more is counted in the log. Charts are left,
// since their hooks may delete. Who undoes each repair is given way to, as while the control plane is there.
func (t *told) mend(ctx context.Context, c execute.Channel, s standing, note ev.NoteDrift) error {
	found := note.Found
	now := time.Now().UTC().Add(c.Skew.By())
	if due, err := t.kept.due(s.ref, note, now); err != nil || due.After(now) {
		return err
	}
	for _, effect := range s.made {
		if len(found) == 0 || !mendable(effect, found) || c.Conn.IsConnected() {
			continue // who is back is told, and decides
		}
		args, err := ev.Encode(effect)
		if err != nil {
			return fmt.Errorf("repair %s: %w", s.ref, err)
		}
		w := ev.Work{Ref: s.ref, UID: s.uid, Revision: s.seq, Digest: fsm.DigestOf(effect), Attempt: 1,
			Effect: effect.Effect(), Args: args}
		if err := c.Gate.May(consent.Change{Work: w, Place: c.Place.Dataplane, As: consent.Repair}); err != nil {
			return fmt.Errorf("repair %s: %w", s.ref, err)
		}
		task := execute.NewTask(w, t.clouds, t.charts)
		r := task.Do(cloud.WithPermit(ctx, func(context.Context, string) (func(string, error), error) { return nil, errKept }))
		done := ev.Repair{Ref: s.ref, At: now, Found: found[:min(len(found), maxAsked)]}
		if r.Err != nil {
			done.Failed = task.Hidden(r.Err)
		}
		slog.Info("repaired while the control plane is away", "entity", s.ref.String(), "effect", w.Effect,
			"found", found[0].String(), "err", done.Failed)
		if r.Err == nil {
			c.Gate.Done(w, "repaired")
		}
		if err := t.kept.addRepair(done); err != nil {
			return err
		}
	}
	return nil
}

// mendable tells whether an effect brings back, inside a cluster, what was found.
func mendable(effect ev.Effect, found []ev.Drift) bool {
	switch e := effect.(type) {
	case ev.EnsureTenant, ev.SuspendTenant, ev.EnsureCell:
		return true
	case ev.EnsureBase:
		return slices.ContainsFunc(found, func(d ev.Drift) bool { return d.What == ev.PartBase })
	case ev.EnsureApplication:
		return e.Chart.Name == ""
	case ev.EnsureAddon:
		return e.Chart.Name == ""
	}
	return false
}

// keeping are the same clouds with clusters in which nothing is deleted.
func keeping(clouds map[string]execute.Cloud) map[string]execute.Cloud {
	all := map[string]execute.Cloud{}
	for name, c := range clouds {
		open := c.Kube
		c.Kube = func(ctx context.Context, s cloud.Scope, cluster string) (kube.API, error) {
			api, err := open(ctx, s, cluster)
			if err != nil {
				return nil, err
			}
			return kept{api}, nil
		}
		all[name] = c
	}
	return all
}

// kept is a cluster in which nothing is deleted.
type kept struct{ kube.API }

// Delete implements kube.API.
func (kept) Delete(_ context.Context, _, kind, namespace, name string) error {
	return fmt.Errorf("delete %s %s/%s: %w", kind, namespace, name, errKept)
}

// DeleteUnchanged implements kube.API.
func (kept) DeleteUnchanged(_ context.Context, o kube.Object) error {
	return fmt.Errorf("delete %s: %w", o.Key(), errKept)
}

// Evict implements kube.API.
func (kept) Evict(_ context.Context, namespace, pod string) error {
	return fmt.Errorf("evict %s/%s: %w", namespace, pod, errKept)
}

// As implements kube.API.
func (k kept) As(namespace, account string) (kube.API, error) {
	api, err := k.API.As(namespace, account)
	if err != nil {
		return nil, err
	}
	return kept{api}, nil
}
