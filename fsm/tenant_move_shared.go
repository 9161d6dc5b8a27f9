package fsm

import (
	"cmp"

	ev "github.com/aeriehq/aerie/events"
)

// staysInCell refuses what would bring a tenant into a cell of a multi-tenant plan, or out of one: nobody can move that between
// the applications of cells yet. What is left is another version of its plan, which its cell has.
func (t target) staysInCell(e Entity[TenantData], ask ev.Move, refs *Refs) error {
	from := e.Data.Placement
	shares := t.spec.Deployment == ev.MultiTenant
	if !e.Data.shares() && !shares {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return ev.Refuse(ev.Refused, "%s can't move: "+format, append([]any{e.Ref}, args...)...)
	}
	if e.Data.shares() != shares || t.plan.Ref != ready(ev.Plan, from.Plan).Ref {
		return refuse("aerie does not yet move what a tenant has in applications of its own to shared ones, or back; "+
			"create another tenant of plan %s, and delete this one", t.plan.Ref.Path())
	}
	cell, _ := find[CellData](refs, e.Data.inCell()[0].Ref)
	if cmp.Or(ask.Cell, from.Cell) != from.Cell || cmp.Or(ask.Dataplane, from.Dataplane) != from.Dataplane {
		return refuse("aerie does not yet move what it has in the applications of %s to another cell; create another tenant, and delete this one", cell.Ref)
	}
	if has := cell.Data.Spec.Version; t.version != from.PlanVersion && t.version != has {
		return refuse("%s, whose applications it shares, has version %d of plan %s, not %d: \"aerie cell upgrade %s --plan %s@%d\" brings it there first",
			cell.Ref, has, from.Plan, t.version, cell.Ref.Path(), t.plan.Ref.ID, t.version)
	}
	return nil
}
