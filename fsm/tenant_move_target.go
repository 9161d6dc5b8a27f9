package fsm

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// destination is where a move leads, and what it takes to get there.
type destination struct {
	kind      string
	to        ev.Placement
	spec      ev.TenantSpec // of the tenant once it is there
	now       ev.PlanSpec   // the version of the plan that it is on
	then      ev.PlanSpec   // the version that it goes to
	zones     []string      // of the machines that it goes to, if these are in some only
	births    []ev.Change   // of what is made for it, of a cell that is opened, and of those that stand empty; and that it claims a dataplane
	terms     *ev.PlanMove  // how it goes to another cluster; nil if it does not
	apps      []string      // that go along
	jobs      []ev.MoveJob  // the programs that are run on the way to another cluster
	left      []string      // what stays behind
	volumes   []string      // that come along by snapshots
	follow    []string      // the Secrets that come along
	apart     bool          // nobody works in both clusters, so that none can
	from      string        // the dataplane that it leaves
	made      *newPlace     // that is made for it; nil: it goes to one that is there
	leavesOwn bool          // the machines that it leaves are its own
	ends      ends          // of a move to another cluster: whether they are cells whose applications are shared
	given     []ev.Change   // the births of the applications that its plan gives it there
	shed      []string      // its own applications, which end
}

// opens tells whether a cell is opened for the move.
func (d destination) opens() bool {
	return slices.ContainsFunc(d.births, func(c ev.Change) bool { return c.Ref.Kind == ev.Cell && c.Ref.Path() == d.to.Cell })
}

// same tells whether the tenant is where it is to go, on the same terms.
func (d destination) same(from ev.Placement) bool {
	to := d.to
	to.Why, to.Stay = from.Why, from.Stay
	return reflect.DeepEqual(to, from)
}

// target is what a move asks for, understood.
type target struct {
	plan    Entity[PlanData]
	version int
	spec    ev.PlanSpec
	app     string
	want    want
	region  string // that the tenant's spec names once it is there
}

// moveTo finds where a tenant goes, or every reason for which it may not.
func moveTo(e Entity[TenantData], ask ev.Move, refs *Refs) (destination, error) {
	from := *e.Data.Placement
	t, faults := targetOf(e, ask, refs)
	if err := refuseChange(e.Ref, ev.VerbMove, faults); err != nil {
		return destination{}, err
	}
	if err := t.fitsCell(e, ask, refs); err != nil {
		return destination{}, err
	}
	infra, made, err := t.machines(e, ask, refs)
	if err != nil {
		return destination{}, err
	}
	cell, births, faults := t.cell(e, ask, infra, refs)
	if err := refuseChange(e.Ref, ev.VerbMove, faults); err != nil {
		return destination{}, err
	}
	on, _ := find[PlanData](refs, ready(ev.Plan, from.Plan).Ref)
	now, known := Version(on, from.PlanVersion)
	if !known {
		now = on.Data.Spec
	}
	left, _ := find[TenantInfraData](refs, ready(ev.TenantInfra, from.TenantInfra).Ref)
	d := destination{from: from.Dataplane, made: made, leavesOwn: left.Data.Spec.For == e.Ref.Path(),
		to:   t.placement(e, infra, cell, refs.stay()),
		spec: e.Data.Spec, now: now, then: t.spec, births: made.withBirths(births)}
	d.spec.Plan, d.spec.Region = t.plan.Ref.Path(), t.region
	if d.spec.App == "" && t.spec.Apps[0].Type != t.app {
		d.spec.App = t.app
	}
	switch {
	case d.to.Dataplane != from.Dataplane, (d.to.Record != "") != e.Data.shares(), e.Data.shares() && d.to.Cell != from.Cell:
		d.kind = ev.MoveCluster
	case d.to.Nodes() != from.Nodes():
		d.kind = ev.MoveMachines
	default:
		d.kind = ev.MoveTerms
	}
	if d.kind == ev.MoveTerms || d.kind == ev.MoveMachines && from.Stay != "" {
		d.to.Stay = from.Stay // its namespace is the same, and who deletes that asks for the stay
	}
	switch d.kind {
	case ev.MoveMachines:
		d.zones = zonesOf(infra.Data.Spec)
	case ev.MoveCluster:
		return d, refuseChange(e.Ref, ev.VerbMove, d.crosses(e, refs))
	}
	return d, nil
}

