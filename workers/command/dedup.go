package command

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// EventReader reads the event at a sequence.
type EventReader func(seq uint64) (ev.Recorded, error)

// Checkpoints tells what an entity can be folded from to what it was at a sequence, as
// state.Entities.Since does.
type Checkpoints func(ref ev.Ref, upTo uint64) (from fsm.Entity[fsm.Data], rest []uint64)

// answerAgain gives a command that caused events before, the first of them at a
// sequence, the answer it got then.
func (i *Intake) answerAgain(ctx context.Context, c ev.Command, before uint64) (ev.Answer, error) {
	a, err := AnswerAgain(c, before, i.since, i.reader(ctx))
	if _, refused := err.(*ev.Refusal); err != nil && !refused {
		err = unavailable(err)
	}
	return a, err
}

func (i *Intake) since(ref ev.Ref, upTo uint64) (from fsm.Entity[fsm.Data], rest []uint64) {
	i.fold.View(func(w *state.Entities) { from, rest = w.Since(ref, upTo) })
	return from, rest
}

func (i *Intake) reader(ctx context.Context) EventReader {
	return func(seq uint64) (ev.Recorded, error) { return i.read(ctx, seq) }
}

// AnswerAgain makes a command's answer from what it caused, and from its entity as it was
// then.
func AnswerAgain(c ev.Command, before uint64, since Checkpoints, read EventReader) (a ev.Answer, err error) {
	first, err := read(before)
	if err != nil {
		return a, fmt.Errorf("answer again: %w", err)
	}
	if first.Digest != c.Digest && first.Digest != c.RawDigest {
		return a, ev.Refuse(ev.Conflict, "command id %s was used for another command: make a new id", c.ID)
	}
	caused, last := []ev.Recorded{first}, before+uint64(first.Count)-1
	for seq := before + 1; seq <= last; seq++ {
		r, err := read(seq)
		if err != nil {
			return a, fmt.Errorf("answer again: %w", err)
		}
		caused = append(caused, r)
	}
	then, err := entityAt(c.Ref, caused, since, read)
	if err != nil {
		return a, fmt.Errorf("answer again: %w", err)
	}
	return fsm.AnswerOf(c.ID, then, caused), nil
}

// entityAt is what an answer says of an entity as it was after a decision.
func entityAt(ref ev.Ref, decision []ev.Recorded, since Checkpoints, read EventReader) (a ev.AnswerEntity, err error) {
	for _, r := range slices.Backward(decision) {
		if told, ok := toldBy(r); ok && r.Ref == ref {
			return told, nil
		}
	}
	e, rest := since(ref, decision[len(decision)-1].Seq)
	for _, seq := range rest {
		r, err := read(seq)
		if err == nil {
			e, err = fsm.Machines[ref.Kind].Apply(e, r)
		}
		if err != nil {
			return a, err
		}
	}
	return e.Answer(), nil
}

// toldBy is what the headers of an event say of its entity; false for an event of an
// older release.
func toldBy(r ev.Recorded) (ev.AnswerEntity, bool) {
	return ev.AnswerEntity{Owner: r.Ref.Owner, Kind: r.Ref.Kind, ID: r.Ref.ID, UID: r.State.UID, Phase: r.State.Phase, Seq: r.Seq}, r.State.UID != ""
}

// clocks is how far apart the clocks of those who make command ids may be.
const clocks = time.Hour

// longAgo looks for what a command caused that the fold does not remember any more: 0 if
// it never did. An id that tells when it was made is not looked for in the time before.
func (i *Intake) longAgo(ctx context.Context, c ev.Command) (uint64, error) {
	var forgot uint64
	i.fold.View(func(w *state.Entities) {
		until, at := w.Forgot()
		id, err := ulid.ParseStrict(c.ID)
		if _, known := w.Caused(c.ID); known || c.Internal || err == nil && ulid.Time(id.Time()).After(at.Add(clocks)) {
			return
		}
		forgot = until
	})
	if forgot == 0 {
		return 0, nil
	}
	found, covers := i.ids.find(c.ID)
	if before, err := causedAt(c.ID, found, i.reader(ctx)); before > 0 || err != nil {
		return before, err
	}
	return causedIn(c.ID, i.between(c.Ref, covers, forgot), i.reader(ctx))
}

// causedAt is the first of some sequences with an event of a command; 0 if none has.
func causedAt(id string, seqs []uint64, read EventReader) (uint64, error) {
	for _, seq := range seqs {
		r, err := read(seq)
		if err != nil {
			return 0, fmt.Errorf("look for command %s: %w", id, err)
		}
		if r.CommandID == id {
			return seq, nil
		}
	}
	return 0, nil
}

// between lists an entity's events after one sequence up to another.
func (i *Intake) between(ref ev.Ref, after, upTo uint64) (seqs []uint64) {
	if after >= upTo {
		return nil
	}
	i.fold.View(func(w *state.Entities) {
		e, _ := w.Get(ref)
		seqs = e.History.Between(e.History.UpTo(after), e.History.UpTo(upTo))
	})
	return seqs
}

// causedIn finds the first sequence of what a command caused among an entity's
// events, the newest first; 0 if it caused none of them. It is for what the index of ids
// does not cover yet.
func causedIn(id string, history []uint64, read EventReader) (uint64, error) {
	for _, seq := range slices.Backward(history) {
		r, err := read(seq)
		if err != nil {
			return 0, fmt.Errorf("look for command %s: %w", id, err)
		}
		if r.CommandID == id {
			return seq - uint64(r.Index-1), nil
		}
	}
	return 0, nil
}
