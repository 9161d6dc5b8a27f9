package server

import (
	"context"

	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/workers/command"
)

// listQueue lists the commands that wait, for HTTP.
func (c *Control) listQueue(ctx context.Context, from uint64, most int) (all []api.Waiting, err error) {
	queued, err := c.waiting.Waiting(ctx, from, most)
	for _, q := range queued {
		all = append(all, waitingOf(q))
	}
	return all, err
}

// dropQueued takes a command off the queue, for HTTP.
func (c *Control) dropQueued(ctx context.Context, seq uint64, actor string) (api.Waiting, error) {
	q, err := c.Intake.Dropped(ctx, c.waiting, seq, actor)
	return waitingOf(q), err
}

func waitingOf(q queue.Queued) api.Waiting {
	return api.Waiting{Seq: q.Seq, CommandID: command.QueuedID(q), Owner: q.Owner, Kind: q.Kind,
		ID: q.ID, Verb: q.Verb, Bytes: len(q.Body), Stored: q.Stored.UTC()}
}
