package fsm

import (
	"fmt"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// apply moves the entity by one event, or says why the table forbids it.
func (k *Kind[D]) apply(e Entity[D], r ev.Recorded) (Entity[D], error) {
	to, ok := k.verdicts[e.Phase()][r.Event.Type()]
	if !ok {
		return e, fmt.Errorf("%s in phase %s: the table of %s has no such row", r.Event.Type(), e.Phase(), k.Name)
	}
	if _, birth := r.Event.(ev.CreateEvent); birth { // a name used again begins anew; its history stays
		e = Entity[D]{Base: Base{History: e.History, phase: e.phase}}
	}
	before := e.Base
	e.Base = e.keepBooks(r)
	if to != e.Phase() || begins(r.Event) {
		e.phase, e.PhaseSince, e.Rounds = to, r.Time, Rounds{}
	}
	e.OwedSince, e.TroubleSince = k.owedSince(before, e.Base, r), troubleSince(before, e.Base, r)
	e.UnmetSince = unmetSince(before, e.Base)
	if e.Data = k.Evolve(e.Data, r.Event); k.EvolveAt != nil {
		e.Data = k.EvolveAt(e.Data, r.Event, r.Time)
	}
	e.Conditions = carry(e.Conditions, k.Conditions(e), r.Time)
	return e, nil
}

// begins tells whether an event gives the phase its time anew, though it stays.
func begins(e ev.Event) bool {
	switch e := e.(type) {
	case ev.SpecEvent, ev.RetryRequested, ev.ChangeReleased, ev.HandedOver:
		return true
	case ev.AttemptFailed: // its time is for what is done when it can be
		return e.Waits()
	}
	return beginsStep(e)
}

// owedSince is when an entity came to be owed what it is owed after an event.
func (k *Kind[D]) owedSince(before, after Base, r ev.Recorded) time.Time {
	switch {
	case slices.Contains(k.SteadyPhases, after.Phase()):
		return time.Time{}
	case before.OwedSince.IsZero() || !aside(r.Event):
		return r.Time
	}
	return before.OwedSince
}

// aside tells whether an event leaves what is owed as it is.
func aside(e ev.Event) bool {
	switch e.(type) {
	case ev.LabelsChanged, ev.Claimed, ev.Attached, ev.Detached, ev.PoolsObserved, ev.Swept, ev.Observed, ev.CatalogueChanged,
		ev.Disowned, ev.AttemptFailed, ev.Kept, ev.HandoverStarted, ev.HandedOver:
		return true
	}
	return isCreate(e)
}

// keepBooks keeps the books that all kinds keep.
func (b Base) keepBooks(r ev.Recorded) Base {
	b.Ref, b.Seq, b.LastEventID, b.CorrelationID = r.Ref, r.Seq, r.EventID, r.CorrelationID
	b.History = b.History.With(r.Seq)
	b.Creations = b.countCreates(r.Event)
	if isCreate(r.Event) {
		return b
	}
	switch e := r.Event.(type) {
	case ev.LabelsChanged:
		b.Labels = e.Labels
		return b
	case ev.Claimed, ev.Attached, ev.Detached, ev.PoolsObserved, ev.Swept, ev.Observed, ev.CatalogueChanged, ev.SlotTaken, ev.SlotFreed,
		ev.Kept, ev.Emptied, ev.Occupied, ev.ProvisionFailed, ev.ProvisionSucceeded, ev.ProvisionPaused, ev.ProvisionResumed,
		ev.HandoverStarted, ev.HandedOver, ev.CellUpgradeStarted, ev.CellsUpgraded:
		return b
	case ev.ProvisionBlocked:
		b.Failure = &e.Reason
		return b
	case ev.CellsUpgradeStarted:
		if b.provisionStopped() {
			return b
		}
	case ev.CellsUpgradeStopped:
		return b.stopUpgrade(e)
	case ev.Disowned:
		if b.UID == "" { // the log knows no other incarnation of the name
			b.UID, b.Created, b.CreatedSeq = e.UID, r.Time, r.Seq
		}
		return b
	case ev.AttemptFailed:
		b.Attempt = &e
		return b
	case ev.CallsMade:
		b.Rounds = b.Rounds.with(e)
		return b
	case ev.Drifted:
		return b.relapse(e, r.Time)
	case ev.UpdateFailed:
		if b.Failure = &e.Reason; !e.Repair {
			b.Unmet = &e.Reason
		}
		return b
	case ev.UpdateDone, ev.DriftEnded, ev.Resumed:
		if resumed, is := e.(ev.Resumed); is && resumed.Unmet != nil {
			b.Unmet = resumed.Unmet
		}
		b.RepairAt = time.Time{}
		b.Attempt, b.Failure, b.Drift = nil, b.Unmet, ""
		return b
	case ev.SuspendGivenUp:
		b.Attempt, b.Failure, b.Unmet = nil, &e.Reason, &e.Reason
		return b
	case ev.Failed:
		b.Failure = &e.Reason
		return b
	case ev.Degraded:
		b.Failure = &e.Reason
		return b
	case ev.RollingBackStarted:
		b.Attempt, b.Failure = nil, &e.Reason
		return b
	case ev.ChangeHeld, ev.ChangeReleased:
		b.Attempt = nil
		return b
	case ev.RolledBack: // the reason stays: what was asked for is not there
		if b.Failure == nil { // what was there before was repaired
			b.Failure = b.Unmet
		}
		b.Attempt, b.Unmet, b.Drift = nil, b.Failure, ""
		return b
	case ev.CreateEvent:
		b.UID, b.Labels, _ = e.Born()
		b.Created, b.CreatedSeq, b.Revision = r.Time, r.Seq, 1
	case ev.SpecEvent:
		b.Revision++
		b.Unmet, b.Drift, b.Relapses = nil, "", nil
	case ev.RetryRequested, ev.SuspendRequested, ev.ResumeRequested, ev.MoveStarted:
		if b.phase == RollingBack { // what it is brought back from has failed still
			b.Attempt, b.Drift, b.Relapses = nil, "", nil
			return b
		}
		b.Unmet, b.Drift, b.Relapses = nil, "", nil
	case ev.TakenIn:
		b.Drift, b.Relapses = "", nil
	case ev.Activated, ev.Suspended:
		b.Unmet = nil
	case ev.Drained:
		b.Drained = true
	}
	b.Attempt, b.Failure, b.RepairAt = nil, nil, time.Time{} // whatever else happened, it is a new beginning
	return b
}

// carry keeps the time of each condition that did not change.
func carry(old, now []Condition, at time.Time) []Condition {
	for i := range now {
		now[i].Since = at
		for _, o := range old {
			if o.Type == now[i].Type && o.Status == now[i].Status {
				now[i].Since = o.Since
			}
		}
	}
	return now
}

// conditions are all that can be asked of an entity, Ready last, as they are shown: what its own events say, what its users
// do, and whether what it stands on is still there.
func (k *Kind[D]) conditions(e Entity[D], refs *Refs) []Condition {
	all := slices.Clone(e.Conditions)
	if len(all) == 0 {
		return all
	}
	if k.ConditionsOfUsers != nil {
		all = slices.Insert(all, len(all)-1, k.ConditionsOfUsers(e, refs)...)
	}
	if ready := &all[len(all)-1]; ready.Status == True {
		*ready = refs.grounded(e.Base, e.Data, *ready)
	}
	return all
}

// grounded is the condition that something is ready, unless what its dataplane does not work without is gone. Its own events
// do not say so: who looks at a dataplane like that looks at nothing that stands on it.
func (r *Refs) grounded(b Base, d Data, ready Condition) Condition {
	on, ok := dataplaneOf(b, d)
	if !ok || on == b.Ref {
		return ready
	}
	dp, ok := find[DataplaneData](r, on)
	if !ok || dp.Data.works() {
		return ready
	}
	ready.Status, ready.Reason, ready.Since = False, string(dp.Phase()), dp.Conditions[len(dp.Conditions)-1].Since
	if t := dp.trouble(); t != nil {
		ready.Reason = string(t.Code)
	}
	ready.Message = fmt.Sprintf("stands on %s, which is %s", on, state(dp.Base))
	return ready
}
