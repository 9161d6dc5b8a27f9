package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
)

const (
	// executor is the one consumer that all executors of push dataplanes share.
	executor = "executor"
	// ackWait is the lease: work whose executor says nothing for so long is given to another.
	ackWait = time.Minute
	// heartbeat renews the lease while a handler runs.
	heartbeat = ackWait / 3
	// retryWait is the delay before work whose handler failed is given out again.
	retryWait = 5 * time.Second
	// pullExpiry is how long one request for work waits at the server: idle, that is
	// two requests in a minute.
	pullExpiry = 30 * time.Second
)

// Do does one work. A positive again asks for the same work once more after that
// time, 0 says it is paid or waits for other work. An error is logged, and the
// work given out again after again, or after five seconds.
type Do func(ctx context.Context, p Place, w events.Work) (again time.Duration, err error)

// Take gives the work of the queue to do, up to slots at once, until ctx ends;
// then it waits for the running ones, whose context does not end, and returns
// ctx's error. Executors everywhere share the work: each message is with one of
// them at a time. Work that newer work has replaced, or that says that nothing is
// owed, is not given. Any other error means that the queue is gone or was made
// anew: open it again and put everything.
func (q *WorkQueue) Take(ctx context.Context, slots int, do Do) error {
	c, err := q.consumer(ctx)
	if err != nil {
		return fmt.Errorf("take work: %w", err)
	}
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, max(slots, 1))
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("take work: %w", ctx.Err())
		}
		m, err := next(ctx, c)
		if err != nil {
			return fmt.Errorf("take work: %w", err)
		}
		running.Go(func() {
			defer func() { <-free }()
			q.handle(context.WithoutCancel(ctx), m, do)
		})
	}
}

// consumer makes or finds the executors' consumer.
func (q *WorkQueue) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return q.stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable:       executor,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxDeliver:    -1,
		MaxAckPending: -1, // delayed work counts too
	})
}

// next waits for a message: one at a pull, and a pull only when a slot is free,
// because what waits in a buffer here would use up its lease and be missed by other
// executors. It asks anew each time: nats.go's iterator (1.55), asked for one
// message at a time, now and then forgets to ask for the next when an answer comes
// faster than its own books are closed, and then sleeps through two heartbeats.
// Silence of the server is looked into: the consumer may be gone with its stream.
func next(ctx context.Context, c jetstream.Consumer) (jetstream.Msg, error) {
	for {
		asking, cancel := context.WithTimeout(ctx, pullExpiry)
		m, err := c.Next(jetstream.FetchContext(asking))
		cancel()
		switch {
		case err == nil:
			return m, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
			continue
		case !errors.Is(err, jetstream.ErrNoHeartbeat):
			return nil, err
		}
		ask, cancel := bounded(ctx)
		_, err = c.Info(ask)
		cancel()
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, err
		}
	}
}

// handle does one message's work and answers for it.
func (q *WorkQueue) handle(ctx context.Context, m jetstream.Msg, do Do) {
	place, w, err := decodeWork(m.Subject(), m.Data())
	if err != nil {
		slog.Error("work that cannot be read is dropped", "error", err)
		answer(m.Term())
		return
	}
	newest, there, err := q.Newest(ctx, place, w.Ref)
	if err == nil && (!there || newest.Revision > w.Revision || newest.Effect == "") {
		answer(m.Ack())
		return
	}
	again := time.Duration(0)
	if err == nil {
		stop := keep(m)
		again, err = do(ctx, place, w)
		stop()
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		slog.Error("work failed", "entity", w.Ref.String(), "effect", w.Effect, "error", err)
	}
	if err != nil && again <= 0 {
		again = retryWait
	}
	if again > 0 {
		answer(m.NakWithDelay(again))
		return
	}
	answer(m.Ack())
}

// answer notes an answer that did not get out. Nothing is lost: the lease ends,
// and the work is given out again.
func answer(err error) {
	if err != nil {
		slog.Warn("answer for work", "error", err)
	}
}

// keep renews a message's lease until stop is called.
func keep(m jetstream.Msg) (stop func()) {
	done := make(chan struct{})
	go func() {
		t := time.NewTicker(heartbeat)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				answer(m.InProgress())
			}
		}
	}()
	return func() { close(done) }
}
