package fsm

import (
	"fmt"
	"slices"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm/relapse"
)

// noteDrift takes what a look at an entity at rest has found. What is not as it was
// made is an event; it is brought back at once, or, if the dataplane's policy is to
// report it, when somebody retries. A look that sees the same again is no news, and what
// could not be brought back is not tried again by itself.
func (k *Kind[D]) noteDrift(e Entity[D], at time.Time, ask ev.NoteDrift, refs *Refs) ([]ev.Change, error) {
	stands := k.stands(e, refs)
	if len(stands) == 0 {
		return nil, nil // it has moved on
	}
	happened := k.observed(e, at, ask)
	drifted := ev.Drifted{Found: ask.Found, Calls: ask.Calls}
	repairs := refs.repairs(stands[0])
	switch {
	case len(ask.Found) == 0 && e.Failure != nil && e.Drift != "":
		happened = append(happened, ev.DriftEnded{})
	case len(ask.Found) == 0:
	case repairs && e.contested() && e.Relapses.Known(ask.Found):
		if !at.Before(e.RepairAt) {
			happened = append(happened, ev.RepairStarted{})
		}
	case e.Failure != nil && e.Drift == driftReason(ask.Found).Message:
	case repairs:
		if drifted = e.relapsed(drifted, at, ask.Every); drifted.NextAt.After(at) {
			happened = append(happened, drifted)
			break
		}
		happened = append(happened, drifted, ev.RepairStarted{})
	default:
		happened = append(happened, drifted)
	}
	return changed(e.Base, happened...), nil
}

// observed is the event of what a look has seen, if that is news. Numbers of nodes alone
// are news only now and then.
func (k *Kind[D]) observed(e Entity[D], at time.Time, ask ev.NoteDrift) []ev.Event {
	if ask.Seen == nil || k.IsNews == nil {
		return nil
	}
	news, onlyNodes := k.IsNews(e, *ask.Seen)
	if !news || onlyNodes && at.Sub(seenAt(e.Base, e.Data)) < ask.Every {
		return nil
	}
	seen := ev.Observed{Seen: *ask.Seen, At: at}
	if len(ask.Found) == 0 {
		seen.Calls = ask.Calls
	}
	return []ev.Event{seen}
}

// seenAt is when what is known of something was last seen: the last look that saw
// something new, or when it became what was asked for.
func seenAt(b Base, d Data) time.Time {
	var looked time.Time
	switch d := d.(type) {
	case DataplaneData:
		looked = d.SeenAt
	case TenantInfraData:
		looked = d.SeenAt
	}
	if looked.IsZero() {
		return b.PhaseSince
	}
	return looked
}

// SeenAt is when what is known of an entity was last seen; a look that sees the same again is not noted.
func SeenAt(e Entity[Data]) time.Time { return seenAt(e.Base, e.Data) }

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
func (b Base) drifted() bool {
	return b.Failure != nil && (b.Failure.Code == ev.DriftedReason || b.Failure.Code == ev.Contested)
}

// inSync is the condition that all is made as it was asked for, and still so as far as anybody has seen.
func (b Base) inSync(made Phase) Condition {
	return b.condition("InSync", b.phase == made && b.Failure == nil)
}

// contested tells whether somebody undoes what is repaired, so that the next repair has to wait.
func (b Base) contested() bool { return b.Failure != nil && b.Failure.Code == ev.Contested }

// relapsed says in a drift how often each thing was found so, and when it is repaired: at once, unless all of it was brought
// back so often already that somebody else must be at work.
func (b Base) relapsed(d ev.Drifted, at time.Time, every time.Duration) ev.Drifted {
	var least int
	d.Found, least = b.Relapses.Counted(d.Found, at, every, !b.contested())
	switch {
	case least < relapse.Contested:
	case b.contested():
		d.NextAt = b.RepairAt
	default:
		d.NextAt = at.Add(relapse.Pause(least, every))
	}
	return d
}

// relapse notes a drift.
func (b Base) relapse(d ev.Drifted, at time.Time) Base {
	reason := driftReason(d.Found)
	b.Drift, b.RepairAt = reason.Message, d.NextAt
	if !d.NextAt.IsZero() {
		reason = contestedReason(d.Found)
	}
	b.Failure, b.Relapses = &reason, b.Relapses.With(d.Found, at)
	return b
}

func contestedReason(found []ev.Drift) ev.Reason {
	times := 0
	for _, d := range found {
		times = max(times, d.Times)
	}
	return ev.Reason{Code: ev.Contested, Fault: ev.ByUser, Message: fmt.Sprintf("aerie and somebody else undo each other's changes, %d times by now: %s; let one of the two alone say how it is",
		times, driftReason(found).Message)}
}

func driftReason(found []ev.Drift) ev.Reason {
	var all []string
	for _, d := range found {
		all = append(all, d.String())
	}
	return ev.Reason{Code: ev.DriftedReason, Fault: ev.ByUser, Message: "by somebody else, " + strings.Join(all, "; ")}
}
