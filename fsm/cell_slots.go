package fsm

import (
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// CellsOf are the paths of the cells in which a tenant has a slot, each once: while it moves also that of the one that it goes
// to, or comes from. Nothing of every other entity, and of a tenant that is in none.
func CellsOf(e Entity[Data]) (cells []string) {
	for _, at := range staysOf(e) {
		if at.Cell != "" && !slices.Contains(cells, at.Cell) {
			cells = append(cells, at.Cell)
		}
	}
	return cells
}

// stayIn is the name of a tenant's stay in a cell.
func stayIn(e Entity[Data], cell string) string {
	for _, at := range staysOf(e) {
		if at.Cell == cell {
			return at.Stay
		}
	}
	return ""
}

// evened is what makes the phase of an open cell say whether it has room.
func (e Entity[D]) evened() []ev.Event {
	d, _ := any(e.Data).(CellData)
	switch full := d.Used >= d.Spec.Tenants; {
	case full && e.Phase() == Open:
		return []ev.Event{ev.Filled{}}
	case !full && e.Phase() == Full:
		return []ev.Event{ev.Reopened{}}
	}
	return nil
}

// outcome is what a decision makes of the entities that it changes.
type outcome struct {
	changes []ev.Change
	after   map[ev.Ref]Entity[Data]
	c       ev.Command
	refs    *Refs
}

// complete tries the changes of a decision on the tables, and adds to them what follows for the cells that tenants leave and
// enter. So slots are what tenants say, whatever moves these, and however many one decision moves.
func complete(changes []ev.Change, c ev.Command, refs *Refs) ([]ev.Change, error) {
	o := &outcome{changes: bornFirst(changes, c.Ref), after: make(map[ev.Ref]Entity[Data], len(changes)), c: c, refs: refs}
	for i := range o.changes {
		if err := o.try(&o.changes[i], 0); err != nil {
			return nil, err
		}
	}
	for _, ch := range o.changes { // those that are added are of cells and of machines
		if err := o.addConsequences(ch.Ref); err != nil {
			return nil, err
		}
	}
	return o.changes, nil
}

// addConsequences adds what follows for others where a tenant has left a place or come to one, or a cell has ended.
func (o *outcome) addConsequences(ref ev.Ref) error {
	if ref.Kind != ev.Tenant && ref.Kind != ev.Cell {
		return nil
	}
	before, _ := o.refs.reader.Get(ref)
	after := o.after[ref]
	switch {
	case ref.Kind == ev.Cell && Ended(after) && !Ended(before):
		return o.endOwn(machinesOfCell(ref), ref)
	case ref.Kind == ev.Cell || SameStays(before, after):
		return nil
	}
	if err := o.moveSlot(ref, before, after); err != nil {
		return err
	}
	if err := o.endApplications(typed[TenantData](before), typed[TenantData](after)); err != nil {
		return err
	}
	return o.endMachines(ref, before, after)
}

// bornFirst puts those that are born before who refers to them: the log is folded in that order, and who refers to what is
// not there yet is not known as its user. What gives birth to several says them in that order.
func bornFirst(changes []ev.Change, of ev.Ref) []ev.Change {
	if len(changes) == 1 {
		return changes
	}
	after := map[ev.Ref]bool{of: true} // that one, and those born that stand on it
	var first, rest []ev.Change
	for _, ch := range changes {
		birth, is := ch.Events[0].(ev.CreateEvent)
		if is && ch.Ref != of {
			_, _, spec := birth.Born()
			after[ch.Ref] = slices.ContainsFunc(ev.RefsOf(ch.Ref, spec), func(to ev.SpecRef) bool { return after[to.Ref] })
		}
		if is && !after[ch.Ref] {
			first = append(first, ch)
		} else {
			rest = append(rest, ch)
		}
	}
	return append(first, rest...)
}

// try applies the events of a change from one on, and notes what its entity becomes.
func (o *outcome) try(ch *ev.Change, from int) error {
	e, known := o.after[ch.Ref]
	if !known {
		e, _ = o.refs.reader.Get(ch.Ref)
	}
	for _, happened := range ch.Events[from:] {
		var err error
		if e, err = Machines[ch.Ref.Kind].Apply(e, ev.Recorded{Ref: ch.Ref, Event: happened, Envelope: ev.Envelope{Time: o.c.Time}}); err != nil {
			return ev.Refuse(ev.Refused, "%s: %v", ch.Ref, err)
		}
		ch.States = append(ch.States, ev.State{UID: e.UID, Phase: string(e.Phase())})
	}
	o.after[ch.Ref] = e
	return nil
}

// moveSlot frees the slots that a tenant has left, and takes those that it has come to.
func (o *outcome) moveSlot(ref ev.Ref, before, after Entity[Data]) error {
	from, to := CellsOf(before), CellsOf(after)
	for _, cell := range from {
		if slices.Contains(to, cell) {
			continue
		}
		if err := o.slot(cell, ev.SlotFreed{Tenant: ref.Path(), UID: before.UID, Stay: stayIn(before, cell)}); err != nil {
			return err
		}
	}
	for _, cell := range to {
		if slices.Contains(from, cell) {
			continue
		}
		why := ev.SlotPlaced
		if after.Phase() == Moving {
			why = ev.SlotMoving
		}
		if err := o.slot(cell, ev.SlotTaken{Tenant: ref.Path(), UID: after.UID, Stay: stayIn(after, cell), For: why}); err != nil {
			return err
		}
	}
	return nil
}

// slot adds to a cell what happens to it, and what follows for its phase.
func (o *outcome) slot(path string, happened ev.Event) error {
	ref, _ := ev.ParseRef(ev.Cell, path)
	for happened := []ev.Event{happened}; len(happened) > 0; happened = o.after[ref].evened() {
		if err := o.add(ref, happened...); err != nil {
			return err
		}
	}
	return nil
}

// add adds to a decision what happens to another entity.
func (o *outcome) add(ref ev.Ref, happened ...ev.Event) error {
	i := slices.IndexFunc(o.changes, func(ch ev.Change) bool { return ch.Ref == ref })
	if i < 0 {
		e, _ := o.refs.Get(ref)
		i = len(o.changes)
		o.changes = append(o.changes, ev.Change{Ref: ref, After: e.Seq})
	}
	ch := &o.changes[i]
	from := len(ch.Events)
	ch.Events = append(ch.Events, happened...)
	return o.try(ch, from)
}
