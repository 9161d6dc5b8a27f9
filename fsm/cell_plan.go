package fsm

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// ConditionPrepared is the condition of a cell that its namespace is there, so that applications can be installed in it.
const ConditionPrepared = "Prepared"

// CellApplications is what is awaited of a cell: that all applications are Ready that its plan gives it.
const CellApplications = "applications"

// A cell of a plan is made in a namespace of its own. Its applications are born with it, and it opens when they are there.

// planVersion names the plan of a cell and its version, as people type it.
func planVersion(s ev.CellSpec) string {
	plan, _ := ev.ParseRef(ev.Plan, s.Plan)
	return plan.ID + "@" + strconv.Itoa(s.Version)
}

// planOf is the version of its plan that a cell has; an empty one if it is of none, or of one that is not known any more.
func (r *Refs) planOf(s ev.CellSpec) ev.PlanSpec {
	if s.Plan == "" {
		return ev.PlanSpec{}
	}
	p, _ := find[PlanData](r, ready(ev.Plan, s.Plan).Ref)
	spec, _ := Version(p, s.Version)
	return spec
}

// applicationsOf are the needs of a cell of which all its applications are there.
func applicationsOf(cell ev.Ref, plan ev.PlanSpec) (needs []Dependency) {
	for _, a := range plan.Applications {
		needs = append(needs, Dependency{Ref: cell.Child(ev.CellApplication, a.Name), Condition: ConditionReady})
	}
	return needs
}

// awaitedApplications are the applications of a cell, as what can end a wait.
func awaitedApplications(cell ev.Ref, get func(ev.Ref) (Entity[Data], bool)) (all []Awaited) {
	c, _ := get(cell)
	spec := typed[CellData](c).Data.Spec
	if spec.Plan == "" {
		return nil
	}
	p, _ := get(ready(ev.Plan, spec.Plan).Ref)
	plan, _ := Version(typed[PlanData](p), spec.Version)
	for _, n := range applicationsOf(cell, plan) {
		all = append(all, Awaited{Ref: n.Ref})
	}
	return all
}

// owedOpening is what is owed to a cell of a plan that opens.
func owedOpening(e Entity[CellData]) ev.Effect {
	d := e.Data
	switch {
	case d.Cluster == "":
		return WaitFor{On: append(owned(e.Base), e.infra())}
	case !d.Prepared:
		return d.ensure(e.Base)
	}
	return WaitFor{On: []Dependency{{Ref: e.Ref, Class: CellApplications}}}
}

func (d CellData) ensure(b Base) ev.Effect {
	return ev.EnsureCell{Target: d.Site, Cluster: d.Cluster, Namespace: d.Namespace, Label: CellLabel(b.Ref), Infra: d.Infra,
		Bounds: d.Bounds}
}

// boundsOfCell are those of the namespace of a cell by its version of its plan; false if that is not known.
func (r *Refs) boundsOfCell(s ev.CellSpec) (b *ev.CellBounds, known bool) {
	if s.Plan == "" {
		return nil, false
	}
	p, _ := find[PlanData](r, ready(ev.Plan, s.Plan).Ref)
	plan, known := Version(p, s.Version)
	if q := plan.CellQuota; q != nil && *q != (ev.CellQuota{}) {
		b = &ev.CellBounds{Quota: *q, Limits: plan.Limits}
	}
	return b, known
}

// rebound has the namespace of a cell made anew that gets another spec, if that bounds it otherwise.
func (r *Refs) rebound(cell Entity[CellData], s ev.CellSpec) []ev.Change {
	d := cell.Data
	bounds, known := r.boundsOfCell(s)
	if !known || d.Cluster == "" || cell.Phase() == Closed || reflect.DeepEqual(d.Bounds, bounds) {
		return nil
	}
	return changed(cell.Base, ev.OpeningStarted{Site: d.Site, Cluster: d.Cluster, Namespace: d.Namespace, Infra: d.Infra, Bounds: bounds})
}

// recheckCell has the namespace of a cell made anew that waits for its applications: nobody looks at it until it is open, and its cluster
// may have been made anew since.
func recheckCell(e Entity[CellData]) []ev.Event {
	d := e.Data
	if e.Phase() != Opening || !d.Prepared {
		return nil
	}
	return []ev.Event{ev.OpeningStarted{Site: d.Site, Cluster: d.Cluster, Namespace: d.Namespace, Infra: d.Infra, Bounds: d.Bounds}}
}

// settleOpening goes on with a cell of a plan that opens.
func settleOpening(e Entity[CellData], refs *Refs) ([]ev.Change, *Blocker) {
	switch {
	case e.Data.Cluster == "":
		if w := refs.unmet(refs.needsOfCell(e.Base)); w != nil {
			return nil, w
		}
		infra, _ := find[TenantInfraData](refs, e.infra().Ref)
		site := infra.Data.Site
		site.Owner = OwnerTag(e.Base)
		bounds, _ := refs.boundsOfCell(e.Data.Spec)
		return changed(e.Base, ev.OpeningStarted{Site: site, Cluster: infra.Data.Cluster, Namespace: CellNamespace(e.Ref),
			Infra: refs.nodesOfCell(e.Ref).Local(), Bounds: bounds}), nil
	case !e.Data.Prepared:
		return nil, nil
	}
	if w := refs.unmet(applicationsOf(e.Ref, refs.planOf(e.Data.Spec))); w != nil {
		return nil, w
	}
	return changed(e.Base, e.opened()...), nil
}

// CellNamespace names the namespace of a plan's cell. No customer's has three dashes in a row.
func CellNamespace(cell ev.Ref) string {
	infra := ev.Ref{ID: cell.Parent()}
	return bounded("cell---" + infra.Local() + "-" + cell.Local())
}

