package fsm

import (
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// The phases of an application whose tenant goes to another cluster. It stays Deployed where it is.
const (
	Copying Phase = "Copying" // it is installed where its tenant goes to
	Copied  Phase = "Copied"  // it is there, or can't be, and its tenant says what becomes of it
)

// CopyState is what an application has where its tenant goes to.
type CopyState struct {
	Stay      string // which of the tenant that is
	Site      ev.Target
	Cluster   string
	Namespace string
	Sleeps    bool
	Objects   []string
	Endpoints []ev.EndpointAddress
	Failure   *ev.Reason // why it can't be installed there
}

// copying are the rows of what goes along with its tenant.
func copying(rows ...Row) []Row {
	return append(rows,
		Row{ev.CopyStarted{}, []Phase{Deployed, Pending}, Copying}, // the latter was born for the move
		Row{ev.CopyDeployed{}, []Phase{Copying}, Copied},
		Row{ev.CopyFailed{}, []Phase{Copying}, Copied},
		Row{ev.Relocated{}, []Phase{Copied}, Deployed},
		Row{ev.CopyDropped{}, []Phase{Copying, Copied}, Deployed},
		Row{ev.CopyDropped{}, []Phase{Uninstalling}, Stay},
		Row{ev.Drifted{}, []Phase{Copied}, Stay}, // where its tenant serves
		Row{ev.RepairStarted{}, []Phase{Copied}, Stay},
		Row{ev.Deployed{}, []Phase{Copied}, Stay}, // it is as it was there
		Row{ev.DriftEnded{}, []Phase{Copied}, Stay},
	)
}

// copyLimits bound the installation where the tenant goes to.
var copyLimits = PhaseLimits{Within: 30 * time.Minute, Attempts: 5, Usual: 20 * time.Second}

// evolveCopy notes what becomes of what goes along.
func (d ReleaseData[S]) evolveCopy(happened ev.Event) ReleaseData[S] {
	if e, ok := happened.(ev.CopyStarted); ok {
		d.Copy = &CopyState{Stay: e.Stay, Site: e.Site, Cluster: e.Cluster, Namespace: e.Namespace, Sleeps: e.Sleeps}
	}
	if d.Copy == nil {
		return d
	}
	now := *d.Copy // the fold shares it
	switch e := happened.(type) {
	case ev.CopyDeployed:
		now.Objects, now.Endpoints = e.Objects, e.Endpoints
		if d.Copy = &now; d.Good == nil {
			d.Good = &DeployedSpec[S]{e.Revision, d.Spec}
		}
	case ev.CopyFailed:
		now.Failure = &e.Reason
		d.Copy = &now
	case ev.Relocated:
		d.Site, d.Cluster, d.Namespace, d.Objects, d.Endpoints, d.Copy = now.Site, now.Cluster, now.Namespace, now.Objects, now.Endpoints, nil
		d.Repairing = false
	case ev.CopyDropped:
		d.Copy, d.Repairing = nil, false
	}
	return d
}

// thereToo is what is installed, as it is where the tenant goes to.
func (d ReleaseData[S]) thereToo() ReleaseData[S] {
	if d.Copy != nil {
		d.Site, d.Cluster, d.Namespace = d.Copy.Site, d.Copy.Cluster, d.Copy.Namespace
	}
	return d
}

// owedCopy is what is owed to what goes along with its tenant; false if it does not.
func (at ground[S]) owedCopy(e Entity[ReleaseData[S]]) (ev.Effect, bool) {
	switch c := e.Data.Copy; {
	case e.Phase() == Copied && e.Data.Repairing:
		return at.ensure(e.Data.ensure(e.Base)), true
	case e.Phase() == Copied, c == nil && e.Phase() == Copying:
		return WaitFor{On: []Dependency{at.on(e.Base)}}, true
	case c == nil:
		return nil, false
	case e.Phase() == Copying:
		there := e.Data.thereToo().ensure(e.Base)
		there.Sleeps = c.Sleeps
		return at.ensure(there), true
	case e.Phase() == Uninstalling: // there first
		return at.remove(e.Data.thereToo().removal(e.Base)), true
	}
	return nil, false
}

// outcomeCopy tells what came about where the tenant goes to from what came about where it is; nil if it is not there.
func (d ReleaseData[S]) outcomeCopy(outcome ev.Event) []ev.Event {
	switch o := outcome.(type) {
	case ev.Deployed:
		if d.Repairing {
			return []ev.Event{o}
		}
		return []ev.Event{ev.CopyDeployed(o)}
	case ev.Deleted:
		if d.Cluster == "" { // it was born for the move, and is nowhere else
			return []ev.Event{outcome}
		}
		return []ev.Event{ev.CopyDropped{}}
	}
	return nil
}

// settleCopy follows the tenant, once that has moved or stays.
func settleCopy(e Entity[ApplicationData], refs *Refs) ([]ev.Change, *Blocker) {
	t, _ := find[TenantData](refs, e.tenant().Ref)
	switch m := t.Data.Move; {
	case e.Data.Copy == nil: // only in a log that nobody decided
		return changed(e.Base, ev.CopyDropped{}), nil
	case t.Data.Placement != nil && t.Data.Placement.Stay == e.Data.Copy.Stay:
		if e.Phase() == Copied && e.Data.Copy.Failure == nil {
			return changed(e.Base, ev.Relocated{}), nil
		}
	case m == nil, m.To.Stay != e.Data.Copy.Stay, m.Step == ev.StepAbort:
		return changed(e.Base, ev.CopyDropped{}), nil
	}
	return nil, waitsFor(e.tenant(), state(t.Base))
}
