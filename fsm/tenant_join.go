package fsm

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// A tenant of a multi-tenant plan has no namespace: it lives in the applications of its cell. A program of the plan lets it in,
// another lets it out, and a ConfigMap in the cell's namespace says of it.

// CellStay is how far a tenant is into its cell, or out of it.
type CellStay struct {
	Join    *ev.PlanJob // the program by which it comes into its cell; nil: by none
	Tries   int         // how often its coming was begun
	Joined  bool        // it is in its cell
	Leaving bool        // it is known by which program it leaves
	Leave   *ev.PlanJob
	Left    bool // it is no longer in its cell
}

// stay is how far the tenant is.
func (d TenantData) stay() (s CellStay) {
	if d.Shared != nil {
		s = *d.Shared
	}
	return s
}

// sharing adds to the rows of a tenant those of one that shares the applications of a cell.
func sharing(rows []Row) []Row {
	return append(rows,
		Row{ev.TenantJoined{}, []Phase{Provisioning}, Stay},
		Row{ev.LeavingStarted{}, []Phase{Deleting, Moving}, Stay},
		Row{ev.TenantLeft{}, []Phase{Deleting, Moving}, Stay},
	)
}

// shares tells whether a tenant was placed as one that shares the applications of a cell.
func (d TenantData) shares() bool { return d.Placement != nil && d.Placement.Record != "" }

// sharesBy tells whether a tenant shares the applications of a cell, by its plan.
func (d TenantData) sharesBy(refs *Refs) bool {
	p, _ := find[PlanData](refs, ready(ev.Plan, d.Spec.Plan).Ref)
	return p.Data.Spec.Deployment == ev.MultiTenant
}

// fitsShared refuses what a tenant of a multi-tenant plan can not have.
func fitsShared(tenant ev.Ref, s ev.TenantSpec, p Entity[PlanData], refs *Refs) (faults []ev.FieldError) {
	if p.Data.Spec.Deployment != ev.MultiTenant {
		return nil
	}
	if len(s.AllowNamespaces) > 0 {
		faults = append(faults, ev.FieldError{Field: "spec.allowNamespaces", Message: fmt.Sprintf("is of a namespace, and tenants of %s have none of their own: leave it out", p.Ref)})
	}
	if own := refs.users(tenant, func(u Entity[Data]) bool { return u.tenant().Ref == tenant }, ev.Application); len(own) > 0 {
		faults = append(faults, ev.FieldError{Field: "spec.plan", Message: fmt.Sprintf("tenants of %s have no applications of their own, and %s has %s: delete these first, or choose another plan", p.Ref, tenant, naming(own))})
	}
	return faults
}

// fitsApplication refuses an application of its own to a tenant that shares those of a cell, and a login that is for
// another repository.
func fitsApplication(ref ev.Ref, s ev.Spec, refs *Refs) []ev.FieldError {
	t, ok := find[TenantData](refs, Base{Ref: ref}.tenant().Ref)
	if !ok || !t.Data.shares() && !t.Data.sharesBy(refs) {
		return fitsLogin(ref, s.(ev.ApplicationSpec).Chart, refs)
	}
	plan := ready(ev.Plan, t.Data.Spec.Plan).Ref
	return []ev.FieldError{{Field: "name", Message: fmt.Sprintf("%s shares the applications of its cell and has none of its own: put it into spec.applications of %s and upgrade the cells, or take a tenant of a plan that is not multi-tenant", t.Ref, plan)}}
}

// inCell is the need of a tenant that shares the applications of a cell.
func (d TenantData) inCell() []Dependency {
	if !d.shares() {
		return nil
	}
	return []Dependency{ready(ev.Cell, d.Placement.Cell)}
}

// tenantStandsOn is the place of a tenant, with its machines and its cell, if it has one.
func tenantStandsOn(e Entity[TenantData]) []Dependency {
	if e.Data.Placement == nil {
		return nil
	}
	return append(append(e.Data.place(), ready(ev.TenantInfra, e.Data.Placement.Nodes())), e.Data.inCell()...)
}

// awaits is all that a tenant waits for that has been placed.
func (d TenantData) awaits() []Dependency { return awaitedAt(*d.Placement) }

