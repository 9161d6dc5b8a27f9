package fsm

import (
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// noteDrift takes what a look at an entity at rest has found. What is not as it was
// made is an event; it is brought back at once, or, if the dataplane's policy is to
// report it, when somebody retries. A look that sees the same again is no news.
func (k *Kind[D]) noteDrift(e Entity[D], ask ev.NoteDrift, refs *Refs) ([]ev.Change, error) {
	stands := k.stands(e, refs)
	if len(stands) == 0 {
		return nil, nil // it has moved on
	}
	drifted := ev.Drifted(ask)
	switch {
	case len(ask.Found) == 0 && e.drifted():
		return changed(e.Base, ev.DriftEnded{}), nil
	case len(ask.Found) == 0:
		return nil, nil
	case refs.repairs(stands[0]):
		return changed(e.Base, drifted, ev.RepairStarted{}), nil
	case e.drifted() && *e.Failure == driftReason(ask.Found):
		return nil, nil
	}
	return changed(e.Base, drifted), nil
}

// stands is what was made for an entity at rest and should still be as it was made:
// the effects that made it. What stands on something that is not ready is not looked at.
func (k *Kind[D]) stands(e Entity[D], refs *Refs) []ev.Effect {
	if k.ExpectedEffects == nil || !slices.Contains(k.SteadyPhases, e.Phase()) {
		return nil
	}
	return k.ExpectedEffects(e, refs)
}

// repairs tells what the policy is of the dataplane that something stands on.
func (r *Refs) repairs(made ev.Effect) bool {
	site := made.(interface{ Where() ev.Target }).Where()
	dp, _ := find[DataplaneData](r, ready(ev.Dataplane, site.Dataplane).Ref)
	return dp.Data.Spec.Drift != ev.DriftReport
}

// drifted tells whether the entity waits for somebody to decide about a drift.
func (b Base) drifted() bool { return b.Failure != nil && b.Failure.Code == ev.DriftedReason }

// inSync is the condition that all is as it was made, as far as anybody has seen.
func (b Base) inSync() Condition { return b.condition("InSync", !b.drifted()) }

func driftReason(found []ev.Drift) ev.Reason {
	var all []string
	for _, d := range found {
		all = append(all, d.String())
	}
	return ev.Reason{Code: ev.DriftedReason, Fault: ev.ByUser, Message: "by somebody else, " + strings.Join(all, "; ")}
}
