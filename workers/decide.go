package workers

import (
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// job is a command on its way through the intake.
type job struct {
	command ev.Command
	given   time.Time
	reply   chan outcome // has room for one
	verdict
}

// outcome is what a command comes to: an answer, or the sequence of what it caused
// when it was given before.
type outcome struct {
	answer ev.Answer
	before uint64
	err    error
}

// verdict is what was decided on a command, and on what.
type verdict struct {
	outcome
	decision eventlog.Decision // without changes the outcome is final
	refs     *fsm.Refs         // nil before the first decision
	recorded []ev.Recorded     // the decision's events, once it is in a batch
}

// decideOn asks a world: a command that was given before gets its answer again,
// another one is decided.
func decideOn(w *state.Entities, c ev.Command) (v verdict) {
	v.refs = w.Refs()
	if note, ok := c.Ask.(ev.NoteRefusal); ok {
		change := ev.Change{Ref: c.Ref, Events: []ev.Event{note.Refused}}
		v.decision = eventlog.Decision{Envelope: envelope(c, fsm.Base{}), Changes: []ev.Change{change}}
		return v
	}
	if seq, ok := w.Caused(c.ID); ok {
		v.before = seq
		return v
	}
	e, _ := w.Get(c.Ref)
	changes, err := fsm.Machines[c.Ref.Kind].Decide(e, c, v.refs)
	switch {
	case err != nil:
		v.err = err
	case len(changes) == 0:
		v.answer = fsm.AnswerOf(c.ID, e.Answer(), nil)
	default:
		v.decision = eventlog.Decision{Envelope: envelope(c, e.Base), Changes: changes}
		if c.DryRun {
			v.answer = wouldBe(c, e, changes)
		}
	}
	return v
}

// stands tells whether what was decided would be decided again on a later world.
func (v verdict) stands(w *state.Entities) bool {
	if v.refs == nil || !v.refs.Stand(w) {
		return false
	}
	for _, c := range v.decision.Changes {
		if e, _ := w.Get(c.Ref); e.Seq != c.After {
			return false
		}
	}
	return len(v.decision.Changes) > 0
}
