package execute

import (
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
)

// longQueued tells whether work that still found no room has waited for so long that it is to be said.
func (x *Executor) longQueued(w ev.Work) (long bool) {
	x.fold.View(func(world *state.Entities) {
		e, _ := world.Get(w.Ref)
		long = HalfOver(e, time.Now(), x.clock)
	})
	return long
}

// HalfOver tells whether half of the time of an entity's phase is over. If it has found no room by then, that is an event,
// which gives the phase its time anew: so whoever is let in has half of it at least, whoever waits less causes no event,
// and whoever waits longer one in each such half.
func HalfOver(e fsm.Entity[fsm.Data], now time.Time, c clock.Clock) bool {
	within := fsm.Machines[e.Ref.Kind].Rule(e.Phase()).Within
	return within > 0 && now.Sub(e.PhaseSince) > c.Deadline(within)/2
}
