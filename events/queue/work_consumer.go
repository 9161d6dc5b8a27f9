package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

const (
	// executor is the one consumer that all executors of push dataplanes share.
	executor = "executor"
	// ackWait is the lease: work whose executor says nothing for so long is given to
	// another, so a killed executor costs that long.
	ackWait = 10 * time.Second
	// heartbeat renews the lease while a handler runs.
	heartbeat = ackWait / 4
	// retryWait is the delay before work whose handler failed is given out again.
	retryWait = 5 * time.Second
	// pullExpiry is how long one request for work waits at the server: idle, that is
	// two requests in a minute.
	pullExpiry = 30 * time.Second
	// pullSilence is how often the server says that it still waits; twice the time
	// without a word means that the request was lost with it.
	pullSilence = 2 * time.Second
	// takeRetry is the wait before a consumer that is gone is made again.
	takeRetry = 500 * time.Millisecond
)

// Handler does one work. A positive again asks for the same work once more after that
// time, 0 says it is paid or waits for other work. An error is logged, and the
// work given out again after again, or after five seconds. It asks held right before it makes what must not be made twice.
type Handler func(ctx context.Context, p Partition, w events.Work, held Held) (again time.Duration, err error)

// Held asks the servers whether a work that was taken still stands where it was taken from. It fails with ErrLost if not, since it may be
// with another too: the queue was lost with a server's memory and made anew, or newer work of the entity was put. Of a lease that has
// ended, as its taker said nothing for so long, it knows nothing. Whoever is about to make what must not be made twice asks right before.
type Held func(ctx context.Context) error

// ErrLost says that a work may be with another by now.
var ErrLost = errors.New("the work may be with another by now")

// Take gives the work of the queue to do, up to slots at once, until ctx ends;
// then it waits for the running ones, whose context does not end, and returns
// ctx's error. Executors everywhere share the work: each message is with one of
// them at a time. Work that newer work has replaced, or that says that nothing is
// owed, is not given, as far as is known. A queue that is lost is waited for.
func (q *WorkQueue) Take(ctx context.Context, slots int, do Handler) error {
	return q.share(slots, jetstream.ConsumerConfig{
		Durable:       executor,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxDeliver:    -1,
		MaxAckPending: -1, // delayed work counts too
	}, func(ctx context.Context, m jetstream.Msg) { q.handle(ctx, m, do) }).take(ctx)
}

// handle does one message's work and answers for it.
func (q *WorkQueue) handle(ctx context.Context, m jetstream.Msg, do Handler) {
	place, w, err := decodeWork(m.Subject(), m.Data())
	if err != nil {
		slog.Error("work that cannot be read is dropped", "error", err)
		answer(m.Term())
		return
	}
	if w.Effect == "" { // it says that nothing is owed: there is nothing to do, whatever a server that lags has
		answer(m.Ack())
		return
	}
	newest, there, err := q.newestSince(ctx, m.Subject(), w.Revision)
	if err == nil && there && (newest.Revision > w.Revision || newest.Revision == w.Revision && newest.Effect == "") {
		answer(m.Ack())
		return
	}
	again := time.Duration(0)
	if err == nil {
		stop := keep(m, heartbeat)
		again, err = do(ctx, place, w, q.held(m))
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

// newestSince is Newest for who has seen a work of a revision: a server that has only older
// ones is behind, and the leader is asked.
func (q *WorkQueue) newestSince(ctx context.Context, subject string, revision uint64) (w events.Work, there bool, err error) {
	var at uint64
	err = eventlog.Insist(ctx, func(ctx context.Context) error {
		if w, at, err = q.last(ctx, subject); err == nil && w.Revision < revision {
			w, at, err = q.lastBy(ctx, q.lastFromLeader, subject)
		}
		return err
	})
	if err != nil {
		return w, false, fmt.Errorf("read the newest work on %s: %w", subject, err)
	}
	return w, at > 0, nil
}

// held asks for a message. A queue that is made anew begins where none before it has been, so that a sequence is of one
// message for ever.
func (q *WorkQueue) held(m jetstream.Msg) Held {
	return func(ctx context.Context) error {
		var there *jetstream.RawStreamMsg
		err := eventlog.Insist(ctx, func(ctx context.Context) (err error) {
			there, err = q.lastFromLeader(ctx, m.Subject())
			return err
		})
		gone := errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrStreamNotFound)
		if err != nil && !gone {
			return fmt.Errorf("ask for the work on %s: %w", m.Subject(), err)
		}
		if at, err := m.Metadata(); err != nil || gone || there.Sequence != at.Sequence.Stream {
			return fmt.Errorf("%w: %s", ErrLost, m.Subject())
		}
		return nil
	}
}

// answer notes an answer that did not get out. Nothing is lost: the lease ends,
// and the work is given out again.
func answer(err error) {
	if err != nil {
		slog.Warn("answer for work", "error", err)
	}
}

// keep renews a message's lease now and then until stop is called.
func keep(m jetstream.Msg, every time.Duration) (stop func()) {
	done := make(chan struct{})
	go func() {
		t := time.NewTicker(every)
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
