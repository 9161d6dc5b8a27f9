// Package reconcile compares what should be in clouds and clusters with what is there: the Inspector finds what somebody
// else has changed or deleted, the Watcher makes it look sooner, and the Sweeper removes what belongs to nobody any more.
//
// It repairs nothing: it reports to the intake, and the executor makes again what is missing. It never touches what does not
// carry an owner's mark. Begin with Inspector and Sweeper. Each server runs one of each; the rounds of one do not overlap,
// and those of several servers may. Nothing is kept on disk: after a crash the next round finds what the last one would
// have, and the grace of what is to be swept begins anew.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/liveness"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
)

// Inspector looks now and then whether what was made is still there as it was made,
// and tells the intake what somebody else has changed or deleted. It remembers
// nothing: each round compares what should be with what is.
type Inspector struct {
	intake *command.Intake
	fold   *state.Live
	clouds map[string]execute.Cloud
	clock  clock.Clock
	charts *execute.Charts
	watch  *liveness.Loop
}

// UseCharts lets the inspector read the secrets that specs refer to. It is called before Run.
func (i *Inspector) UseCharts(c *execute.Charts) { i.charts = c }

// WatchedBy has the inspector say how it goes on. It is called before Run.
func (i *Inspector) WatchedBy(l *liveness.Loop) { i.watch = l }

// inspectWithin is how long a look at one entity takes at most, or the inspector stands still.
const inspectWithin = execute.CallTimeout + time.Minute

// How long there is between two rounds: in the cloud's time, but at least so long
// in ours.
const (
	InspectEvery = 10 * time.Minute
	inspectLeast = 15 * time.Second
)

// NewInspector makes an inspector; Run starts it.
func NewInspector(intake *command.Intake, fold *state.Live, clouds map[string]execute.Cloud, clock clock.Clock) *Inspector {
	return &Inspector{intake: intake, fold: fold, clouds: clouds, clock: clock}
}

// Run makes a round now and then until ctx ends.
func (i *Inspector) Run(ctx context.Context) error {
	return clock.Every(ctx, max(inspectLeast, i.clock.Real(InspectEvery)), func(time.Time) { i.Inspect(ctx) })
}

// maxNamed is how many of those that could not be inspected a line of the log names.
const maxNamed = 20

// Inspect looks at everything that is at rest, what others stand on first.
func (i *Inspector) Inspect(ctx context.Context) {
	round := map[string]kube.API{}
	var failed []string
	for _, seen := range i.all() {
		if ctx.Err() != nil {
			return
		}
		err := i.inspect(ctx, seen, round)
		if execute.Elsewhere(err) {
			continue // for who works in that cloud
		}
		if err != nil {
			failed = append(failed, seen.Ref.String())
			slog.Debug("not inspected, will try again", "entity", seen.Ref.String(), "err", err)
		}
	}
	if len(failed) > 0 && ctx.Err() == nil {
		slog.Warn("not all could be inspected, will try again", "count", len(failed), "entities", failed[:min(len(failed), maxNamed)])
	}
}

// inspectNow looks at one entity out of turn, if it is at rest; its cluster is asked itself, not a list of it.
func (i *Inspector) inspectNow(ctx context.Context, ref ev.Ref, round map[string]kube.API) {
	var seen fsm.Base
	i.fold.View(func(w *state.Entities) {
		e, _ := w.Get(ref)
		seen = fsm.Base{Ref: ref, Seq: e.Seq}
	})
	if err := i.inspect(ctx, seen, round); err != nil && ctx.Err() == nil {
		slog.Debug("not inspected, will try again", "entity", ref.String(), "err", err)
	}
}

// Inspectable are the kinds for which something is made, in the order in which they stand
// on each other.
var Inspectable = []ev.Kind{ev.Dataplane, ev.TenantInfra, ev.Addon, ev.Tenant, ev.Application}

// all lists what may be looked at, as it is before the round: what is listed in
// the round is not older than that.
func (i *Inspector) all() (all []fsm.Base) {
	i.fold.View(func(w *state.Entities) {
		for _, k := range Inspectable {
			w.Each(k, func(e fsm.Entity[fsm.Data]) {
				if fsm.Machines[k].AtRest(e.Phase()) {
					all = append(all, fsm.Base{Ref: e.Ref, Seq: e.Seq})
				}
			})
		}
	})
	return all
}

