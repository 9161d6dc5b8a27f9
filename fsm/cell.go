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

	// The rest is of a cell of a plan.
	Site      ev.Target
	Cluster   string
	Namespace string
	Infra     string         // the name by which the machines for its pods are labelled; empty: it is as older releases made it
	Prepared  bool           // the namespace is there
	Bounds    *ev.CellBounds // of the namespace; nil: none
	Rebound   bool           // these are others than it was made with
	Opened    bool           // it was open before
}

// Wants returns the spec.
func (d CellData) Wants() ev.Spec { return d.Spec }

// A cell opens when its tenant infra is ready, takes tenants until it is full, and is closed when it has been empty for
// long. A full one takes nobody: the table says so. One of a plan has a namespace and applications, see cell_plan.go; for
// any other nothing is made, and it ends at once.
var cell = Kind[CellData]{
	Name: ev.Cell,
	Table: marked(table([]Phase{Opening, Draining}, Closing, Closed,
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
		Row{ev.OpeningStarted{}, []Phase{Opening, Draining}, Stay},
		Row{ev.OpeningStarted{}, []Phase{Open, Full}, Opening}, // its plan's version bounds it otherwise
		Row{ev.CellPrepared{}, []Phase{Opening, Draining}, Stay},
		Row{ev.Failed{}, []Phase{Opening}, Failed},
		Row{ev.RetryRequested{}, []Phase{Failed}, Opening},
		Row{ev.UpdateRequested[ev.CellSpec]{}, []Phase{Failed}, Opening},
		Row{ev.SlotFreed{}, []Phase{Failed, Closing}, Stay},
		Row{ev.Drifted{}, []Phase{Opening, Open, Full, Draining, Failed}, Stay},
		Row{ev.DriftEnded{}, []Phase{Opening, Open, Full, Draining, Failed}, Stay},
		Row{ev.RepairStarted{}, []Phase{Open, Full, Failed}, Opening},
		Row{ev.RepairStarted{}, []Phase{Opening, Draining}, Stay},         // the latter takes nobody while it is made again, nor after
		Row{ev.RetryRequested{}, []Phase{Open, Full}, Opening},            // of one that has drifted
		Row{ev.Deleted{}, []Phase{Opening, Open, Full, Draining}, Closed}, // of no plan
	)),
	Rules:            map[Phase]PhaseLimits{Opening: {Within: 30 * time.Minute, Attempts: 5, Usual: 30 * time.Second}},
	SteadyPhases:     []Phase{Open, Full, Draining},
	TerminatingPhase: Closing,
	EndsAtOnce:       func(e Entity[CellData]) bool { return e.Data.Spec.Plan == "" },
	FinalPhase:       Closed,
	OwnedKinds:       []ev.Kind{ev.CellApplication},
	CreateEvents:     requested[ev.CellSpec],
	CheckSpec:        fitsCell,
	UpdateEvents:     respecCell,
	DecideVerb:       drainCell,
	Evolve:           evolveCell,
	Owed:             owedCell,
	StandsOn:         func(e Entity[CellData]) []Dependency { return []Dependency{e.infra()} },
	Advance:          settleCell,
	Elapsed:          closeCell,
	Recheck:          recheckCell,
	Alongside: func(e Entity[CellData], s ev.Spec, refs *Refs) []ev.Change {
		infra, _ := find[TenantInfraData](refs, e.infra().Ref)
		others := append(refs.cellMachines(e.Ref, infra.Data.Spec), refs.applications(e, s.(ev.CellSpec))...)
		return append(others, refs.rebound(e, s.(ev.CellSpec))...)
	},
	ExpectedEffects: func(e Entity[CellData], refs *Refs) []ev.Effect {
		d := e.Data
		if d.Spec.Plan == "" || e.Phase() == Draining && (!d.Opened || d.remade()) || refs.unmet([]Dependency{e.infra()}) != nil {
			return nil
		}
		return []ev.Effect{d.ensure(e.Base)}
	},
	Watched:           func(e Entity[CellData]) bool { return e.brokenRepair() || e.Phase() == Opening && e.Data.Prepared },
	ConditionsOfUsers: applicationsReady,
	Users: func(e Entity[CellData], refs *Refs) []ev.Ref {
		in := func(u Entity[Data]) bool {
			return u.Ref.Kind == ev.CellApplication || slices.Contains(CellsOf(u), e.Ref.Path())
		}
		return refs.users(e.Ref, in, ev.Tenant, ev.CellApplication)
	},
	Conditions: func(e Entity[CellData]) []Condition {
		serves := e.Phase() == Open || e.Phase() == Full || e.Phase() == Draining && !e.Data.remade()
		all := []Condition{
			e.condition(ConditionHasRoom, e.Phase() == Open),
			e.condition(ConditionInUse, e.Data.Used > 0),
		}
		if e.Data.Spec.Plan != "" {
			all = append(all, e.condition(ConditionPrepared, e.Data.Prepared),
				e.condition(ConditionInSync, e.Failure == nil && serves))
		}
		return append(all, e.condition(ConditionReady, serves && (e.Phase() != Draining || e.Data.Opened || e.Data.Spec.Plan == "")))
	},
}

// infra is the need of a cell that its id names.
func (b Base) infra() Dependency {
	return Dependency{Ref: ev.Ref{Kind: ev.TenantInfra, Owner: b.Ref.Owner, ID: b.Ref.Parent()}, Condition: ConditionReady}
}

