package eventlog

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
)

// maxBatchBytes keeps what the server has to hold back until the commit small. One
// decision may be larger.
const maxBatchBytes = 8 << 20

// few is up to how many decisions AppendAlone appends one by one: each is one sync of the
// disk, and an atomic batch of a stream on one server is seven (nats-server 2.15).
const few = 7

// Batch gathers decisions that are appended together: by Append all become true, or none
// does. A decision may be made on what earlier ones of the
// batch change. It is not safe for concurrent use.
type Batch struct {
	log   *Log
	at    uint64 // the log's end on which the first decision was made
	firm  bool   // nothing may have been appended since
	whole bool   // a decision has several events
	msgs  []*nats.Msg
	bytes int
	last  map[events.Ref]uint64 // what the batch changes -> its last sequence then
}

// Batch begins a batch of decisions of which the first was made when the log ended
// at a sequence.
func (l *Log) Batch(at uint64) *Batch {
	return &Batch{log: l, at: at, last: map[events.Ref]uint64{}}
}

// Len is how many events the batch has.
func (b *Batch) Len() int { return len(b.msgs) }

// First is the sequence of the batch's first event, if nobody else appends before it.
func (b *Batch) First() uint64 { return b.at + 1 }

// Add adds a decision and returns its events as they will be read from the log,
// numbered as if nobody else appended meanwhile. An error leaves the batch as it
// was. It is ErrFull; or ErrConflict for a decision that was not made on what the
// batch makes of its entities; or says why the decision can never be appended.
func (b *Batch) Add(d Decision) ([]events.Recorded, error) {
	recorded, err := record(d)
	if err != nil {
		return nil, fmt.Errorf("append to the log: %w", err)
	}
	if len(b.msgs) > 0 && len(b.msgs)+len(recorded) > MaxEvents {
		return nil, ErrFull
	}
	if err := b.follows(d); err != nil {
		return nil, fmt.Errorf("append to the log: %w", err)
	}
	msgs, size, err := b.write(recorded)
	if err != nil {
		return nil, fmt.Errorf("append to the log: %w", err)
	}
	if len(b.msgs) > 0 && b.bytes+size > maxBatchBytes {
		return nil, ErrFull
	}
	b.expect(d, msgs)
	b.msgs, b.bytes = append(b.msgs, msgs...), b.bytes+size
	return recorded, nil
}

// Try says what is wrong with a decision that is not to be added: what Add would say of it in an empty batch.
func (b *Batch) Try(d Decision) error {
	d.LogAt = nil
	_, err := b.log.Batch(b.at).Add(d)
	return err
}

// write makes the messages of events, and of the events what will be read of them.
func (b *Batch) write(recorded []events.Recorded) (msgs []*nats.Msg, size int, err error) {
	msgs = make([]*nats.Msg, len(recorded))
	for i := range recorded {
		r := &recorded[i]
		if msgs[i], r.Event, err = b.log.codec.encode(*r); err != nil {
			return nil, 0, err
		}
		n := msgs[i].Size()
		if err = b.log.fits(*r, n); err != nil {
			return nil, 0, err
		}
		r.Seq = b.at + uint64(len(b.msgs)+i) + 1
		size += n
	}
	return msgs, size, nil
}

// follows refuses a decision on a state that the batch has changed already. The
// server would not: of two messages in a batch that expect the same sequence of the
// same filter it accepts both, though only one of them can be right.
func (b *Batch) follows(d Decision) error {
	if d.LogAt != nil && *d.LogAt != b.at+uint64(len(b.msgs)) {
		return ErrConflict
	}
	for _, c := range d.Changes {
		if last, changed := b.last[c.Ref]; changed && c.After != last {
			return ErrConflict
		}
	}
	return nil
}

// expect writes down what the decision's entities must be at. For one that the batch
// has changed before, the expectation of its first change stands.
func (b *Batch) expect(d Decision, msgs []*nats.Msg) {
	b.firm = b.firm || d.LogAt != nil
	b.whole = b.whole || len(msgs) > 1
	first := 0
	for _, c := range d.Changes {
		if _, changed := b.last[c.Ref]; !changed {
			h := msgs[first].Header
			h[HeadExpectEntity] = []string{strconv.FormatUint(c.After, 10)}
			h[headExpectSubject] = []string{committed + c.Ref.Tokens() + ".>"}
		}
		first += len(c.Events)
		b.last[c.Ref] = b.at + uint64(len(b.msgs)+first)
	}
}

