package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
)

const (
	// tailRetry is the wait before a broken tail is taken up again.
	tailRetry = 250 * time.Millisecond
	// tailHeartbeat is how often the server says that nothing came: after twice the
	// time without a word the consumer was lost with its server.
	tailHeartbeat = 500 * time.Millisecond
	// tailSilence is how long nothing may come before the tail asks whether it has missed something.
	tailSilence = 10 * time.Second
	// mostAbsent is how often the log may not be found before it counts as gone: a
	// server that is starting does not know all its streams at once.
	mostAbsent = 20
	// lookTimeout bounds the look at an event that did not come.
	lookTimeout = 3 * time.Second
	// mostLooks is how often an event may fail to come before it counts as unreadable.
	mostLooks = 3
)

// Tail hands over every decision after a sequence, the oldest first, and then
// each new one as it is committed: all events of one decision at a call, never a
// part of them, one call at a time. It returns when ctx ends (with its error),
// when see fails (with that error), and when the log cannot be right: a gap, a
// bad checksum, an event that no table knows; that error names the sequence.
// A lost connection is waited for. after is 0 or the last sequence of a decision.
func (l *Log) Tail(ctx context.Context, after uint64, see func([]events.Recorded) error) error {
	return l.tail(ctx, after, see, func(uint64) bool { return false })
}

// tail is Tail, but for decisions whose events are known: those it need not read.
func (l *Log) tail(ctx context.Context, after uint64, see func([]events.Recorded) error, known func(seq uint64) bool) error {
	last, err := l.Last(ctx)
	if err != nil {
		return err
	}
	if after > last {
		return fmt.Errorf("tail the log after %d: it ends at %d: it is not the log that was read before", after, last)
	}
	t := &tail{log: l, last: after, see: see, known: known}
	if err := t.takeBlocks(ctx, last); err != nil {
		return fmt.Errorf("tail the log: %w", err)
	}
	for absent := 0; ; {
		err := t.follow(ctx)
		t.log.trouble.Store(&err)
		if absent++; !errors.Is(err, jetstream.ErrStreamNotFound) {
			absent = 0
		}
		var broken *brokenError
		switch {
		case ctx.Err() != nil && !errors.Is(err, errSeen):
			return fmt.Errorf("tail the log after %d: %w", t.last, ctx.Err())
		case !errors.As(err, &broken):
			return fmt.Errorf("tail the log: %w", err)
		case absent >= mostAbsent || l.nc.IsClosed():
			return fmt.Errorf("tail the log after %d: it is gone: %w", t.last, err)
		}
		Wait(ctx, tailRetry)
	}
}

// brokenError is trouble on the way to the log, not in it.
type brokenError struct{ error }

func (b *brokenError) Unwrap() error { return b.error }

var (
	// errMissed means that an event did not come though the log has it.
	errMissed = errors.New("an event did not come")
	// errSeen marks what the caller's function returned.
	errSeen = errors.New("take a decision")
)

// tail is one reader's place in the log.
type tail struct {
	log   *Log
	last  uint64            // the last sequence taken
	open  []events.Recorded // the decision that is not complete yet
	looks int               // how often the event after last did not come
	see   func([]events.Recorded) error
	known func(seq uint64) bool
}

