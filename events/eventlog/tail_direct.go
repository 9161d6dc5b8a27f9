package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// This file reads the log without a consumer: people may have used up all that a
// stream may have, and a message may say where it stands in a way that this program
// does not know. It costs more while nothing happens, since the server has to be asked again and again.

const (
	// directFor is how long the log is read so before a consumer is asked for again.
	directFor = 10 * time.Second
	// directPause is the wait before the server is asked for what came meanwhile.
	directPause = 100 * time.Millisecond
	// directEvents and directBytes bound one answer.
	directEvents = 1000
	directBytes  = 8 << 20
)

// errNoPlace means that a message of a consumer does not say where it stands.
var errNoPlace = errors.New("a message does not say where in the log it stands")

// withoutConsumer tells whether the log has to be read without a consumer, because of an error.
func withoutConsumer(err error) bool {
	return errors.Is(err, errNoPlace) || ConsumersFull(err)
}

// ConsumersFull tells whether an error is that a stream has as many consumers as it may have.
func ConsumersFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == errConsumersFull
}

// errConsumersFull is the server's code for a stream that has as many consumers as it may have.
const errConsumersFull = 10026

// readDirectly takes events without a consumer, because of an error, for a while; then a consumer is
// worth another try.
func (t *tail) readDirectly(ctx context.Context, why error) error {
	slog.Warn("the log is read without a consumer, which costs more: delete consumers that nobody needs, or raise the stream's max_consumers", "stream", Stream, "err", why)
	for end := time.Now().Add(directFor); time.Now().Before(end); {
		n, err := t.takeSome(ctx)
		if errors.Is(err, errMissed) {
			err = t.look(ctx)
		}
		if err != nil {
			return err
		}
		if n == 0 {
			Wait(ctx, directPause)
		}
	}
	return &brokenError{why}
}

// Stored is a message of the log as a server keeps it.
type Stored struct {
	Seq     uint64
	Subject string
	Header  nats.Header
	Data    []byte
}

// ReadStored hands over some of what the log has from a sequence on, as any server that keeps a copy has it, without a consumer
// and unchecked. It returns how much that was.
func ReadStored(ctx context.Context, nc *nats.Conn, from uint64, take func(Stored) error) (n int, err error) {
	err = askDirectly(ctx, nc, from, func(m *nats.Msg) error {
		seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
		if err != nil {
			return &brokenError{fmt.Errorf("ask for events: the answer has no sequence: %w", err)}
		}
		n++
		subject := m.Header.Get(jetstream.SubjectHeader)
		for _, about := range aboutAnswers {
			m.Header.Del(about)
		}
		return take(Stored{seq, subject, m.Header, m.Data})
	})
	return n, err
}

// aboutAnswers are the headers that a server adds to what it answers.
var aboutAnswers = []string{jetstream.StreamHeader, jetstream.SubjectHeader, jetstream.SequenceHeader, jetstream.TimeStampHeaer,
	"Nats-Num-Pending", "Nats-Last-Sequence"}

// takeSome asks for what comes after the last event, and takes it. It returns how many came.
func (t *tail) takeSome(ctx context.Context) (n int, err error) {
	err = askDirectly(ctx, t.log.nc, t.last+1, func(m *nats.Msg) error { n++; return t.takeAnswer(m) })
	return n, err
}

// askDirectly asks any server that keeps a copy of the log for events from a sequence on, and
// hands over what it answers. What goes wrong on the way is a brokenError.
func askDirectly(ctx context.Context, nc *nats.Conn, from uint64, take func(*nats.Msg) error) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	answers, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return &brokenError{err}
	}
	defer func() { _ = answers.Unsubscribe() }() // the connection is gone
	ask, err := json.Marshal(map[string]uint64{"seq": from, "batch": directEvents, "max_bytes": directBytes})
	if err != nil {
		return fmt.Errorf("ask for events: %w", err)
	}
	if err := nc.PublishRequest("$JS.API.DIRECT.GET."+Stream, answers.Subject, ask); err != nil {
		return &brokenError{err}
	}
	for {
		m, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return &brokenError{err}
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204", "404": // the end of the answer, the end of the log
			return nil
		default:
			return &brokenError{fmt.Errorf("ask for events: %s %s", status, m.Header.Get("Description"))}
		}
		if err := take(m); err != nil {
			return err
		}
	}
}

// takeAnswer adds the event in one answer.
func (t *tail) takeAnswer(m *nats.Msg) error {
	seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	switch {
	case err != nil:
		return &brokenError{fmt.Errorf("ask for events: the answer has no sequence: %w", err)}
	case seq <= t.last:
		return nil
	case seq != t.last+1:
		return errMissed
	}
	return t.add(seq, m.Header.Get(jetstream.SubjectHeader), m.Data, func() *head { return headOf(m.Header) })
}
