package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/client"
)

// tailEnd is where a tail ends; the zero one goes on until somebody stops it.
type tailEnd struct {
	seq  uint64    // the last sequence; 0: any
	at   time.Time // events from then on are not told; zero: all are
	once bool      // what is in the log at the beginning is all
}

func (f tailFilter) end(now time.Time) (e tailEnd, err error) {
	e.once = f.once
	switch seq, notSeq := strconv.ParseUint(f.until, 10, 64); {
	case f.until == "":
		return e, nil
	case notSeq != nil:
		if e.at, err = client.ParseMoment("--until", f.until, now); err != nil {
			return e, err
		}
		e.once = e.once || !e.at.After(now)
	case seq == 0:
		return e, client.Invalid("--until", "0: the first event has the sequence 1")
	default:
		e.seq, e.once = seq, true
	}
	return e, nil
}

// bound ends ctx when the time comes that is waited for.
func (e tailEnd) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.at.IsZero() || e.once {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, e.at)
}

// begun tells whether there is nothing to tell. A sequence that is not in the log yet is refused: nobody would notice it
// passing by among events that are filtered out.
func (e *tailEnd) begun(ctx context.Context, js jetstream.JetStream, c jetstream.Consumer) (done bool, err error) {
	if !e.once {
		return false, nil
	}
	s, err := js.Stream(ctx, eventlog.Stream)
	if err != nil {
		return false, err
	}
	if err := e.within(s.CachedInfo().State.LastSeq); err != nil {
		return false, err
	}
	info, err := c.Info(ctx)
	return err == nil && info.NumPending == 0, err
}

// within refuses an end that the log does not have, and gives it one if it is to end with what is there. last is the log's last sequence.
func (e *tailEnd) within(last uint64) error {
	switch {
	case !e.once:
	case e.seq > last:
		return client.Invalid("--until", "%d: the log ends with %d", e.seq, last)
	case e.seq == 0:
		e.seq = last
	}
	return nil
}

// before tells whether the end is before an event.
func (e tailEnd) before(h client.Event) bool {
	return e.seq > 0 && h.Seq > e.seq || !e.at.IsZero() && !h.Time.Before(e.at)
}

// reached tells whether an event was the last: none that is asked for is behind it up to the end.
func (e tailEnd) reached(m jetstream.Msg) bool {
	meta, err := m.Metadata()
	return e.once && (err != nil || meta.NumPending == 0 || meta.Sequence.Stream >= e.seq)
}

// eventsOf says which events to follow after a sequence: those of entities, or of a kind and an owner, if that is given.
func eventsOf(k events.Kind, owner string, refs []events.Ref, after uint64) jetstream.OrderedConsumerConfig {
	c := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1}
	for _, r := range refs {
		c.FilterSubjects = append(c.FilterSubjects, events.EventPrefix+r.Tokens()+".*")
	}
	if len(refs) == 0 {
		if owner == "" {
			owner = "*"
		}
		c.FilterSubjects = []string{events.EventPrefix + owner + "." + string(k) + ".*.*"}
	}
	return c
}
