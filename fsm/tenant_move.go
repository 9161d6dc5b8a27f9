package fsm

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// Moving is the phase of a tenant that goes to other terms, or to another place.
const Moving Phase = "Moving"

// movable adds to the rows of a tenant those of a move. What ends a move says by its own event, and then the tenant rests as
// it did before: activated, or suspended.
func movable(rows ...Row) []Row {
	return append(rows,
		Row{ev.MoveStarted{}, []Phase{Active, Suspended}, Moving},
		Row{ev.MoveReserved{}, []Phase{Moving}, Stay},
		Row{ev.Moved{}, []Phase{Moving}, Stay},
		Row{ev.MoveReleased{}, []Phase{Moving}, Stay},
		Row{ev.MovePaused{}, []Phase{Moving}, Stay},
		Row{ev.MoveContinued{}, []Phase{Moving}, Stay},
		Row{ev.MoveAborting{}, []Phase{Moving}, Stay},
		Row{ev.MoveAborted{}, []Phase{Moving}, Stay},
		Row{ev.Activated{}, []Phase{Moving}, Active},
		Row{ev.Suspended{}, []Phase{Moving}, Suspended},
	)
}

// committed tells whether the tenant is on the terms that it was to go to: from then on a move goes forwards only.
func committed(m *ev.MoveState) bool { return m.Step == ev.StepApply || m.Step == ev.StepRelease }

// stays are the places that a tenant has: where it is, and while it moves also where it goes to, or comes from.
func (d TenantData) stays() (all []*ev.Placement) {
	switch {
	case d.Placement == nil:
		return nil
	case d.Move == nil:
		return []*ev.Placement{d.Placement}
	case committed(d.Move):
		return []*ev.Placement{d.Placement, &d.Move.From}
	}
	return []*ev.Placement{d.Placement, &d.Move.To}
}

// staysOf are the places that a tenant has; none of every other entity, and of a tenant that is gone.
func staysOf(e Entity[Data]) []*ev.Placement {
	if d, ok := e.Data.(TenantData); ok && e.Phase() != Gone {
		return d.stays()
	}
	return nil
}

// SameStays tells whether two states of one entity surely have the same places. It is asked for every event.
func SameStays(before, after Entity[Data]) bool {
	was, _ := before.Data.(TenantData)
	is, _ := after.Data.(TenantData)
	return was.Placement == is.Placement && was.Move == is.Move && (before.Phase() == Gone) == (after.Phase() == Gone)
}

// evolveMove notes how far a move has come.
func (d TenantData) evolveMove(happened ev.Event) TenantData {
	if started, ok := happened.(ev.MoveStarted); ok {
		d.Move = &ev.MoveState{ID: started.ID, Kind: started.Kind, Step: ev.StepReserve, From: started.From, To: started.To}
		d.Next = &started.Spec
		return d
	}
	if d.Move == nil {
		return d
	}
	now := *d.Move // the fold shares it
	switch e := happened.(type) {
	case ev.MoveReserved:
		now.Step = ev.StepSwitch
	case ev.Moved:
		d.Placement, d.Spec, d.Next = &e.Placement, e.Spec, nil
		now.Step = ev.StepApply
	case ev.MovePaused:
		now.Paused = true
	case ev.MoveContinued:
		now.Paused = false
	case ev.MoveAborting:
		now.Step, now.Paused = ev.StepAbort, false
	case ev.MoveReleased, ev.MoveAborted, ev.DeletionRequested:
		d.Move, d.Next = nil, nil
		return d
	}
	d.Move = &now
	return d
}

// owedMove is what is owed to a tenant that moves.
func (d TenantData) owedMove(b Base) ev.Effect {
	switch {
	case d.Move != nil && committed(d.Move) && d.Sleeps:
		return ev.SuspendTenant{EnsureTenant: d.ensure(b), Since: b.PhaseSince}
	case d.Move != nil && committed(d.Move):
		return d.ensure(b)
	case d.Move != nil && d.Move.Step == ev.StepReserve && !d.Move.Paused:
		return WaitFor{On: placeOf(d.Move.To)}
	}
	return WaitFor{}
}

