package fsm

import (
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm/relapse"
)

// noteDrift takes what a look at an entity at rest has found. What is not as it was made is an event; it is brought back at once, or,
// if the dataplane's policy is to report it, when somebody retries. A look that sees the same again is no news, and what could not be
// brought back is not tried again by itself. A secret that has another value is rolled out whatever the policy. On the way, where the
// policy is to report it, that is done when the entity has arrived, or has come back. Of one that has failed, since its repair had, the
// rest is made sure of once nobody finds anything any more.
func (k *Kind[D]) noteDrift(e Entity[D], at time.Time, ask ev.NoteDrift, refs *Refs) ([]ev.Change, error) {
	stands := k.stands(e, refs)
	if len(stands) == 0 {
		return nil, nil // it has moved on
	}
	happened := k.observed(e, at, ask)
	drifted := ev.Drifted{Found: ask.Found, Calls: ask.Calls}
	repairs := refs.repairs(stands[0]) || ev.Rotated(ask.Found)
	switch {
	case len(ask.Found) == 0 && e.Failure != nil && e.Drift != "":
		if happened = append(happened, ev.DriftEnded{}); e.Phase() == Failed && e.Unmet == nil {
			happened = append(happened, k.repair(e)...)
		}
	case len(ask.Found) == 0, onTheWay(e.Phase()) && !repairs:
	case repairs && e.contested() && e.Relapses.Known(ask.Found):
		if !at.Before(e.RepairAt) {
			happened = append(happened, k.repair(e)...)
		}
	case e.Failure != nil && e.Drift == relapse.Told(ask.Found):
	case repairs:
		drifted = e.Relapses.BroughtBack(e.PhaseSince).Next(drifted, at, ask.Every, e.RepairAt)
		if happened = append(happened, drifted); !drifted.NextAt.After(at) {
			happened = append(happened, k.repair(e)...)
		}
	default:
		happened = append(happened, drifted)
	}
	return changed(e.Base, happened...), nil
}

// repair begins a repair.
func (k *Kind[D]) repair(e Entity[D]) []ev.Event {
	if k.Repair == nil {
		return []ev.Event{ev.RepairStarted{}}
	}
	return k.Repair(e)
}

// stands is what was made for an entity at rest, or that is looked at though it is not, and should still be as it was made: the
// effects that made it. What stands on something that is not ready is not looked at.
func (k *Kind[D]) stands(e Entity[D], refs *Refs) []ev.Effect {
	if k.ExpectedEffects == nil || !slices.Contains(k.SteadyPhases, e.Phase()) && !k.watches(e) {
		return nil
	}
	return k.ExpectedEffects(e, refs)
}

// watches tells whether an entity is looked at that is not at rest.
func (k *Kind[D]) watches(e Entity[D]) bool { return k.Watched != nil && k.Watched(e) }

// brokenRepair tells whether an entity has failed since a repair of it had: what it should be is what it was before.
func (b Base) brokenRepair() bool { return b.phase == Failed && b.Drift != "" && b.Unmet == nil }

// repairs tells what the policy is of the dataplane that something stands on.
func (r *Refs) repairs(made ev.Effect) bool {
	site := made.(interface{ Where() ev.Target }).Where()
	dp, _ := find[DataplaneData](r, ready(ev.Dataplane, site.Dataplane).Ref)
	return dp.Data.Spec.Drift != ev.DriftReport
}

// drifted tells whether the entity waits for somebody to decide about a drift.
func (b Base) drifted() bool {
	return b.Failure != nil && (b.Failure.Code == ev.DriftedReason || b.Failure.Code == ev.Contested)
}

// inSync is the condition that all is made as it was asked for, and still so as far as anybody has seen.
func (b Base) inSync(made Phase) Condition {
	return b.condition(ConditionInSync, b.phase == made && b.Failure == nil)
}

// contested tells whether somebody undoes what is repaired, so that the next repair has to wait.
func (b Base) contested() bool { return b.Failure != nil && b.Failure.Code == ev.Contested }

// relapse notes a drift.
func (b Base) relapse(d ev.Drifted, at time.Time) Base {
	reason := relapse.Reason(d)
	b.Drift, b.RepairAt = relapse.Told(d.Found), d.NextAt
	b.Failure, b.Relapses = &reason, b.Relapses.With(d.Found, at)
	return b
}
