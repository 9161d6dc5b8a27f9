package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command/places"
)

// waiters handles the commands that wait in the queue. Each of them ends: as the events it causes, or as the event that it
// was refused.
type waiters struct {
	*Intake
	ask func(context.Context, Request) (ev.Answer, error)

	mu     sync.Mutex
	failed map[uint64]int // how often a command has failed by itself, by its place in the queue
}

// givenUpAfter is how often a queued command may fail by itself.
const givenUpAfter = 5

// TakeQueue handles the commands that wait in the queue until ctx ends, and returns
// its error. A command that comes twice is done once, by its id; one that is refused
// becomes an event.
func (i *Intake) TakeQueue(ctx context.Context, q *queue.CommandQueue) error {
	w := &waiters{Intake: i, ask: i.SubmitRequest, failed: map[uint64]int{}}
	return q.Take(ctx, w.handle)
}

// RefuseStrays refuses until ctx ends what is published beside the subjects of the queue. It subscribes there, for which
// aerie has no right on NATS servers of somebody else's.
func (i *Intake) RefuseStrays(ctx context.Context, q *queue.CommandQueue) error {
	return q.Astray(ctx, func(c queue.Queued, subject string) error { return i.refuseStray(ctx, c, subject) })
}

// requestFrom reads a queued command.
func (i *Intake) requestFrom(c queue.Queued) (Request, error) {
	r := Request{Owner: c.Owner, Kind: c.Kind, Name: c.ID, Verb: c.Verb, Body: c.Body, Caller: i.giver(c), made: c.Made}
	return r, r.read(c.Header)
}

// nobody stands for whoever gave a command, where that is not known.
const nobody = "nobody"

// giver says who put a command into the queue, with the rights that he had then. Those that releases before have stored are
// the admin's, and so is all where any client could write that header: on NATS servers of somebody else's that don't ask aerie.
func (i *Intake) giver(c queue.Queued) (who ev.Caller) {
	said := c.Header.Get(ev.HeaderCaller)
	if !i.relayed || said == "" {
		return ev.LocalAdmin()
	}
	if err := json.Unmarshal([]byte(said), &who); err != nil || who.Actor == "" {
		return ev.Caller{Actor: nobody}
	}
	return who
}

// id is the command's: its own, or if that is none, the one that it was given.
func (r Request) id() string {
	if isCommandID(r.ID) {
		return r.ID
	}
	return r.made
}

// handle handles one command. An error means that it has to be given again.
func (w *waiters) handle(ctx context.Context, c queue.Queued) error {
	request, err := w.requestFrom(c)
	if c.Again {
		if ended, err := w.ended(ctx, c, request); ended || err != nil {
			return err
		}
	}
	missed, at := w.missed.Load(), w.at()
	if err == nil {
		asking, cancel := context.WithTimeout(ctx, AnswerTimeout)
		defer cancel()
		_, err = w.ask(asking, request)
	}
	givenUp := false
	if retryable(err) {
		if !w.failsAgain(c.Seq, w.byItself(ctx, missed, at)) {
			return err
		}
		slog.Error("a queued command is given up", "id", request.id(), "place", c.Seq, "err", err)
		givenUp = true
		err = ev.Refuse(ev.Internal, "it failed %d times while others were done; the last time: %v", givenUpAfter, err)
	}
	if err != nil {
		err = w.noteRefusal(ctx, request, err)
	}
	if err != nil {
		return err
	}
	if givenUp {
		w.givenUp()
	}
	w.forget(c.Seq)
	return nil
}

// at is the sequence that the fold is at.
func (i *Intake) at() (seq uint64) {
	i.fold.View(func(w *state.Entities) { seq = w.Seq })
	return seq
}

// byItself tells whether what failed meanwhile has failed by itself: the log took other things, or nothing was there that
// it did not take, and it answers now. So an outage, however long, makes nobody give up.
func (w *waiters) byItself(ctx context.Context, missed, at uint64) bool {
	if w.at() == at && w.missed.Load() != missed {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, AnswerTimeout)
	defer cancel()
	_, err := w.log.Last(ctx)
	return err == nil
}