// placeOf is the need of one who is to live at a place.
func placeOf(p ev.Placement) []Dependency {
	return []Dependency{ready(ev.Dataplane, p.Dataplane), ready(ev.TenantInfra, p.TenantInfra)}
}

// settleMove goes on with a move as far as it can without anybody's work.
func settleMove(e Entity[TenantData], refs *Refs) ([]ev.Change, *Blocker) {
	m := e.Data.Move
	switch {
	case m.Step == ev.StepAbort:
		return changed(e.Base, ev.MoveAborted{}, e.Data.rest()), nil
	case committed(m):
		return nil, nil
	case m.Paused:
		return nil, &Blocker{Reason: ev.Reason{Code: ev.Dependency, Fault: ev.ByUser, Message: "the move is paused: continue it, or abort it"}}
	case m.Step == ev.StepReserve:
		return reserve(e, refs)
	}
	return changed(e.Base, ev.Moved{Placement: m.To, Spec: *e.Data.Next}), nil
}

// reserve waits until the place that was taken can be lived in. One that can't be made brings the tenant back.
func reserve(e Entity[TenantData], refs *Refs) ([]ev.Change, *Blocker) {
	needs := placeOf(e.Data.Move.To)
	w := refs.unmet(needs)
	if w == nil {
		return changed(e.Base, ev.MoveReserved{}), nil
	}
	for _, n := range needs {
		if on, _ := refs.Get(n.Ref); !on.offers() {
			why := ev.Reason{Code: ev.Dependency, Fault: ev.BySystem, Message: fmt.Sprintf("%s is %s", n.Ref, state(on.Base))}
			return changed(e.Base, ev.MoveAborting{Reason: why}), w
		}
	}
	return nil, w
}

// rest is the event with which a tenant that has moved, or has come back, is at rest again.
func (d TenantData) rest() ev.Event {
	if d.Sleeps {
		return ev.Suspended{}
	}
	return ev.Activated{}
}

// outcomeTenant ends a move with what brings its last step about.
func outcomeTenant(e Entity[TenantData], outcome ev.Event) []ev.Event {
	if e.Phase() == Moving {
		return []ev.Event{ev.MoveReleased{}, outcome}
	}
	return []ev.Event{outcome}
}

// pauseMove holds a move, or lets it go on.
func pauseMove(e Entity[TenantData], on bool) ([]ev.Change, error) {
	m := e.Data.Move
	switch {
	case m == nil:
		return nil, notMoving(e)
	case m.Paused == on:
		return nil, nil // asked twice
	case !on:
		return changed(e.Base, ev.MoveContinued{}), nil
	case committed(m):
		return nil, ev.Refuse(ev.Refused, "%s has moved: operation %s goes forwards only, to its end; then move it back", e.Ref, m.ID)
	case m.Step == ev.StepAbort:
		return nil, ev.Refuse(ev.Refused, "operation %s of %s is given up and brings all back: that is not held", m.ID, e.Ref)
	}
	return changed(e.Base, ev.MovePaused{}), nil
}

// abortMove gives a move up.
func abortMove(e Entity[TenantData]) ([]ev.Change, error) {
	m := e.Data.Move
	switch {
	case m == nil:
		return nil, notMoving(e)
	case m.Step == ev.StepAbort:
		return nil, nil // asked twice
	case committed(m):
		return nil, ev.Refuse(ev.Refused, "%s has moved: operation %s goes forwards only, to its end; then move it back", e.Ref, m.ID)
	}
	return changed(e.Base, ev.MoveAborting{Reason: ev.Reason{Code: ev.ConflictReason, Fault: ev.ByUser, Message: "somebody has given it up"}}), nil
}

func notMoving(e Entity[TenantData]) error {
	return ev.Refuse(ev.Refused, "%s is %s: it does not move; \"aerie tenant move\" begins that", e.Ref, e.Phase())
}

// refuseMoving refuses what has to wait for the end of a move; nil if the tenant does not move.
func refuseMoving(asked string, t Entity[TenantData]) error {
	if m := t.Data.Move; m != nil {
		return ev.Refuse(ev.Refused, "%s: %s moves (operation %s): wait for its end, or abort it", asked, t.Ref, m.ID)
	}
	return nil
}
