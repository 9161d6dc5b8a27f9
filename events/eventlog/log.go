// Package eventlog is the log: one JetStream stream that holds every event. It appends decisions, each
// whole or not at all, reads them back in order, and checks each against its checksum.
//
// It decides nothing and knows no kinds: the vocabulary is given to Open. What waits beside the log
// (commands, work, timers) is in package queue, the files below the server are in package filestore.
// Begin with Log: append.go writes, tail.go and replay.go read. The methods of a Log may be called
// from any goroutine; two writers of one entity do not overwrite each other, one of them gets
// ErrConflict. After a crash the log holds every decision whose append was acknowledged; one that was
// under way is there whole or not there.
package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// Log is the stream that holds every event. Its methods may be called from any goroutine.
type Log struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	codec  codec
	guard  *filestore.Guard
	copies int
	epoch  uint64 // see Epoch
	near   *filestore.BlockIndex

	failed  atomic.Pointer[failure] // the last append, if it failed
	closed  func() error            // says why nothing can be stored; nil: nobody knows
	trouble atomic.Pointer[error]   // why reading the log was begun anew, the last time
}

// Open opens the log, and makes its stream where there never was one. It refuses
// a stream that is made differently, one that lacks what the guard knows to
// have been there, and a server that takes no messages of a megabyte. It changes none, but for the epoch of one that was restored.
func Open(ctx context.Context, nc *nats.Conn, v Vocabulary, g *filestore.Guard) (*Log, error) {
	ctx, cancel := Bounded(ctx)
	defer cancel()
	if err := enough(nc); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	c, err := newCodec(v)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	config := logConfig
	if g.Replica {
		config.MaxConsumers = mostConsumers
	}
	stream, err := OpenStream(ctx, nc, js, config, g.Absent)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	if err := checkState(ctx, g, stream); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	l := &Log{nc: nc, js: js, stream: stream, codec: c, guard: g,
		copies: max(1, stream.CachedInfo().Config.Replicas), near: &filestore.BlockIndex{Guard: g}}
	if err := l.checkEnd(ctx, stream.CachedInfo().State.LastSeq); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	if err := l.openEpoch(ctx, stream.CachedInfo().Config, g); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return l, nil
}

// checkState refuses a log that lacks what was acknowledged. A leader that was just elected may
// for a moment not know all that it has, so on a cluster it is asked again.
func checkState(ctx context.Context, g *filestore.Guard, stream jetstream.Stream) error {
	info := stream.CachedInfo()
	for looked := 0; ; looked++ {
		err := g.Check(info.State)
		if err == nil || info.Config.Replicas <= 1 || looked == endLooks {
			return err
		}
		Wait(ctx, endPause)
		if info, err = stream.Info(ctx); err != nil {
			return err
		}
	}
}

// checkEnd refuses a log that ends within a decision: what follows would never
// come, and nobody could go on. Another replica may be appending meanwhile, so the
// rest of the decision is waited for a moment.
func (l *Log) checkEnd(ctx context.Context, last uint64) error {
	for looked := 0; last > 0; looked++ {
		r, err := l.Read(ctx, last)
		if err != nil {
			return nil // whoever reads the log from its beginning says what is wrong and where
		}
		if r.Index == r.Count {
			return nil
		}
		if looked == endLooks {
			return l.guard.Damaged(fmt.Sprintf("the log ends within a decision: event %d is part %d of %d", last, r.Index, r.Count))
		}
		Wait(ctx, endPause)
		if last, err = l.Last(ctx); err != nil {
			return err
		}
	}
	return nil
}

// How often and how long the rest of the last decision is waited for.
const (
	endLooks = 10
	endPause = 50 * time.Millisecond
)

// mostConsumers is how many consumers the log may have on NATS servers of somebody else's:
// without a number of its own a stream has the servers' 1,000, which people can use up.
const mostConsumers = 100_000

// logConfig is how the log is made. What is appended on aerie.append.… is stored
// as aerie.evt.…, and sent out as aerie.evt.… after the commit: so a subscriber
// sees what was committed, never what was refused.
var logConfig = jetstream.StreamConfig{
	Name:               Stream,
	Description:        "Every event of aerie, for ever",
	Subjects:           []string{appended + ">"},
	SubjectTransform:   &jetstream.SubjectTransformConfig{Source: appended + ">", Destination: committed + ">"},
	RePublish:          &jetstream.RePublish{Source: committed + ">", Destination: committed + ">"},
	Storage:            jetstream.FileStorage,
	MaxConsumers:       -1,
	MaxMsgs:            -1,
	MaxBytes:           -1,
	MaxMsgsPerSubject:  -1,
	MaxMsgSize:         -1,
	DenyDelete:         true,
	DenyPurge:          true,
	AllowDirect:        true,
	AllowAtomicPublish: true,
}

