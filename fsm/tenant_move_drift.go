package fsm

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// onTheWay tells whether who is in a phase goes to another place.
func onTheWay(p Phase) bool { return p == Moving || p == Copied }

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

// servesOnWay tells whether an application of a tenant that goes to another cluster is inspected, where the tenant serves. Those that stay
// behind, as of a tenant that goes into a cell, are not.
func servesOnWay(e Entity[ApplicationData], refs *Refs) bool {
	t, _ := find[TenantData](refs, e.tenant().Ref)
	d := t.Data
	if t.Phase() != Moving || !d.watched() || d.Move.To.Record != "" || refs.unmet(d.place()[:1]) != nil {
		return false
	}
	return e.Data.Site.Dataplane == d.Site.Dataplane && e.Data.Cluster == d.Cluster && e.Data.Namespace == d.Placement.Namespace
}

// repairs tells whether an application is being repaired while its tenant is not closed.
func (d ReleaseData[S]) repairs(b Base) bool {
	return d.Repairing && (b.Phase() == Copied || b.Phase() == Upgrading || b.Phase() == RollingBack)
}

// awaitRepairs names the repair that must end before a tenant is closed where it serves: nobody makes anything in what is closed. nil:
// none runs.
func awaitRepairs(e Entity[TenantData], refs *Refs) *Blocker {
	if e.Data.mending() {
		return &Blocker{Retried: true, Reason: repairFirst(e.Ref)}
	}
	for _, n := range e.Data.copies(e.Base) {
		app, _ := find[ApplicationData](refs, n.Ref)
		if !app.Data.repairs(app.Base) {
			continue
		}
		w := waitsFor(n, state(app.Base))
		w.Reason = repairFirst(n.Ref)
		return w
	}
	return nil
}

// abortUnrepairable gives a move up if an application can't be repaired where its tenant serves; nil: it can.
func abortUnrepairable(e Entity[TenantData], refs *Refs) []ev.Change {
	for _, n := range e.Data.copies(e.Base) {
		if app, _ := find[ApplicationData](refs, n.Ref); app.Phase() == Failed {
			return aborting(e, ev.MoveAborting{Reason: ev.Reason{Code: ev.Dependency, Fault: ev.BySystem,
				Message: fmt.Sprintf("%s has been changed by hand on %s, and can't be made again as it was", n.Ref, e.Data.Move.From.Dataplane)}}, refs)
		}
	}
	return nil
}

func repairFirst(what ev.Ref) ev.Reason {
	return ev.Reason{Code: ev.InProgress, Fault: ev.BySystem, Message: fmt.Sprintf("%s has been changed by hand, and is made again as it was before the tenant is closed", what)}
}
