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

// Do does one work. A positive again asks for the same work once more after that
// time, 0 says it is paid or waits for other work. An error is logged, and the
// work given out again after again, or after five seconds.
type Do func(ctx context.Context, p Place, w events.Work) (again time.Duration, err error)

// Take gives the work of the queue to do, up to slots at once, until ctx ends;
// then it waits for the running ones, whose context does not end, and returns
// ctx's error. Executors everywhere share the work: each message is with one of
// them at a time. Work that newer work has replaced, or that says that nothing is
// owed, is not given, as far as is known. A queue that is lost is waited for.
func (q *WorkQueue) Take(ctx context.Context, slots int, do Do) error {
	return q.share(ctx, slots, jetstream.ConsumerConfig{
		Durable:       executor,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxDeliver:    -1,
		MaxAckPending: -1, // delayed work counts too
	}, func(ctx context.Context, m jetstream.Msg) { q.handle(ctx, m, do) })
}

// share gives the messages of a consumer that many share to handle, up to slots
// at once, until ctx ends; then it waits for the running ones. The consumer is
// made, and made again where it is gone with its stream.
func (v *volatile) share(ctx context.Context, slots int, config jetstream.ConsumerConfig, handle func(context.Context, jetstream.Msg)) error {
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, max(slots, 1))
	var c jetstream.Consumer
	for ctx.Err() == nil {
		var err error
		if c == nil {
			c, err = v.consumer(ctx, config)
		}
		if err == nil {
			err = give(ctx, c, &running, free, handle)
		}
		if ctx.Err() == nil && v.nc.IsConnected() {
			slog.Warn("consumer not read, will try again", "stream", v.config.Name, "err", err)
		}
		c = nil
		v.failed()
		wait(ctx, takeRetry)
	}
	return fmt.Errorf("take from the stream %s: %w", v.config.Name, ctx.Err())
}

// consumer makes or finds a consumer.
func (v *volatile) consumer(ctx context.Context, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return consumerOf(ctx, v.stream, config)
}

func consumerOf(ctx context.Context, s jetstream.Stream, config jetstream.ConsumerConfig) (c jetstream.Consumer, err error) {
	err = insist(ctx, func(ctx context.Context) (err error) {
		c, err = s.CreateOrUpdateConsumer(ctx, config)
		return err
	})
	return c, err
}

// give gives messages to handle until the consumer fails or ctx ends.
func give(ctx context.Context, c jetstream.Consumer, running *sync.WaitGroup, free chan struct{}, handle func(context.Context, jetstream.Msg), how ...jetstream.FetchOpt) error {
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		m, err := next(ctx, c, how...)
		if err != nil {
			<-free
			return err
		}
		running.Go(func() {
			defer func() { <-free }()
			handle(context.WithoutCancel(ctx), m)
		})
	}
}

// next waits for a message: one at a pull, and a pull only when a slot is free,
// because what waits in a buffer here would use up its lease and be missed by other
// executors. It asks anew each time: nats.go's iterator (1.55), asked for one
// message at a time, now and then forgets to ask for the next when an answer comes
// faster than its own books are closed, and then sleeps through two heartbeats.
// Silence of the server is looked into: the consumer may be gone with its stream.
func next(ctx context.Context, c jetstream.Consumer, how ...jetstream.FetchOpt) (jetstream.Msg, error) {
	for {
		asking, cancel := context.WithTimeout(ctx, pullExpiry)
		m, err := c.Next(append(how, jetstream.FetchContext(asking), jetstream.FetchHeartbeat(pullSilence))...)
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
		err = insist(ctx, func(ctx context.Context) error {
			_, err := c.Info(ctx)
			return err
		})
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
	if err == nil && there && (newest.Revision > w.Revision || newest.Revision == w.Revision && newest.Effect == "") {
		answer(m.Ack())
		return
	}
	again := time.Duration(0)
	if err == nil {
		stop := keep(m, heartbeat)
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