// awaitedAt is all that a tenant waits for at a place, before it comes to live there.
func awaitedAt(p ev.Placement) []Dependency {
	on := placeOf(p)
	if p.Record != "" {
		in := ready(ev.Cell, p.Cell)
		on = append(on, in, Dependency{Ref: in.Ref, Class: CellApplications})
	}
	return on
}

// unmetCell is what a tenant waits for of its cell: it joins when the cell is open and its applications are there.
func (d TenantData) unmetCell(refs *Refs) *Blocker {
	needs := d.inCell()
	if len(needs) == 0 {
		return nil
	}
	if w := refs.unmet(needs); w != nil {
		return w
	}
	c, _ := find[CellData](refs, needs[0].Ref)
	return refs.unmet(applicationsOf(c.Ref, refs.planOf(c.Data.Spec)))
}

// stepsIn are the programs by which a tenant comes into the cell of a place and leaves it: those of the version that the cell has.
func (r *Refs) stepsIn(p ev.Placement) ev.PlanSteps {
	if p.Record == "" {
		return ev.PlanSteps{}
	}
	c, _ := find[CellData](r, ready(ev.Cell, p.Cell).Ref)
	return r.planOf(c.Data.Spec).Tenants
}

// evolveSharing notes how far a tenant is into its cell, or out of it.
func (d TenantData) evolveSharing(happened ev.Event) TenantData {
	if !d.shares() || d.Away != nil && d.Move != nil { // then it is of the other cell, which goes first
		return d
	}
	if s, is := d.stay().after(happened); is {
		d.Shared = &s
	}
	return d
}

// after is how far a tenant is into a cell, or out of it, once something has happened; false if that says nothing of it.
func (s CellStay) after(happened ev.Event) (CellStay, bool) {
	switch e := happened.(type) {
	case ev.TenantProvisioningStarted:
		s.Join, s.Tries = e.Join, s.Tries+1
	case ev.TenantJoined:
		s.Joined = true
	case ev.LeavingStarted:
		s.Leaving, s.Leave = true, e.Leave
	case ev.TenantLeft:
		s.Left = true
	default:
		return s, false
	}
	return s, true
}

// infraOf is the name of the machines that a tenant's programs run on at a place.
func infraOf(p ev.Placement) string {
	infra, _ := ev.ParseRef(ev.TenantInfra, p.Nodes())
	return infra.Local()
}

// owedJoin is what is owed to a tenant that comes into its cell.
func (d TenantData) owedJoin(b Base) ev.Effect {
	if s := d.stay(); s.Join != nil && !s.Joined {
		return ev.JoinTenant{CellTenant: d.ensure(b).InCell(), Infra: infraOf(*d.Placement), Job: *s.Join, Try: s.Tries}
	}
	return ev.RecordTenant{CellTenant: d.ensure(b).InCell()}
}

// owedLeave is what is owed to a tenant that is to go.
func (d TenantData) owedLeave(b Base) ev.Effect {
	if d.Cluster == "" {
		return nil // it never came
	}
	return d.stay().owedLeave(d.ensure(b).InCell(), *d.Placement)
}

// owedLeave is what is owed to a tenant that leaves the cell of a place: a failing program is run again and again, and its slot is
// kept meanwhile.
func (s CellStay) owedLeave(t ev.CellTenant, at ev.Placement) ev.Effect {
	switch {
	case !s.Leaving:
		return WaitFor{On: []Dependency{ready(ev.Cell, at.Cell)}}
	case s.Leave != nil && !s.Left:
		return ev.LeaveTenant{CellTenant: t, Infra: infraOf(at), Job: *s.Leave}
	}
	return ev.ForgetTenant{CellTenant: t}
}

// startLeaving says by which program a tenant leaves its cell; of one that moves, the other of its two.
func startLeaving(e Entity[TenantData], refs *Refs) []ev.Change {
	at, cluster, s := e.Data.Placement, e.Data.Cluster, e.Data.stay()
	if away := e.Data.Away; away != nil && e.Data.Move != nil {
		other := e.Data.otherStay()
		at, cluster, s = &other, away.Cluster, away.InCell
	}
	if at == nil || at.Record == "" || cluster == "" || s.Leaving {
		return nil
	}
	return changed(e.Base, ev.LeavingStarted{Leave: refs.stepsIn(*at).Leave})
}
