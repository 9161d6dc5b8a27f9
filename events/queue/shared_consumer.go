package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/liveness"
)

// sharedConsumer is a consumer whose messages many take, each message one of them at a time.
type sharedConsumer struct {
	nc     *nats.Conn
	stream jetstream.Stream
	config jetstream.ConsumerConfig
	slots  int                                  // how many messages are handled at once
	handle func(context.Context, jetstream.Msg) // answers for the message; its context does not end
	failed func()                               // is told when the consumer cannot be read
	how    []jetstream.FetchOpt                 // how a message is asked for, besides
	watch  *liveness.Loop                       // which loop it is; nil: nobody's
}

// How long it may take until a slot is free, as work that may last for hours has slots of its own, and until the server has
// answered whether there is a message.
const (
	slotWithin = 10 * time.Minute
	pullWithin = 3 * time.Minute
)

// take gives the messages to handle until ctx ends; then it waits for the running ones
// and returns ctx's error. The consumer is made, and made again where it is gone with
// its stream.
func (s sharedConsumer) take(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, max(s.slots, 1))
	for ctx.Err() == nil {
		c, err := consumerOf(ctx, s.stream, s.config)
		if err == nil {
			err = s.give(ctx, c, &running, free)
		}
		if ctx.Err() == nil && s.nc.IsConnected() {
			slog.Warn("consumer not read, will try again", "stream", s.name(), "consumer", s.config.Durable, "err", err)
		}
		s.failed()
		eventlog.Wait(ctx, takeRetry)
	}
	return fmt.Errorf("take from the stream %s: %w", s.name(), ctx.Err())
}

func (s sharedConsumer) name() string { return s.stream.CachedInfo().Config.Name }

func consumerOf(ctx context.Context, s jetstream.Stream, config jetstream.ConsumerConfig) (c jetstream.Consumer, err error) {
	err = eventlog.Insist(ctx, func(ctx context.Context) (err error) {
		c, err = s.CreateOrUpdateConsumer(ctx, config)
		return err
	})
	return c, err
}

// give gives messages to handle until the consumer fails or ctx ends.
func (s sharedConsumer) give(ctx context.Context, c jetstream.Consumer, running *sync.WaitGroup, free chan struct{}) error {
	waiting, pulling := s.watch.Step("waiting until one of what is done ends", slotWithin), s.watch.Step("asking for a message", pullWithin)
	defer waiting.Drop()
	defer pulling.Drop()
	for {
		waiting.Begin()
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		waiting.End()
		m, err := next(ctx, c, pulling, s.how...)
		pulling.End()
		if err != nil {
			<-free
			return err
		}
		running.Go(func() {
			defer func() { <-free }()
			s.handle(context.WithoutCancel(ctx), m)
		})
	}
}

// next waits for a message: one at a pull, and a pull only when a slot is free,
// because what waits in a buffer here would use up its lease and be missed by other
// executors. It asks anew each time: nats.go's iterator (1.55), asked for one
// message at a time, now and then forgets to ask for the next when an answer comes
// faster than its own books are closed, and then sleeps through two heartbeats.
// Silence of the server is looked into: the consumer may be gone with its stream.
func next(ctx context.Context, c jetstream.Consumer, pulling *liveness.Step, how ...jetstream.FetchOpt) (jetstream.Msg, error) {
	for {
		pulling.Begin()
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
		err = eventlog.Insist(ctx, func(ctx context.Context) error {
			_, err := c.Info(ctx)
			return err
		})
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, err
		}
	}
}
