package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
)

// MaxEvents is the most events one decision may have: nats-server's bound of an atomic batch.
const MaxEvents = 1000

// requestTimeout bounds every request whose caller set no deadline.
const requestTimeout = 10 * time.Second

var (
	// ErrConflict means that an entity, or with LogAt the log, has moved on: load
	// again and decide again. Nothing was stored.
	ErrConflict = errors.New("conflict")
	// ErrFull means that a batch has no room for a decision: append it, and begin another.
	ErrFull = errors.New("the batch is full")
	// ErrUnknown means that no answer came, or that AppendAlone got no further: each
	// decision may be stored or not, wholly or not at all. Look for the command's id in
	// the log before trying again.
	ErrUnknown = errors.New("the outcome is unknown")
	// ErrRejected means that nothing was stored because of what was sent: sending the same again
	// is no use. It may be because of one event of many.
	ErrRejected = errors.New("the log does not take it")
	// ErrNoRoom means that the servers have no room for it. Nothing was stored.
	ErrNoRoom = errors.New("there is no room for the log: make room on the disk, or raise the servers' max_file_store")
)

// MinPayload is the least max_payload of a server that aerie works with: nats-server's own default.
const MinPayload = 1 << 20

// room is what a message may have beside an event: the headers of its append, and where the event is of a wish, what the
// work that follows from it says besides.
const room = 16 << 10

// TooLargeError says that an event would be a larger message than the NATS server takes.
type TooLargeError struct {
	Event string // its kind and type
	Size  int    // bytes, with its headers
	Most  int
}

// Error says the size that the event would have, and the most that is possible.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the event %s would have %d bytes: at most %d", e.Event, e.Size, e.Most)
}

// fits refuses a message that the server would not take. The server that is connected to now may be another than before.
func (l *Log) fits(r events.Recorded, size int) error {
	if most := int(l.nc.MaxPayload()) - room; size > most {
		return &TooLargeError{string(r.Ref.Kind) + "." + r.Event.Type(), size, most}
	}
	return nil
}

// enough refuses a server that takes too little.
func enough(nc *nats.Conn) error {
	if most := nc.MaxPayload(); most < MinPayload {
		return fmt.Errorf("the NATS server %s takes messages of %d bytes at most, and aerie needs %d: set max_payload: 1MB on every server", nc.ConnectedUrlRedacted(), most, MinPayload)
	}
	return nil
}

// The headers by which nats-server checks and groups what is appended.
const (
	headExpectLog     = "Nats-Expected-Last-Sequence"
	HeadExpectEntity  = "Nats-Expected-Last-Subject-Sequence"
	headExpectSubject = "Nats-Expected-Last-Subject-Sequence-Subject"
	headBatch         = "Nats-Batch-Id"
	headBatchSeq      = "Nats-Batch-Sequence"
	headBatchCommit   = "Nats-Batch-Commit"
)

// errStoreFailed is the server's code for a write that went wrong on the way to
// disk: it may have got there.
const errStoreFailed = 10077

// errsNoRoom are the server's codes for what it may not store any more: resources of the
// account, of the server, and its storage.
var errsNoRoom = []jetstream.ErrorCode{10002, 10023, 10047}

// Decision is what becomes true together, or not at all.
type Decision struct {
	Envelope events.Envelope // of every event; EventID, Index and Count are made by Append
	Changes  []events.Change // each of another entity, each with an event
	LogAt    *uint64         // if set, nothing at all may have been appended after this sequence
}

// Append stores a decision and returns its events as recorded, in the order
// given, with sequences that follow one another. When it returns without an
// error they are as durable as the server's promise. An error is ErrConflict,
// ErrUnknown, or means that nothing was stored, but for filestore.ErrGone: then it was stored into files that are gone,
// which a restart does not find and readers that follow may have seen. It waits ten seconds at most if
// ctx has no deadline. Appends may run at once.
func (l *Log) Append(ctx context.Context, d Decision) ([]events.Recorded, error) {
	at := uint64(0)
	if d.LogAt != nil {
		at = *d.LogAt
	}
	b := l.Batch(at)
	recorded, err := b.Add(d)
	if err != nil {
		return nil, err
	}
	first, err := b.Append(ctx)
	if err != nil {
		return nil, err
	}
	Renumber(recorded, first)
	return recorded, nil
}

// Renumber gives events that follow one another their sequences.
func Renumber(recorded []events.Recorded, first uint64) {
	for i := range recorded {
		recorded[i].Seq = first + uint64(i)
	}
}

// publish sends messages that must become true together and returns the
// sequence of the last.
func (l *Log) publish(ctx context.Context, msgs []*nats.Msg) (uint64, error) {
	end := len(msgs) - 1
	if end > 0 {
		id := []string{ulid.Make().String()}
		for i, m := range msgs {
			m.Header[headBatch] = id
			m.Header[headBatchSeq] = []string{strconv.Itoa(i + 1)}
		}
		msgs[end].Header[headBatchCommit] = []string{"1"}
	}
	for _, m := range msgs[:end] {
		if err := l.nc.PublishMsg(m); err != nil {
			return 0, rejected(err) // without its commit the server forgets the batch
		}
	}
	answer, err := l.nc.RequestMsgWithContext(ctx, msgs[end])
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrMaxPayload) {
		return 0, rejected(err) // it never got to the stream
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return sequence(answer.Data, len(msgs))
}

// ack is the server's answer to what was published.
type ack struct {
	Stream    string              `json:"stream"`
	Sequence  uint64              `json:"seq"`
	BatchSize int                 `json:"count"`
	Error     *jetstream.APIError `json:"error"`
}

// sequence reads the last sequence from the answer to n messages.
func sequence(data []byte, n int) (uint64, error) {
	var a ack
	if err := json.Unmarshal(data, &a); err != nil {
		return 0, fmt.Errorf("%w: read the answer: %w", ErrUnknown, err)
	}
	switch {
	case a.Error == nil:
		if a.Stream != Stream || a.Sequence < uint64(n) || (n > 1 && a.BatchSize != n) {
			return 0, fmt.Errorf("%w: the answer to %d events was %q", ErrUnknown, n, events.Truncate(string(data)))
		}
		return a.Sequence, nil
	case IsConflict(a.Error):
		return 0, ErrConflict
	case a.Error.ErrorCode == errStoreFailed:
		return 0, fmt.Errorf("%w: %w", ErrUnknown, a.Error)
	case slices.Contains(errsNoRoom, a.Error.ErrorCode):
		return 0, fmt.Errorf("%w (%w)", ErrNoRoom, a.Error)
	}
	return 0, rejected(a.Error)
}

// guilty are the server's codes for something that is wrong with what was sent. Of a batch whose messages were not all
// taken it says no more than that it is incomplete; a full disk makes it so too, of one event it is never said.
var guilty = []jetstream.ErrorCode{10054, 10097, 10176, 10177, 10199, 10201}

// rejected marks an error that is because of what was sent.
func rejected(err error) error {
	var api *jetstream.APIError
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) ||
		errors.As(err, &api) && slices.Contains(guilty, api.ErrorCode) {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return err
}

// IsConflict knows both codes for a sequence that is not as expected: replicated
// streams have one of their own.
func IsConflict(e *jetstream.APIError) bool {
	return e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}

// Bounded gives ctx a deadline if it has none.
func Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, requestTimeout)
}
