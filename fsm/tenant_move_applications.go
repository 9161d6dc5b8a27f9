package fsm

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// A tenant that comes from shared applications gets those of its own that its plan names: they are born when the move begins, are installed
// like what goes along, and end with the move if that is given up. Those of a tenant that goes to shared ones end with its namespace.

// ownApplications are the living applications of a tenant, in order.
func (r *Refs) ownApplications(tenant ev.Ref) []ev.Ref {
	return r.users(tenant, func(u Entity[Data]) bool { return u.tenant().Ref == tenant }, ev.Application)
}

// usersOfTenant are the applications that keep a tenant from going. Those of one that lives in a cell are on their way, and go
// with its move.
func usersOfTenant(e Entity[TenantData], refs *Refs) []ev.Ref {
	if e.Data.shares() {
		return nil
	}
	return refs.ownApplications(e.Ref)
}

// gives has the applications born that its plan gives to who comes from shared ones, and says why one can't be.
func (d *destination) gives(e Entity[TenantData], refs *Refs) (faults []ev.FieldError) {
	for _, a := range d.then.Applications {
		ref := e.Ref.Child(ev.Application, a.Name)
		is, _ := find[ApplicationData](refs, ref)
		if is.Ref = ref; !Ended(Entity[Data]{is.Base, is.Data}) {
			faults = append(faults, ev.FieldError{Field: "plan", Message: fmt.Sprintf("%s is still there: wait until it is gone", ref)})
		}
		d.given = append(d.given, changed(is.Base, ev.Requested[ev.ApplicationSpec]{UID: refs.newUID(), Spec: a.Own()})...)
		d.apps = append(d.apps, ref.ID)
	}
	for _, f := range fitsLogins(e.Ref.Owner, "applications[%d]", d.then.Applications, refs) {
		faults = append(faults, ev.FieldError{Field: "plan", Message: fmt.Sprintf("%s of %s: %s", f.Field, d.to.Plan, f.Message)})
	}
	return faults
}

// sheds notes the applications of a tenant that goes to shared ones.
func (d *destination) sheds(e Entity[TenantData], refs *Refs) []ev.FieldError {
	all := refs.ownApplications(e.Ref)
	for _, u := range all {
		d.shed = append(d.shed, u.String())
	}
	if len(all) > mostAtOnce {
		return []ev.FieldError{{Field: "tenant", Message: fmt.Sprintf("it has %d applications, and at most %d end at once: delete some first", len(all), mostAtOnce)}}
	}
	return nil
}

// hasOwn tells whether a tenant that moves, or has just moved, may have applications of its own.
func hasOwn(e Entity[TenantData]) bool {
	d := e.Data
	switch m := d.Move; {
	case d.Placement == nil, d.Placement.Record == "":
		return true
	case m == nil:
		return false
	case committed(m):
		return m.From.Record == "" // until what it has left is gone
	default:
		return m.To.Record == "" && m.Step != ev.StepAbort && e.Phase() != Deleting
	}
}

// endApplications ends the applications of a tenant that has none of its own any more: they have gone with its namespace, or go with it.
// So nothing of a chart is run any more for them, which might reach what is shared.
func (o *outcome) endApplications(before, after Entity[TenantData]) error {
	if before.Data.Move == nil || !hasOwn(before) || hasOwn(after) {
		return nil
	}
	for _, u := range o.refs.ownApplications(after.Ref) {
		app, changed := o.after[u]
		if !changed {
			app, _ = o.refs.Get(u)
		}
		if Ended(app) {
			continue
		}
		var happened []ev.Event
		if !app.terminating(Uninstalling) {
			happened = append(happened, ev.DeletionRequested{})
		}
		if !app.Drained {
			happened = append(happened, ev.Drained{})
		}
		if err := o.add(u, append(happened, ev.Deleted{})...); err != nil {
			return err
		}
	}
	return nil
}