// inspect looks at one entity, if it is as it was at the beginning of the round.
func (i *Inspector) inspect(ctx context.Context, seen fsm.Base, round map[string]kube.API) error {
	var e fsm.Entity[fsm.Data]
	var stands []ev.Effect
	i.fold.View(func(w *state.Entities) {
		if e, _ = w.Get(seen.Ref); e.Seq == seen.Seq {
			stands = fsm.Machines[seen.Ref.Kind].ExpectedEffects(e, w.Refs())
		}
	})
	if len(stands) == 0 || queue.ByAgent(stands[0]) {
		return nil // nothing of ours, or in a network that lets nobody in
	}
	defer i.watch.Once("a look at what was made", inspectWithin)()
	ctx, cancel := context.WithTimeout(ctx, execute.CallTimeout)
	defer cancel()
	note, err := Compare(ctx, execute.NewTask(ev.Work{Ref: e.Ref, UID: e.UID}, i.clouds, i.charts), stands, round)
	if cloud.ClassOf(err) == cloud.Denied {
		i.doubt(ctx, stands[0])
	}
	if err != nil || len(note.Found) == 0 && e.Failure == nil && note.Seen == nil {
		return err
	}
	note.Every = max(inspectLeast, i.clock.Real(InspectEvery))
	c := command.Internal(e.Ref, ev.ActorExecutor, note)
	c.ExpectedSeq = &e.Seq // what was seen is of this moment
	_, err = i.intake.SubmitCommand(ctx, c)
	var refusal *ev.Refusal
	if errors.As(err, &refusal) && refusal.Code == ev.Conflict {
		return nil // it has moved on: the next round
	}
	return err
}

// doubtEvery is how long an account that was verified is not doubted again for looks that are refused, in the cloud's time.
const doubtEvery = time.Hour

// doubt has the account verified in which a look was refused for rights. Nothing has failed by that, and nobody would say
// otherwise that a role is gone before there is something to be made.
func (i *Inspector) doubt(ctx context.Context, made ev.Effect) {
	site, is := made.(interface{ Where() ev.Target })
	if !is {
		return
	}
	var acc fsm.Entity[fsm.Data]
	i.fold.View(func(w *state.Entities) {
		dp, _ := ev.ParseRef(ev.Dataplane, site.Where().Dataplane)
		on, _ := w.Get(dp)
		if spec, known := on.Data.(fsm.DataplaneData); known {
			ref, _ := ev.ParseRef(ev.Account, spec.Spec.Account)
			acc, _ = w.Get(ref)
		}
	})
	if acc.Phase() != fsm.Ready || time.Since(acc.PhaseSince) < max(inspectLeast, i.clock.Real(doubtEvery)) {
		return
	}
	c := command.Internal(acc.Ref, ev.ActorExecutor, ev.Retry{})
	c.ExpectedSeq = &acc.Seq
	if _, err := i.intake.SubmitCommand(ctx, c); err != nil {
		slog.Debug("account not doubted, will try again", "entity", acc.Ref.String(), "err", err)
	}
}

// Compare looks at what some effects made for a task's entity, and says what somebody else has changed or deleted. It
// changes nothing. In a round, which is empty at first, each cluster's objects are listed once.
func Compare(ctx context.Context, t *execute.Task, made []ev.Effect, round map[string]kube.API) (ev.NoteDrift, error) {
	l := inspection{Task: t, round: round}
	return l.note(ctx, made)
}

// note looks at all that was made for an entity.
func (l *inspection) note(ctx context.Context, stands []ev.Effect) (note ev.NoteDrift, err error) {
	for _, effect := range stands {
		found, err := l.drift(ctx, effect)
		if err != nil {
			return note, fmt.Errorf("inspect %s: %w", l.Ref, err)
		}
		note.Found = append(note.Found, found...)
	}
	note.Found, note.Calls = execute.FirstDrifts(note.Found), l.Calls()
	if l.Ref.Kind == ev.Dataplane || l.Ref.Kind == ev.TenantInfra {
		note.Seen = &l.seen
	}
	return note, nil
}
