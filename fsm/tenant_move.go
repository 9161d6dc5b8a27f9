package fsm

import (
	"fmt"
	"slices"
	"time"

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
		Row{ev.MoveMade{}, []Phase{Moving}, Stay},
		Row{ev.MovePrepared{}, []Phase{Moving}, Stay},
		Row{ev.MoveEvicted{}, []Phase{Moving}, Stay},
		Row{ev.Moved{}, []Phase{Moving}, Stay},
		Row{ev.MoveInstalled{}, []Phase{Moving}, Stay},
		Row{ev.MoveReadied{}, []Phase{Moving}, Stay},
		Row{ev.MoveConfirmed{}, []Phase{Moving}, Stay},
		Row{ev.MoveWindowOpened{}, []Phase{Moving}, Stay},
		Row{ev.MoveWindowMissed{}, []Phase{Moving}, Stay},
		Row{ev.MoveQuiesced{}, []Phase{Moving}, Stay},
		Row{ev.MoveCopied{}, []Phase{Moving}, Stay},
		Row{ev.MoveVerified{}, []Phase{Moving}, Stay},
		Row{ev.MoveOpened{}, []Phase{Moving}, Stay},
		Row{ev.MoveRedirected{}, []Phase{Moving}, Stay},
		Row{ev.MoveHeld{}, []Phase{Moving}, Stay},
		Row{ev.MoveStopped{}, []Phase{Moving}, Stay},
		Row{ev.MoveReopened{}, []Phase{Moving}, Stay},
		Row{ev.MoveReleased{}, []Phase{Moving, Deleting}, Stay},
		Row{ev.MovePaused{}, []Phase{Moving}, Stay},
		Row{ev.MoveContinued{}, []Phase{Moving}, Stay},
		Row{ev.MoveAborting{}, []Phase{Moving}, Stay},
		Row{ev.MoveAborted{}, []Phase{Moving}, Stay},
		Row{ev.Drifted{}, []Phase{Moving}, Stay},
		Row{ev.RepairStarted{}, []Phase{Moving}, Stay},
		Row{ev.DriftEnded{}, []Phase{Moving}, Stay},
		Row{ev.Activated{}, []Phase{Moving}, Active},
		Row{ev.Suspended{}, []Phase{Moving}, Suspended},
	)
}

// committed tells whether the tenant is on the terms that it was to go to: from then on a move goes forwards only.
func committed(m *ev.MoveState) bool {
	return slices.Contains([]string{ev.StepApply, ev.StepOpen, ev.StepRedirect, ev.StepHold, ev.StepRelease}, m.Step)
}

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
	if after.Ref.Kind != ev.Tenant {
		return true // they have none
	}
	was, _ := before.Data.(TenantData)
	is, _ := after.Data.(TenantData)
	return was.Placement == is.Placement && was.Move == is.Move && (before.Phase() == Gone) == (after.Phase() == Gone)
}

// evolveMove notes how far a move has come.
func (d TenantData) evolveMove(happened ev.Event) TenantData {
	d = d.evolveAway(happened)
	if d.Move == nil {
		if started, ok := happened.(ev.MoveStarted); ok {
			return d.moving(started)
		}
		return d
	}
	now := *d.Move // the fold shares it
	switch e := happened.(type) {
	case ev.MoveReserved, ev.MovePrepared, ev.MoveEvicted, ev.MoveQuiesced, ev.MoveCopied, ev.MoveVerified, ev.MoveOpened,
		ev.MoveRedirected, ev.MoveHeld:
		now.Step = d.stepAfter(now)
	case ev.MoveMade:
		now.Makes = false
	case ev.MoveInstalled:
		now = d.closesFrom(now, e.At)
	case ev.MoveReadied:
		now = d.closesFrom(now, e.At)
	case ev.MoveConfirmed:
		now = d.closesFrom(now, e.At)
	case ev.MoveWindowOpened:
		now = d.closesFrom(now, e.At)
	case ev.Moved:
		d.Placement, d.Spec, d.Next = &e.Placement, e.Spec, nil
		now.Step = d.stepAfter(now)
	case ev.MovePaused:
		now.Paused = true
	case ev.MoveContinued:
		now.Paused = false
	case ev.MoveAborting:
		now.Step, now.Paused = ev.StepAbort, false
	case ev.DeletionRequested:
		if d.Away == nil || d.Away.Cluster == "" {
			return d.settled()
		}
		now.Paused = false // what is in the other cluster goes first
	case ev.MoveReleased, ev.MoveAborted:
		return d.settled()
	}
	d.Move = &now
	return d
}

// beginsStep tells whether an event begins a step of a move, or one anew.
func beginsStep(e ev.Event) bool {
	switch e.(type) {
	case ev.MoveMade, ev.MoveReserved, ev.MovePrepared, ev.MoveEvicted, ev.MoveContinued, ev.MoveAborting,
		ev.MoveInstalled, ev.MoveReadied, ev.MoveConfirmed, ev.MoveWindowOpened, ev.MoveWindowMissed, ev.MoveQuiesced,
		ev.MoveCopied, ev.MoveVerified, ev.MoveOpened, ev.MoveRedirected, ev.MoveHeld, ev.MoveStopped, ev.MoveReopened:
		return true
	}
	return false
}

