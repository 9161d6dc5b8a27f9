package fsm

import (
	"cmp"
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// A tenant of a multi-tenant plan goes to another place by the steps of a move to another cluster, and so does one that comes to such a
// plan. At a place in a cell it has a record instead of a namespace, and the programs by which it joins and leaves.

// ends says which of the two places of a move are cells whose applications are shared; at any other a tenant has a namespace of its own.
type ends struct {
	fromCell, toCell bool
	joins, leaves    bool // a program is run for that
}

// goesElsewhere tells whether a move names another place than the tenant's own.
func goesElsewhere(from ev.Placement, ask ev.Move) bool {
	return cmp.Or(ask.Cell, from.Cell) != from.Cell || cmp.Or(ask.Dataplane, from.Dataplane) != from.Dataplane
}

// sharesAs tells whether a tenant shares the applications of a cell already that is of the plan that it goes to.
func (t target) sharesAs(from ev.Placement) bool {
	return from.Record != "" && t.want.plan == ready(ev.Plan, from.Plan).Ref.Path()
}

// keepsCell tells whether the cell that a tenant is in, if any, is one for tenants of the plan that it goes to.
func (t target) keepsCell(from ev.Placement) bool {
	return t.want.plan == "" && from.Record == "" || t.sharesAs(from)
}

// fitsCell refuses to bring a tenant into shared applications that has what nobody has there. Who stays in its cell can have the
// version that this has.
func (t target) fitsCell(e Entity[TenantData], ask ev.Move, refs *Refs) error {
	from := e.Data.Placement
	refuse := func(format string, args ...any) error {
		return ev.Refuse(ev.Refused, "%s can't move: "+format, append([]any{e.Ref}, args...)...)
	}
	switch {
	case t.want.plan == "":
		return nil
	case e.Data.Sleeps:
		return refuse("it is %s, and a tenant of plan %s can't be, because it shares the applications of a cell: resume it first", e.Phase(), t.plan.Ref.Path())
	case len(e.Data.Spec.AllowNamespaces) > 0:
		return refuse("spec.allowNamespaces is of a namespace, and tenants of plan %s have none of their own: take it out first", t.plan.Ref.Path())
	case !t.sharesAs(*from), goesElsewhere(*from, ask):
		return nil // as who comes anew: on the terms asked for, in any cell of the plan
	}
	cell, _ := find[CellData](refs, e.Data.inCell()[0].Ref)
	if has := cell.Data.Spec.Version; t.version != from.PlanVersion && t.version != has {
		return refuse("%s, whose applications it shares, has version %d of plan %s, not %d: \"aerie cell upgrade %s --plan %s@%d\" brings it there first",
			cell.Ref, has, from.Plan, t.version, cell.Ref.Path(), t.plan.Ref.ID, t.version)
	}
	return nil
}

// endsOf are the two ends of a move. A cell that is opened for it has the newest version of the plan.
func (r *Refs) endsOf(from, to ev.Placement, then ev.PlanSpec) ends {
	w := ends{fromCell: from.Record != "", toCell: to.Record != "", leaves: r.stepsIn(from).Leave != nil}
	if !w.toCell {
		return w
	}
	w.joins = r.stepsIn(to).Join != nil
	if _, there := find[CellData](r, ready(ev.Cell, to.Cell).Ref); !there {
		w.joins = then.Tenants.Join != nil
	}
	return w
}

// words are what the steps do that differ between cells and namespaces, and what is said of who leaves a cell.
func (w ends) words() (says map[string]string, leaves []ev.Event) {
	says = map[string]string{
		ev.StepReserve: "takes the place and waits until it is ready",
		ev.StepPrepare: "makes its namespace there, closed",
		ev.StepInstall: "installs its applications there",
		ev.StepRelease: "removes what it has left, and frees the place that it had",
	}
	if w.fromCell {
		says[ev.StepInstall] = "installs there what applications its plan gives it"
	}
	if w.toCell {
		says[ev.StepReserve] = "takes a slot in the cell, and waits until that is open and has its applications"
		says[ev.StepPrepare] = "makes its record there, closed"
		says[ev.StepInstall] = "looks once more whether the applications of that cell are there"
	}
	if w.joins {
		says[ev.StepPrepare] += ", and runs the program by which it joins"
	}
	if !w.fromCell {
		return says, nil
	}
	says[ev.StepRelease] = "removes its record where it was, and frees its slot there"
	leaves = []ev.Event{ev.LeavingStarted{}}
	if w.leaves {
		says[ev.StepRelease] = "runs the program by which it leaves where it was, " + says[ev.StepRelease]
		leaves = append(leaves, ev.TenantLeft{})
	}
	return says, leaves
}

// sayEnds adds to a plan what a move to another cluster makes and removes, and between what it interrupts.
func (d destination) sayEnds(p *ev.MovePlan) {
	at := fmt.Sprintf("namespace %s on %s", p.To.Namespace, d.there("dataplane "))
	switch {
	case d.ends.toCell:
		p.Made = append(p.Made, fmt.Sprintf("its record in the cell that it goes to, on %s", d.there("dataplane ")))
	case d.ends.fromCell:
		p.Made = append(p.Made, at)
	default:
		p.Made = append(p.Made, fmt.Sprintf("%s, with %d of its applications", at, len(d.apps)))
	}
	for _, born := range d.given {
		p.Made = append(p.Made, fmt.Sprintf("%s, which is its own then", born.Ref))
	}
	opened := "opened where it goes to"
	if !d.ends.fromCell && !d.ends.toCell {
		opened = "opened on " + d.there("")
	}
	switch {
	case d.ends.fromCell:
		p.Removed = append(p.Removed, fmt.Sprintf("its record in cell %s and what it has in the applications there, %s after it has %s", p.From.Cell, d.terms.Hold, opened))
	default:
		p.Removed = append(p.Removed, fmt.Sprintf("namespace %s on dataplane %s and all in it, %s after it has %s", p.From.Namespace, p.From.Dataplane, d.terms.Hold, opened))
	}
	for _, app := range d.shed {
		p.Removed = append(p.Removed, app+", with that namespace")
	}
	who, from, to := "nobody from outside reaches it", "on "+p.From.Dataplane, "on "+d.there("")
	if d.ends.fromCell {
		from = "in " + p.From.Cell
	}
	if d.ends.toCell {
		to = "where it goes to"
	}
	if d.ends.fromCell && d.ends.toCell {
		who = "no cell serves it"
	}
	p.Interrupted = fmt.Sprintf("%s between its end %s and its beginning %s; if that takes longer than %s, it is brought back", who, from, to, d.terms.Cut)
}

// inOrOn says where a place is, as the end of a sentence.
func inOrOn(p ev.Placement) string {
	if p.Record != "" {
		return "in cell " + p.Cell
	}
	return "on " + p.Dataplane
}

// IsIn tells whether a tenant lives in a namespace on a dataplane, be it its own or that of a cell: of one that moves, at either place.
func IsIn(e Entity[Data], dataplane ev.Ref, namespace string) bool {
	return slices.ContainsFunc(staysOf(e), func(p *ev.Placement) bool { return p.Dataplane == dataplane.Path() && p.Namespace == namespace })
}

// inCellOf are the needs of a tenant at a place: its cell, and all of the applications that this has.
func (r *Refs) inCellOf(p ev.Placement) []Dependency {
	in := ready(ev.Cell, p.Cell)
	c, _ := find[CellData](r, in.Ref)
	return append([]Dependency{in}, applicationsOf(in.Ref, r.planOf(c.Data.Spec))...)
}

// lookIntoCell goes on when the applications are there of the cell that a tenant goes to, before it is closed where it is. It says where
// those of both places are reached.
func lookIntoCell(e Entity[TenantData], refs *Refs) ([]ev.Change, *Blocker) {
	if back, w := awaitPlace(e, refs); w != nil {
		return back, w
	}
	m := e.Data.Move
	here := refs.endpointsIn(m.From)
	if m.From.Record == "" {
		for _, u := range refs.ownApplications(e.Ref) {
			app, _ := find[ApplicationData](refs, u)
			here = append(here, named(app.Data.Endpoints, u.Local())...)
		}
	}
	return changed(e.Base, ev.MoveInstalled{At: refs.command.Time, Here: here, There: refs.endpointsIn(m.To)}), nil
}

// endpointsIn are where the applications of a cell are reached that name endpoints; none where a tenant has its own.
func (r *Refs) endpointsIn(p ev.Placement) (all []ev.EndpointAddress) {
	if p.Record == "" {
		return nil
	}
	for _, n := range r.inCellOf(p)[1:] {
		app, _ := find[CellApplicationData](r, n.Ref)
		all = append(all, named(app.Data.Endpoints, n.Ref.Local())...)
	}
	return all
}