// Append stores the batch and returns the sequence of its first event; the others
// follow. When it returns without an error they are as durable as the server's
// promise. An error is ErrConflict, ErrUnknown, or means that nothing was stored. It
// waits ten seconds at most if ctx has no deadline. A batch is appended once.
func (b *Batch) Append(ctx context.Context) (first uint64, err error) {
	if b.firm {
		b.expectLogAt(0, b.at)
	}
	return b.append(ctx, func(ctx context.Context) (uint64, error) { return b.log.publish(ctx, b.msgs) })
}

// AppendAlone is Append for who is likely to be the only one that appends: it stores a
// few decisions that need not be one batch one by one, which is faster. An error is
// ErrUnknown too if some of them were stored and others not, or others appended between.
func (b *Batch) AppendAlone(ctx context.Context) (first uint64, err error) {
	if !b.apart() {
		return b.Append(ctx)
	}
	return b.append(ctx, b.appendEach)
}

func (b *Batch) append(ctx context.Context, publish func(context.Context) (last uint64, err error)) (first uint64, err error) {
	ctx, cancel := Bounded(ctx)
	defer cancel()
	last, err := publish(ctx)
	b.log.note(err)
	if err != nil {
		return 0, fmt.Errorf("append %d events, the first on %s: %w", len(b.msgs), b.msgs[0].Subject, err)
	}
	if err := b.log.guard.StillThere(false); err != nil {
		return 0, fmt.Errorf("append to the log: %w", err)
	}
	if err := b.log.guard.Advance(last); err != nil {
		return 0, fmt.Errorf("append to the log: %w: %w", ErrUnknown, err)
	}
	return last - uint64(len(b.msgs)) + 1, nil
}

// apart tells whether the decisions need not become true together and are few enough
// to be faster one by one. Each then has an expectation of its own. On a cluster nothing
// would be won: a batch is not staged on the disk there.
func (b *Batch) apart() bool {
	return !b.whole && len(b.msgs) <= few && len(b.last) == len(b.msgs) && b.log.Copies() == 1
}

// appendEach stores one decision after the other: none after the first that is refused,
// and none after one before which somebody else has appended.
func (b *Batch) appendEach(ctx context.Context) (last uint64, err error) {
	for i := range b.msgs {
		if b.firm {
			b.expectLogAt(i, b.at+uint64(i))
		}
		seq, err := b.log.publish(ctx, b.msgs[i:i+1])
		switch {
		case err != nil && i == 0:
			return 0, err
		case err != nil:
			return 0, fmt.Errorf("%w: %d were stored, and then: %v", ErrUnknown, i, err)
		case i > 0 && seq != last+1:
			return 0, fmt.Errorf("%w: %d were stored, others' between them", ErrUnknown, i+1)
		}
		last = seq
	}
	return last, nil
}

// expectLogAt has a message refused if the log does not end at a sequence.
func (b *Batch) expectLogAt(i int, seq uint64) {
	b.msgs[i].Header[headExpectLog] = []string{strconv.FormatUint(seq, 10)}
}

// record numbers the events of a decision and refuses one that cannot be appended.
func record(d Decision) ([]events.Recorded, error) {
	count := 0
	seen := map[events.Ref]bool{}
	for _, c := range d.Changes {
		if err := CheckTokens(c.Ref); err != nil {
			return nil, err
		}
		if seen[c.Ref] {
			return nil, fmt.Errorf("%s is changed twice in one decision", c.Ref)
		}
		if len(c.Events) == 0 {
			return nil, fmt.Errorf("the change of %s has no event", c.Ref)
		}
		seen[c.Ref] = true
		count += len(c.Events)
	}
	if count == 0 || count > MaxEvents {
		return nil, fmt.Errorf("a decision of %d events: want 1 to %d", count, MaxEvents)
	}
	recorded := make([]events.Recorded, 0, count)
	for _, c := range d.Changes {
		for i, e := range c.Events {
			r := events.Recorded{Envelope: d.Envelope, Ref: c.Ref, Event: e}
			r.EventID, r.Time = ulid.Make().String(), d.Envelope.Time.UTC().Round(0)
			r.Index, r.Count = len(recorded)+1, count
			if len(c.States) == len(c.Events) {
				r.State = c.States[i]
			}
			recorded = append(recorded, r)
		}
	}
	return recorded, nil
}