// settled is a tenant that does not move.
func (d TenantData) settled() TenantData {
	d.Move, d.Next, d.Zones, d.Away = nil, nil, nil, nil
	return d
}

// moving has the state that a move begins with. The event stays here, since what is pointed to is on the heap at every call.
func (d TenantData) moving(started ev.MoveStarted) TenantData {
	d.Move = &ev.MoveState{ID: started.ID, Kind: started.Kind, Step: ev.StepReserve, Makes: started.Makes, From: started.From, To: started.To}
	d.Next, d.Zones = &started.Spec, started.Zones
	if d.Away != nil {
		d.Move.Data = d.Away.Terms.Data
	}
	from := started.From
	d.Placement = &from // a stay of an older release has its name from here on
	return d
}

// stepAfter is the step behind the one that a move takes now.
func (d TenantData) stepAfter(m ev.MoveState) string {
	steps := namesOfSteps(stepsOf(m.Kind, d.Away.course(), ""))
	return string(steps[slices.Index(steps, Phase(m.Step))+1])
}

// closesFrom is a move that has taken a step, behind which the tenant may be closed: from then on, if so.
func (d TenantData) closesFrom(m ev.MoveState, at time.Time) ev.MoveState {
	if m.Step = d.stepAfter(m); m.Step == ev.StepQuiesce {
		m.Closed = at
	}
	return m
}

// machineSteps are the steps of a move to other machines that somebody outside does, with their bounds. Before the commit one
// that takes too long brings all back; what comes behind it, and bringing back, take as long as they take.
var machineSteps = map[string]PhaseLimits{
	ev.StepReserve: {Within: time.Hour, Attempts: 5},
	ev.StepPrepare: {Within: 30 * time.Minute, Attempts: 5},
	ev.StepEvict:   {Within: 2 * time.Hour, Attempts: 5},
	ev.StepRelease: {},
	ev.StepAbort:   {},
}

// limitsOfStep are those of the step that a move takes, or of programs by which a tenant is suspended or resumed.
func limitsOfStep(e Entity[TenantData]) (l PhaseLimits, is bool) {
	if l, is = boundsOfSuspension(e); is {
		return l, is
	}
	if e.Phase() == Moving && e.Data.Away != nil {
		return e.Data.boundsOfCluster()
	}
	if m := e.Data.Move; e.Phase() == Moving && m != nil && m.Kind == ev.MoveMachines {
		l, is = machineSteps[m.Step]
		return l, is && l.Within > 0 && !m.Makes // who makes machines has bounds of its own
	}
	return l, false
}

// owedMachines is what is owed to a tenant whose pods go to other machines; nil if nobody outside has to do anything.
func (d TenantData) owedMachines(b Base) ev.Effect {
	m := d.Move
	if _, outside := machineSteps[m.Step]; !outside || m.Paused {
		return nil
	}
	at, to := *d.Placement, m.To.Nodes()
	switch m.Step {
	case ev.StepReserve:
		if m.Makes {
			return WaitFor{On: placeOf(m.To)}
		}
	case ev.StepPrepare, ev.StepEvict:
		at.TenantInfra, at.Machines = m.To.TenantInfra, m.To.Machines // on the terms of before, until the commit
	case ev.StepAbort:
		to = m.From.Nodes()
	}
	e := ev.MoveTenant{EnsureTenant: d.ensure(b), Step: m.Step, Move: m.ID, To: to, Zones: d.Zones,
		Sleeps: d.Sleeps, Since: b.PhaseSince, Look: d.look()}
	e.Placement = at
	return e
}

// owedMove is what is owed to a tenant that moves.
func (d TenantData) owedMove(b Base) ev.Effect {
	if d.Move != nil && d.Away != nil {
		return d.owedCluster(b)
	}
	if d.Move != nil && d.Move.Kind == ev.MoveMachines {
		if owed := d.owedMachines(b); owed != nil {
			return owed
		}
		return WaitFor{}
	}
	switch {
	case d.Move != nil && committed(d.Move) && d.Sleeps:
		return d.asleep(b)
	case d.Move != nil && committed(d.Move) && d.shares():
		return ev.RecordTenant{CellTenant: d.ensure(b).InCell()}
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
	case m == nil || e.Data.Next == nil && !committed(m): // only in a log that nobody decided
		return nil, nil
	case m.Paused:
		return nil, &Blocker{Reason: ev.Reason{Code: ev.Dependency, Fault: ev.ByUser, Message: "the move is paused: continue it, or abort it"}}
	case e.Data.Away != nil:
		return settleCluster(e, refs)
	case committed(m):
		return nil, nil
	case m.Step == ev.StepSwitch:
		return changed(e.Base, ev.Moved{Placement: m.To, Spec: *e.Data.Next}), nil
	case m.Kind == ev.MoveMachines:
		return awaitMachines(e, refs)
	case m.Step == ev.StepReserve:
		return reserve(e, refs)
	}
	return changed(e.Base, ev.MoveAborted{}, e.Data.rest()), nil
}