// follow takes events from one consumer until something breaks. It is not one of
// nats.go's ordered consumers: those ask for ever, and ever faster, for a message
// that damage has made unreadable, and do not see their context end meanwhile.
func (t *tail) follow(ctx context.Context) error {
	ctx, cancel := t.connected(ctx)
	defer cancel()
	making, made := context.WithTimeout(ctx, lookTimeout)
	defer made()
	c, err := t.log.stream.CreateConsumer(making, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       t.last + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if withoutConsumer(err) {
		return t.readDirectly(ctx, err)
	}
	if err != nil {
		return &brokenError{fmt.Errorf("make a consumer on %s: %w", Stream, err)}
	}
	defer t.forget(ctx, c)
	all, err := c.Messages(jetstream.PullMaxMessages(2000), jetstream.PullHeartbeat(tailHeartbeat))
	if err != nil {
		return &brokenError{err}
	}
	defer all.Stop()
	for {
		err := t.drain(ctx, all)
		if err == nil {
			err = t.caughtUp(ctx)
		}
		if errors.Is(err, errMissed) {
			err = t.look(ctx)
		}
		if errors.Is(err, errNoPlace) {
			all.Stop()
			return t.readDirectly(ctx, err)
		}
		if err != nil {
			return err
		}
	}
}

// connected is ctx until the connection is lost: consumers may not outlive that.
func (t *tail) connected(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	lost := t.log.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	go func() {
		defer t.log.nc.RemoveStatusListener(lost)
		select {
		case <-lost:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// forget deletes a consumer; where that fails the server does it in a minute.
func (t *tail) forget(ctx context.Context, c jetstream.Consumer) {
	if !t.log.nc.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), insistAfter)
	defer cancel()
	_ = t.log.stream.DeleteConsumer(ctx, c.CachedInfo().Name)
}

// drain takes messages until none has come for a while.
func (t *tail) drain(ctx context.Context, all jetstream.MessagesContext) error {
	quiet, stop := context.WithCancel(ctx)
	defer stop()
	// One timer for all messages: one each would cost a tenth of the speed.
	timer := time.AfterFunc(tailSilence, stop)
	defer timer.Stop()
	for {
		m, err := all.Next(jetstream.NextContext(quiet))
		switch {
		case err == nil:
			timer.Stop() // the time the caller takes is no silence
			err = t.take(m)
		case quiet.Err() != nil && ctx.Err() == nil:
			return nil
		default:
			err = &brokenError{err}
		}
		if err != nil {
			return err
		}
		timer.Reset(tailSilence)
	}
}

// caughtUp fails with errMissed if the log has more than came.
func (t *tail) caughtUp(ctx context.Context) error {
	last, err := t.log.Last(ctx)
	if err != nil {
		return &brokenError{err}
	}
	if last > t.last {
		return errMissed
	}
	return nil
}

// look finds out why the event after the last one did not come. If it can be
// read after all, the way was to blame, and another consumer may have more luck.
func (t *tail) look(ctx context.Context) error {
	missing := t.last + 1
	short, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	t.looks++
	_, err := t.log.Read(short, missing)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return fmt.Errorf("event %d is missing: the store is damaged, restore a backup", missing)
	case errors.Is(err, errUnreadable):
		return err
	case t.looks >= mostLooks && ctx.Err() == nil:
		// nats.go drops a message whose headers it cannot read, so no answer comes.
		return fmt.Errorf("event %d cannot be read: the store is damaged, restore a backup", missing)
	}
	return &brokenError{errMissed}
}

// take adds one message.
func (t *tail) take(m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("%w: %w", errNoPlace, err)
	}
	seq := meta.Sequence.Stream
	if seq <= t.last {
		return nil // delivered again
	}
	if seq != t.last+1 {
		return errMissed
	}
	return t.add(seq, m.Subject(), m.Data(), func() *head { return headOf(m.Headers()) })
}

// add adds the event after the last one to the open decision, and hands that over if
// it is whole. Its headers are read if it is not known yet.
func (t *tail) add(seq uint64, subject string, data []byte, headers func() *head) error {
	if t.known(seq) { // with the whole of its decision
		t.last, t.looks, t.open = seq, 0, nil
		return nil
	}
	r, err := t.log.codec.decode(subject, seq, headers(), data)
	if err != nil {
		return fmt.Errorf("event %d: %w", seq, err)
	}
	if want := len(t.open) + 1; r.Index != want || (want > 1 && r.Count != t.open[0].Count) {
		return fmt.Errorf("event %d is part %d of %d, where part %d was due: the decision is torn", seq, r.Index, r.Count, want)
	}
	t.last, t.looks = seq, 0
	t.open = append(t.open, r)
	if r.Index < r.Count {
		return nil
	}
	whole := t.open
	t.open = nil
	if err := t.see(whole); err != nil {
		return fmt.Errorf("%w: %w", errSeen, err)
	}
	return nil
}

// Wait returns after d, or at once when ctx ends.
func Wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
