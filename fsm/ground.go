package fsm

import (
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// ConditionInSync is the condition that all is made as it was asked for, and still so as far as anybody has seen.
const ConditionInSync = "InSync"

// Ground is the class of waiting for what an entity stands on: that it is brought back.
const Ground = "ground"

// groundOf lists what an entity stands on, the nearest first, each with the condition under which it carries.
func groundOf(e Entity[Data], get func(ev.Ref) (Entity[Data], bool)) []Dependency {
	on := Machines[e.Ref.Kind].standsOn(e, get)
	for i := 0; i < len(on); i++ {
		below, _ := get(on[i].Ref)
		for _, n := range Machines[on[i].Kind].standsOn(below, get) {
			if !slices.ContainsFunc(on, func(known Dependency) bool { return known.Ref == n.Ref }) {
				on = append(on, n)
			}
		}
	}
	return on
}

func (m machine[D]) standsOn(e Entity[Data], get func(ev.Ref) (Entity[Data], bool)) (on []Dependency) {
	if m.StandsOn == nil || e.Data == nil {
		return nil
	}
	for _, n := range m.StandsOn(typed[D](e)) {
		on = append(on, n)
		for _, machines := range awaitedMachines(e.Ref, n.Ref, get) {
			on = append(on, Dependency{Ref: machines.Ref, Condition: ConditionReady})
		}
	}
	return on
}

func (m machine[D]) TriedAgain() bool { return m.StandsOn != nil }

// mayBeGround tells whether a failure may be because of what an entity stands on, so that it is over when that is brought back.
// What is wrong by itself, such as a chart, is not.
func mayBeGround(r ev.Reason) bool {
	switch r.Code {
	case ev.Dependency, ev.Unreachable, ev.Timeout, ev.CapacityUnavailable:
		return true
	case ev.ConflictReason: // something else is being done to it
		return r.Fault == ev.ByCloud
	}
	return r.LacksRights()
}

// stranded is what an entity waits for that rests because others lack something: an account its rights, the cloud what was asked for,
// or what it stands on anything. Nil if that is not what is the matter.
func (k *Kind[D]) stranded(e Entity[D]) []Dependency {
	if e.Failure == nil || e.Phase() == k.TerminatingPhase || e.Phase() == k.FinalPhase || !idle(k.Owed(e)) {
		return nil
	}
	back := accountsBack(e.Base, e.Data)
	if mayBeGround(*e.Failure) && k.StandsOn != nil {
		back = append(back, Dependency{Ref: e.Ref, Class: Ground})
	}
	return back
}

// awaitedBelow is what can end the wait of one that is stranded.
func awaitedBelow(e Entity[Data], n Dependency, get func(ev.Ref) (Entity[Data], bool)) (all []Awaited) {
	if n.Class == AccountOf {
		if dp, born := get(n.Ref); born {
			all = append(all, Awaited{Ref: ready(ev.Account, typed[DataplaneData](dp).Data.Spec.Account).Ref})
		}
		return all
	}
	for _, on := range groundOf(e, get) {
		all = append(all, Awaited{Ref: on.Ref})
	}
	return all
}

// resume tries again what was given up because of what others lacked, once they have it again. Each time that is brought back it is
// tried once: what fails in the same way after that goes round in no circle.
func (k *Kind[D]) resume(e Entity[D], refs *Refs) []ev.Change {
	switch {
	case len(k.stranded(e)) == 0,
		!refs.hasRights(e.Base, e.Data) && !refs.carriedAgain(Entity[Data]{e.Base, e.Data}) && !refs.offeredAgain(e.Base, e.Data),
		k.Locked != nil && k.Locked(e, ev.Retry{}, refs) != nil:
		return nil
	}
	if _, mends := k.verdicts[e.Phase()][ev.RepairStarted{}.Type()]; mends && e.Phase() == Failed && e.Unmet != nil && *e.Failure != *e.Unmet {
		return changed(e.Base, k.repair(e)...) // a repair has failed, and what was asked for before has its own reason
	}
	changes, err := k.retry(e, refs)
	if err != nil { // as a person would be told; it is looked at again with the next news
		return nil
	}
	return changes
}

// carriedAgain tells whether what an entity stands on carries it, and that, or something below it, was brought back since the
// entity met its trouble.
func (r *Refs) carriedAgain(e Entity[Data]) bool {
	if !mayBeGround(*e.Failure) || r.unmet(Machines[e.Ref.Kind].standsOn(e, r.Get)) != nil {
		return false
	}
	return slices.ContainsFunc(groundOf(e, r.Get), func(n Dependency) bool {
		below, _ := r.Get(n.Ref)
		return below.restored(n.Condition).After(e.TroubleSince)
	})
}

// restored is when an entity last came to be as it was made, or came to carry what stands on it: by a condition of these.
func (b Base) restored(condition string) (at time.Time) {
	for _, c := range b.Conditions {
		if c.Status == True && (c.Type == condition || c.Type == ConditionInSync) && c.Since.After(at) {
			at = c.Since
		}
	}
	return at
}

// troubleSince is when an entity met the trouble that it has after an event.
func troubleSince(before, after Base, r ev.Recorded) time.Time {
	was, is := before.trouble(), after.trouble()
	switch {
	case is == nil:
		return time.Time{}
	case is == before.Unmet: // what befell it besides is over
		return before.UnmetSince
	case was == nil || was.Code != is.Code:
		return r.Time
	}
	return before.TroubleSince
}

// unmetSince is when an entity met what it could not be brought to, once the time of its trouble is known.
func unmetSince(before, after Base) time.Time {
	if after.Unmet == before.Unmet {
		return before.UnmetSince
	}
	return after.TroubleSince
}
