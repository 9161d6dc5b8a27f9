package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/liveness"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/consent"
	"github.com/aeriehq/aerie/workers/execute"
)

// Sweeper removes from the clouds what carries the mark of an incarnation that has
// ended: what a slow call made after its entity was gone, and what a person has disowned.
// What carries another mark, or none, is never touched.
type Sweeper struct {
	known  knowledge
	fold   *state.Live // for a search for orphans; nil at an agent, where none is made
	clouds map[string]execute.Cloud
	clock  clock.Clock
	charts *execute.Charts // nil: no release is swept
	gate   *consent.Gate   // of an agent: whether people there let it
	watch  *liveness.Loop
	seen   map[string]time.Time // what has no living owner -> since when; after a restart, or a sweep that could not look there, it waits anew
}

// How often the clouds are looked through, and how long something may be without
// an owner before it is removed, both in the cloud's time; sweepLeast is real time.
const (
	sweepEvery = 10 * time.Minute
	// SweepGrace is how long what has no owner stays.
	SweepGrace = 30 * time.Minute
	sweepLeast = time.Minute // between two sweeps, however fast the cloud is
)

// NewSweeper makes a sweeper; Run starts it.
func NewSweeper(intake *command.Intake, fold *state.Live, clouds map[string]execute.Cloud, clock clock.Clock) *Sweeper {
	return &Sweeper{known: &folded{intake: intake, fold: fold, clock: clock}, fold: fold, clouds: clouds, clock: clock,
		seen: map[string]time.Time{}}
}

// UseCharts lets the sweeper remove releases. It is called before Run.
func (s *Sweeper) UseCharts(c *execute.Charts) { s.charts = c }

// AskFirst has the sweeper ask people before it removes something. It is called before Run.
func (s *Sweeper) AskFirst(g *consent.Gate) { s.gate = g }

// sweeping is the change of removing what an incarnation has left. People are asked once for each.
func sweeping(ref ev.Ref, uid, place string) consent.Change {
	return consent.Change{Work: ev.Work{Ref: ref, UID: uid, Effect: consent.Swept, Digest: "swept"}, Place: place}
}

// sweptPlace is where the sweeps of something are: no place of work has such a name.
func sweptPlace(of ...string) string { return "sweep of " + strings.Join(of, " ") }

// WatchedBy has the sweeper say how it goes on. It is called before Run.
func (s *Sweeper) WatchedBy(l *liveness.Loop) { s.watch = l }

// Run sweeps now and then until ctx ends.
func (s *Sweeper) Run(ctx context.Context) error {
	return clock.Every(ctx, max(sweepLeast, s.clock.Real(sweepEvery)), func(now time.Time) { s.Sweep(ctx, now) })
}

// Sweep looks through every account and region that a dataplane was ever built in,
// and through the clusters of those that work. It is not safe for concurrent use: Run makes one sweep after the other.
func (s *Sweeper) Sweep(ctx context.Context, now time.Time) {
	seen := map[string]time.Time{}
	sites, err := s.known.sites(ctx)
	if err != nil && ctx.Err() == nil {
		slog.Warn("not swept, will try again", "err", err)
	}
	for _, site := range sites {
		if err := s.sweep(ctx, site, now, seen); err != nil && ctx.Err() == nil {
			slog.Warn("not swept, will try again", "account", site.Account.Number, "region", site.Region, "err", err)
		}
	}
	s.sweepClusters(ctx, now, seen)
	s.seen = seen // what is gone is forgotten
}

