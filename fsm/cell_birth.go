package fsm

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// CellRoom is a cell as placement sees it.
type CellRoom struct {
	Ref      ev.Ref
	Seq      uint64 // of its last event
	Used, Of int
	Ready    bool
	Draining bool   // it takes nobody, for now or for ever
	Plan     string // the one whose tenants alone it takes; empty: those of every plan that is not multi-tenant
}

// Free is how many tenants more can come.
func (c CellRoom) Free() int {
	if c.Draining {
		return 0
	}
	return max(0, c.Of-c.Used)
}

// RoomOf is a cell as placement sees it; false for what is no cell, or none any more.
func RoomOf(e Entity[Data]) (CellRoom, bool) {
	d, ok := e.Data.(CellData)
	if !ok || Ended(e) {
		return CellRoom{}, false
	}
	takesNobody := e.Phase() == Draining || e.Phase() == Failed || e.Phase() == Closing
	return CellRoom{e.Ref, e.Seq, d.Used, d.Spec.Tenants, e.Holds(ConditionReady), takesNobody, d.planPath()}, true
}

// Unlimited is the room of a tenant infra without cells.
const Unlimited = -1

// Room is how many tenants more can come to a tenant infra with these cells, or Unlimited.
func Room(infra Entity[Data], cells []CellRoom) (free int) {
	d, _ := infra.Data.(TenantInfraData)
	has := d.Spec.Cells
	if has == nil {
		return Unlimited
	}
	for _, c := range cells {
		free += c.Free()
	}
	return free + Openings(infra, cells)
}

// planPath is the path of the plan of a cell; empty if it is of none.
func (d CellData) planPath() string {
	if d.Spec.Plan == "" {
		return ""
	}
	return ready(ev.Plan, d.Spec.Plan).Ref.Path()
}

// RoomFor is how many tenants more can come to a tenant infra with these cells that are of a multi-tenant plan, or where that is
// empty of any other; or Unlimited.
func RoomFor(infra Entity[Data], cells []CellRoom, plan string) (free int) {
	d, _ := infra.Data.(TenantInfraData)
	switch {
	case d.Spec.Cells == nil && plan != "":
		return 0
	case d.Spec.Cells == nil:
		return Unlimited
	}
	for _, c := range cells {
		if c.Plan == plan {
			free += c.Free()
		}
	}
	return free + Openings(infra, cells)
}

// Openings is how many tenants can come to a tenant infra into cells that are not there yet.
func Openings(infra Entity[Data], cells []CellRoom) int {
	d, _ := infra.Data.(TenantInfraData)
	if d.Spec.Cells == nil {
		return 0
	}
	return max(0, d.Spec.Cells.Max-len(cells)) * d.Spec.Cells.Tenants
}

// crowd tells whether any cell of a tenant infra has moved since it was looked at.
type crowd struct {
	cells int
	last  uint64
}

func crowdOf(cells []CellRoom) (c crowd) {
	c.cells = len(cells)
	for _, one := range cells {
		c.last = max(c.last, one.Seq)
	}
	return c
}

// cellsOn are the living cells of a tenant infra, in no order. The decision depends on all of them.
func (r *Refs) cellsOn(infra ev.Ref) []CellRoom {
	cells := r.reader.CellsOn(infra)
	if r.crowds == nil {
		r.crowds = map[ev.Ref]crowd{}
	}
	r.crowds[infra] = crowdOf(cells)
	return cells
}

// emptyCells is how many cells of a tenant infra, but for one, stand empty for who comes by a plan; none: by those that are not
// multi-tenant.
func (r *Refs) emptyCells(infra Entity[TenantInfraData], but ev.Ref, plan string) (n int) {
	for _, c := range r.cellsOn(infra.Ref) {
		if c.Ref != but && c.Used == 0 && !c.Draining && c.Plan == plan {
			n++
		}
	}
	return n
}

// cellFor chooses the cell of a tenant infra that a tenant goes to: one that is open before one that opens, then by the rule,
// then by name. Where none has room one is opened, and so are those that are to stand empty.
func (r *Refs) cellFor(infra Entity[TenantInfraData], fullest bool, plan Entity[PlanData]) (in ev.Ref, births []ev.Change) {
	of, opened := cellOf(plan), 0
	cells := r.reader.CellsOn(infra.Ref) // who only chose one of them does not depend on the others
	var best CellRoom
	for _, c := range cells {
		if c.Plan == of.Plan && c.Free() > 0 && (best.Ref == (ev.Ref{}) || c.better(best, fullest)) {
			best = c
		}
	}
	if in = best.Ref; in == (ev.Ref{}) {
		r.cellsOn(infra.Ref)
		births = append(births, r.newCell(infra, of)...)
		in, opened = births[0].Ref, 1
	} else {
		r.Get(in)
	}
	if best.Used == 0 { // one that stood empty is taken
		births = append(births, r.warmCells(infra, in, opened, of)...)
	}
	return in, births
}

// cellOf is what a cell has of a plan: nothing, unless its tenants share the applications of cells.
func cellOf(plan Entity[PlanData]) (of ev.CellSpec) {
	if plan.Data.Spec.Deployment == ev.MultiTenant {
		of.Plan, of.Version = plan.Ref.Path(), plan.Revision
	}
	return of
}