// remade tells whether the namespace of a cell is being made again: with other bounds, or because it was lost.
func (d CellData) remade() bool { return d.Rebound || d.Opened && d.Cluster != "" && !d.Prepared }

// fitsCell refuses a cell where there are none, and one too many.
func fitsCell(ref ev.Ref, s ev.Spec, refs *Refs) []ev.FieldError {
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
	return append(fitsVersion(ref, s.(ev.CellSpec), refs), fitsMachines(ref, infra, refs)...)
}

// fitsCells refuses cells for a tenant infra whose tenants can't be taken into them, and none for one that has some.
func fitsCells(ref ev.Ref, now ev.TenantInfraSpec, refs *Refs) []ev.FieldError {
	infra, _ := find[TenantInfraData](refs, ref)
	switch had := infra.Data.Spec.Cells; {
	case Ended(Entity[Data]{infra.Base, infra.Data}) || (had == nil) == (now.Cells == nil):
		return nil
	case had != nil && len(refs.cellsOn(ref)) > 0:
		return []ev.FieldError{{Field: "spec.cells", Message: fmt.Sprintf("%s has cells: delete them first", ref)}}
	case had == nil:
		return fitsTaking(infra, now, refs)
	}
	return nil
}

func respecCell(e Entity[CellData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
	var faults keeper
	faults.keep("spec.plan", e.Data.Spec.Plan, s.(ev.CellSpec).Plan)
	e.Data.Spec = s.(ev.CellSpec)
	return append([]ev.Event{ev.UpdateRequested[ev.CellSpec]{Spec: e.Data.Spec}}, e.evened()...), faults
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
	case ev.OpeningStarted:
		d.Prepared, d.Rebound, d.Bounds = false, d.Cluster != "", e.Bounds
		d.Site, d.Cluster, d.Namespace, d.Infra = e.Site, e.Cluster, e.Namespace, e.Infra
	case ev.CellPrepared:
		d.Prepared, d.Rebound = true, false
	case ev.CellOpened:
		d.Opened = true
	case ev.RepairStarted, ev.RetryRequested:
		d.Prepared = false
	}
	return d
}

func owedCell(e Entity[CellData]) ev.Effect {
	switch e.Phase() {
	case Opening:
		if e.Data.Spec.Plan != "" {
			return owedOpening(e)
		}
		return WaitFor{On: append(owned(e.Base), e.infra())}
	case Closing:
		if d := e.Data; d.Cluster != "" {
			return ev.RemoveCell{Target: d.Site, Cluster: d.Cluster, Namespace: d.Namespace}
		}
	case Open, Draining:
		if e.Phase() == Draining && e.Data.remade() {
			return e.Data.ensure(e.Base)
		}
		if within := e.Data.Spec.Kept(); within > 0 && e.Data.Used == 0 && !e.Data.Warm {
			return WaitFor{Since: e.since(ConditionInUse), Within: within}
		}
		if e.Data.Warm && e.Data.Spec.Plan != "" {
			return WaitFor{On: []Dependency{ready(ev.Plan, e.Data.Spec.Plan)}, Resting: true}
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
	switch {
	case e.Phase() != Opening:
		return settleWarm(e, refs), nil
	case e.Data.Spec.Plan != "":
		return settleOpening(e, refs)
	}
	if w := refs.unmet(refs.needsOfCell(e.Base)); w != nil {
		return nil, w
	}
	return changed(e.Base, e.opened()...), nil
}

// settleWarm closes a cell that stands empty for who comes by a plan, once nobody comes by that any more.
func settleWarm(e Entity[CellData], refs *Refs) []ev.Change {
	if _, takes := refs.takers(e.Data.planPath()); takes || !e.Data.Warm || e.Phase() != Open && e.Phase() != Draining {
		return nil
	}
	return e.Data.closed(e.Base)
}

// opened is what happens once a cell can be lived in.
func (e Entity[D]) opened() []ev.Event {
	e.phase = Open
	return append([]ev.Event{ev.CellOpened{}}, typed[CellData](Entity[Data]{e.Base, e.Data}).evened()...)
}

// closeCell ends a cell that has been empty for its time, unless its tenant infra keeps so many.
func closeCell(e Entity[CellData], refs *Refs) []ev.Change {
	infra, _ := find[TenantInfraData](refs, e.infra().Ref)
	others := refs.emptyCells(infra, e.Ref, e.Data.planPath())
	_, takes := refs.takers(e.Data.planPath())
	if has := infra.Data.Spec.Cells; has != nil && e.Phase() == Open && others < has.Warm && takes {
		return changed(e.Base, ev.KeptWarm{})
	}
	return e.Data.closed(e.Base)
}

// closed begins the end of an empty cell; where nothing was made for it, that is all of it.
func (d CellData) closed(b Base) []ev.Change {
	if d.Spec.Plan != "" {
		return changed(b, ev.DeletionRequested{})
	}
	return changed(b, ev.Deleted{})
}

// drainCell decides what is asked of a cell alone.
func drainCell(e Entity[CellData], p ev.Payload, refs *Refs) ([]ev.Change, error) {
	if upgrade, is := p.(ev.UpgradeCell); is {
		return upgradeCell(e, upgrade, refs)
	}
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
	if e.Data.Spec.Plan != "" {
		return changed(e.Base, happened...), nil
	}
	if refs.unmet(refs.needsOfCell(e.Base)) == nil {
		happened = append(happened, e.opened()...)
	}
	return changed(e.Base, happened...), nil
}
