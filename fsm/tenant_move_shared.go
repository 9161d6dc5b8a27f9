package fsm

import (
	"cmp"
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// A tenant of a multi-tenant plan goes from one cell to another by the steps of a move to another cluster. At its two places it
// has a record instead of a namespace, and the programs by which it joins and leaves.

// sharedWay is what a move between two cells has that share their applications.
type sharedWay struct {
	joins, leaves bool // a program is run for that
}

// goesElsewhere tells whether a move names another place than the tenant's own.
func goesElsewhere(from ev.Placement, ask ev.Move) bool {
	return cmp.Or(ask.Cell, from.Cell) != from.Cell || cmp.Or(ask.Dataplane, from.Dataplane) != from.Dataplane
}

// fitsCell refuses what would bring a tenant from applications of its own to shared ones, or back, or to those of another plan: no
// program knows both. Who stays in its cell can have the version that this has.
func (t target) fitsCell(e Entity[TenantData], ask ev.Move, refs *Refs) error {
	from := e.Data.Placement
	shares := t.spec.Deployment == ev.MultiTenant
	if !e.Data.shares() && !shares {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return ev.Refuse(ev.Refused, "%s can't move: "+format, append([]any{e.Ref}, args...)...)
	}
	switch {
	case e.Data.shares() != shares:
		return refuse("aerie does not yet move what a tenant has in applications of its own to shared ones, or back; "+
			"create another tenant of plan %s, and delete this one", t.plan.Ref.Path())
	case t.plan.Ref != ready(ev.Plan, from.Plan).Ref:
		return refuse("aerie does not yet move what it has in the applications of plan %s to those of plan %s; "+
			"create another tenant of that plan, and delete this one", from.Plan, t.plan.Ref.Path())
	case goesElsewhere(*from, ask):
		return nil // as who comes anew: on the terms asked for, in any cell of the plan
	}
	cell, _ := find[CellData](refs, e.Data.inCell()[0].Ref)
	if has := cell.Data.Spec.Version; t.version != from.PlanVersion && t.version != has {
		return refuse("%s, whose applications it shares, has version %d of plan %s, not %d: \"aerie cell upgrade %s --plan %s@%d\" brings it there first",
			cell.Ref, has, from.Plan, t.version, cell.Ref.Path(), t.plan.Ref.ID, t.version)
	}
	return nil
}

// sharedWay is the way from one cell to another. A cell that is opened for the move has the newest version of the plan.
func (r *Refs) sharedWay(from, to ev.Placement, then ev.PlanSpec) *sharedWay {
	joins := r.stepsIn(to).Join
	if _, there := find[CellData](r, ready(ev.Cell, to.Cell).Ref); !there {
		joins = then.Tenants.Join
	}
	return &sharedWay{joins != nil, r.stepsIn(from).Leave != nil}
}

// words are what the steps do that differ between cells and namespaces, and what is said of who leaves a cell.
func (w *sharedWay) words() (says map[string]string, leaves []ev.Event) {
	if w == nil {
		return map[string]string{
			ev.StepReserve: "takes the place and waits until it is ready",
			ev.StepPrepare: "makes its namespace there, closed",
			ev.StepInstall: "installs its applications there",
			ev.StepRelease: "removes what it has left, and frees the place that it had",
		}, nil
	}
	says = map[string]string{
		ev.StepReserve: "takes a slot in the cell, and waits until that is open and has its applications",
		ev.StepPrepare: "makes its record there, closed",
		ev.StepInstall: "looks once more whether the applications of that cell are there",
		ev.StepRelease: "removes its record where it was, and frees its slot there",
	}
	if w.joins {
		says[ev.StepPrepare] += ", and runs the program by which it joins"
	}
	leaves = []ev.Event{ev.LeavingStarted{}}
	if w.leaves {
		says[ev.StepRelease] = "runs the program by which it leaves where it was, " + says[ev.StepRelease]
		leaves = append(leaves, ev.TenantLeft{})
	}
	return says, leaves
}

// saySharedWay adds to a plan what a move to another cell does.
func (d destination) saySharedWay(p *ev.MovePlan) {
	p.Made = append(p.Made, fmt.Sprintf("its record in the cell that it goes to, on dataplane %s", p.To.Dataplane))
	p.Removed = append(p.Removed, fmt.Sprintf("its record in cell %s and what it has in the applications there, %s after it has opened where it goes to", p.From.Cell, d.terms.Hold))
	p.Interrupted = fmt.Sprintf("no cell serves it between its end in %s and its beginning where it goes to; if that takes longer than %s, it is brought back",
		p.From.Cell, d.terms.Cut)
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

// lookIntoCell goes on when the applications are there of the cell that a tenant goes to, before the one that it is in is closed
// to it. It says where those of both are reached.
func lookIntoCell(e Entity[TenantData], refs *Refs) ([]ev.Change, *Blocker) {
	if back, w := awaitPlace(e, refs); w != nil {
		return back, w
	}
	m := e.Data.Move
	return changed(e.Base, ev.MoveInstalled{At: refs.command.Time, Here: refs.endpointsIn(m.From), There: refs.endpointsIn(m.To)}), nil
}

// endpointsIn are where the applications of a cell are reached that name endpoints.
func (r *Refs) endpointsIn(p ev.Placement) (all []ev.EndpointAddress) {
	for _, n := range r.inCellOf(p)[1:] {
		app, _ := find[CellApplicationData](r, n.Ref)
		all = append(all, named(app.Data.Endpoints, n.Ref.Local())...)
	}
	return all
}
