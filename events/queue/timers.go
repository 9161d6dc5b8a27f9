package queue

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

const (
	// dispatcher is the one consumer that all dispatchers share.
	dispatcher = "dispatcher"
	// dueWait is how long an entity that is due may be looked at before another
	// dispatcher gets it.
	dueWait = 30 * time.Second
	// dueAgain is the delay before what could not be looked at is due again.
	dueAgain = time.Second
)

// The headers by which JetStream schedules a message.
const (
	headSchedule = "Nats-Schedule"
	headTarget   = "Nats-Schedule-Target"
)

// Timers say when an entity should be looked at again: one time for each entity,
// kept by JetStream as a scheduled message. They are kept in the server's memory
// and made from the log, as the work queue is. JetStream looks at its schedules
// four times a second at most, and by its own clock.
type Timers struct{ *memoryStream }

// timersConfig is how the stream of timers is made: a message is kept until it is
// due, and what is due until it is handled.
var timersConfig = jetstream.StreamConfig{
	Name:              TimersStream,
	Description:       "When something of an entity is due",
	Subjects:          []string{timed + ">", due + ">"},
	Retention:         jetstream.WorkQueuePolicy,
	Storage:           jetstream.MemoryStorage,
	MaxConsumers:      -1,
	MaxMsgs:           -1,
	MaxBytes:          -1,
	MaxMsgsPerSubject: 1,
	MaxMsgSize:        -1,
	AllowDirect:       true,
	AllowMsgSchedules: true,
	AllowRollup:       true, // schedules want it
}

// OpenTimers opens the timers, and makes their stream where there is none. It
// refuses, and does not touch, a stream that is made differently.
func OpenTimers(ctx context.Context, nc *nats.Conn) (*Timers, error) {
	v, err := openMemoryStream(ctx, nc, timersConfig)
	if err != nil {
		return nil, fmt.Errorf("open the timers: %w", err)
	}
	return &Timers{v}, nil
}

// Arm sets the time of an entity, instead of any that was set for the same or a
// lower revision of it.
func (t *Timers) Arm(ctx context.Context, r events.Ref, revision uint64, at time.Time) error {
	if err := eventlog.CheckTokens(r); err != nil {
		return fmt.Errorf("arm a timer: %w", err)
	}
	when := at.UTC().Format(time.RFC3339Nano)
	m := &nats.Msg{Subject: timed + r.Tokens(), Data: []byte(when),
		Header: nats.Header{headSchedule: {"@at " + when}, headTarget: {due + r.Tokens()}}}
	stands := func(there *jetstream.RawStreamMsg) bool { return string(there.Data) == when }
	if _, err := t.putNewest(ctx, m, revision, nil, stands); err != nil {
		return fmt.Errorf("arm the timer of %s: %w", r, err)
	}
	return nil
}

// TimerHandler looks at an entity whose time has come, by JetStream's clock: at is the
// time that was set. An error means that it is due again a little later.
type TimerHandler func(ctx context.Context, r events.Ref, at time.Time) error

// Take gives the entities that are due to look, up to slots at once, until ctx
// ends; then it waits for the running ones. Dispatchers everywhere share them: each
// is with one of them at a time.
func (t *Timers) Take(ctx context.Context, slots int, look TimerHandler) error {
	return t.share(slots, jetstream.ConsumerConfig{
		Durable:       dispatcher,
		FilterSubject: due + ">",
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       dueWait,
		MaxDeliver:    -1,
		MaxAckPending: -1,
	}, func(ctx context.Context, m jetstream.Msg) { handleDue(ctx, m, look) }).take(ctx)
}

// handleDue looks at one entity and answers for its message.
func handleDue(ctx context.Context, m jetstream.Msg, look TimerHandler) {
	r, at, err := decodeDue(m.Subject(), m.Data())
	if err != nil {
		slog.Error("a timer that cannot be read is dropped", "error", err)
		answer(m.Term())
		return
	}
	if err := look(ctx, r, at); err != nil {
		answer(m.NakWithDelay(dueAgain))
		return
	}
	answer(m.Ack())
}

// decodeDue reads a message that is due.
func decodeDue(subject string, data []byte) (r events.Ref, at time.Time, err error) {
	t := strings.Split(strings.TrimPrefix(subject, due), ".")
	if len(t) != 3 {
		return r, at, fmt.Errorf("%q is not a subject of a timer", events.Truncate(subject))
	}
	at, err = time.Parse(time.RFC3339Nano, string(data))
	return events.Ref{Owner: t[0], Kind: events.Kind(t[1]), ID: t[2]}, at, err
}