// Last is the sequence of the newest event, 0 if there is none.
func (l *Log) Last(ctx context.Context) (last uint64, err error) {
	err = Insist(ctx, func(ctx context.Context) error {
		info, err := l.stream.Info(ctx)
		if err == nil {
			last = info.State.LastSeq
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("look for the end of the log: %w", err)
	}
	return last, nil
}

// Shared tells whether others may append to the log too, since it is on NATS servers of somebody else's.
func (l *Log) Shared() bool { return l.guard.Replica }

// CloseWhen sets a function that says why nothing can be stored now, nil while it can. It must
// be quick, and is set before commands are taken.
func (l *Log) CloseWhen(closed func() error) { l.closed = closed }

// Closed says why no command can be answered now: the log's files are gone (ErrGone), or
// nothing can be stored. It is nil while commands can.
func (l *Log) Closed() error {
	if err := l.guard.Gone(); err != nil || l.closed == nil {
		return err
	}
	return l.closed()
}

// Trouble is why reading the log had to be begun anew, the last time; nil if it never had.
func (l *Log) Trouble() error {
	if err := l.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// Copies is on how many servers the log is kept.
func (l *Log) Copies() int { return l.copies }

// Has tells whether an entity had an event of a type. It looks it up by its subject.
func (l *Log) Has(ctx context.Context, r events.Ref, e events.Event) (bool, error) {
	ctx, cancel := Bounded(ctx)
	defer cancel()
	subject := committed + r.Tokens() + "." + e.Type()
	_, err := l.stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) && l.Copies() > 1 {
		_, err = LastFromLeader(ctx, l.nc, Stream, subject) // whoever answered may be behind
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s of %s: %w", e.Type(), r, err)
	}
	return true, nil
}

// errUnreadable means that something is stored that is no event of ours.
var errUnreadable = errors.New("it is not as it was written")

// Read reads the event at a sequence. It is an error if there is none.
func (l *Log) Read(ctx context.Context, seq uint64) (events.Recorded, error) {
	if r, ok := l.readNearby(seq); ok {
		return r, nil
	}
	var m *jetstream.RawStreamMsg
	err := Insist(ctx, func(ctx context.Context) (err error) {
		if m, err = l.stream.GetMsg(ctx, seq); errors.Is(err, jetstream.ErrMsgNotFound) && l.Copies() > 1 {
			m, err = fromLeader(ctx, l.nc, Stream, fmt.Sprintf(`{"seq":%d}`, seq)) // whoever answered may be behind
		}
		return err
	})
	if err != nil {
		return events.Recorded{}, fmt.Errorf("read event %d: %w", seq, err)
	}
	r, err := l.codec.decode(m.Subject, m.Sequence, headOf(m.Header), m.Data)
	if err != nil && l.Copies() > 1 { // whoever answered may be damaged
		if m, err := fromLeader(ctx, l.nc, Stream, fmt.Sprintf(`{"seq":%d}`, seq)); err == nil {
			if r, err := l.codec.decode(m.Subject, m.Sequence, headOf(m.Header), m.Data); err == nil {
				return r, nil
			}
		}
	}
	if err != nil {
		return events.Recorded{}, fmt.Errorf("read event %d: %w: %w", seq, errUnreadable, err)
	}
	return r, nil
}

// readNearby reads an event where it lies. What is wrong with it the server has to say.
func (l *Log) readNearby(seq uint64) (events.Recorded, bool) {
	s, ok := l.near.Find(seq)
	if !ok {
		return events.Recorded{}, false
	}
	r, err := l.codec.decode(string(s.Subject), s.Seq, readHead(s.Headers), s.Body)
	return r, err == nil
}

// insistAfter is how long a request is waited for before it is sent again: the server
// that had it may be gone.
const insistAfter = time.Second

// Insist sends a request that may be repeated until it is answered or ctx ends.
func Insist(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := Bounded(ctx)
	defer cancel()
	for {
		short, stop := context.WithTimeout(ctx, insistAfter)
		err := ask(short)
		unanswered := short.Err() != nil || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders)
		stop()
		if err == nil || !unanswered || ctx.Err() != nil {
			return err
		}
		Wait(ctx, insistAfter/10)
	}
}
