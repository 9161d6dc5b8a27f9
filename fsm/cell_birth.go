package fsm

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// CellRoom is a cell as placement sees it.
type CellRoom struct {
	Ref      ev.Ref
	Seq      uint64 // of its last event
	Used, Of int
	Ready    bool
	Draining bool
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
	return CellRoom{e.Ref, e.Seq, d.Used, d.Spec.Tenants, e.Holds(ConditionReady), e.Phase() == Draining}, true
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
	return free + max(0, has.Max-len(cells))*has.Tenants
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

// emptyCells is how many cells of a tenant infra, but for one, stand empty for who comes.
func (r *Refs) emptyCells(infra Entity[TenantInfraData], but ev.Ref) (n int) {
	for _, c := range r.cellsOn(infra.Ref) {
		if c.Ref != but && c.Used == 0 && !c.Draining {
			n++
		}
	}
	return n
}

// cellFor chooses the cell of a tenant infra that a tenant goes to: one that is open before one that opens, then by the rule,
// then by name. Where none has room one is opened, and so are those that are to stand empty.
func (r *Refs) cellFor(infra Entity[TenantInfraData], fullest bool) (in ev.Ref, births []ev.Change) {
	cells := r.reader.CellsOn(infra.Ref) // who only chose one of them does not depend on the others
	var best CellRoom
	for _, c := range cells {
		if c.Free() > 0 && (best.Ref == (ev.Ref{}) || c.better(best, fullest)) {
			best = c
		}
	}
	if in = best.Ref; in == (ev.Ref{}) {
		r.cellsOn(infra.Ref)
		births = append(births, r.newCell(infra))
		in = births[0].Ref
	} else {
		r.Get(in)
	}
	if best.Used == 0 { // one that stood empty is taken
		births = append(births, r.warmCells(infra, in, len(births))...)
	}
	return in, births
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

// warmCells opens as many cells as are to stand empty, beside one that is taken; some were opened already.
func (r *Refs) warmCells(infra Entity[TenantInfraData], taken ev.Ref, opened int) (births []ev.Change) {
	has := infra.Data.Spec.Cells
	if has == nil || has.Warm == 0 {
		return nil
	}
	living, empty := len(r.cellsOn(infra.Ref))+opened, r.emptyCells(infra, taken)
	for ; empty < has.Warm && living < has.Max; empty, living = empty+1, living+1 {
		births = append(births, r.newCell(infra))
	}
	return births
}

// newCell opens a cell. The name follows from the uid, and that from the command.
func (r *Refs) newCell(infra Entity[TenantInfraData]) ev.Change {
	for {
		uid := r.newUID()
		e, known := r.Get(infra.Ref.Child(ev.Cell, cellName(uid)))
		if known {
			continue // the name was another's
		}
		e.Ref = infra.Ref.Child(ev.Cell, cellName(uid))
		spec := infra.Data.Spec.Cells.New()
		happened := []ev.Event{ev.Requested[ev.CellSpec]{UID: uid, Spec: spec}}
		if infra.Holds(ConditionReady) {
			happened = append(happened, ev.CellOpened{})
		}
		return ev.Change{Ref: e.Ref, Events: happened}
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
	for _, c := range r.cellsOn(e.Ref) {
		one, _ := find[CellData](r, c.Ref)
		happened, _ := respecCell(one, now.Cells.New())
		changes = append(changes, changed(one.Base, happened...)...)
	}
	slices.SortFunc(changes, func(a, b ev.Change) int { return compare(a.Ref, b.Ref) })
	return append(changes, r.warmCells(e, ev.Ref{}, 0)...)
}

// alongside is what a first or another spec brings about for others.
func (k *Kind[D]) alongside(e Entity[D], s ev.Spec, refs *Refs) []ev.Change {
	if k.Alongside == nil {
		return nil
	}
	return k.Alongside(e, s, refs)
}