// fitsVersion refuses a plan that has no cells, a version of it that is not known, and one whose charts the owner's logins are not for.
func fitsVersion(ref ev.Ref, s ev.CellSpec, refs *Refs) (faults []ev.FieldError) {
	if s.Plan == "" {
		return nil
	}
	p, ok := find[PlanData](refs, ready(ev.Plan, s.Plan).Ref)
	if !ok {
		return nil // it is refused already
	}
	if p.Data.Spec.Deployment != ev.MultiTenant {
		return []ev.FieldError{{Field: "spec.plan", Message: fmt.Sprintf("%s is %s: its tenants live in the cells that are of no plan; leave it out", p.Ref, p.Data.Spec.Deployment)}}
	}
	plan, known := Version(p, s.Version)
	if !known {
		return []ev.FieldError{{Field: "spec.planVersion", Message: fmt.Sprintf("%s has the versions %d to %d", p.Ref, FirstVersion(p), p.Revision)}}
	}
	if is, _ := find[CellData](refs, ref); is.Phase() != Closed && is.Data.Spec.Plan == s.Plan && is.Data.Spec.Version == s.Version {
		return nil // it has them already
	}
	for _, f := range fitsLogins(ref.Owner, "applications[%d]", plan.Applications, refs) {
		faults = append(faults, ev.FieldError{Field: "spec.plan", Message: fmt.Sprintf("%s of %s: %s", f.Field, planVersion(s), f.Message)})
	}
	return faults
}

// applications are born with the first spec of a cell, and are brought to what another spec says of them.
func (r *Refs) applications(cell Entity[CellData], s ev.CellSpec) (changes []ev.Change) {
	wanted := map[ev.Ref]bool{}
	for _, a := range r.planOf(s).Applications {
		ref := cell.Ref.Child(ev.CellApplication, a.Name)
		wanted[ref] = true
		is, born := find[CellApplicationData](r, ref)
		is.Ref = ref
		switch {
		case !born || is.Phase() == Uninstalled || is.Phase() == Unborn:
			changes = append(changes, changed(is.Base, ev.Requested[ev.CellApplicationSpec]{UID: r.newUID(), Spec: a.Spec()})...)
		case is.Phase() != Uninstalling && !reflect.DeepEqual(is.Data.Spec, a.Spec()):
			changes = append(changes, changed(is.Base, ev.UpdateRequested[ev.CellApplicationSpec]{Spec: a.Spec()})...)
		}
	}
	for _, ref := range r.users(cell.Ref, func(Entity[Data]) bool { return true }, ev.CellApplication) {
		is, _ := r.Get(ref)
		if wanted[ref] || is.Phase() == Uninstalling {
			continue
		}
		if more, err := Machines[ev.CellApplication].propose(is, ev.Command{Ref: ref, Payload: ev.Delete{}}, r); err == nil {
			changes = append(changes, more...)
		}
	}
	return changes
}

// upgradeCell brings a cell to another version of its plan.
func upgradeCell(e Entity[CellData], ask ev.UpgradeCell, refs *Refs) ([]ev.Change, error) {
	if e.Phase() == Closing {
		return nil, ev.Refuse(ev.Refused, "%s is being closed: it can't be upgraded any more", e.Ref)
	}
	name, number, _ := strings.Cut(strings.TrimPrefix(ask.Plan, ev.Platform+"/"), "@")
	spec := e.Data.Spec
	spec.Version, _ = strconv.Atoi(number) // its pattern is checked
	if of := ready(ev.Plan, spec.Plan).Ref; spec.Plan == "" || of.ID != name {
		why := "is of no plan"
		if spec.Plan != "" {
			why = "is of plan " + of.ID + ", and stays so"
		}
		return nil, ev.RefuseFaults("upgrade "+e.Ref.String(), []ev.FieldError{{Field: "plan", Message: e.Ref.String() + " " + why}})
	}
	if faults := fitsVersion(e.Ref, spec, refs); len(faults) > 0 {
		for i := range faults {
			faults[i].Field = "plan"
		}
		return nil, ev.RefuseFaults("upgrade "+e.Ref.String(), faults)
	}
	others := refs.applications(e, spec)
	if spec == e.Data.Spec {
		return others, nil // what is missing comes back
	}
	happened, _ := respecCell(e, spec)
	return joinAll(changed(e.Base, happened...), append(refs.rebound(e, spec), others...)), nil
}

// applicationsReady is the condition of a cell that its applications are there.
func applicationsReady(e Entity[CellData], refs *Refs) []Condition {
	if e.Data.Spec.Plan == "" {
		return nil
	}
	c := Condition{Type: "ApplicationsReady", Status: True, Reason: string(Deployed), Since: e.Created}
	for _, need := range applicationsOf(e.Ref, refs.planOf(e.Data.Spec)) {
		a, born := refs.Get(need.Ref)
		if !born || Ended(a) {
			c.Status, c.Reason, c.Message, c.Since = False, string(ev.Dependency), need.Ref.String()+" is not there: upgrade the cell", e.PhaseSince
			return []Condition{c}
		}
		is := a.Conditions[len(a.Conditions)-1]
		if is.Status != True {
			c.Status, c.Reason, c.Since = False, is.Reason, is.Since
			c.Message = strings.TrimSuffix(fmt.Sprintf("%s is %s: %s", need.Ref, a.Phase(), is.Message), ": ")
			return []Condition{c}
		}
		if c.Since.Before(is.Since) {
			c.Since = is.Since
		}
	}
	return []Condition{c}
}
