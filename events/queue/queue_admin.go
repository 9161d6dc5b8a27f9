package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// ErrNotQueued means that the queue has no command at a place.
var ErrNotQueued = errors.New("the queue has no such command")

// Waiting lists the commands of the queue from a place on, so many at most, the oldest first.
func (q *CommandQueue) Waiting(ctx context.Context, from uint64, most int) (all []Queued, err error) {
	for len(all) < most {
		c, err := q.at(ctx, max(from, 1), jetstream.WithGetMsgSubject(parted+">"))
		if errors.Is(err, ErrNotQueued) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all, from = append(all, c), c.Seq+1
	}
	return all, nil
}

// Command is the command at a place; ErrNotQueued if there is none.
func (q *CommandQueue) Command(ctx context.Context, seq uint64) (Queued, error) {
	return q.at(ctx, seq)
}

func (q *CommandQueue) at(ctx context.Context, seq uint64, opts ...jetstream.GetMsgOpt) (c Queued, err error) {
	err = eventlog.Insist(ctx, func(ctx context.Context) error {
		m, err := q.stream.GetMsg(ctx, seq, opts...)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return ErrNotQueued
		}
		if err == nil {
			c = q.read(m.Subject, m.Sequence, m.Time, m.Header, m.Data)
		}
		return err
	})
	if err != nil {
		return c, fmt.Errorf("read the command queue at %d: %w", seq, err)
	}
	return c, nil
}

// Drop takes a command off the queue, whoever handles it.
func (q *CommandQueue) Drop(ctx context.Context, seq uint64) error {
	ctx, cancel := eventlog.Bounded(ctx)
	defer cancel()
	err := q.stream.DeleteMsg(ctx, seq)
	if err == nil {
		return nil
	}
	if _, gone := q.at(ctx, seq); errors.Is(gone, ErrNotQueued) {
		return nil // it has been handled meanwhile
	}
	return fmt.Errorf("drop the command at %d: %w", seq, err)
}

// astray are the subjects beside those that the queue keeps: of fewer tokens than four, and of more.
var astray = []string{queued + "*", queued + "*.*", queued + "*.*.*", queued + "*.*.*.*.>"}

// Astray gives what is published beside the queue's subjects to a function until ctx ends, in one of the processes that take
// the queue. What it says is wrong is the answer, in the form of JetStream, which the publisher expects one from.
func (q *CommandQueue) Astray(ctx context.Context, refuse func(c Queued, subject string) error) error {
	for _, subject := range astray {
		sub, err := q.nc.QueueSubscribe(subject, group, func(m *nats.Msg) {
			c := Queued{Header: m.Header, Body: m.Data}
			c.address(strings.TrimPrefix(m.Subject, queued))
			data, err := events.Encode(map[string]any{"error": map[string]any{"code": 400, "description": refuse(c, m.Subject).Error()}})
			if err == nil && m.Reply != "" {
				answer(m.Respond(data))
			}
		})
		if err != nil {
			return fmt.Errorf("watch beside the command queue: %w", err)
		}
		context.AfterFunc(ctx, func() { _ = sub.Unsubscribe() })
	}
	return nil
}
