package dispatch

import (
	"time"

	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
)

// end is when the entity's phase is to end at the latest; never, if it is zero.
// Time in which nobody worked does not count: after a start each phase has its full
// time again, unless its time counts from an event.
func (d *Dispatcher) end(e fsm.Entity[fsm.Data], rule fsm.PhaseLimits) time.Time {
	if rule.Within == 0 {
		return time.Time{}
	}
	began := RunsFrom(e)
	switch {
	case !rule.From.IsZero():
		began = rule.From
	case d.started.After(began):
		began = d.started
	}
	return began.Add(d.clock.Deadline(rule.Within))
}

// heldEnd is the end of a phase: never while its dataplane is handed over, the agent that is to do the work is away, or people
// at its side keep the work waiting. From when that is over, the phase has its full time again.
func (d *Dispatcher) heldEnd(l look, place queue.Partition, end time.Time, rule fsm.PhaseLimits) time.Time {
	e := l.e
	d.mu.Lock()
	defer d.mu.Unlock()
	if l.duty.By == fsm.ByNobody ||
		l.duty.By == fsm.ByAgent && (d.isThere == nil || !d.isThere(place) || e.Attempt != nil && e.Attempt.Held()) {
		d.held[e.Ref] = time.Time{}
		return time.Time{}
	}
	goesOn, was := d.held[e.Ref]
	switch {
	case end.IsZero() || was && goesOn.Before(e.PhaseSince) && !goesOn.IsZero():
		delete(d.held, e.Ref) // of a phase before
		return end
	case !was:
		return end
	case goesOn.IsZero():
		goesOn = time.Now()
		d.held[e.Ref] = goesOn
	}
	if since := goesOn.Add(d.clock.Deadline(rule.Within)); since.After(end) {
		return since
	}
	return end
}

// NextAt is when the next attempt of an entity is due; zero if none has failed.
func NextAt(e fsm.Entity[fsm.Data]) time.Time {
	if e.Attempt == nil {
		return time.Time{}
	}
	return e.Attempt.NextAt
}