// reserve waits until the place that was taken can be lived in. One that can't be made brings the tenant back.
func reserve(e Entity[TenantData], refs *Refs) ([]ev.Change, *Blocker) {
	back, w := awaitPlace(e, refs)
	switch {
	case w != nil:
		return back, w
	case e.Data.Away != nil:
		return changed(e.Base, reservedAt(e, refs)), nil
	}
	return changed(e.Base, ev.MoveReserved{}), nil
}

// awaitPlace is what a tenant waits for at the place that it goes to, and brings it back if that can't be made; nil if all is there.
func awaitPlace(e Entity[TenantData], refs *Refs) (back []ev.Change, w *Blocker) {
	needs := placeOf(e.Data.Move.To)
	if e.Data.Move.To.Record != "" && e.Data.Away != nil {
		needs = append(needs, refs.inCellOf(e.Data.Move.To)...)
	}
	if w = refs.unmet(needs); w == nil {
		return nil, nil
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
	_, left := outcome.(ev.TenantLeft) // and is still to be forgotten there
	switch {
	case e.Data.Away != nil && e.Phase() == Deleting && !left:
		return []ev.Event{ev.MoveReleased{}}
	case e.Phase() != Moving:
		if done, is := mended(e); is {
			done.Calls = ev.CallsOf(outcome)
			return []ev.Event{done}
		}
		return []ev.Event{outcome}
	case e.Data.Away != nil && e.Data.Away.Mends:
		return []ev.Event{ev.DriftEnded{}}
	}
	switch outcome.(type) {
	case ev.MoveReserved, ev.MovePrepared, ev.MoveEvicted, ev.MoveQuiesced, ev.MoveCopied, ev.MoveVerified, ev.MoveOpened, ev.MoveRedirected,
		ev.MoveStopped, ev.MoveReopened, ev.TenantLeft:
		return []ev.Event{outcome}
	case ev.Deleted: // of what it had in the other cluster
		outcome = e.Data.rest()
	}
	if e.Data.Move.Step == ev.StepAbort {
		return []ev.Event{ev.MoveAborted{}, outcome}
	}
	return []ev.Event{ev.MoveReleased{}, outcome}
}

// pauseMove holds a move, or lets it go on.
func pauseMove(e Entity[TenantData], on bool) ([]ev.Change, error) {
	m := e.Data.Move
	switch {
	case !underWay(e):
		return nil, notMoving(e)
	case m.Paused == on:
		return nil, nil // asked twice
	case !on:
		return changed(e.Base, ev.MoveContinued{}), nil
	case committed(m):
		return nil, onlyForwards(e)
	case m.Step == ev.StepAbort:
		return nil, ev.Refuse(ev.Refused, "operation %s of %s was aborted and brings everything back: it can't be paused", m.ID, e.Ref)
	case !m.Closed.IsZero():
		return nil, ev.Refuse(ev.Refused, "%s has been closed since %s by operation %s, which can't be paused now: abort it to open it again where it was", e.Ref, m.Closed.Format(time.RFC3339), m.ID)
	}
	return changed(e.Base, ev.MovePaused{}), nil
}

// abortMove gives a move up. By force what is closed opens without waiting for a program.
func abortMove(e Entity[TenantData], ask ev.Abort, refs *Refs) ([]ev.Change, error) {
	m := e.Data.Move
	switch {
	case !underWay(e):
		return nil, notMoving(e)
	case ask.Force && !committed(m) && e.Data.Away.waits(m):
		return aborting(e, ev.MoveAborting{Forced: true, Reason: ev.Reason{Code: ev.ConflictReason, Fault: ev.ByUser,
			Message: "forced open: nobody waits for programs to undo what they did, or to end"}}, refs), nil
	case m.Step == ev.StepAbort:
		return nil, nil // asked twice
	case committed(m):
		return nil, onlyForwards(e)
	}
	return aborting(e, ev.MoveAborting{Reason: ev.Reason{Code: ev.ConflictReason, Fault: ev.ByUser, Message: "somebody has given it up"}}, refs), nil
}

func onlyForwards(e Entity[TenantData]) error {
	return ev.Refuse(ev.Refused, "%s is on the new terms: operation %s can only go on to its end; move it back after that", e.Ref, e.Data.Move.ID)
}

// underWay tells whether a tenant is on its way. One that is deleted there is not any more, though its move has not ended.
func underWay(e Entity[TenantData]) bool { return e.Data.Move != nil && e.Phase() == Moving }

func notMoving(e Entity[TenantData]) error {
	return ev.Refuse(ev.Refused, "%s is %s and does not move: \"aerie tenant move\" begins a move", e.Ref, e.Phase())
}

// refuseMoving refuses what has to wait for the end of a move; nil if the tenant does not move.
func refuseMoving(asked string, t Entity[TenantData]) error {
	if m := t.Data.Move; m != nil {
		return ev.Refuse(ev.Refused, "%s: %s is moving (operation %s): wait until that has ended, or abort it", asked, t.Ref, m.ID)
	}
	return nil
}
