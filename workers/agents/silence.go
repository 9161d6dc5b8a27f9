package agents

import (
	"context"
	"log/slog"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
)

// lostAfter is how long an agent may say nothing until that is an event.
const lostAfter = 5 * time.Minute

// Watch notes agents of which nothing is heard any more, until ctx ends.
func (s *Service) Watch(ctx context.Context) error {
	started := time.Now()
	for {
		clock.Pause(ctx, lostAfter/10)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, lost := range s.silent(started, time.Now()) {
			c := command.Internal(lost.ref, ev.ActorAerie, ev.NoteAgent{Seen: ev.AgentLost{Since: lost.since.UTC()}})
			if err := s.do(ctx, c); err != nil && ctx.Err() == nil {
				slog.Warn("a lost agent is not noted, will try again", "agent", lost.ref.String(), "err", err)
			}
		}
	}
}

type silence struct {
	ref   ev.Ref
	since time.Time
}

// silent are the agents that count as Connected and have said nothing for long. Nobody is lost because this process was away.
func (s *Service) silent(started, now time.Time) (all []silence) {
	s.fold.View(func(w *state.Entities) {
		w.Each(ev.Agent, func(e fsm.Entity[fsm.Data]) {
			last := s.leases.last(e.Ref)
			if last.Before(started) {
				last = started
			}
			if e.Phase() == fsm.Connected && now.Sub(last) > lostAfter {
				all = append(all, silence{e.Ref, last})
			}
		})
	})
	return all
}
