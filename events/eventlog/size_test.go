package eventlog_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestAnEventIsWrittenAsItIs: what HTML would escape is one byte each in the log.
func TestAnEventIsWrittenAsItIs(t *testing.T) {
	t.Parallel()
	p := open(t)
	text := "<b>&amp;</b> \u2028"
	p.append(t, decision(change(prod, 0, began{"u1"}), change(test, 0, began{text})))
	js, err := jetstream.New(p.nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(natstest.Deadline(t), eventlog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(natstest.Deadline(t), 2)
	if err != nil || !strings.Contains(string(m.Data), text) {
		t.Errorf("stored is %s: %v", m.Data, err)
	}
	if got := read(t, p.log, 0, 2); got[1].Event != (began{text}) {
		t.Errorf("read is %+v", got[1].Event)
	}
}

// TestAnEventTooLarge is refused before it is with others in a batch, which goes on as if it had never been.
func TestAnEventTooLarge(t *testing.T) {
	t.Parallel()
	p := open(t)
	b, _ := gather(t, p, 0, decision(change(prod, 0, began{"u1"})))
	large := decision(change(test, 0, began{strings.Repeat("x", 1<<20)}))
	var says *eventlog.TooLargeError
	for _, err := range []error{b.Try(large), func() error { _, err := b.Add(large); return err }()} {
		if !errors.As(err, &says) || says.Size < 1<<20 || says.Most >= 1<<20 || b.Len() != 1 {
			t.Errorf("a megabyte: %v; %d in the batch", err, b.Len())
		}
	}
	if _, err := b.Append(t.Context()); err != nil {
		t.Error(err)
	}
	p.append(t, decision(change(test, 0, began{strings.Repeat("<", 1<<20-20<<10)})))
}

// TestWhatTheServerRejects is told from an outage.
func TestWhatTheServerRejects(t *testing.T) {
	t.Parallel()
	p := open(t)
	js, err := jetstream.New(p.nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(natstest.Deadline(t), eventlog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.MaxMsgSize = 2000 // somebody has changed it: nothing of ours is known of that
	if _, err := js.UpdateStream(natstest.Deadline(t), config); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 3000)
	if _, err := p.log.Append(t.Context(), decision(change(prod, 0, began{long}))); !errors.Is(err, eventlog.ErrRejected) {
		t.Errorf("one that is too large: %v", err)
	}
	if _, err := p.log.Append(t.Context(), decision(change(prod, 0, began{long}), change(test, 0, began{"u"}))); !errors.Is(err, eventlog.ErrRejected) {
		t.Errorf("one of two: %v", err)
	}
	p.append(t, decision(change(prod, 0, began{"u"}), change(test, 0, began{"u"})))
	p.srv.Shutdown()
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := p.log.Append(soon, decision(change(free, 0, began{"u"}))); err == nil || errors.Is(err, eventlog.ErrRejected) {
		t.Errorf("without a server: %v", err)
	}
}

// TestAServerThatTakesTooLittle is refused at the start, and nothing is made on it.
func TestAServerThatTakesTooLittle(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, func(o *server.Options) { o.MaxPayload = eventlog.MinPayload - 1 })
	nc := natstest.Dial(t, x)
	g, err := filestore.OpenReplica(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Release() })
	if _, err := eventlog.Open(natstest.Deadline(t), nc, nil, g); err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("opened: %v", err)
	}
}
