package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// tombstoneTTL is how long it is remembered that nothing is owed any more: long
// enough that no late message of older work takes its place.
const tombstoneTTL = time.Hour

// Partition is the dataplane whose executor does the work; both fields are "-"
// where there is none.
type Partition struct{ Owner, Dataplane string }

// Nowhere is the place of work that needs no dataplane.
var Nowhere = Partition{events.Platform, events.Platform}

// PlaceOf is the dataplane on which an effect is done.
func PlaceOf(owed events.Effect) Partition {
	if v, ok := owed.(events.VerifyAccount); ok && v.Place != "" {
		owner, account, _ := strings.Cut(v.Place, ".")
		return Partition{Owner: owner, Dataplane: account}
	}
	sited, ok := owed.(interface{ Where() events.Target })
	if !ok {
		return Nowhere
	}
	dp, _ := events.ParseRef(events.Dataplane, sited.Where().Dataplane)
	return Partition{Owner: dp.Owner, Dataplane: dp.ID}
}

// ByAgent tells whether the account in an effect is one that agents enter, as events.ForAgent writes it. An agent refuses others.
// Who is to do an effect is asked of its dataplane: fsm.DoneBy.
func ByAgent(owed events.Effect) bool {
	switch e := owed.(type) {
	case events.VerifyAccount:
		return e.Account.Agent
	case interface{ Where() events.Target }:
		return e.Where().Account.Agent
	}
	return false
}

// WorkQueue is what the world is owed: the newest work of each entity at each
// place. It is kept in the server's memory and made from the log, so whoever
// opens it after a restart has to put everything again. Its methods may be
// called from any goroutine.
type WorkQueue struct {
	*memoryStream
	own sync.Map // subject -> standing: work of which it is not known that it is over
}

// workConfig is how the work stream is made.
var workConfig = jetstream.StreamConfig{
	Name:              WorkStream,
	Description:       "What the world is owed, the newest per entity",
	Subjects:          []string{owed + ">"},
	Storage:           jetstream.MemoryStorage,
	MaxConsumers:      -1,
	MaxMsgs:           -1,
	MaxBytes:          -1,
	MaxMsgsPerSubject: 1,
	MaxMsgSize:        -1,
	AllowDirect:       true,
	AllowMsgTTL:       true,
}

// OpenWork opens the work queue, and makes its stream where there is none. It
// refuses, and does not touch, a stream that is made differently.
func OpenWork(ctx context.Context, nc *nats.Conn) (*WorkQueue, error) {
	v, err := openMemoryStream(ctx, nc, workConfig)
	if err != nil {
		return nil, fmt.Errorf("open the work queue: %w", err)
	}
	return &WorkQueue{memoryStream: v}, nil
}

// Put makes a work the newest of its entity at a place, unless one of the same
// or a higher revision is there: then it does nothing. Work without an effect
// says that nothing is owed, and is forgotten after an hour.
func (q *WorkQueue) Put(ctx context.Context, p Partition, w events.Work) error {
	subject, err := workSubject(p, w.Ref)
	if err != nil {
		return fmt.Errorf("put work: %w", err)
	}
	data, err := events.Encode(w)
	if err != nil {
		return fmt.Errorf("put work: %w", err)
	}
	var opts []jetstream.PublishOpt
	if w.Effect == "" {
		opts = append(opts, jetstream.WithMsgTTL(tombstoneTTL))
	}
	stands := func(*jetstream.RawStreamMsg) bool { return true }
	believed := q.believed(subject)
	seq, err := q.putNewest(ctx, &nats.Msg{Subject: subject, Data: data}, w.Revision, &believed, stands, opts...)
	if err != nil {
		return fmt.Errorf("put work %q for %s: %w", w.Effect, w.Ref, err)
	}
	if w.Effect == "" || seq == 0 {
		q.own.Delete(subject)
	} else {
		q.own.Store(subject, standing{seq, w.Revision})
	}
	return nil
}

// Hint tells the agent of a place that something may be new there. It has no content: one that is lost or forged costs a
// question.
func (q *WorkQueue) Hint(p Partition) error {
	if err := q.nc.Publish(events.HintSubject(p.Owner, p.Dataplane), nil); err != nil {
		return fmt.Errorf("hint to %s.%s: %w", p.Owner, p.Dataplane, err)
	}
	return nil
}

// believed is what we put on a subject last, unless it was that nothing is owed: mostly that is forgotten by the time
// that something is owed again.
func (q *WorkQueue) believed(subject string) standing {
	s, _ := q.own.Load(subject)
	there, _ := s.(standing)
	return there
}

// Newest is the newest work of an entity at a place, tombstones included; false
// if there is none. On a cluster, whoever answers may be a moment behind.
func (q *WorkQueue) Newest(ctx context.Context, p Partition, r events.Ref) (events.Work, bool, error) {
	subject, err := workSubject(p, r)
	if err != nil {
		return events.Work{}, false, fmt.Errorf("read the work of %s: %w", r, err)
	}
	var w events.Work
	var at uint64
	err = eventlog.Insist(ctx, func(ctx context.Context) (err error) {
		w, at, err = q.last(ctx, subject)
		return err
	})
	if err != nil {
		return w, false, fmt.Errorf("read the work of %s: %w", r, err)
	}
	return w, at > 0, nil
}

// last reads the newest work on a subject and its place in the stream, 0 if
// there is none.
func (q *WorkQueue) last(ctx context.Context, subject string) (w events.Work, at uint64, err error) {
	return q.lastBy(ctx, q.stream.GetLastMsgForSubject, subject)
}

func (q *WorkQueue) lastBy(ctx context.Context, read lastOf, subject string) (w events.Work, at uint64, err error) {
	m, err := read(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return w, 0, nil
	}
	if err != nil {
		return w, 0, err
	}
	_, w, err = decodeWork(m.Subject, m.Data)
	return w, m.Sequence, err
}

// workSubject is "aerie.work.<dataplane owner>.<dataplane>.<kind>.<owner>.<id>".
func workSubject(p Partition, r events.Ref) (string, error) {
	if !eventlog.IsToken(p.Owner) || !eventlog.IsToken(p.Dataplane) {
		return "", fmt.Errorf("%q is not a place", p.Owner+"."+p.Dataplane)
	}
	if err := eventlog.CheckTokens(r); err != nil {
		return "", err
	}
	return owed + strings.Join([]string{p.Owner, p.Dataplane, string(r.Kind), r.Owner, r.ID}, "."), nil
}

// decodeWork reads a message of the work stream. The work must be of the entity
// whose subject it stands on.
func decodeWork(subject string, data []byte) (p Partition, w events.Work, err error) {
	t := strings.Split(strings.TrimPrefix(subject, owed), ".")
	if len(t) != 5 {
		return p, w, fmt.Errorf("%q is not a subject of work", events.Truncate(subject))
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return p, w, fmt.Errorf("decode the work on %s: %w", events.Truncate(subject), err)
	}
	if r := (events.Ref{Kind: events.Kind(t[2]), Owner: t[3], ID: t[4]}); w.Ref != r {
		return p, w, fmt.Errorf("the work on %s is of %s", events.Truncate(subject), events.Truncate(w.Ref.String()))
	}
	return Partition{t[0], t[1]}, w, nil
}
