package fsm

import (
	ev "github.com/aeriehq/aerie/events"
)

// watched tells whether a tenant on its way to another cluster is looked at where it serves: until it may be closed there, and once
// it is open where it has gone. One that sleeps lets in nobody, and is looked at when it has arrived.
func (d TenantData) watched() bool {
	switch m := d.Move; {
	case m == nil, d.Away == nil, d.Sleeps, !m.Closed.IsZero() && !committed(m):
		return false
	case m.Step == ev.StepReserve, m.Step == ev.StepInstall, m.Step == ev.StepReady, m.Step == ev.StepConfirm, m.Step == ev.StepWindow,
		m.Step == ev.StepHold:
		return true
	}
	return d.Move.Paused
}

// mending tells whether what a look has found is made again now, as it was: meanwhile the move waits where it is, and nobody looks.
func (d TenantData) mending() bool { return d.watched() && d.Away.Mends }

// mends tells whether the namespace of a tenant that moves is made again as it was, once something has happened: until it is, or the
// move goes on.
func (a *Away) mends(happened ev.Event) bool {
	switch happened.(type) {
	case ev.RepairStarted:
		return true
	case ev.Drifted, ev.AttemptFailed, ev.CallsMade, ev.MovePaused:
		return a.Mends
	}
	return false
}