// targetOf reads which version of which plan is asked for, and says why the tenant may not be on it.
func targetOf(e Entity[TenantData], ask ev.Move, refs *Refs) (t target, faults []ev.FieldError) {
	name, number, given := strings.Cut(ask.Plan, "@")
	own := ready(ev.Plan, e.Data.Spec.Plan).Ref
	ref := ready(ev.Plan, cmp.Or(name, own.Path())).Ref
	fault := func(format string, args ...any) (target, []ev.FieldError) {
		return t, []ev.FieldError{{Field: "plan", Message: fmt.Sprintf(format, args...)}}
	}
	p, ok := planFor(e.Ref, ref.Path(), refs)
	switch {
	case !ok:
		return fault("there is no %s%s", ref, refs.nearest(ref))
	case p.Phase() == Draft:
		return fault("%s is a draft: release it first", ref)
	case p.Phase() == Retired && ref != own:
		return fault("%s is retired: it takes no new tenants; choose another, or release it again", ref)
	}
	t.plan, t.version = p, p.Revision
	if given {
		t.version, _ = strconv.Atoi(number)
	}
	if t.spec, ok = Version(p, t.version); !ok {
		return fault("%s has no version %d: it has %d to %d", ref, t.version, FirstVersion(p), p.Revision)
	}
	at := p
	at.Data.Spec = t.spec
	faults = mayGo(e, ref, refs)
	if ref != own {
		for _, f := range fitsHosting(e.Ref, at, refs) {
			faults = append(faults, ev.FieldError{Field: "plan", Message: f.Message})
		}
	}
	infra, _ := find[TenantInfraData](refs, ready(ev.TenantInfra, e.Data.Placement.TenantInfra).Ref)
	t.app = cmp.Or(e.Data.Spec.App, infra.Data.Spec.App)
	if t.spec.SizeOf(t.app) == "" {
		var offered []string
		for _, a := range t.spec.Apps {
			offered = append(offered, a.Type)
		}
		return t, append(faults, ev.FieldError{Field: "plan", Message: fmt.Sprintf("%s does not offer %q, which the tenant runs; it offers %s", ref, t.app, strings.Join(offered, ", "))})
	}
	c, _ := find[CustomerData](refs, owned(e.Base)[0].Ref)
	asked := e
	asked.Data.Spec.App = t.app
	asked.Data.Spec.Region = regionOf(e, ask, refs)
	t.region = asked.Data.Spec.Region
	t.want = wantOf(asked, at, c.Data)
	t.want.at = e.Data.Placement.Dataplane
	return t, faults
}

// regionOf is the region that a tenant's spec names once it has moved: its own, or that of the dataplane or cell that it is told
// to go to, if it names one. Whoever names a place means it; where the plan's tenants may be holds all the same.
func regionOf(e Entity[TenantData], ask ev.Move, refs *Refs) string {
	at := ask.Dataplane
	if in, _ := ev.ParseRef(ev.Cell, ask.Cell); ask.Cell != "" {
		at = Base{Ref: Base{Ref: in}.infra().Ref}.dataplane().Ref.Path()
	}
	if e.Data.Spec.Region == "" || at == "" {
		return e.Data.Spec.Region
	}
	if dp, there := find[DataplaneData](refs, ready(ev.Dataplane, at).Ref); there {
		return dp.Data.Spec.Region
	}
	return e.Data.Spec.Region
}

