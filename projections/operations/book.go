// Package operations tells what is under way: what somebody asked of an entity, or aerie began by itself, from the event that
// took the entity out of its rest to the one that brought it back, was the end of the attempts, or gave it another goal.
// It is a fold of the log like the views, which keep it; it decides nothing and is no part of a decision.
//
// Begin with Book, which is told of events, then Operation, which is how one reads. A Book is not safe for concurrent use:
// it is told under the fold's lock and read under it. Its copy for a snapshot may be written by another goroutine. After a
// crash it is read from a snapshot, or told of the log again, with the same result.
package operations

import (
	"slices"
	"time"

	"github.com/tidwall/btree"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

const (
	// kept is for how long an operation is told of after its end.
	kept = 24 * time.Hour
	// mostEnded is how many that have ended are kept at most; the oldest go first.
	mostEnded = 10_000
)

// Book has the operations that are under way, and those that have ended lately.
type Book struct {
	all   btree.Map[uint64, *operation] // by the sequence of the event that each began with
	open  map[uint32]uint64             // an entity's number -> its operation that is under way
	ended []uint64                      // those that have ended, in the order of their ends
}

// operation is what is known of one. It is replaced and never changed: a copy of the book shares it.
type operation struct {
	Seq    uint64     `json:"seq"`
	Number uint32     `json:"number"` // of its entity
	ID     string     `json:"id"`
	UID    string     `json:"uid"`
	Verb   string     `json:"verb"`
	Actor  string     `json:"actor"`
	State  State      `json:"state"`
	Steps  []step     `json:"steps"`
	Ended  time.Time  `json:"ended,omitzero"`
	EndSeq uint64     `json:"end_seq,omitempty"`
	Reason *ev.Reason `json:"reason,omitempty"` // why it failed
	Move   string     `json:"move,omitempty"`   // of which kind the move is; empty: it is none

	Course []fsm.Phase `json:"course,omitempty"` // the steps of a move, if there are others than those of its kind
}

// step is a phase that the entity was in, or a step of a move.
type step struct {
	Phase fsm.Phase `json:"phase"`
	Since time.Time `json:"since"`
}

// NewBook is a book before the first event.
func NewBook() *Book { return &Book{open: map[uint32]uint64{}} }

// See takes note of events of one entity that were decided together: which number it has, in which phase it was before them,
// and how it is afterwards.
func (b *Book) See(number uint32, before fsm.Phase, happened []ev.Recorded, after fsm.Entity[fsm.Data]) {
	way, at := ways()[after.Ref.Kind], before
	for _, r := range happened {
		typ := r.Event.Type()
		to, known := way.next[at][typ]
		if !known {
			return // the fold has refused it
		}
		b.step(number, way, typ, at, to, r, after)
		at = to
	}
}

// step takes note of one event, which leads an entity from one phase to another.
func (b *Book) step(number uint32, way *way, typ string, from, to fsm.Phase, r ev.Recorded, after fsm.Entity[fsm.Data]) {
	seq, open := b.open[number]
	verb, begins := verbs[typ]
	if open && begins && !continues[typ] {
		b.end(number, seq, Superseded, r, nil)
		open = false
	}
	switch {
	case !open && way.works[to] && (begins || !way.works[from]):
		if verb == "" {
			verb = typ
		}
		b.begin(number, verb, to, r, after.UID)
	case b.upgradesCells(number, seq, r, after.UID):
	case open && b.moves(seq, r):
		if _, aborted := r.Event.(ev.MoveAborted); aborted {
			o, _ := b.all.Get(seq)
			b.end(number, seq, Failed, r, o.Reason)
		}
	case !open || from == to && way.works[to]:
	case way.works[to]:
		b.enter(seq, to, r.Time)
	case typ == ev.UpdateFailed{}.Type(), typ == ev.CopyDropped{}.Type(), typ == ev.Resumed{}.Type() && after.Failure != nil,
		!way.rests[to]: // what was asked is not there
		b.end(number, seq, Failed, r, after.Failure)
	default:
		b.end(number, seq, Done, r, nil)
	}
}

// begin takes note of an operation that begins with an event. A move has a name and steps of its own.
func (b *Book) begin(number uint32, verb string, to fsm.Phase, r ev.Recorded, uid string) {
	o := &operation{Seq: r.Seq, Number: number, ID: r.EventID, UID: uid, Verb: verb, Actor: r.Actor,
		State: Running, Steps: []step{{to, r.Time}}}
	if started, ok := r.Event.(ev.MoveStarted); ok {
		o.ID, o.Move, o.Steps[0].Phase = started.ID, started.Kind, ev.StepReserve
		if all := fsm.StepsOf(started); !slices.Equal(all, fsm.MoveSteps(o.Move)) {
			o.Course = all
		}
	}
	b.open[number] = r.Seq
	b.all.Set(r.Seq, o)
}

// cellsUpgrade is the step of an operation that brings the cells of a plan to a version of it. The plan is at rest all the while.
const cellsUpgrade fsm.Phase = "upgrade"

// upgradesCells takes note of how far such an operation has come, and tells whether an event says that. Each cell is a step.
func (b *Book) upgradesCells(number uint32, seq uint64, r ev.Recorded, uid string) bool {
	_, open := b.open[number]
	switch e := r.Event.(type) {
	case ev.CellsUpgradeStarted:
		if open {
			b.end(number, seq, Superseded, r, nil)
		}
		b.begin(number, ev.VerbUpgrade, cellsUpgrade, r, uid)
	case ev.CellUpgradeStarted:
		if open {
			b.enter(seq, fsm.Phase("cell "+e.Cell), r.Time)
		}
	case ev.CellsUpgradeStopped:
		if open {
			b.end(number, seq, Failed, r, &e.Reason)
		}
	case ev.CellsUpgraded:
		if open {
			b.end(number, seq, Done, r, nil)
		}
	default:
		return false
	}
	return true
}

// nextStep is the step behind the one that a move takes; empty if there is none.
func (b *Book) nextStep(seq uint64) fsm.Phase {
	o, _ := b.all.Get(seq)
	if ahead := o.ahead(""); len(ahead) > 0 {
		return ahead[0]
	}
	return ""
}

// moves takes note of how far a move has come, and tells whether an event says that.
func (b *Book) moves(seq uint64, r ev.Recorded) bool {
	if o, _ := b.all.Get(seq); o.Move == "" {
		return false // an operation of another sort is open
	}
	switch e := r.Event.(type) {
	case ev.MoveReserved, ev.MovePrepared, ev.MoveEvicted, ev.MoveInstalled, ev.MoveReadied, ev.MoveConfirmed, ev.MoveWindowOpened,
		ev.MoveQuiesced, ev.MoveCopied, ev.MoveVerified, ev.Moved, ev.MoveOpened, ev.MoveRedirected, ev.MoveHeld,
		ev.MoveReleased:
		if next := b.nextStep(seq); next != "" {
			b.enter(seq, next, r.Time)
		}
	case ev.MoveAborting:
		b.enter(seq, ev.StepAbort, r.Time)
		o, _ := b.all.Get(seq)
		now := *o
		now.Reason = &e.Reason
		b.all.Set(seq, &now)
	case ev.MoveAborted:
	default:
		return false
	}
	return true
}

// enter begins the next step. One that was taken before begins anew: the way is walked again from there.
func (b *Book) enter(seq uint64, phase fsm.Phase, at time.Time) {
	was, _ := b.all.Get(seq)
	now := *was
	i := slices.IndexFunc(now.Steps, func(s step) bool { return s.Phase == phase })
	if i < 0 {
		i = len(now.Steps)
	}
	now.Steps = append(slices.Clone(now.Steps[:i]), step{phase, at})
	b.all.Set(seq, &now)
}

func (b *Book) end(number uint32, seq uint64, state State, r ev.Recorded, why *ev.Reason) {
	was, _ := b.all.Get(seq)
	now := *was
	now.State, now.Ended, now.EndSeq, now.Reason = state, r.Time, r.Seq, why
	b.all.Set(seq, &now)
	delete(b.open, number)
	b.ended = append(b.ended, seq)
	b.forget(r.Time)
}

// forget drops what has ended long ago, and the oldest of what is too much.
func (b *Book) forget(now time.Time) {
	for len(b.ended) > 0 {
		oldest, _ := b.all.Get(b.ended[0])
		if len(b.ended) <= mostEnded && now.Sub(oldest.Ended) < kept {
			return
		}
		b.all.Delete(b.ended[0])
		b.ended = b.ended[1:]
	}
}

// Copy is the book at this moment, for a snapshot; it takes no time.
func (b *Book) Copy() *Book { return &Book{all: *b.all.Copy()} }
