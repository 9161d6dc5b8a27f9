package fsm

import (
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// unfit says what of a tenant, as its cluster tells, does not fit where it goes.
func (d *destination) unfit(use ev.TenantUse, bounded, leave bool) (faults []ev.FieldError) {
	if bounded && !d.ends.toCell { // what it uses now is of applications that it leaves behind
		faults = tooMuch(use, d.to)
	}
	if d.terms != nil {
		faults = append(faults, d.stuckBehind(use, leave)...)
	}
	if d.apart && !d.ends.toCell && len(use.Follow) > 0 {
		return append(faults, ev.FieldError{Field: "tenant", Message: fmt.Sprintf("%s: what is labelled aerie.io/follow goes through the memory of one server or one agent, and who works on %s does not work on %s: "+
			"take the label away, or choose a dataplane on which the same works", strings.Join(use.Follow, ", "), d.from, d.to.Dataplane)})
	}
	for _, why := range use.Blocked {
		faults = append(faults, ev.FieldError{Field: "tenant", Message: why})
	}
	return faults
}

// stuckBehind says what would not come along to another cluster.
func (d *destination) stuckBehind(use ev.TenantUse, leave bool) (faults []ev.FieldError) {
	volumes := use.Volumes
	switch d.terms.Data {
	case ev.DataJobs:
		volumes = nil // their data is what the programs bring along
	case ev.DataSnapshot:
		d.volumes, volumes = volumes, nil
	}
	for _, v := range volumes {
		faults = append(faults, ev.FieldError{Field: "tenant", Message: fmt.Sprintf("%s holds data, and spec.move.data of plan %s is %s: nothing would bring it along; delete it, or choose a plan that fits on %s",
			v, d.to.Plan, d.terms.Data, d.from)})
	}
	if d.follow, d.left = use.Follow, use.Foreign; d.ends.toCell {
		d.follow, d.left = nil, append(slices.Clone(use.Foreign), use.Follow...) // there is nowhere to go for them
	}
	if leave {
		return faults
	}
	for _, f := range d.left {
		faults = append(faults, ev.FieldError{Field: "leave", Message: f + " is not aerie's and would stay behind and be removed: take it away, or give leave"})
	}
	return faults
}

// look is what a tenant must fit when it is looked at once more: before its pods go to other machines, and before it is closed on the
// way to another cluster. In a cell it has nothing of its own to look at.
func (d TenantData) look() *ev.MoveLook {
	m := d.Move
	l := ev.MoveLook{To: m.To, Lower: lower(m.From.Quota, m.To.Quota)}
	switch {
	case d.shares():
		return nil
	case m.Step == ev.StepQuiesce:
		l.Data, l.Leave, l.Site, l.Into, l.Apart = d.Away.Terms.Data, d.Away.Leave, d.Away.Site, d.Away.Cluster, d.Away.Apart
	case m.Kind != ev.MoveMachines || m.Step != ev.StepPrepare:
		return nil
	}
	return &l
}

// Unfit says what of a tenant on its way no longer fits where it goes; nothing if all does. from is the dataplane that it is on.
func Unfit(l ev.MoveLook, from string, use ev.TenantUse) (why []string) {
	d := destination{to: l.To, from: from, ends: ends{toCell: l.To.Record != ""}, apart: l.Apart}
	if l.Data != "" {
		d.terms = &ev.PlanMove{Data: l.Data}
	}
	for _, f := range d.unfit(use, l.Lower, l.Leave) {
		why = append(why, f.Message)
	}
	return why
}
