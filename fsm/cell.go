package fsm

import (
	"fmt"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// The phases of a cell beside those of every life.
const (
	Opening  Phase = "Opening"
	Open     Phase = "Open"
	Full     Phase = "Full"
	Draining Phase = "Draining"
)

// What can be asked of a cell beside whether it is Ready.
const (
	ConditionHasRoom = "HasRoom" // one more tenant can come
	ConditionInUse   = "InUse"   // a tenant is in it
)

// CellData is what a cell's events say of it.
type CellData struct {
	Spec ev.CellSpec
	Used int  // how many slots are taken
	Warm bool // it is empty, and stays for those who come
}

// Wants returns the spec.
func (d CellData) Wants() ev.Spec { return d.Spec }

// A cell opens when its tenant infra is ready, takes tenants until it is full, and is closed when it has been empty for
// long. A full one takes nobody: the table says so.
var cell = Kind[CellData]{
	Name: ev.Cell,
	Table: table([]Phase{Opening}, "", Closed,
		Row{ev.Requested[ev.CellSpec]{}, []Phase{Unborn}, Opening},
		Row{ev.CellOpened{}, []Phase{Opening}, Open},
		Row{ev.SlotTaken{}, []Phase{Opening, Open}, Stay},
		Row{ev.SlotFreed{}, []Phase{Opening, Open, Full, Draining}, Stay},
		Row{ev.Filled{}, []Phase{Open}, Full},
		Row{ev.Reopened{}, []Phase{Full}, Open},
		Row{ev.KeptWarm{}, []Phase{Open}, Stay},
		Row{ev.DrainingStarted{}, []Phase{Opening, Open, Full}, Draining},
		Row{ev.DrainEnded{}, []Phase{Draining}, Opening},
		Row{ev.UpdateRequested[ev.CellSpec]{}, []Phase{Opening, Open, Full, Draining}, Stay},
	),
	SteadyPhases: []Phase{Open, Full, Draining},
	FinalPhase:   Closed,
	CreateEvents: requested[ev.CellSpec],
	CheckSpec:    fitsCell,
	UpdateEvents: respecCell,
	DecideVerb:   drainCell,
	Evolve:       evolveCell,
	Owed:         owedCell,
	Advance:      settleCell,
	Elapsed:      closeCell,
	Users: func(e Entity[CellData], refs *Refs) []ev.Ref {
		return refs.users(e.Ref, func(u Entity[Data]) bool { return slices.Contains(CellsOf(u), e.Ref.Path()) }, ev.Tenant)
	},
	Conditions: func(e Entity[CellData]) []Condition {
		return []Condition{
			e.condition(ConditionHasRoom, e.Phase() == Open),
			e.condition(ConditionInUse, e.Data.Used > 0),
			e.condition(ConditionReady, e.Phase() == Open || e.Phase() == Full || e.Phase() == Draining),
		}
	},
}

// infra is the need of a cell that its id names.
func (b Base) infra() Dependency {
	return Dependency{Ref: ev.Ref{Kind: ev.TenantInfra, Owner: b.Ref.Owner, ID: b.Ref.Parent()}, Condition: ConditionReady}
}

// fitsCell refuses a cell where there are none, and one too many.
func fitsCell(ref ev.Ref, _ ev.Spec, refs *Refs) []ev.FieldError {
	on := Base{Ref: ref}.infra().Ref
	infra, ok := find[TenantInfraData](refs, on)
	if !ok {
		return nil // it is refused already
	}
	has := infra.Data.Spec.Cells
	if has == nil {
		return []ev.FieldError{{Field: "name", Message: fmt.Sprintf("%s has no cells: give it some in its spec.cells first", on)}}
	}
	if e, born := refs.Get(ref); (!born || e.Phase() == Closed) && len(refs.cellsOn(on)) >= has.Max {
		return []ev.FieldError{{Field: "name", Message: fmt.Sprintf("%s has %d cells, as many as its spec.cells.max allows", on, has.Max)}}
	}
	return nil
}

// fitsCells refuses cells for a tenant infra whose tenants are in none, and none for one that has some.
func fitsCells(ref ev.Ref, now ev.TenantInfraSpec, refs *Refs) []ev.FieldError {
	infra, _ := find[TenantInfraData](refs, ref)
	switch had := infra.Data.Spec.Cells; {
	case Ended(Entity[Data]{infra.Base, infra.Data}) || (had == nil) == (now.Cells == nil):
		return nil
	case had != nil && len(refs.cellsOn(ref)) > 0:
		return []ev.FieldError{{Field: "spec.cells", Message: fmt.Sprintf("%s has cells: delete them first", ref)}}
	case had == nil && len(refs.users(ref, func(u Entity[Data]) bool { return slices.Contains(PlacesOf(u), ref.Path()) }, ev.Tenant)) > 0:
		return []ev.FieldError{{Field: "spec.cells", Message: fmt.Sprintf("%s has tenants, and they are in no cell: make another tenant infra, with cells", ref)}}
	}
	return nil
}

func respecCell(e Entity[CellData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
	e.Data.Spec = s.(ev.CellSpec)
	return append([]ev.Event{ev.UpdateRequested[ev.CellSpec]{Spec: e.Data.Spec}}, e.evened()...), nil
}

func evolveCell(d CellData, happened ev.Event) CellData {
	switch e := happened.(type) {
	case ev.Requested[ev.CellSpec]:
		d.Spec = e.Spec
	case ev.UpdateRequested[ev.CellSpec]:
		d.Spec, d.Warm = e.Spec, false
	case ev.SlotTaken:
		d.Used++
		d.Warm = false
	case ev.SlotFreed:
		d.Used--
	case ev.KeptWarm:
		d.Warm = true
	}
	return d
}

func owedCell(e Entity[CellData]) ev.Effect {
	switch e.Phase() {
	case Opening:
		return WaitFor{On: append(owned(e.Base), e.infra())}
	case Open, Draining:
		if within := e.Data.Spec.Kept(); within > 0 && e.Data.Used == 0 && !e.Data.Warm {
			return WaitFor{Since: e.since(ConditionInUse), Within: within}
		}
	}
	return nil
}

// since is when a condition became what it is.
func (b Base) since(condition string) time.Time {
	for _, c := range b.Conditions {
		if c.Type == condition {
			return c.Since
		}
	}
	return b.Created
}

func settleCell(e Entity[CellData], refs *Refs) ([]ev.Change, *Blocker) {
	if e.Phase() != Opening {
		return nil, nil
	}
	if w := refs.unmet(append(owned(e.Base), e.infra())); w != nil {
		return nil, w
	}
	return changed(e.Base, e.opened()...), nil
}

// opened is what happens once a cell can be lived in.
func (e Entity[D]) opened() []ev.Event {
	e.phase = Open
	return append([]ev.Event{ev.CellOpened{}}, typed[CellData](Entity[Data]{e.Base, e.Data}).evened()...)
}

// closeCell ends a cell that has been empty for its time, unless its tenant infra keeps so many.
func closeCell(e Entity[CellData], refs *Refs) []ev.Change {
	infra, _ := find[TenantInfraData](refs, e.infra().Ref)
	others := refs.emptyCells(infra, e.Ref)
	if has := infra.Data.Spec.Cells; has != nil && e.Phase() == Open && others < has.Warm {
		return changed(e.Base, ev.KeptWarm{})
	}
	return changed(e.Base, ev.Deleted{})
}

// drainCell decides what is asked of a cell alone.
func drainCell(e Entity[CellData], p ev.Payload, refs *Refs) ([]ev.Change, error) {
	ask, ok := p.(ev.Drain)
	switch {
	case !ok:
		return nil, ev.Refuse(ev.Internal, "a cell does not know %T", p)
	case ask.End == (e.Phase() != Draining):
		return nil, nil // asked twice
	case !ask.End:
		return changed(e.Base, ev.DrainingStarted{}), nil
	}
	happened := []ev.Event{ev.DrainEnded{}}
	if refs.unmet([]Dependency{e.infra()}) == nil {
		happened = append(happened, e.opened()...)
	}
	return changed(e.Base, happened...), nil
}
