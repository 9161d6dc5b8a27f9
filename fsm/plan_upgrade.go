package fsm

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// CellsUpgrade is how far the cells of a plan have come on their way to one of its versions.
type CellsUpgrade struct {
	Version int
	Newest  int    // a cell with a later version than this is left there; 0: none is
	Cell    string // the path of the one that is brought there now; empty: none yet
	Stopped bool   // that one could not be: somebody has to retry the plan
}

// Cells of a plan are brought to a version of it one after the other. The plan waits for the applications of one before it goes
// on to the next, and stops at the first that fails.

// upgradeRows adds to the rows of a plan those of such an upgrade.
func upgradeRows(rows ...Row) []Row {
	always := []Phase{Released, Retired}
	return append(rows,
		Row{ev.CellsUpgradeStarted{}, always, Stay},
		Row{ev.CellUpgradeStarted{}, always, Stay},
		Row{ev.CellsUpgradeStopped{}, always, Stay},
		Row{ev.CellsUpgraded{}, always, Stay})
}

// evolveUpgrade notes how far the cells have come.
func (d PlanData) evolveUpgrade(happened ev.Event) PlanData {
	now := CellsUpgrade{}
	if d.Upgrade != nil {
		now = *d.Upgrade // the fold shares it
	}
	switch e := happened.(type) {
	case ev.CellsUpgradeStarted:
		now = CellsUpgrade{Version: e.Version, Newest: e.Newest}
	case ev.CellUpgradeStarted:
		now.Cell = e.Cell
	case ev.CellsUpgradeStopped:
		now.Cell, now.Stopped = e.Cell, true
	case ev.RetryRequested:
		now.Stopped = false
	case ev.CellsUpgraded:
		d.Upgrade = nil
		return d
	}
	if now != (CellsUpgrade{}) {
		d.Upgrade = &now
	}
	return d
}

// upgrades tells whether cells are being upgraded.
func (d PlanData) upgrades() bool { return d.Upgrade != nil && !d.Upgrade.Stopped }

// concerns tells whether a cell is to be brought to the version: it has another, and none that was made since it was asked for.
func (u CellsUpgrade) concerns(c Entity[CellData]) bool {
	return c.Data.Spec.Version != u.Version && !u.leaves(c)
}

// leaves tells whether a cell has a version that was made since the upgrade was asked for.
func (u CellsUpgrade) leaves(c Entity[CellData]) bool {
	return u.Newest > 0 && c.Data.Spec.Version > u.Newest
}

// awaitsCell is what a plan waits for that upgrades cells.
func (d PlanData) awaitsCell() []Dependency {
	if !d.upgrades() || d.Upgrade.Cell == "" {
		return nil
	}
	cell := ready(ev.Cell, d.Upgrade.Cell)
	return []Dependency{cell, {Ref: cell.Ref, Class: CellApplications}}
}

// upgradeCells begins to bring the cells of a plan to a version.
func upgradeCells(e Entity[PlanData], ask ev.UpgradeCells, refs *Refs) ([]ev.Change, error) {
	if ask.Version == 0 {
		ask.Version = e.Revision
	}
	if e.Data.Spec.Deployment != ev.MultiTenant || e.Phase() == Draft {
		return nil, ev.Refuse(ev.Refused, "%s has no cells of its own to upgrade: it must be multi-tenant, and released", e.Ref)
	}
	if _, known := Version(e, ask.Version); !known {
		return nil, ev.RefuseFaults("upgrade "+e.Ref.String(), []ev.FieldError{{Field: "version",
			Message: fmt.Sprintf("%s has the versions %d to %d", e.Ref, FirstVersion(e), e.Revision)}})
	}
	wanted := CellsUpgrade{Version: ask.Version, Newest: e.Revision}
	if e.Data.upgrades() && e.Data.Upgrade.Version == wanted.Version && e.Data.Upgrade.Newest == wanted.Newest {
		return nil, nil // asked twice
	}
	if next, why := refs.nextCell(e, wanted); next == (ev.Ref{}) && why == nil && e.Data.Upgrade == nil {
		return nil, nil // all have it
	}
	return changed(e.Base, ev.CellsUpgradeStarted{Version: wanted.Version, Newest: wanted.Newest}), nil
}