func (s *Sweeper) sweep(ctx context.Context, site ev.Target, now time.Time, seen map[string]time.Time) error {
	c, ok := s.clouds[site.Account.Cloud]
	if !ok {
		return nil // for who works in that cloud
	}
	defer s.watch.Once("a look through an account and region", inspectWithin)()
	ctx, cancel := context.WithTimeout(ctx, execute.CallTimeout)
	defer cancel()
	all, err := c.ListOwned(ctx, execute.ScopeOf(site), "")
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	states, err := s.known.states(ctx, marksOf(all))
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	place, left := sweptPlace(site.Account.Cloud, site.Account.Number, site.Region), map[ev.Ref]bool{}
	notKnown := map[string][]string{}
	for _, r := range all {
		ref, uid, ours := ev.ParseMark(r.Owner)
		state, known := states[incarnation{ref, uid}]
		if ours && known && state == unknown {
			notKnown[r.Owner] = append(notKnown[r.Owner], whatOf(r))
		}
		left[ref] = left[ref] || ours && known && state == ended
		if !ours || !known || state == alive || !s.graceIsOver(fmt.Sprint(site, r.Kind, r.Cluster, r.Name, r.ID), now, seen) {
			continue
		}
		if state == unknown {
			s.tellOf(ref, uid, now, seen)
			continue
		}
		if s.gate.May(sweeping(ref, uid, place)) != nil {
			continue
		}
		err = errors.Join(err, s.remove(ctx, c, site, r, ref, uid)) // what cannot go keeps nothing else
	}
	s.gate.Still(place, func(ref ev.Ref) bool { return left[ref] })
	return errors.Join(err, s.known.noteUnknown(ctx, site, Cluster{}, notKnown))
}

// graceIsOver keeps when something was first seen without an owner.
func (s *Sweeper) graceIsOver(key string, now time.Time, seen map[string]time.Time) bool {
	seen[key] = now
	if first, again := s.seen[key]; again {
		seen[key] = first
	}
	return now.Sub(seen[key]) >= s.clock.Real(SweepGrace)
}

// What an incarnation can be to the log.
type ownerState int

const (
	alive   ownerState = iota // or of no aerie
	ended                     // what is left of it goes
	unknown                   // a person decides: see Orphans
)

// marksOf are the incarnations whose marks some things carry.
func marksOf(things []cloud.Ref) (all []incarnation) {
	for _, r := range things {
		if ref, uid, ours := ev.ParseMark(r.Owner); ours && !slices.Contains(all, incarnation{ref, uid}) {
			all = append(all, incarnation{ref, uid})
		}
	}
	return all
}

func stateIn(w *state.Entities, ref ev.Ref, uid string) ownerState {
	switch {
	case w.HasEnded(ref, uid):
		return ended
	case w.Knows(ref, uid):
		return alive
	}
	return unknown
}

// tellOf says once that there is something of an incarnation that the log does not know.
func (s *Sweeper) tellOf(ref ev.Ref, uid string, now time.Time, seen map[string]time.Time) {
	mark := ref.Mark(uid)
	if _, told := s.seen[mark]; !told {
		slog.Warn("there is something of an incarnation that the log does not know; \"aerie orphans\" lists it", "entity", ref.String(), "uid", uid)
	}
	seen[mark] = now
}

// remove deletes one thing in a cloud and writes down that it did.
func (s *Sweeper) remove(ctx context.Context, c execute.Cloud, site ev.Target, r cloud.Ref, ref ev.Ref, uid string) error {
	t := execute.NewTask(ev.Work{Ref: ref, UID: uid}, nil, nil)
	err := t.RemoveResource(ctx, c, execute.ScopeOf(site), r)
	if cloud.ClassOf(err) == cloud.Conflict {
		return nil // something in it has to go first: the next sweep
	}
	if err != nil {
		return fmt.Errorf("sweep %s %s of %s: %w", r.Kind, r.Name, ref, err)
	}
	if r.Phase == cloud.Deleting {
		return nil // it was brought further; that it is deleted is known
	}
	what := fmt.Sprintf("%s %s", r.Kind, r.Name)
	s.gate.Done(sweeping(ref, uid, "").Work, what)
	return s.swept(ctx, t, what)
}

// swept writes down what was removed. Should the process die before, the next sweep
// finds it gone, or finds it again.
func (s *Sweeper) swept(ctx context.Context, t *execute.Task, what string) error {
	slog.Info("swept", "what", what, "entity", t.Ref.String(), "uid", t.UID)
	swept := ev.Swept{UID: t.UID, Resources: []string{what}, Calls: t.Calls()}
	return s.known.noteSwept(ctx, incarnation{t.Ref, t.UID}, swept)
}
