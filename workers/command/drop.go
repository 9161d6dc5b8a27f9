package command

import (
	"context"
	"errors"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/projections/state"
)

// Dropped takes a command off the queue, and writes down that it was refused; one that was done already only goes. Whoever
// is handling it at this moment may do it all the same: then the log has both. The error is an *events.Refusal.
func (i *Intake) Dropped(ctx context.Context, q *queue.CommandQueue, seq uint64, actor string) (queue.Queued, error) {
	c, err := q.Command(ctx, seq)
	if errors.Is(err, queue.ErrNotQueued) {
		return c, ev.Refuse(ev.NotFound, "the queue has no command at place %d: it was handled, or never there", seq)
	}
	if err == nil {
		err = i.catchUp(ctx)
	}
	if err != nil {
		return c, unavailable(err)
	}
	request, _ := i.requestFrom(c) // whatever is wrong with it: it goes
	request.Caller.Actor = actor
	done := false
	i.fold.View(func(w *state.Entities) { _, done = w.Caused(request.id()) })
	if !done {
		err = i.noteRefusal(ctx, request, ev.Refuse(ev.Refused, "it was taken off the queue by %s", actor))
	}
	if err == nil {
		err = q.Drop(ctx, seq)
	}
	var refusal *ev.Refusal
	if err != nil && !errors.As(err, &refusal) {
		err = unavailable(err)
	}
	return c, err
}

// QueuedID is the id of a queued command: its own, or the one that the queue made up.
func QueuedID(c queue.Queued) string {
	r := Request{made: c.Made}
	_ = r.read(c.Header) // whatever is wrong with them
	return r.id()
}