// stepCells goes on to the next cell, if the present one is done.
func stepCells(e Entity[PlanData], refs *Refs) []ev.Change {
	if !e.Data.upgrades() {
		return nil
	}
	u := *e.Data.Upgrade
	if u.Cell != "" {
		if others, done := bringCell(e, u, refs); !done {
			return others
		}
	}
	next, why := refs.nextCell(e, u)
	switch {
	case why != nil:
		return changed(e.Base, ev.CellsUpgradeStopped{Cell: next.Path(), Reason: *why})
	case next == ev.Ref{}:
		return changed(e.Base, ev.CellsUpgraded{Version: u.Version})
	}
	return changed(e.Base, ev.CellUpgradeStarted{Cell: next.Path()})
}

// bringCell brings the present cell to the version, and tells whether it is there. One that goes is nobody's to wait for.
func bringCell(e Entity[PlanData], u CellsUpgrade, refs *Refs) (changes []ev.Change, done bool) {
	cell, _ := find[CellData](refs, ready(ev.Cell, u.Cell).Ref)
	if cell.Phase() == Closing || cell.Phase() == Closed || u.leaves(cell) {
		return nil, true
	}
	if u.concerns(cell) {
		changes, err := upgradeCell(cell, ev.UpgradeCell{Plan: fmt.Sprintf("%s@%d", e.Ref.ID, u.Version)}, refs)
		if err != nil {
			why := ev.Reason{Code: ev.ConfigProblem, Fault: ev.ByUser, Message: err.Error()}
			return changed(e.Base, ev.CellsUpgradeStopped{Cell: u.Cell, Reason: why}), false
		}
		return changes, false
	}
	done, why := refs.works(cell)
	if why != nil {
		return changed(e.Base, ev.CellsUpgradeStopped{Cell: u.Cell, Reason: *why}), false
	}
	return nil, done
}

// nextCell is the first cell of a plan, by name, that is to be brought to the version; none if none is. One that has it and does
// not work stops all.
func (r *Refs) nextCell(e Entity[PlanData], u CellsUpgrade) (next ev.Ref, why *ev.Reason) {
	for _, ref := range r.users(e.Ref, everyone, ev.Cell) {
		c, _ := find[CellData](r, ref)
		switch {
		case c.Data.planPath() != e.Ref.Path() || c.Phase() == Closing, u.leaves(c):
			continue
		case u.concerns(c):
			if next == (ev.Ref{}) {
				next = ref
			}
		default:
			if _, why := r.works(c); why != nil {
				return ref, why
			}
		}
	}
	return next, nil
}

// works tells whether a cell and its applications are as its version of the plan says, or why they never will be.
func (r *Refs) works(c Entity[CellData]) (done bool, why *ev.Reason) {
	if c.Failure != nil {
		return false, because(c.Ref, *c.Failure)
	}
	done = c.Phase() != Opening
	for _, need := range applicationsOf(c.Ref, r.planOf(c.Data.Spec)) {
		a, born := r.Get(need.Ref)
		switch {
		case born && a.Unmet != nil:
			return false, because(need.Ref, *a.Unmet)
		case born && a.Failure != nil && a.Phase() != RollingBack:
			return false, because(need.Ref, *a.Failure)
		}
		done = done && born && a.Phase() == Deployed
	}
	return done, nil
}

// because names whose reason it is.
func because(of ev.Ref, why ev.Reason) *ev.Reason {
	why.Message = fmt.Sprintf("%s: %s; mend it, then retry the plan", of, why.Message)
	return &why
}

// upgradeBlocker says which cell a plan is at; nil if at none.
func (d PlanData) upgradeBlocker() *Blocker {
	if !d.upgrades() {
		return nil
	}
	return &Blocker{Retried: true, Reason: ev.Reason{Code: ev.InProgress, Fault: ev.BySystem,
		Message: fmt.Sprintf("brings cell %s to version %d", d.Upgrade.Cell, d.Upgrade.Version)}}
}

// stopUpgrade has the reason for which an upgrade stopped, unless making dataplanes stopped before it: that lasts.
func (b Base) stopUpgrade(e ev.CellsUpgradeStopped) Base {
	if !b.provisionStopped() {
		b.Failure = &e.Reason
	}
	return b
}

// provisionStopped tells whether nothing more is made for a plan until somebody retries it or mends it.
func (b Base) provisionStopped() bool {
	return b.Failure != nil && b.Failure.Code == ev.ProvisionStopped
}

// recheckPlan goes on with an upgrade that was stopped, where the reason is gone since the plan became another.
func recheckPlan(e Entity[PlanData]) []ev.Event {
	if u := e.Data.Upgrade; u != nil && u.Stopped {
		return []ev.Event{ev.RetryRequested{}}
	}
	return nil
}
