// Package queue is what waits on JetStream beside the log: commands that nobody waits for
// (AERIE_QUEUE, on disk), what the world is owed (AERIE_WORK) and when something is due
// (AERIE_TIMERS), the latter two in memory and derived from the log.
//
// It moves messages and decides nothing: handlers say whether one is done, is to come again
// later, or never. Begin with WorkQueue; memory_stream.go has what both streams in memory
// share, shared_consumer.go how several processes take from one. All types are safe for
// concurrent use. A message that was taken and not acknowledged comes again, so a handler
// must bear it twice; streams in memory may be lost with their servers, and whoever fills
// them is told to do it again.
package queue

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/liveness"
)

// The queue is cut into partitions by the hash of a command's entity, and each is
// handled one command after the other: so the commands of an entity stay in order,
// and those of others go on where one has to wait.
const (
	partitions = 8
	group      = "handlers" // of which one is pinned: the others stand by
	queueLease = 10 * time.Second
	queueRetry = time.Second
	maxQueued  = events.MaxBody + 16<<10 // one command with its headers
)

// CommandQueue keeps commands that may wait until somebody handles them. Its methods
// may be called from any goroutine.
type CommandQueue struct {
	stream jetstream.Stream
	nc     *nats.Conn
	tag    string // of this stream: one that is made anew counts from 1 again
	watch  *liveness.Loop
}

// WatchedBy has Take say how it goes on. It is called before that.
func (q *CommandQueue) WatchedBy(l *liveness.Loop) { q.watch = l }

// queueConfig is how the queue is made. A repeated message id is the intake's to
// judge, not the stream's: there it would hide another command under the same id.
var queueConfig = jetstream.StreamConfig{
	Name:              QueueStream,
	Description:       "Commands that wait to be handled",
	Subjects:          []string{queued + "*.*.*.*"},
	SubjectTransform:  &jetstream.SubjectTransformConfig{Source: queued + "*.*.*.*", Destination: fmt.Sprintf("%s{{partition(%d,1,2,3)}}.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}.{{wildcard(4)}}", parted, partitions)},
	Storage:           jetstream.FileStorage,
	Retention:         jetstream.WorkQueuePolicy,
	MaxConsumers:      -1,
	MaxMsgs:           -1,
	MaxBytes:          -1,
	MaxMsgsPerSubject: -1,
	MaxMsgSize:        maxQueued,
	Duplicates:        100 * time.Millisecond, // the least there is
	AllowDirect:       true,
}

// OpenQueue opens the queue, and makes its stream where there is none. It refuses,
// and does not touch, a stream that is made differently.
func OpenQueue(ctx context.Context, nc *nats.Conn) (*CommandQueue, error) {
	ctx, cancel := eventlog.Bounded(ctx)
	defer cancel()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open the command queue: %w", err)
	}
	stream, err := eventlog.OpenStream(ctx, nc, js, queueConfig, nil)
	if err != nil {
		return nil, fmt.Errorf("open the command queue: %w", err)
	}
	return &CommandQueue{stream: stream, nc: nc, tag: strconv.FormatInt(stream.CachedInfo().Created.UnixNano(), 36)}, nil
}

// Queued is a command that waited.
type Queued struct {
	Owner, Kind, ID, Verb string // as they stood in its subject
	Seq                   uint64 // its place in the queue
	Made                  string // the id it has if it came without one: no client can say it
	Stored                time.Time
	Again                 bool // it was given to somebody before
	Header                nats.Header
	Body                  []byte
}

// Take gives the commands of the queue to handle until ctx ends, and returns its
// error. Those of one entity come in the order in which they were published, each
// once the one before it was handled; whoever takes besides stands by, and goes on in
// seconds where this one dies. A command for which handle fails is given again a
// second later.
func (q *CommandQueue) Take(ctx context.Context, handle func(context.Context, Queued) error) error {
	var all sync.WaitGroup
	for n := range partitions {
		all.Go(func() { _ = q.partition(n, handle).take(ctx) }) // with ctx's error
	}
	all.Wait()
	return fmt.Errorf("take from the command queue: %w", ctx.Err())
}

// partition is one partition's consumer. It has one command out at a time: what was
// given to somebody who died comes again before anything after it.
func (q *CommandQueue) partition(n int, handle func(context.Context, Queued) error) sharedConsumer {
	return sharedConsumer{nc: q.nc, stream: q.stream, slots: 1, failed: func() {}, watch: q.watch,
		handle: func(ctx context.Context, m jetstream.Msg) { q.handle(ctx, m, handle) },
		how:    []jetstream.FetchOpt{jetstream.FetchPriorityGroup(group)},
		config: jetstream.ConsumerConfig{
			Durable:        partitionName(n),
			FilterSubject:  fmt.Sprintf("%s%d.>", parted, n),
			AckPolicy:      jetstream.AckExplicitPolicy,
			AckWait:        queueLease,
			MaxDeliver:     -1,
			MaxAckPending:  1,
			PriorityPolicy: jetstream.PriorityPolicyPinned,
			PriorityGroups: []string{group},
			PinnedTTL:      queueLease,
		}}
}

// handle handles one command and answers for its message.
func (q *CommandQueue) handle(ctx context.Context, m jetstream.Msg, handle func(context.Context, Queued) error) {
	meta, err := m.Metadata()
	if err != nil {
		slog.Error("a command in the queue without its place there, will try again", "err", err)
		answer(m.NakWithDelay(queueRetry))
		return
	}
	c := q.read(m.Subject(), meta.Sequence.Stream, meta.Timestamp, m.Headers(), m.Data())
	c.Again = meta.NumDelivered > 1
	stop := keep(m, queueLease/3)
	err = handle(ctx, c)
	stop()
	if err != nil {
		slog.Warn("queued command not handled, will try again", "entity", c.Kind+" "+c.Owner+"/"+c.ID, "err", err)
		answer(m.NakWithDelay(queueRetry))
		return
	}
	answer(m.Ack())
}

// read reads a message on "aerie.queued.<partition>.<owner>.<kind>.<id>.<verb>". What is not there is empty, and the
// intake's to refuse.
func (q *CommandQueue) read(subject string, seq uint64, stored time.Time, h nats.Header, body []byte) Queued {
	_, rest, _ := strings.Cut(strings.TrimPrefix(subject, parted), ".")
	c := Queued{Seq: seq, Made: fmt.Sprintf("q~%s~%d", q.tag, seq), Stored: stored, Header: h, Body: body}
	c.address(rest)
	return c
}

// address reads "<owner>.<kind>.<id>.<verb>". Of a wrong number of tokens the first is the owner.
func (c *Queued) address(tokens string) {
	t := strings.Split(tokens, ".")
	if c.Owner = t[0]; len(t) == 4 {
		c.Kind, c.ID, c.Verb = t[1], t[2], t[3]
	}
}
