package state

import (
	"slices"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// rooms are the living cells of each tenant infra, in no order; in an Overlay those of the infras whose cells it changed.
type rooms map[ev.Ref][]fsm.CellRoom

// CellsOn lists the living cells of a tenant infra, in no order. What it returns is right until the entities move.
func (w *Entities) CellsOn(infra ev.Ref) []fsm.CellRoom {
	if cells, ours := w.rooms[infra]; ours || w.under == nil {
		return cells
	}
	return w.under.CellsOn(infra)
}

// recell keeps what placement sees of a cell, as the cell has become.
func (w *Entities) recell(cell fsm.Entity[fsm.Data]) {
	infra := ev.Ref{Kind: ev.TenantInfra, Owner: cell.Ref.Owner, ID: cell.Ref.Parent()}
	cells, ours := w.rooms[infra]
	if !ours && w.under != nil {
		cells = slices.Clone(w.under.CellsOn(infra))
	}
	i := slices.IndexFunc(cells, func(c fsm.CellRoom) bool { return c.Ref == cell.Ref })
	now, lives := fsm.RoomOf(cell)
	switch {
	case i >= 0 && lives:
		cells[i] = now
	case lives:
		cells = append(cells, now)
	case i >= 0:
		last := len(cells) - 1
		cells[i], cells = cells[last], cells[:last]
	}
	w.rooms[infra] = cells
	if len(cells) == 0 && w.under == nil {
		delete(w.rooms, infra)
	}
	w.offer(infra.Path())
}

// WrongSlots names the living cells that have not as many slots taken as tenants say, with both numbers.
func (w *Entities) WrongSlots() map[ev.Ref][2]int {
	in := map[string]int{}
	w.Each(ev.Tenant, func(e fsm.Entity[fsm.Data]) {
		for _, cell := range fsm.CellsOf(e) {
			in[cell]++
		}
	})
	wrong := map[ev.Ref][2]int{}
	w.Each(ev.Cell, func(e fsm.Entity[fsm.Data]) {
		if used := e.Data.(fsm.CellData).Used; used != in[e.Ref.Path()] {
			wrong[e.Ref] = [2]int{used, in[e.Ref.Path()]}
		}
		delete(in, e.Ref.Path())
	})
	for path, n := range in { // in a cell that never was
		ref, _ := ev.ParseRef(ev.Cell, path)
		wrong[ref] = [2]int{0, n}
	}
	return wrong
}
