package command

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
	reply   chan Outcome // has room for one
	current bool         // what is decided on the fold from now on is decided on all that the log held when the command came
	Verdict
}

// Outcome is what a command comes to: an answer, or the sequence of what it caused
// when it was given before.
type Outcome struct {
	Answer ev.Answer
	Before uint64 // 0 if it was not given before
	Err    error  // an *events.Refusal
}

// Verdict is what was decided on a command, and on what. Without changes in its decision it is final, and its outcome is
// the answer; else the outcome comes once the decision is in a batch.
type Verdict struct {
	Outcome
	Decision eventlog.Decision // without changes the outcome is final
	Refs     *fsm.Refs         // nil before the first decision
	durable  uint64            // what came after this sequence was decided, and may never have happened
	recorded []ev.Recorded     // the decision's events, once it is in a batch
}

// Decide decides a command on the entities; one that was given before gets its answer
// again.
func Decide(w *state.Entities, c ev.Command) (v Verdict) {
	v.Refs = w.Refs()
	if note, ok := c.Payload.(ev.NoteRefusal); ok {
		change := ev.Change{Ref: c.Ref, Events: []ev.Event{note.Refused}}
		v.Decision = eventlog.Decision{Envelope: envelope(c, fsm.Base{}), Changes: []ev.Change{change}}
		return v
	}
	if seq, ok := w.Caused(c.ID); ok {
		v.Before = seq
		return v
	}
	e, _ := w.Get(c.Ref)
	changes, err := fsm.Machines[c.Ref.Kind].Decide(e, c, v.Refs)
	switch {
	case err != nil:
		v.Err = err
	case len(changes) == 0:
		v.Answer = fsm.AnswerOf(c.ID, e.Answer(), nil)
	default:
		v.Decision = eventlog.Decision{Envelope: envelope(c, e.Base), Changes: changes}
		if c.DryRun {
			v.Answer = wouldBe(c, e, changes)
			v.Answer.Takes = takes(c, e, v.Refs)
			v.Answer.Move = plans(c, e, v.Refs)
		}
	}
	return v
}

// stands tells whether what was decided would be decided again on later entities. What was decided on what was not durable yet
// does not: if another server was faster, the same sequences are of its events now.
func (v Verdict) stands(w *state.Entities) bool {
	if v.Refs == nil || !v.Refs.Stand(w, v.durable) {
		return false
	}
	for _, c := range v.Decision.Changes {
		if e, _ := w.Get(c.Ref); e.Seq != c.After || c.After > v.durable {
			return false
		}
	}
	return len(v.Decision.Changes) > 0
}

// plans is what a move would do; nil of every other command.
func plans(c ev.Command, e fsm.Entity[fsm.Data], refs *fsm.Refs) *ev.MovePlan {
	if _, ok := c.Payload.(ev.Move); !ok {
		return nil
	}
	plan, _ := fsm.PlanMove(e, c, refs) // it was decided
	return plan
}

// takes names what would go with an entity.
func takes(c ev.Command, e fsm.Entity[fsm.Data], refs *fsm.Refs) (names []string) {
	if ask, ok := c.Payload.(ev.Delete); !ok || !ask.Cascade {
		return nil
	}
	for _, ref := range fsm.Takes(e, refs) {
		names = append(names, ref.String())
	}
	return names
}
