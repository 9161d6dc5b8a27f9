package workers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// reader reads the event at a sequence.
type reader func(seq uint64) (ev.Recorded, error)

// answerAgain gives a command that caused events before, the first of them at a
// sequence, the answer it got then.
func (i *Intake) answerAgain(ctx context.Context, c ev.Command, before uint64) (ev.Answer, error) {
	a, err := answerOf(c, before, i.entity(c.Ref), func(seq uint64) (ev.Recorded, error) { return i.log.Read(ctx, seq) })
	if _, refused := err.(*ev.Refusal); err != nil && !refused {
		err = unavailable(err)
	}
	return a, err
}

func (i *Intake) entity(ref ev.Ref) (e fsm.Entity[fsm.Data]) {
	i.fold.View(func(w *fsm.World) { e, _ = w.Get(ref) })
	return e
}

// answerOf makes a command's answer from what it caused, and from its entity as it was
// then.
func answerOf(c ev.Command, before uint64, now fsm.Entity[fsm.Data], read reader) (a ev.Answer, err error) {
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
	then, err := asOf(now, last, read)
	if err != nil {
		return a, fmt.Errorf("answer again: %w", err)
	}
	return fsm.AnswerOf(c.ID, then, caused), nil
}

// asOf is an entity as it was at a sequence. Most who ask again ask for the last thing
// that happened to it: then nothing has to be read.
func asOf(now fsm.Entity[fsm.Data], seq uint64, read reader) (e fsm.Entity[fsm.Data], err error) {
	if now.Seq <= seq {
		return now, nil
	}
	for _, s := range now.History {
		if s > seq {
			break
		}
		r, err := read(s)
		if err == nil {
			e, err = fsm.Machines[now.Ref.Kind].Apply(e, r)
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

// clocks is how far apart the clocks of those who make command ids may be.
const clocks = time.Hour

// longAgo looks in the log for what a command caused that is not remembered any
// more: 0 if it never did. It reads as far back as the entity's history goes, but an
// id that tells when it was made is not looked for in the time before.
func (i *Intake) longAgo(ctx context.Context, c ev.Command) (uint64, error) {
	var old []uint64
	i.fold.View(func(w *fsm.World) {
		forgot, at := w.Forgot()
		id, err := ulid.ParseStrict(c.ID)
		if _, known := w.Caused(c.ID); known || c.Internal() || err == nil && ulid.Time(id.Time()).After(at.Add(clocks)) {
			return
		}
		e, _ := w.Get(c.Ref)
		end, _ := slices.BinarySearch(e.History, forgot+1)
		old = e.History[:end]
	})
	return causedIn(c.ID, old, func(seq uint64) (ev.Recorded, error) { return i.log.Read(ctx, seq) })
}

// causedIn finds the first sequence of what a command caused among an entity's
// events, the newest first; 0 if it caused none of them.
func causedIn(id string, history []uint64, read reader) (uint64, error) {
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
