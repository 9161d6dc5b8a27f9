package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

var appendBenchmark = benchmark{
	name:  "append",
	short: "Decisions appended to the log, with nobody who decides or folds",
	long: "Append decisions of one event each to the event log, with nothing else of aerie around it: many at once, each\n" +
		"on an entity of its own, each durable when it returns. The yardstick writes the same events once more in atomic\n" +
		"batches, as full as JetStream takes them.",
	n: 50_000, clients: 256, rounds: 5,
	run: benchAppend,
}

func benchAppend(ctx context.Context, b *bench) (_ []figure, err error) {
	l, err := b.openBareLog(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	raw, err := newYardstick(ctx, l.conn)
	if err != nil {
		return nil, err
	}
	ours, theirs := &side{}, &side{}
	last := make([]uint64, b.clients) // where each entity's newest event stands
	before := uint64(0)
	b.meter.begin("events", b.rounds*b.perRound())
	for i := range b.rounds {
		err := b.turn(i, func() error {
			one, err := abreastOf(ctx, b.clients, b.perRound(), func(ctx context.Context, client, _ int) (err error) {
				defer b.meter.add(1)
				last[client], err = appendOne(ctx, l.log, client, last[client])
				return err
			})
			ours.add(one)
			return err
		})
		if err != nil {
			return nil, err
		}
		after := before + uint64(b.perRound())
		msgs, err := raw.written(ctx, before, after)
		if err != nil {
			return nil, err
		}
		one, err := raw.replay(ctx, l.conn, msgs, fullBatch)
		if err != nil {
			return nil, err
		}
		theirs.add(one)
		before = after
		b.meter.say("round %d of %d: %s events/s, raw %s/s", i+1, b.rounds, rounded(ours.last()), rounded(theirs.last()))
	}
	return compared(ours, theirs, "events", "answers", "batches of 1000"), nil
}

// appendOne appends one event of a client's own customer.
func appendOne(ctx context.Context, log *eventlog.Log, client int, after uint64) (uint64, error) {
	id := fmt.Sprintf("c%d", client)
	renamed := events.Updated[events.CustomerSpec]{Spec: events.CustomerSpec{DisplayName: "A customer, renamed", Hosting: "provider"}}
	return appendTo(ctx, log, events.Ref{Kind: events.Customer, Owner: id, ID: id}, after, renamed)
}

// appendTo appends a decision of one event and returns where it stands.
func appendTo(ctx context.Context, log *eventlog.Log, ref events.Ref, after uint64, e events.Event) (uint64, error) {
	command := ulid.Make().String()
	recorded, err := log.Append(ctx, eventlog.Decision{
		Envelope: events.Envelope{Time: time.Now().UTC(), Actor: events.ActorAdmin, CommandID: command, CausationID: command,
			CorrelationID: command, Digest: "0123456789abcdef"},
		Changes: []events.Change{{Ref: ref, After: after, Events: []events.Event{e}}},
	})
	if err != nil {
		return after, err
	}
	return recorded[0].Seq, nil
}
