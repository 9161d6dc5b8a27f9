package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/liveness"
)

// lookEvery is how often a volatile stream is looked at though nothing seems to
// have happened: a server may lose it without our connection noticing.
const lookEvery = 10 * time.Second

// headRevision says, beside a message, which revision of its entity it was made of.
const headRevision = "Aerie-Revision"

// memoryStream is a stream in the servers' memory. What is on it is made from the log,
// so it may be lost with its servers: then it is made again, empty, and whoever
// put something there has to put it again.
type memoryStream struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	config jetstream.StreamConfig
	stream jetstream.Stream
	kick   chan struct{} // something failed: look at once
	watch  *liveness.Loop

	mu    sync.Mutex
	made  time.Time // when the stream that is known was made
	high  uint64    // the highest sequence known on it
	short bool      // at the last look it ended before that
}

func openMemoryStream(ctx context.Context, nc *nats.Conn, config jetstream.StreamConfig) (*memoryStream, error) {
	ctx, cancel := eventlog.Bounded(ctx)
	defer cancel()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	v := &memoryStream{nc: nc, js: js, config: config, kick: make(chan struct{}, 1)}
	v.stream, err = v.open(ctx)
	if err != nil {
		return nil, err
	}
	v.know(v.stream.CachedInfo())
	return v, nil
}

// open opens the stream, and makes it where there is none: then its sequences begin
// where no stream before it has been, since an answer for a message names nothing
// but its sequence, and one that comes late would settle a message of this stream.
func (v *memoryStream) open(ctx context.Context) (stream jetstream.Stream, err error) {
	config := v.config
	config.FirstSeq = uint64(time.Now().UnixMicro())
	err = eventlog.Insist(ctx, func(ctx context.Context) (err error) {
		stream, err = eventlog.OpenStream(ctx, v.nc, v.js, config, nil)
		return err
	})
	return stream, err
}

// Keep sees to it until ctx ends that the stream is there, and calls lost whenever
// all that was put may be gone: then everything has to be put again.
func (v *memoryStream) Keep(ctx context.Context, lost func()) {
	connected := v.nc.StatusChanged(nats.CONNECTED)
	defer v.nc.RemoveStatusListener(connected)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		gone, err := v.renew(ctx)
		if err != nil && ctx.Err() == nil && v.nc.IsConnected() {
			slog.Warn("stream in memory not looked at, will try again", "stream", v.config.Name, "err", err)
		}
		if gone {
			slog.Warn("stream in memory was lost: putting everything again", "stream", v.config.Name)
			lost()
		}
		select {
		case <-connected:
		case <-tick.C:
		case <-v.kick:
			eventlog.Wait(ctx, takeRetry)
		case <-ctx.Done():
			return
		}
	}
}

// WatchedBy has whoever takes from the stream say how it goes on. It is called before that.
func (v *memoryStream) WatchedBy(l *liveness.Loop) { v.watch = l }

// share is a consumer of the stream.
func (v *memoryStream) share(slots int, config jetstream.ConsumerConfig, handle func(context.Context, jetstream.Msg)) sharedConsumer {
	return sharedConsumer{nc: v.nc, stream: v.stream, config: config, slots: slots, handle: handle, failed: v.failed, watch: v.watch}
}

// failed has the stream looked at, after something on it failed.
func (v *memoryStream) failed() {
	select {
	case v.kick <- struct{}{}:
	default:
	}
}

// renew makes the stream where it is gone, and tells whether what was on it is lost.
func (v *memoryStream) renew(ctx context.Context) (lost bool, err error) {
	ctx, cancel := eventlog.Bounded(ctx)
	defer cancel()
	stream, err := v.open(ctx)
	if err == nil && v.emptied(stream.CachedInfo()) {
		// One that is made anew is seen by everybody, and begins where this one never was.
		if err = v.js.DeleteStream(ctx, v.config.Name); err == nil || errors.Is(err, jetstream.ErrStreamNotFound) {
			stream, err = v.open(ctx)
		}
	}
	if err != nil {
		return false, fmt.Errorf("renew the stream %s: %w", v.config.Name, err)
	}
	return v.know(stream.CachedInfo()), nil
}

