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

// told tells whether that is no news of an entity.
func (x *Executor) told(ref ev.Ref, why ev.Reason) (told bool) {
	x.fold.View(func(world *state.Entities) {
		e, _ := world.Get(ref)
		told = Told(e, why, time.Now(), x.clock)
	})
	return told
}

// pause is the time to the next try of what has failed and is not counted.
func (x *Executor) pause(ref ev.Ref, f *ev.AttemptFailed, now time.Time, asked time.Duration) (pause time.Duration) {
	x.fold.View(func(world *state.Entities) {
		e, _ := world.Get(ref)
		pause = Pause(e.Attempt, f, now, asked)
	})
	return pause
}

// Pause is the time to the next try of what has failed and is not counted: while the failure stays the same, the log tells
// it once, and the tries come when the log says. Not before the cloud has asked for: that it asks for a much longer pause is
// told again.
func Pause(told, f *ev.AttemptFailed, now time.Time, asked time.Duration) time.Duration {
	if told == nil || told.Reason != f.Reason || told.EveryMS == 0 || asked > 0 && f.Longer(*told) {
		return f.NextAt.Sub(now)
	}
	f.EveryMS = told.EveryMS
	earliest := now
	if every := time.Duration(told.EveryMS) * time.Millisecond; asked > every {
		earliest = now.Add(asked - every)
	}
	return told.NextTry(earliest).Sub(now)
}

// Told tells whether a failed attempt is no news: an entity that waits says the same already, and half of its phase's time
// is not over.
func Told(e fsm.Entity[fsm.Data], why ev.Reason, now time.Time, c clock.Clock) bool {
	return why.Waits() && e.Attempt != nil && e.Attempt.Reason == why && !HalfOver(e, now, c)
}

// HalfOver tells whether half of the time of an entity's phase is over. If it still waits by then, that is an event,
// which gives the phase its time anew: so whoever is let in has half of it at least, whoever waits less causes no event,
// and whoever waits longer one in each such half.
func HalfOver(e fsm.Entity[fsm.Data], now time.Time, c clock.Clock) bool {
	within := fsm.Machines[e.Ref.Kind].LimitsOf(e).Within
	return within > 0 && now.Sub(e.PhaseSince) > c.Deadline(within)/2
}
