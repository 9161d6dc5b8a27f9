package sim

import (
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// checkProvision is asked of each event: nothing is made beyond the budgets, and nothing of a person's is removed by itself.
func (l *life) checkProvision(r ev.Recorded) {
	switch e := r.Event.(type) {
	case ev.Requested[ev.DataplaneSpec]:
		if e.Made != nil {
			l.seen["made by a plan"]++
			l.checkBudgets(r.Ref, e)
		}
	case ev.DeletionRequested:
		l.checkTheirs(r)
	case ev.Kept, ev.Emptied, ev.Occupied, ev.KeptWarm, ev.ProvisionFailed, ev.ProvisionBlocked, ev.ProvisionSucceeded, ev.ProvisionPaused, ev.ProvisionResumed:
		l.seen["of what is made: "+r.Event.Type()]++
	}
}

// checkBudgets: of a template there are at most two, and in a region one is built at a time.
func (l *life) checkBudgets(ref ev.Ref, born ev.Requested[ev.DataplaneSpec]) {
	building, alive := 0, map[string]int{}
	for _, m := range l.world.Provisioned().Made {
		if m.Lives && m.Region == born.Spec.Region && m.Building {
			building++
		}
		if m.Lives {
			alive[m.Made.Plan+" "+m.Made.Template+" "+m.Customer]++
		}
	}
	if building != 1 {
		l.wrong("%s is made in %s, where %d are being built", ref, born.Spec.Region, building)
	}
	for of, n := range alive {
		if n > 2 {
			l.wrong("of %s there are %d", of, n)
		}
	}
}

// checkTheirs: by itself goes only what was made, and what nobody had to do with, unless its owner goes.
func (l *life) checkTheirs(r ev.Recorded) {
	if r.Ref.Kind != ev.Dataplane || r.Actor != ev.ActorAerie {
		return
	}
	owner, _ := l.world.Get(ev.Ref{Kind: ev.Customer, Owner: r.Ref.Owner, ID: r.Ref.Owner})
	e, _ := l.world.Get(r.Ref)
	if o := e.Data.(fsm.DataplaneData).Origin; (o.Made == nil || o.Kept) && !fsm.Machines[ev.Customer].Terminating(owner.Phase()) {
		l.wrong("%s goes by itself, and it is a person's", r.Ref)
	}
	l.seen["made and removed by itself"]++
}

// checkIdle is asked when nothing moves any more: who waits at rest has noticed all that there is, and no time is left that
// nobody looks at. Nothing that was made stands there for nobody.
func (l *life) checkIdle(e fsm.Entity[fsm.Data], m fsm.Machine) {
	w, waits := m.Owed(e).(fsm.WaitFor)
	if !waits || !w.Idle() {
		return
	}
	if w.Within > 0 {
		l.wrong("%s waits since %s for its time, and nobody looks whether it is over", e.Ref, w.Since)
	}
	if changes, err := m.Decide(e, l.internal(e.Ref, ev.ActorAerie, ev.Settle{}), l.world.Refs()); !w.OnlyTime() && (len(changes) > 0 || err != nil) {
		l.wrong("%s is %s and has not noticed: %+v, %v", e.Ref, e.Phase(), changes, err)
	}
	if e.Ref.Kind == ev.Dataplane && e.Phase() == fsm.Failed {
		l.seen["made, failed, with somebody on it"]++
	}
}