// mayGo says why who is on a plan may not move to another.
func mayGo(e Entity[TenantData], to ev.Ref, refs *Refs) []ev.FieldError {
	own := ready(ev.Plan, e.Data.Placement.Plan).Ref
	p, _ := find[PlanData](refs, own)
	is, known := Version(p, e.Data.Placement.PlanVersion)
	if !known || to == own || is.Move == nil || len(is.Move.To) == 0 || slices.Contains(is.Move.To, to.ID) {
		return nil
	}
	told := strings.Join(plansToGo(e.Ref, is.Move.To, refs), ", ")
	return []ev.FieldError{{Field: "plan", Message: fmt.Sprintf("%s lets its tenants move to %s, not to %s", own, cmp.Or(told, "no other plan"), to.ID)}}
}

// infra chooses the machines: those that are asked for; where the tenant is, if that is what the plan wants; else by the plan's
// rule, on the tenant's own dataplane before any other. Where none fits it is made.
func (t target) infra(e Entity[TenantData], ask ev.Move, refs *Refs) (Entity[TenantInfraData], *newPlace, error) {
	from := e.Data.Placement
	at := from.Dataplane
	if t.sharesAs(*from) && !goesElsewhere(*from, ask) {
		here, _ := find[TenantInfraData](refs, ready(ev.TenantInfra, from.TenantInfra).Ref)
		return here, nil, nil
	}
	if ask.Cell != "" {
		in, _ := ev.ParseRef(ev.Cell, ask.Cell)
		named, err := t.fitting(ready(ev.TenantInfra, Base{Ref: in}.infra().Ref.Path()).Ref, "cell", ask, refs)
		return named, nil, err
	}
	if ask.Dataplane == "" || ask.Dataplane == from.Dataplane {
		here, _ := find[TenantInfraData](refs, ready(ev.TenantInfra, from.TenantInfra).Ref)
		fits := here.Data.Spec.For == "" && len(t.want.misfits(Entity[Data]{here.Base, here.Data}, refs.Get)) == 0
		if fits && (t.keepsCell(*from) || t.want.hasRoom(refs, here.Ref)) {
			return here, nil, nil
		}
	} else {
		at = ask.Dataplane
	}
	return t.chosen(e, at, ask, refs)
}

// chosen is the tenant infra that the plan's rule chooses on a dataplane, or, if none is named, wherever one fits, or is made.
func (t target) chosen(e Entity[TenantData], at string, ask ev.Move, refs *Refs) (Entity[TenantInfraData], *newPlace, error) {
	where := "on dataplane " + at
	var made *newPlace
	var why *Blocker
	o, found := t.want.best(refs, at)
	if !found && ask.Dataplane == "" {
		where = "anywhere"
		o, found = t.want.best(refs, "")
	}
	if !found && ask.Dataplane == "" {
		o.Infra, made, why = t.provided(refs)
		found = made != nil
	}
	if !found {
		return Entity[TenantInfraData]{}, nil, t.noPlace(e, where, why, refs)
	}
	infra, _ := find[TenantInfraData](refs, o.Infra)
	return infra, made, nil
}

// fitting is a tenant infra that somebody has named, unless it is not what the plan wants.
func (t target) fitting(ref ev.Ref, field string, ask ev.Move, refs *Refs) (Entity[TenantInfraData], error) {
	infra, ok := find[TenantInfraData](refs, ref)
	var misses []string
	if !ok {
		misses = []string{"is not there"}
	} else {
		misses = t.want.misfits(Entity[Data]{infra.Base, infra.Data}, refs.Get)
		if ask.Dataplane != "" && infra.dataplane().Ref.Path() != ask.Dataplane {
			misses = append(misses, "is not on dataplane "+ask.Dataplane)
		}
	}
	if len(misses) == 0 {
		return infra, nil
	}
	return infra, ev.Refuse(ev.Refused, "move: this is not possible").With([]ev.FieldError{{Field: field,
		Message: fmt.Sprintf("%s %s, and plan %s wants %s", ref, strings.Join(misses, ", "), t.plan.Ref.Path(), t.want)}})
}

