package callout

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

const (
	// again is how many of the last events are shown again, at a start and after each cut of the connection: the process before, or
	// the connection before, may not have brought them.
	again = 256
	// tellerPause is the wait before a reader of the log that broke is made anew.
	tellerPause = time.Second
)

// tell shows callers each event as it is committed, in the form in which they may read it, until ctx ends. Each replica does it for
// itself, in the order of the log and without gaps, so that none is missed when one of them dies: an event comes as often as
// there are replicas, and who reads drops by its sequence what he has had. What was on its way when the connection was cut may be
// lost, so the last ones are shown again after each cut and each failure.
func (s *Service) tell(ctx context.Context) {
	back := s.nc.StatusChanged(nats.CONNECTED)
	defer s.nc.RemoveStatusListener(back)
	var p position
	for ctx.Err() == nil {
		if err := s.tellUntil(ctx, back, &p); err != nil && ctx.Err() == nil {
			slog.Warn("events are not shown to callers for a while", "after", p.told, "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(tellerPause):
		}
	}
}

// position is how far events were shown.
type position struct {
	told  uint64 // the last sequence
	begun bool   // told is known
}

// first is the sequence with which showing begins, anew or for the first time.
func (p position) first() uint64 { return p.told - min(p.told, again) + 1 }

// tellUntil shows events until the connection was cut and is there again.
func (s *Service) tellUntil(ctx context.Context, back <-chan nats.Status, p *position) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-back:
			cancel(errCut)
		case <-ctx.Done():
		}
	}()
	err := s.tellFrom(ctx, p)
	if errors.Is(context.Cause(ctx), errCut) {
		return nil
	}
	return err
}

// errCut says that the connection was another one before.
var errCut = errors.New("the connection was cut")

// tellFrom shows events from a position on.
func (s *Service) tellFrom(ctx context.Context, p *position) error {
	js, err := jetstream.New(s.nc)
	if err != nil {
		return err
	}
	if !p.begun {
		stream, err := js.Stream(ctx, eventlog.Stream)
		if err != nil {
			return err
		}
		*p = position{told: stream.CachedInfo().State.LastSeq, begun: true}
	}
	err = s.tellByConsumer(ctx, js, p)
	if eventlog.ConsumersFull(err) {
		return s.tellDirectly(ctx, p, err)
	}
	return err
}

// tellByConsumer shows events from a position on as a consumer of the log brings them. A consumer that is lost is not made anew here,
// where it would be tried for ever: there may be no room for it any more.
func (s *Service) tellByConsumer(ctx context.Context, js jetstream.JetStream, p *position) error {
	from := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: p.first(), MaxResetAttempts: 1}
	c, err := js.OrderedConsumer(ctx, eventlog.Stream, from)
	if err != nil {
		return err
	}
	all, err := c.Messages()
	if err != nil {
		return err
	}
	defer all.Stop()
	for {
		m, err := all.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if err := s.show(p, meta.Sequence.Stream, m.Subject(), m.Headers(), m.Data()); err != nil {
			return err
		}
	}
}

const (
	// directFor is how long events are shown without a consumer before one is asked for again.
	directFor = 10 * time.Second
	// directPause is the wait before the servers are asked for what came meanwhile.
	directPause = 100 * time.Millisecond
)

// tellDirectly shows events from a position on without a consumer, for a while: others may have used up all that the log may have.
func (s *Service) tellDirectly(ctx context.Context, p *position, why error) error {
	slog.Warn("events are shown to callers without a consumer, which costs more: delete consumers that nobody needs, or raise the stream's max_consumers",
		"stream", eventlog.Stream, "err", why)
	next := p.first()
	for end := time.Now().Add(directFor); time.Now().Before(end); {
		n, err := eventlog.ReadStored(ctx, s.nc, next, func(m eventlog.Stored) error {
			if m.Seq < next {
				return nil
			}
			if m.Seq > next {
				return errMissed // a server that lacks some of the log
			}
			next++
			return s.show(p, m.Seq, m.Subject, m.Header, m.Data)
		})
		if err != nil {
			return err
		}
		if n == 0 {
			eventlog.Wait(ctx, directPause)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// errMissed says that a server had the event after the next one.
var errMissed = errors.New("a NATS server lacks an event")

// show shows one event.
func (s *Service) show(p *position, seq uint64, subject string, header nats.Header, data []byte) error {
	if err := s.nc.PublishMsg(shown(seq, subject, header, data)); err != nil {
		return err
	}
	p.told = max(p.told, seq)
	return nil
}

// shown is an event as callers hear it, with the headers that the stream itself publishes it with.
func shown(seq uint64, subject string, header nats.Header, data []byte) *nats.Msg {
	rest := strings.TrimPrefix(subject, events.EventPrefix)
	owner, _, _ := strings.Cut(rest, ".")
	on := &nats.Msg{Subject: shownPrefix + rest, Header: nats.Header{}, Data: data}
	for name, values := range header {
		on.Header[name] = values
	}
	on.Header.Set(jetstream.StreamHeader, eventlog.Stream)
	on.Header.Set(jetstream.SequenceHeader, strconv.FormatUint(seq, 10))
	if owner != events.Platform {
		on.Data = events.ShownTo(owner, data)
	}
	return on
}
