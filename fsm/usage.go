package fsm

import (
	ev "github.com/aeriehq/aerie/events"
)

// Ended tells whether nothing of an entity is left: it was never born, or it is in the last phase of its kind.
func Ended(e Entity[Data]) bool {
	return e.Phase() == Unborn || Machines[e.Ref.Kind].Ended(e.Phase())
}

// UsedBy lists what an entity uses: what its name and its spec refer to, and where
// it was put. One that has ended uses nothing.
func UsedBy(e Entity[Data]) (used []ev.Ref) {
	if Ended(e) {
		return nil
	}
	for _, to := range ev.RefsOf(e.Ref, e.Data.Wants()) {
		used = append(used, to.Ref)
	}
	if at := PlaceOf(e); at != "" {
		infra, _ := ev.ParseRef(ev.TenantInfra, at)
		used = append(used, infra)
	}
	return used
}

// PlaceOf returns the path of the tenant infra that a tenant is placed on; empty for every other entity, for a tenant
// without a place and for one that is gone.
func PlaceOf(e Entity[Data]) string {
	if d, ok := e.Data.(TenantData); ok && d.Placement != nil && e.Phase() != Gone {
		return d.Placement.TenantInfra
	}
	return ""
}