// failsAgain counts a failure, and tells whether it is one too many.
func (w *waiters) failsAgain(seq uint64, byItself bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if byItself {
		w.failed[seq]++
	}
	return w.failed[seq] >= givenUpAfter
}

func (w *waiters) forget(seq uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.failed, seq)
}

// ended tells whether a command that is given again has ended before: it was refused, or done under the id that releases
// before gave to one without an id, which any client can say. That it is this command's shows in its digest, and in that
// it was done after this one was stored.
func (w *waiters) ended(ctx context.Context, c queue.Queued, r Request) (bool, error) {
	if refused, err := w.refused(ctx, r); refused || err != nil {
		return refused, err
	}
	before := uint64(0)
	w.fold.View(func(world *state.Entities) { before, _ = world.Caused(fmt.Sprintf("q-%d", c.Seq)) })
	if before == 0 || r.id() != c.Made {
		return false, nil
	}
	done, err := w.log.Read(ctx, before)
	if err != nil {
		return false, err
	}
	return done.Digest == r.digest(r.Body) && !done.Time.Before(c.Stored), nil
}

// refused tells whether it is written down that a command was refused.
func (i *Intake) refused(ctx context.Context, r Request) (bool, error) {
	if !ownerOf(r) {
		return false, nil
	}
	return i.log.Has(ctx, ev.Ref{Kind: ev.CommandKind, Owner: r.Owner, ID: r.id()}, ev.CommandRefused{})
}

// ownerOf tells whether it can be said whose a command is.
func ownerOf(r Request) bool { return r.Owner == ev.Platform || ev.IsLabel(r.Owner) }

// noteRefusal writes down that a queued command was refused, once. Where it cannot
// even be said whose it is, the program's own log has to do.
func (i *Intake) noteRefusal(ctx context.Context, r Request, err error) error {
	var refusal *ev.Refusal
	if !errors.As(err, &refusal) {
		refusal = ev.Refuse(ev.Internal, "internal error")
	}
	if !ownerOf(r) {
		slog.Warn("queued command refused", "owner", ev.Truncate(r.Owner), "id", ev.Truncate(r.ID), "err", refusal)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, AnswerTimeout)
	defer cancel()
	if noted, err := i.refused(ctx, r); noted || err != nil {
		return err
	}
	if err := i.refusals.Wait(ctx); err != nil {
		return fmt.Errorf("note the refusal of command %s: %w", r.id(), err)
	}
	what := ev.CommandRefused{Kind: ev.Kind(ev.Truncate(r.Kind)), ID: ev.Truncate(r.Name), Verb: ev.Truncate(r.Verb), Reason: refusal}
	ref := ev.Ref{Kind: ev.CommandKind, Owner: r.Owner, ID: r.id()}
	_, err = i.SubmitCommand(ctx, ev.Command{ID: r.id(), Ref: ref, Actor: r.Caller.Actor,
		Time: time.Now().UTC(), Payload: ev.NoteRefusal{Refused: what}})
	return err
}

// refuseStray refuses what was published beside the subjects of the queue, where nothing keeps it.
func (i *Intake) refuseStray(ctx context.Context, c queue.Queued, subject string) error {
	tokens := strings.Count(subject, ".") - 1
	err := ev.RefuseFaults("command", []ev.FieldError{{Field: "subject",
		Message: fmt.Sprintf("%q has %d tokens after aerie.queue: want aerie.queue.<owner>.<kind>.<id>.<verb>", ev.Truncate(subject), tokens)}})
	c.Made = ulid.Make().String()
	request, _ := i.requestFrom(c)
	full := i.door(places.Of(request.Caller), func() {
		if err := i.noteRefusal(context.WithoutCancel(ctx), request, err); err != nil {
			slog.Warn("a refusal is not noted", "subject", ev.Truncate(subject), "err", err)
		}
	})
	if full != nil {
		slog.Warn("a refusal is not noted", "subject", ev.Truncate(subject), "err", full)
	}
	return err
}
