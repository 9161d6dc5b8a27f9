package fsm

import (
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// MostTakenIn is how many tenants one decision takes into the cells that their tenant infra gets: their events and those of their
// slots are one batch of the log.
const MostTakenIn = 200

// tenantsOn are the tenants that are on a tenant infra, or come to it or leave it, in order.
func (r *Refs) tenantsOn(infra ev.Ref) (all []Entity[TenantData]) {
	for _, ref := range r.users(infra, func(u Entity[Data]) bool { return slices.Contains(PlacesOf(u), infra.Path()) }, ev.Tenant) {
		e, _ := find[TenantData](r, ref)
		all = append(all, e)
	}
	return all
}

// fitsTaking says why the tenants of a tenant infra can't be taken into the cells that it is to get.
func fitsTaking(infra Entity[TenantInfraData], now ev.TenantInfraSpec, refs *Refs) []ev.FieldError {
	fault := func(field, format string, args ...any) []ev.FieldError {
		return []ev.FieldError{{Field: "spec.cells" + field, Message: fmt.Sprintf(format, args...)}}
	}
	tenants := refs.tenantsOn(infra.Ref)
	switch n := len(tenants); {
	case n == 0:
		return nil
	case now.CellsHaveNodes():
		return fault(".isolation", "%s has tenants, and only cells of isolation policy can take them in: for others make another tenant infra", infra.Ref)
	case n > MostTakenIn:
		return fault("", "%s has %d tenants, and at most %d are taken in at once: move some to another tenant infra first", infra.Ref, n, MostTakenIn)
	case n > now.Cells.Max*now.Cells.Tenants:
		return fault(".max", "%s has %d tenants, and %d cells of %d take fewer", infra.Ref, n, now.Cells.Max, now.Cells.Tenants)
	}
	for _, t := range tenants {
		if t.Phase() == Moving {
			return fault("", "%s is on its way: wait until it has moved", t.Ref)
		}
	}
	return nil
}

// takeIn opens the cells of a tenant infra that had none, and takes those into them who are there, in the order of their names.
// Who is to go already stays in none.
func (r *Refs) takeIn(e Entity[TenantInfraData], now ev.TenantInfraSpec) (changes []ev.Change) {
	if e.Data.Spec.Cells != nil || now.Cells == nil || e.Phase() == Unborn {
		return nil
	}
	e.Data.Spec = now
	var in ev.Ref
	taken := 0
	for _, t := range r.tenantsOn(e.Ref) {
		if t.terminating(Deleting) {
			continue
		}
		if taken%now.Cells.Tenants == 0 {
			born := r.newCell(e, ev.CellSpec{})
			in, changes = born[0].Ref, append(changes, born...)
		}
		taken++
		changes = append(changes, changed(t.Base, ev.TakenIn{Cell: in.Path()})...)
	}
	return changes
}