// cell chooses the cell: the one that is asked for; the tenant's own, if it stays where it is; else by the plan's rule.
func (t target) cell(e Entity[TenantData], ask ev.Move, infra Entity[TenantInfraData], refs *Refs) (string, []ev.Change, []ev.FieldError) {
	from := e.Data.Placement
	switch {
	case ask.Cell != "":
		return ask.Cell, nil, t.takesOneMore(e, ask.Cell, refs)
	case infra.Data.Spec.Cells == nil:
		return "", nil, nil
	case infra.Ref.Path() == from.TenantInfra && from.Cell != "" && t.keepsCell(*from):
		return from.Cell, nil, nil
	}
	in, births := refs.cellFor(infra, t.want.rule == ev.PlacePack, t.plan)
	return in.Path(), births, nil
}

// takesOneMore says why a tenant may not come into a cell.
func (t target) takesOneMore(e Entity[TenantData], path string, refs *Refs) []ev.FieldError {
	ref, _ := ev.ParseRef(ev.Cell, path)
	c, ok := find[CellData](refs, ref)
	fault := func(format string, args ...any) []ev.FieldError {
		return []ev.FieldError{{Field: "cell", Message: fmt.Sprintf(format, args...)}}
	}
	switch {
	case !ok || c.Phase() == Closed:
		return fault("there is no %s%s", ref, refs.nearest(ref))
	case c.Data.planPath() != t.want.plan && c.Data.planPath() != "":
		return fault("%s takes only tenants of plan %s: choose another, or give none", ref, c.Data.planPath())
	case c.Data.planPath() != t.want.plan:
		return fault("%s has no applications of plan %s that its tenants share: choose a cell of that plan", ref, t.want.plan)
	case e.Data.Placement.Cell == path:
		return nil
	case c.Phase() == Draining, c.Phase() == Closing, c.Phase() == Failed:
		return fault("%s takes nobody more: it is %s", ref, c.Phase())
	case c.Data.Used >= c.Data.Spec.Tenants:
		return fault("%s is full: choose another, or give none", ref)
	}
	return nil
}

// placement writes down where the tenant goes, on the terms of the plan.
func (t target) placement(e Entity[TenantData], infra Entity[TenantInfraData], cell, stay string) ev.Placement {
	p := termsOf(t.plan.Ref, t.version, t.spec, t.want.class.Size)
	p.Dataplane, p.TenantInfra, p.Cell, p.Stay = infra.dataplane().Ref.Path(), infra.Ref.Path(), cell, stay
	p.Namespace, p.Record = e.Data.Placement.Namespace, e.Data.Placement.Record
	switch name := Namespace(e.Ref.Owner, e.Ref.ID); {
	case t.want.plan == "" && p.Record != "":
		p.Namespace, p.Record = name, ""
	case t.want.plan != "" && (p.Record == "" || cell != e.Data.Placement.Cell):
		p.Namespace, p.Record = CellNamespace(ready(ev.Cell, cell).Ref), name
	}
	if infra.Data.Spec.CellsHaveNodes() {
		p.Machines = machinesOfCell(ready(ev.Cell, cell).Ref).Path()
	}
	p.Why = fmt.Sprintf("moved from version %d of %s on %s: wants %s", e.Data.Placement.PlanVersion, e.Data.Placement.Plan, e.Data.Placement.TenantInfra, t.want)
	return p
}

// zones are those that all pools of a tenant infra together are bound to; nothing if one is in any.
func zonesOf(s ev.TenantInfraSpec) (zones []string) {
	for _, p := range s.Pools {
		if len(p.Zones) == 0 {
			return nil
		}
		zones = append(zones, p.Zones...)
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}