// emptied tells whether the stream is the one that is known, with nothing on it: so
// the servers of a cluster that were all restarted bring it back. A leader that was
// just elected may for a moment not know all that it has, so one that ends too early
// is looked at twice.
func (v *memoryStream) emptied(info *jetstream.StreamInfo) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	was := v.short
	v.short = info.Created.Equal(v.made) && info.State.LastSeq < v.high
	if v.short && !was {
		v.failed()
	}
	return v.short && was
}

// know takes note of what the stream is like, and tells whether it is another one.
func (v *memoryStream) know(info *jetstream.StreamInfo) (another bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	another = !v.made.IsZero() && !info.Created.Equal(v.made)
	if another || v.made.IsZero() {
		v.high, v.short = 0, false
	}
	v.made, v.high = info.Created, max(v.high, info.State.LastSeq)
	return another
}

// standing is a message on a volatile stream: where it is, and of which revision of its
// entity it was made. The zero value is none.
type standing struct{ seq, revision uint64 }

// putNewest puts a message that was made of a revision of its entity, unless its
// subject has one of the same or a higher revision for which stands is true; then
// it does nothing and returns 0, else where it put it. Of two that put at once, the one
// with the lower revision loses. What is believed to stand there need not be true: if it
// is, and older, the server need not be asked. Nil is no belief.
func (v *memoryStream) putNewest(ctx context.Context, m *nats.Msg, revision uint64, believed *standing,
	stands func(there *jetstream.RawStreamMsg) bool, opts ...jetstream.PublishOpt) (seq uint64, err error) {
	if m.Header == nil {
		m.Header = nats.Header{}
	}
	m.Header[headRevision] = []string{strconv.FormatUint(revision, 10)}
	err = eventlog.Insist(ctx, func(ctx context.Context) error {
		if believed != nil && believed.revision < revision {
			if seq, err = v.putOver(ctx, m, believed.seq, opts); !errors.Is(err, eventlog.ErrConflict) {
				return err
			}
		}
		for read := v.stream.GetLastMsgForSubject; ; {
			if seq, err = v.tryPut(ctx, m, revision, read, stands, opts); !errors.Is(err, eventlog.ErrConflict) {
				return err
			}
			read = v.lastFromLeader // another was faster, or whoever answered is behind
		}
	})
	return seq, err
}

// lastOf reads the newest message of a subject.
type lastOf func(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error)

func (v *memoryStream) lastFromLeader(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	return eventlog.LastFromLeader(ctx, v.nc, v.config.Name, subject)
}

// tryPut is one round of putNewest: it fails with ErrConflict if another was faster, or if
// what was read was not the newest.
func (v *memoryStream) tryPut(ctx context.Context, m *nats.Msg, revision uint64, read lastOf,
	stands func(*jetstream.RawStreamMsg) bool, opts []jetstream.PublishOpt) (seq uint64, err error) {
	there, err := read(ctx, m.Subject)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return v.putOver(ctx, m, 0, opts)
	case err != nil:
		v.failed()
		return 0, err
	}
	has, _ := strconv.ParseUint(there.Header.Get(headRevision), 10, 64) // nobody else writes here
	if has > revision || has == revision && stands(there) {
		return 0, nil
	}
	return v.putOver(ctx, m, there.Sequence, opts)
}

// putOver puts a message in place of the one at a sequence, or of none if that is 0. It
// fails with ErrConflict if that is not what stands there.
func (v *memoryStream) putOver(ctx context.Context, m *nats.Msg, over uint64, opts []jetstream.PublishOpt) (seq uint64, err error) {
	m.Header[eventlog.HeadExpectEntity] = []string{strconv.FormatUint(over, 10)}
	ack, err := v.js.PublishMsg(ctx, m, opts...)
	var api *jetstream.APIError
	if errors.As(err, &api) && eventlog.IsConflict(api) {
		return 0, eventlog.ErrConflict
	}
	if err != nil {
		v.failed()
		return 0, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.high = max(v.high, ack.Sequence)
	return ack.Sequence, nil
}
