package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

var appendBenchmark = benchmark{
	name:  "append",
	short: "Decisions appended to the log, with nobody who decides or folds",
	long: "Append decisions of one event each to the event log, each on another entity, with nothing else of aerie around it:\n" +
		"batches as full as JetStream takes them, each on disk before the next. The yardstick writes the same messages once\n" +
		"more in the same batches. An answer is for a batch.",
	n: 50_000, rounds: 5,
	run: benchAppend,
}

// appending is the append benchmark under way.
type appending struct {
	*bench
	*bareLog
	raw         *yardstick
	end         uint64 // of the log
	last        [fullBatch]uint64
	ours, plain side
}

func benchAppend(ctx context.Context, b *bench) (_ []figure, err error) {
	l, err := b.openBareLog(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	a := &appending{bench: b, bareLog: l}
	if a.raw, err = newYardstick(ctx, l.conn); err != nil {
		return nil, err
	}
	b.meter.begin("events", b.rounds*b.perRound())
	for i := range b.rounds {
		if err := a.round(ctx, i); err != nil {
			return nil, err
		}
		b.meter.say("round %d of %d: %s events/s, raw %s/s", i+1, b.rounds, rounded(a.ours.last()), rounded(a.plain.last()))
	}
	return compared(&a.ours, &a.plain, "events", "batches of 1000", "batches of 1000"), nil
}

// round appends, and writes the same again.
func (a *appending) round(ctx context.Context, i int) error {
	before := a.end
	if err := a.turn(i, func() error { return a.appendAll(ctx, a.perRound()) }); err != nil {
		return err
	}
	msgs, err := a.raw.written(ctx, before, a.end)
	if err != nil {
		return err
	}
	one, err := a.raw.replay(ctx, a.conn, msgs, fullBatch)
	a.plain.add(one)
	return err
}

func (a *appending) appendAll(ctx context.Context, n int) error {
	s := sample{n: n}
	runtime.GC()
	start := time.Now()
	for left := n; left > 0; left -= fullBatch {
		began := time.Now()
		if err := a.appendBatch(ctx, min(left, fullBatch)); err != nil {
			return err
		}
		s.each = append(s.each, time.Since(began))
		a.meter.add(min(left, fullBatch))
	}
	s.took = time.Since(start)
	a.ours.add(s)
	return nil
}

// appendBatch renames as many customers.
func (a *appending) appendBatch(ctx context.Context, size int) error {
	batch := a.log.Batch(a.end)
	for i := range size {
		id := fmt.Sprintf("c%d", i)
		renamed := events.Updated[events.CustomerSpec]{Spec: events.CustomerSpec{DisplayName: "Customer " + id, Hosting: "provider"}}
		ref := events.Ref{Kind: events.Customer, Owner: id, ID: id}
		recorded, err := batch.Add(decided(events.Change{Ref: ref, After: a.last[i], Events: []events.Event{renamed}}))
		if err != nil {
			return err
		}
		a.last[i] = recorded[0].Seq
	}
	_, err := batch.Append(ctx)
	a.end += uint64(size)
	return err
}

// decided is a decision such as a person's command leads to.
func decided(c events.Change) eventlog.Decision {
	command := ulid.Make().String()
	return eventlog.Decision{Changes: []events.Change{c}, Envelope: events.Envelope{Time: time.Now().UTC(), Actor: events.ActorAdmin,
		CommandID: command, CausationID: command, CorrelationID: command, Digest: "0123456789abcdef"}}
}
