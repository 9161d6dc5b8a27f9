package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

var foldBenchmark = benchmark{
	name:  "fold",
	short: "A log of events folded from its beginning, with the views watching",
	long: "Write a log of the events of tenants that become Active, and fold it from its beginning, checksums and views and\n" +
		"all, as a start without a snapshot does: from the blocks of the store where they are full. The yardstick is an ordered\n" +
		"consumer that takes the same messages and does nothing with them. An answer is for a thousand events.",
	n: 200_000, rounds: 5,
	run: benchFold,
}

func benchFold(ctx context.Context, b *bench) (_ []figure, err error) {
	l, err := b.openBareLog(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	b.meter.begin("events written", b.n)
	if err := l.fill(ctx, b.n, b.meter); err != nil {
		return nil, err
	}
	ours, raw := &side{}, &side{}
	b.meter.begin("events folded", b.n*b.rounds)
	for i := range b.rounds {
		if err := b.turn(i, func() error { return l.fold(ctx, ours, b) }); err != nil {
			return nil, err
		}
		if err := l.take(ctx, raw, b.n); err != nil {
			return nil, err
		}
		b.meter.say("round %d of %d: %s events/s, raw %s/s", i+1, b.rounds, rounded(ours.last()), rounded(raw.last()))
	}
	return compared(ours, raw, "events", "thousands", "thousands"), nil
}

// pace notes the time of every thousand events.
type pace struct {
	sample
	start, since time.Time
}

func newPace() *pace {
	runtime.GC()
	now := time.Now()
	return &pace{start: now, since: now}
}

func (p *pace) step() {
	if p.n++; p.n%1000 == 0 {
		p.split()
	}
}

func (p *pace) split() {
	now := time.Now()
	p.each = append(p.each, now.Sub(p.since))
	p.since = now
}

func (p *pace) end() sample {
	p.took = time.Since(p.start)
	if p.n < 1000 {
		p.split()
	}
	return p.sample
}

// fold folds the whole log, as a start does.
func (l *bareLog) fold(ctx context.Context, s *side, b *bench) error {
	fold := state.NewLive()
	views.New(fold, l.log)
	p := newPace()
	fold.Watch(func(_ *state.Entities, decision []events.Recorded, _ bool) {
		for range decision {
			p.step()
		}
		b.meter.add(len(decision))
	})
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = fold.Follow(ctx, l.log) // Wait says why it ended
	}()
	err := fold.Wait(ctx, uint64(b.n))
	took := p.end()
	stop()
	<-ended
	s.add(took)
	return err
}

// take takes all messages of the log and does nothing with them.
func (l *bareLog) take(ctx context.Context, s *side, n int) error {
	js, err := jetstream.New(l.conn)
	if err != nil {
		return fmt.Errorf("take the log's messages: %w", err)
	}
	p := newPace()
	c, err := js.OrderedConsumer(ctx, eventlog.Stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return fmt.Errorf("take the log's messages: %w", err)
	}
	all, err := c.Messages(jetstream.PullMaxMessages(2000))
	if err != nil {
		return fmt.Errorf("take the log's messages: %w", err)
	}
	defer all.Stop()
	defer context.AfterFunc(ctx, all.Stop)() // cheaper than asking ctx for each message
	for range n {
		if _, err := all.Next(); err != nil {
			return fmt.Errorf("take the log's messages: %w", err)
		}
		p.step()
	}
	s.add(p.end())
	return nil
}
