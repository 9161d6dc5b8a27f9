// Package reconcile compares what should be in clouds and clusters with what is there: the Inspector finds what somebody
// else has changed or deleted, the Watcher makes it look sooner, and the Sweeper removes what belongs to nobody any more.
//
// In a server it repairs nothing: it reports to the intake, and the executor makes again what is missing. It never touches what
// does not carry an owner's mark. Begin with Inspector and Sweeper. Each server runs one of each; the rounds of one do not
// overlap, and those of several servers may. A server keeps nothing on disk: after a crash the next round finds what the last
// one would have, and the grace of what is to be swept begins anew. An agent that nobody answers repairs what is inside
// clusters by itself; Kept has on disk what it was told before, and what it did.
package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	ev "github.com/aeriehq/aerie/events"
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
	known  knowledge
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

// NewInspector makes an inspector; Run starts it.
func NewInspector(intake *command.Intake, fold *state.Live, clouds map[string]execute.Cloud, clock clock.Clock) *Inspector {
	return &Inspector{known: &folded{intake: intake, fold: fold, clock: clock}, clouds: clouds, clock: clock}
}

// Run makes a round now and then until ctx ends.
func (i *Inspector) Run(ctx context.Context) error {
	return clock.Every(ctx, i.clock.BetweenLooks(), func(time.Time) { i.Inspect(ctx) })
}

// maxNamed is how many of those that could not be inspected a line of the log names.
const maxNamed = 20

// Inspect looks at everything that is at rest, what others stand on first.
func (i *Inspector) Inspect(ctx context.Context) {
	round := map[string]kube.API{}
	var failed []string
	all, err := i.known.resting(ctx)
	if err != nil && ctx.Err() == nil {
		slog.Warn("not inspected, will try again", "err", err)
	}
	for _, seen := range all {
		if ctx.Err() != nil {
			return
		}
		err := i.inspect(ctx, seen, round)
		if execute.Elsewhere(err) {
			continue // for who works in that cloud
		}
		if err != nil {
			failed = append(failed, seen.ref.String())
			slog.Debug("not inspected, will try again", "entity", seen.ref.String(), "err", err)
		}
	}
	if len(failed) > 0 && ctx.Err() == nil {
		slog.Warn("not all could be inspected, will try again", "count", len(failed), "entities", failed[:min(len(failed), maxNamed)])
	}
}

// inspectNow looks at one entity out of turn, if it is at rest; its cluster is asked itself, not a list of it.
func (i *Inspector) inspectNow(ctx context.Context, ref ev.Ref, round map[string]kube.API) {
	if err := i.inspect(ctx, i.known.one(ref), round); err != nil && ctx.Err() == nil {
		slog.Debug("not inspected, will try again", "entity", ref.String(), "err", err)
	}
}

// Inspectable are the kinds for which something is made, in the order in which they stand
// on each other.
var Inspectable = []ev.Kind{ev.Dataplane, ev.TenantInfra, ev.Addon, ev.Cell, ev.CellApplication, ev.Tenant, ev.Application}

// inspect looks at one entity, if it is as it was at the beginning of the round.
func (i *Inspector) inspect(ctx context.Context, seen standing, round map[string]kube.API) error {
	e := i.known.standing(seen)
	if len(e.made) == 0 {
		return nil // nothing of ours
	}
	defer i.watch.Once("a look at what was made", inspectWithin)()
	ctx, cancel := context.WithTimeout(ctx, execute.CallTimeout)
	defer cancel()
	note, err := Compare(ctx, execute.NewTask(ev.Work{Ref: e.ref, UID: e.uid}, i.clouds, i.charts), e.made, round)
	if cloud.ClassOf(err) == cloud.Denied {
		i.known.doubt(ctx, e.made[0])
	}
	if err != nil || len(note.Found) == 0 && !e.failed && (note.Seen == nil || note.Seen.Digest() == e.seen) {
		return err
	}
	note.Every = i.clock.BetweenLooks()
	return i.known.noteDrift(ctx, e, note)
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
