package consent

import (
	"cmp"

	ev "github.com/aeriehq/aerie/events"
)

// Class is a sort of change. It follows from the effect, and from what this agent has done for the entity before.
type Class string

// The classes. Look changes nothing, and nobody is asked about it.
const (
	Create  Class = "create"  // the first of its sort for an entity
	Update  Class = "update"  // another one than was done before, or for a changed spec
	Repair  Class = "repair"  // the same as was done before: something has drifted
	Delete  Class = "delete"  // what was made is removed, or what was left is swept
	Move    Class = "move"    // a tenant goes to other machines
	Suspend Class = "suspend" // a tenant is put to sleep, or woken
	Look    Class = "look"
)

// Classes are those that people can be asked about.
var Classes = []Class{Create, Update, Repair, Delete, Move, Suspend}

// The effects of sweeping, which nothing is owed for: removing what an ended incarnation has left, and priority classes that no
// tenant of a dataplane has.
const (
	Swept        = "sweep"
	SweptClasses = "sweep_classes"
)

func sweeps(effect string) bool { return effect == Swept || effect == SweptClasses }

// fixed are the classes of effects that are always the same. Other effects make something.
var fixed = map[string]Class{
	ev.VerifyAccount{}.Effect():     Look,
	ev.RetirePools{}.Effect():       Delete,
	ev.RemoveOwned{}.Effect():       Delete,
	ev.RemoveTenant{}.Effect():      Delete,
	ev.RemoveApplication{}.Effect(): Delete,
	ev.RemoveAddon{}.Effect():       Delete,
	ev.RemoveCell{}.Effect():        Delete,
	ev.LeaveTenant{}.Effect():       Delete,
	ev.ForgetTenant{}.Effect():      Delete,
	ev.RecordTenant{}.Effect():      Update,
	Swept:                           Delete,
	SweptClasses:                    Delete,
	ev.MoveTenant{}.Effect():        Move,
	ev.RelocateTenant{}.Effect():    Move,
	ev.SuspendTenant{}.Effect():     Suspend,
	ev.ResumeTenant{}.Effect():      Suspend,
}

// classOf is the class of a change.
func (s *state) classOf(c Change) Class {
	if class, is := fixed[c.Effect]; is || c.As != "" {
		return cmp.Or(c.As, class)
	}
	digest, before := s.Done[incarnation(c.Work)][c.Effect]
	switch {
	case before && digest == c.Digest:
		return Repair
	case before, c.Spec > 1:
		return Update
	}
	return Create
}

// incarnation names whom a piece of work is for.
func incarnation(w ev.Work) string { return w.Ref.Mark(w.UID) }

// ClassOf is the class of an effect that was never done before.
func ClassOf(effect string) Class { return (&state{}).classOf(Change{Work: ev.Work{Effect: effect}}) }
