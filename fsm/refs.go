package fsm

import (
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// Refs is a decision's view of the entities it refers to. It knows whether it
// was used: then the decision stands only while the log does.
type Refs struct {
	world *World
	used  bool
}

// Get returns another entity as it is now; false if it was never born.
func (r *Refs) Get(ref ev.Ref) (Entity[Data], bool) {
	r.used = true
	return r.world.Get(ref)
}

// Used tells whether the decision looked at another entity.
func (r *Refs) Used() bool { return r.used }

// each calls f for every entity of a kind, in the order of owner and id.
func (r *Refs) each(k ev.Kind, f func(Entity[Data])) {
	r.used = true
	var found []Entity[Data]
	r.world.Each(k, func(e Entity[Data]) { found = append(found, e) })
	slices.SortFunc(found, func(a, b Entity[Data]) int { return compare(a.Ref, b.Ref) })
	for _, e := range found {
		f(e)
	}
}

// check refuses references to what is absent or going away, naming the field of each.
func (r *Refs) check(ref ev.Ref, spec ev.Spec) error {
	return r.checkAll(ref, ev.RefsOf(ref, spec))
}

func (r *Refs) checkAll(ref ev.Ref, refs []ev.SpecRef) error {
	var absent, going []ev.Fault
	for _, to := range refs {
		e, ok := r.Get(to.Ref)
		switch machine := Machines[to.Ref.Kind]; {
		case !ok || machine.Ended(e.Phase()):
			absent = append(absent, ev.Fault{Field: to.Field, Message: fmt.Sprintf("there is no %s%s", to.Ref, r.nearest(to.Ref))})
		case machine.Going(e.Phase()):
			going = append(going, ev.Fault{Field: to.Field, Message: fmt.Sprintf("%s is going away", to.Ref)})
		}
	}
	if len(absent) == 0 && len(going) > 0 {
		refusal := ev.Refuse(ev.Refused, "%s refers to what is going away", ref)
		refusal.Details = going
		return refusal
	}
	return ev.RefuseFaults(ref.String(), append(absent, going...))
}

// nearest proposes a thing of the kind and owner with a like name.
func (r *Refs) nearest(ref ev.Ref) string {
	var known []string
	r.each(ref.Kind, func(e Entity[Data]) {
		if e.Ref.Owner == ref.Owner && len(known) < 10 && !Machines[ref.Kind].Ended(e.Phase()) {
			known = append(known, e.Ref.ID)
		}
	})
	if len(known) == 0 {
		return ": create it first"
	}
	return ev.Nearest(ref.ID, known)
}

// find returns the entity's data as its kind keeps it.
func find[D Data](r *Refs, ref ev.Ref) (Entity[D], bool) {
	e, ok := r.Get(ref)
	if !ok {
		return Entity[D]{}, false
	}
	return Entity[D]{e.Base, e.Data.(D)}, true
}

func compare(a, b ev.Ref) int {
	return slices.Compare([]string{a.Owner, a.ID}, []string{b.Owner, b.ID})
}
