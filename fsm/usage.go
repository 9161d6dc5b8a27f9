package fsm

import (
	"slices"

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
	use := func(k ev.Kind, path string) {
		if ref, faults := ev.ParseRef(k, path); faults == nil && !slices.Contains(used, ref) {
			used = append(used, ref)
		}
	}
	for _, at := range staysOf(e) {
		use(ev.Plan, at.Plan)
		use(ev.TenantInfra, at.TenantInfra)
		if at.Cell != "" {
			use(ev.Cell, at.Cell)
		}
	}
	return used
}
