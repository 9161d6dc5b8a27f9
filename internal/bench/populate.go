package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// owners is among how many customers the tenants are.
const owners = 1000

// populate writes a log of customers and their tenants, which become Active: their
// lives beside each other, in batches as full as JetStream takes them.
func (l *bareLog) populate(ctx context.Context, tenants int, m *meter) error {
	at, err := l.log.Last(ctx)
	if err != nil {
		return err
	}
	var all []written
	for i := range owners {
		id := fmt.Sprintf("c%d", i)
		all = append(all, written{ref: events.Ref{Kind: events.Customer, Owner: id, ID: id}, way: []events.Event{
			events.Created[events.CustomerSpec]{UID: ulid.Make().String(), Spec: events.CustomerSpec{Hosting: "provider"}}}})
	}
	if at, err = l.write(ctx, at, all); err != nil {
		return err
	}
	const together = eventlog.MaxEvents / 5
	for i := 0; i < tenants; i += together {
		all = all[:0]
		for t := i; t < min(tenants, i+together); t++ {
			all = append(all, written{ref: tenantOf(t), way: way(t)})
		}
		if at, err = l.write(ctx, at, all); err != nil {
			return err
		}
		m.add(len(all) * len(way(0)))
	}
	return nil
}

func tenantOf(i int) events.Ref {
	return events.Ref{Kind: events.Tenant, Owner: fmt.Sprintf("c%d", i%owners), ID: fmt.Sprintf("t%d", i)}
}

// written is an entity whose life is written.
type written struct {
	ref  events.Ref
	way  []events.Event
	last uint64
}

// write writes the lives of some entities as one batch behind a sequence: the first
// event of each, then the second, each a decision of its own.
func (l *bareLog) write(ctx context.Context, at uint64, all []written) (uint64, error) {
	batch := l.log.Batch(at)
	for step := range all[0].way {
		for i := range all {
			w, command := &all[i], ulid.Make().String()
			recorded, err := batch.Add(eventlog.Decision{
				Envelope: events.Envelope{Time: time.Now().UTC(), Actor: events.ActorAdmin, CommandID: command, CausationID: command, CorrelationID: command, Digest: "0123456789abcdef"},
				Changes:  []events.Change{{Ref: w.ref, After: w.last, Events: []events.Event{w.way[step]}}},
			})
			if err != nil {
				return at, err
			}
			w.last = recorded[0].Seq
		}
	}
	_, err := batch.Append(ctx)
	return at + uint64(batch.Len()), err
}
