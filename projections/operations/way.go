package operations

import (
	"slices"
	"sync"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// verbs are the events with which an operation begins, and what was asked. An event that is not here and takes an entity out
// of its rest begins one all the same, which is named after it.
var verbs = map[string]string{
	ev.Requested[ev.TenantSpec]{}.Type():              ev.VerbCreate,
	ev.UpdateRequested[ev.TenantSpec]{}.Type():        ev.VerbUpdate,
	ev.RetryRequested{}.Type():                        ev.VerbRetry,
	ev.DeletionRequested{}.Type():                     ev.VerbDelete,
	ev.RollbackRequested[ev.ApplicationSpec]{}.Type(): ev.VerbRollback,
	ev.SuspendRequested{}.Type():                      ev.VerbSuspend,
	ev.ResumeRequested{}.Type():                       ev.VerbResume,
	ev.RepairStarted{}.Type():                         "repair",
	ev.MoveStarted{}.Type():                           ev.VerbMove,
	ev.CopyStarted{}.Type():                           ev.VerbMove,
}

// continues are those that change nothing about the goal of an operation that is under way.
var continues = map[string]bool{ev.RetryRequested{}.Type(): true, ev.RepairStarted{}.Type(): true}

// way is what a kind's table says of the way that an operation goes.
type way struct {
	next  map[fsm.Phase]map[string]fsm.Phase
	works map[fsm.Phase]bool        // somebody works there, or waits
	rests map[fsm.Phase]bool        // it is what was asked for, or its end
	ahead map[fsm.Phase][]fsm.Phase // the phases in which somebody works after one, on the shortest way to the rest
}

// ways has every kind's. It is never changed.
var ways = sync.OnceValue(func() map[ev.Kind]*way {
	all := map[ev.Kind]*way{}
	for k, m := range fsm.Machines {
		all[k] = wayOf(m)
	}
	return all
})

func wayOf(m fsm.Machine) *way {
	w := &way{next: map[fsm.Phase]map[string]fsm.Phase{}, works: map[fsm.Phase]bool{}, rests: map[fsm.Phase]bool{},
		ahead: map[fsm.Phase][]fsm.Phase{}}
	for _, p := range m.Phases() {
		_, w.works[p] = m.Next(p, ev.AttemptFailed{}.Type())
		w.works[p] = w.works[p] || m.Terminating(p)
		w.rests[p] = m.AtRest(p) || m.Ended(p)
		w.next[p] = map[string]fsm.Phase{}
		for _, e := range m.Vocabulary() {
			if to, may := m.Next(p, e.Type()); may {
				w.next[p][e.Type()] = to
			}
		}
	}
	for _, p := range m.Phases() {
		w.ahead[p] = w.path(m, p)
	}
	return w
}

// path are the working phases after one, on the shortest way to the rest that nobody has to ask for.
func (w *way) path(m fsm.Machine, from fsm.Phase) []fsm.Phase {
	type walk struct {
		at     fsm.Phase
		behind []fsm.Phase
	}
	seen := []fsm.Phase{from}
	for next := []walk{{at: from}}; len(next) > 0; next = next[1:] {
		here := next[0]
		for _, e := range m.Vocabulary() {
			to, may := w.next[here.at][e.Type()]
			_, asked := verbs[e.Type()]
			switch {
			case !may || asked || slices.Contains(seen, to):
			case w.rests[to]:
				return here.behind
			case w.works[to]:
				seen = append(seen, to)
				next = append(next, walk{to, append(slices.Clone(here.behind), to)})
			}
		}
	}
	return nil
}
