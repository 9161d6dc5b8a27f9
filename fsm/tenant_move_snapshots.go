package fsm

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// Where volumes come along by snapshots all that runs for a tenant is stopped when it is closed, so that they rest. They are there before
// its applications are installed where it goes to, which so find them by name.

// volumes is where volumes come from that come along by snapshots, at the steps that have to do with them; nil if none do.
func (d TenantData) volumes() *ev.MoveVolumes {
	m := d.Move
	if !d.Away.course().snapshots() {
		return nil
	}
	from := ev.MoveVolumes{Site: d.Site, Cluster: d.Cluster, Namespace: m.From.Namespace, Stay: m.From.Stay}
	switch m.Step {
	case ev.StepQuiesce, ev.StepCopy, ev.StepVerify, ev.StepAbort:
		return &from
	case ev.StepOpen:
		from.Site, from.Cluster = d.Away.Site, d.Away.Cluster
		return &from
	}
	return nil
}

// checkSnapshots says why volumes can't come along by snapshots to where a tenant goes. What only clusters know is surveyed.
func (d *destination) checkSnapshots(from, to Entity[DataplaneData]) []ev.FieldError {
	not := func(format string, args ...any) []ev.FieldError {
		return []ev.FieldError{{Field: "plan", Message: fmt.Sprintf("spec.move.data of plan %s is snapshot, and %s", d.to.Plan, fmt.Sprintf(format, args...))}}
	}
	switch {
	case !d.course().snapshots():
		return nil
	case d.ends.fromCell, d.ends.toCell:
		return not("a tenant that shares the applications of a cell has no volumes of its own there: choose a plan whose spec.move.data is jobs, or none")
	case d.makesDataplane():
		return not("the dataplane that would be made for it can't be asked whether it takes snapshots: choose one that is there")
	case ready(ev.Account, from.Data.Spec.Account).Ref != ready(ev.Account, to.Data.Spec.Account).Ref,
		from.Data.Spec.Region != to.Data.Spec.Region:
		return not("snapshots stay within an account and a region: %s is in %s of account %s, %s in %s of account %s; choose a dataplane there, or a plan whose spec.move.data is jobs",
			from.Ref, from.Data.Spec.Region, from.Data.Spec.Account, to.Ref, to.Data.Spec.Region, to.Data.Spec.Account)
	}
	for _, on := range []Entity[DataplaneData]{to, from} {
		if on.Data.worker() != ByServer || on.Data.Spec.Mode == ev.ModePull {
			return not("%s is worked on by an agent, which does not take snapshots yet: both must be push", on.Ref)
		}
	}
	return nil
}
