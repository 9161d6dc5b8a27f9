// Package workers makes things happen: the intake decides commands and appends
// what they change, the dispatcher reads from the fold what the world is owed,
// the executor pays it and reports what it saw as one more command. None of them
// remembers anything between two steps: whatever dies is started again and asks.
package workers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
)

// Intake decides commands, one after the other, on the live fold, and appends
// what they change. It is safe for concurrent use.
type Intake struct {
	log       *eventlog.Log
	fold      *eventlog.Fold
	queue     chan job
	ended     chan struct{}  // closed when Run has
	doors     chan struct{}  // a place for each message being answered
	answering sync.WaitGroup // those messages
	count     func(code string)
}

type job struct {
	command ev.Command
	answer  chan<- outcome
}

type outcome struct {
	answer ev.Answer
	err    error
}

// queued is how many commands may wait for the intake before callers wait too.
const queued = 1024

// NewIntake makes an intake; Run starts it.
func NewIntake(log *eventlog.Log, fold *eventlog.Fold) *Intake {
	return &Intake{log: log, fold: fold, queue: make(chan job, queued), ended: make(chan struct{}), doors: make(chan struct{}, queued), count: func(string) {}}
}

// Count lets a function count the answers of Ask by their code; it is set before Serve.
func (i *Intake) Count(count func(code string)) { i.count = count }

// Run decides commands until ctx ends. The one that is being decided then is
// brought to its end; who waits is told to ask again.
func (i *Intake) Run(ctx context.Context) {
	defer close(i.ended)
	for {
		select {
		case j := <-i.queue:
			// The time is ours, not the caller's: one who waits for ever holds up nobody.
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
			answer, err := i.handle(bounded, j.command)
			cancel()
			j.answer <- outcome{answer, err}
		case <-ctx.Done():
			return
		}
	}
}

// Do decides a command and answers when its events are durable and folded in.
// The error is an *events.Refusal.
func (i *Intake) Do(ctx context.Context, c ev.Command) (ev.Answer, error) {
	answer := make(chan outcome, 1)
	select {
	case i.queue <- job{c, answer}:
	case <-i.ended:
		return ev.Answer{}, unavailable(errEnded)
	case <-ctx.Done():
		return ev.Answer{}, unavailable(ctx.Err())
	}
	select {
	case o := <-answer:
		return o.answer, o.err
	case <-i.ended:
		return ev.Answer{}, unavailable(errEnded)
	case <-ctx.Done():
		return ev.Answer{}, unavailable(ctx.Err())
	}
}

var errEnded = errors.New("the intake has ended")

// unavailable hides the cause from the caller, who can only ask again, and logs it.
func unavailable(cause error) error {
	slog.Warn("command not answered", "cause", cause)
	return ev.Refuse(ev.Unavailable, "the log did not take the command in time: ask again with the same id")
}

// handle decides and appends; the loser of a race decides again.
func (i *Intake) handle(ctx context.Context, c ev.Command) (ev.Answer, error) {
	for ctx.Err() == nil {
		answer, decision, err := i.decide(c)
		if err != nil || len(decision.Changes) == 0 {
			return answer, err
		}
		recorded, err := i.log.Append(ctx, decision)
		switch {
		case err == nil:
			return i.answer(ctx, c, recorded)
		case errors.Is(err, eventlog.ErrConflict), errors.Is(err, eventlog.ErrUnknown):
			if err := i.catchUp(ctx); err != nil {
				return ev.Answer{}, unavailable(err)
			}
		default:
			return ev.Answer{}, unavailable(err)
		}
	}
	return ev.Answer{}, unavailable(ctx.Err())
}

// decide asks the fold: a command that was answered gets its answer again,
// another one is decided. No changes means that the answer is final.
func (i *Intake) decide(c ev.Command) (answer ev.Answer, decision eventlog.Decision, err error) {
	i.fold.View(func(w *fsm.World) {
		if known, ok := w.Answer(c.ID); ok {
			answer, err = repeat(c, known)
			return
		}
		e, _ := w.Get(c.Ref)
		refs := w.Refs()
		var changes []ev.Change
		changes, err = fsm.Machines[c.Ref.Kind].Decide(e, c, refs)
		switch {
		case err != nil:
		case len(changes) == 0:
			answer = fsm.AnswerOf(c.ID, e, nil)
		case c.DryRun:
			answer = wouldBe(c, e, changes)
		default:
			decision = eventlog.Decision{Envelope: envelope(c, e.Base), Changes: changes}
			if refs.Used() {
				seq := w.Seq
				decision.LogAt = &seq
			}
		}
	})
	return answer, decision, err
}

func repeat(c ev.Command, known fsm.Remembered) (ev.Answer, error) {
	if known.Digest != c.Digest {
		return ev.Answer{}, ev.Refuse(ev.Conflict, "command id %s was used for another command: make a new id", c.ID)
	}
	return known.Answer, nil
}

// wouldBe answers a dry run: the events that would happen, without sequences.
func wouldBe(c ev.Command, e fsm.Entity[fsm.Data], changes []ev.Change) ev.Answer {
	var decision []ev.Recorded
	for _, ch := range changes {
		for _, happened := range ch.Events {
			r := ev.Recorded{Ref: ch.Ref, Seq: e.Seq, Event: happened, Envelope: ev.Envelope{Time: c.Time}}
			decision = append(decision, r)
			if ch.Ref == c.Ref {
				e, _ = fsm.Machines[c.Ref.Kind].Apply(e, r) // it was tried when it was decided
			}
		}
	}
	a := fsm.AnswerOf(c.ID, e, decision)
	for i := range a.Events {
		a.Events[i].Seq = 0
	}
	return a
}

// envelope says who, when and why. What the machinery does is part of the story
// that the entity's last event is part of.
func envelope(c ev.Command, b fsm.Base) ev.Envelope {
	e := ev.Envelope{Time: c.Time, Actor: c.Actor, CommandID: c.ID, CausationID: c.CausationID,
		CorrelationID: c.CorrelationID, Digest: c.Digest, TraceParent: c.TraceParent}
	if c.Actor == ev.ActorAerie || c.Actor == ev.ActorExecutor {
		e.CorrelationID = b.Thread
		if e.CausationID == "" {
			e.CausationID = b.Cause
		}
		return e
	}
	e.CausationID, e.CorrelationID = c.ID, c.ID
	return e
}

func (i *Intake) answer(ctx context.Context, c ev.Command, recorded []ev.Recorded) (a ev.Answer, err error) {
	if err := i.fold.Wait(ctx, recorded[len(recorded)-1].Seq); err != nil {
		return a, unavailable(err)
	}
	i.fold.View(func(w *fsm.World) {
		if known, ok := w.Answer(c.ID); ok {
			a = known.Answer
			return
		}
		e, _ := w.Get(c.Ref)
		a = fsm.AnswerOf(c.ID, e, recorded)
	})
	return a, nil
}

// catchUp waits until the fold has seen all that the log holds.
func (i *Intake) catchUp(ctx context.Context) error {
	last, err := i.log.Last(ctx)
	if err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	return i.fold.Wait(ctx, last)
}

// internal makes a command of the machinery.
func internal(ref ev.Ref, actor string, ask ev.Ask) ev.Command {
	return ev.Command{ID: ulid.Make().String(), Ref: ref, Actor: actor, Time: time.Now().UTC(), Ask: ask}
}

// digestOf tells a repeat of a command from another one with the same id.
func digestOf(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