func (c CellRoom) better(than CellRoom, fullest bool) bool {
	switch {
	case c.Ready != than.Ready:
		return c.Ready
	case c.Used != than.Used:
		return c.Used > than.Used == fullest
	}
	return compare(c.Ref, than.Ref) < 0
}

// warmCells opens as many cells of a plan, or of none, as are to stand empty, beside one that is taken; some were opened already.
func (r *Refs) warmCells(infra Entity[TenantInfraData], taken ev.Ref, opened int, of ev.CellSpec) (births []ev.Change) {
	has := infra.Data.Spec.Cells
	if has == nil || has.Warm == 0 {
		return nil
	}
	living, empty := len(r.cellsOn(infra.Ref))+opened, r.emptyCells(infra, taken, of.Plan)
	for ; empty < has.Warm && living < has.Max; empty, living = empty+1, living+1 {
		births = append(births, r.newCell(infra, of)...)
	}
	return births
}

// newCell opens a cell, of a plan and its version if some are given, with its applications. The name follows from the uid, and
// that from the command.
func (r *Refs) newCell(infra Entity[TenantInfraData], of ev.CellSpec) []ev.Change {
	for {
		uid := r.newUID()
		e, known := r.Get(infra.Ref.Child(ev.Cell, cellName(uid)))
		if known || len(fitsMachines(infra.Ref.Child(ev.Cell, cellName(uid)), infra, r)) > 0 {
			continue // the name was another's
		}
		e.Ref = infra.Ref.Child(ev.Cell, cellName(uid))
		spec := infra.Data.Spec.Cells.New()
		spec.Plan, spec.Version = of.Plan, of.Version
		happened := []ev.Event{ev.Requested[ev.CellSpec]{UID: uid, Spec: spec}}
		if infra.Holds(ConditionReady) && spec.Plan == "" && !infra.Data.Spec.CellsHaveNodes() {
			happened = append(happened, ev.CellOpened{})
		}
		births := append([]ev.Change{{Ref: e.Ref, Events: happened}}, r.cellMachines(e.Ref, infra.Data.Spec)...)
		return append(births, r.applications(typed[CellData](e), spec)...)
	}
}

// cellName is the last part of the id of a cell that a decision opens.
func cellName(uid string) string {
	return "c" + shortOf(uid)
}

// crockford are the digits of a ULID.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newUID is the uid of the next entity that the decision gives birth to: a ULID of the command's time whose other part
// follows from the command's id and from how many were born before it.
func (r *Refs) newUID() string {
	r.births++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", r.command.Ref, r.command.ID, r.births))
	at, random := uint64(r.command.Time.UnixMilli()), binary.BigEndian.Uint64(sum[:])
	high, low := at<<16|uint64(binary.BigEndian.Uint16(sum[8:])), random
	var digits [26]byte
	for i := len(digits) - 1; i >= 0; i-- { // of five bits each
		digits[i] = crockford[low&31]
		high, low = high>>5, low>>5|high<<59
	}
	return string(digits[:])
}

// spread is what a change of a tenant infra's cells means to those that are there: they are as new ones would be.
func (r *Refs) spread(e Entity[TenantInfraData], now ev.TenantInfraSpec) (changes []ev.Change) {
	was := e.Data.Spec.Cells
	if now.Cells == nil || was != nil && *was == *now.Cells {
		return nil
	}
	e.Data.Spec = now
	plans := map[string]bool{}
	for _, c := range r.cellsOn(e.Ref) {
		one, _ := find[CellData](r, c.Ref)
		if one.Phase() == Closing {
			continue
		}
		spec := now.Cells.New()
		spec.Plan, spec.Version = one.Data.Spec.Plan, one.Data.Spec.Version
		happened, _ := respecCell(one, spec)
		changes = append(changes, changed(one.Base, happened...)...)
		plans[c.Plan] = true
	}
	slices.SortFunc(changes, func(a, b ev.Change) int { return compare(a.Ref, b.Ref) })
	if len(plans) == 0 {
		plans[""] = true // nobody has come yet
	}
	opened := 0
	for _, path := range slices.Sorted(maps.Keys(plans)) {
		of, takes := r.takers(path)
		if !takes {
			continue
		}
		births := r.warmCells(e, ev.Ref{}, opened, of)
		for _, b := range births {
			if b.Ref.Kind == ev.Cell {
				opened++
			}
		}
		changes = append(changes, births...)
	}
	return changes
}

// takers is what cells have of a plan of that path, or of none, and whether people come by it.
func (r *Refs) takers(path string) (of ev.CellSpec, takes bool) {
	if path == "" {
		return of, true
	}
	p, _ := find[PlanData](r, ready(ev.Plan, path).Ref)
	return cellOf(p), p.Phase() == Released
}

// alongside is what a first or another spec brings about for others.
func (k *Kind[D]) alongside(e Entity[D], s ev.Spec, refs *Refs) []ev.Change {
	if k.Alongside == nil {
		return nil
	}
	return k.Alongside(e, s, refs)
}
