package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/micro"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// TakeQueue handles the commands that wait in the queue until ctx ends, and returns
// its error. A command that comes twice is done once, by its id; one that is refused
// becomes an event.
func (i *Intake) TakeQueue(ctx context.Context, q *eventlog.CommandQueue) error {
	return q.Take(ctx, func(ctx context.Context, c eventlog.Queued) error {
		request := Request{Owner: c.Owner, Kind: c.Kind, Name: c.ID, Verb: c.Verb, Body: c.Body, Actor: ev.ActorAdmin}
		err := request.read(micro.Headers(c.Header))
		if request.ID == "" {
			request.ID = fmt.Sprintf("q-%d", c.Seq)
		}
		ctx, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		if err == nil {
			_, err = i.Ask(ctx, request)
		}
		if err == nil || retryable(err) {
			return err
		}
		return i.noteRefusal(ctx, request, err)
	})
}

// noteRefusal writes down that a queued command was refused, once. Where it cannot
// even be said whose it is, the program's own log has to do.
func (i *Intake) noteRefusal(ctx context.Context, r Request, err error) error {
	var refusal *ev.Refusal
	if !errors.As(err, &refusal) {
		refusal = ev.Refuse(ev.Internal, "internal error")
	}
	if r.Owner != ev.Platform && !ev.IsLabel(r.Owner) || !commandID.MatchString(r.ID) {
		slog.Warn("queued command refused", "owner", ev.Clip(r.Owner), "id", ev.Clip(r.ID), "err", refusal)
		return nil
	}
	ref := ev.Ref{Kind: ev.CommandKind, Owner: r.Owner, ID: r.ID}
	if noted, err := i.log.Has(ctx, ref, ev.CommandRefused{}); noted || err != nil {
		return err
	}
	if err := i.refusals.Wait(ctx); err != nil {
		return fmt.Errorf("note the refusal of command %s: %w", r.ID, err)
	}
	what := ev.CommandRefused{Kind: ev.Kind(ev.Clip(r.Kind)), ID: ev.Clip(r.Name), Verb: ev.Clip(r.Verb), Reason: refusal}
	_, err = i.Do(ctx, ev.Command{ID: r.ID, Ref: ref, Actor: r.Actor, Time: time.Now().UTC(), Ask: ev.NoteRefusal{Refused: what}})
	return err
}
