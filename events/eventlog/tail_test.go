package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/natstest"
)

// tailing tails a log in the background, one decision at a receive.
func tailing(t *testing.T, l *eventlog.Log, after uint64) <-chan []events.Recorded {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	seen, ended := make(chan []events.Recorded, 100), make(chan error, 1)
	go func() {
		ended <- l.Tail(ctx, after, func(d []events.Recorded) error { seen <- d; return nil })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return seen
}

func TestTailHandsOverWholeDecisions(t *testing.T) {
	p := open(t)
	p.append(t, decision(change(prod, 0, began{}, noted{})))
	seen := tailing(t, p.log, 0)
	if d := natstest.Receive(t, seen); len(d) != 2 || d[1].Seq != 2 {
		t.Errorf("%+v", d)
	}
	p.append(t, decision(change(free, 0, began{})))
	p.append(t, decision(change(prod, 2, noted{}), change(free, 3, noted{}, noted{})))
	if d := natstest.Receive(t, seen); len(d) != 1 || d[0].Ref != free {
		t.Errorf("%+v", d)
	}
	if d := natstest.Receive(t, seen); len(d) != 3 || d[2].Seq != 6 || d[2].Index != 3 {
		t.Errorf("%+v", d)
	}
}

func TestTailStops(t *testing.T) {
	p := open(t)
	p.append(t, decision(change(prod, 0, began{}, noted{})))
	never := func([]events.Recorded) error { t.Error("handed over"); return nil }
	mustSay(t, p.log.Tail(natstest.Deadline(t), 3, never), "after 3", "ends at 2")
	mustSay(t, p.log.Tail(natstest.Deadline(t), 1, never), "event 2", "part 2 of 2")
	if err := p.log.Tail(natstest.Deadline(t), 0, func([]events.Recorded) error { return errEnough }); !errors.Is(err, errEnough) {
		t.Error(err)
	}
	older, err := eventlog.Open(natstest.Deadline(t), p.nc, eventlog.Vocabulary{events.Tenant: {began{}}}, p.g)
	if err != nil {
		t.Fatal(err)
	}
	mustSay(t, older.Tail(natstest.Deadline(t), 0, never), "event 2", "io.aerie.tenant.noted.v1", "older than its log")

	// What aerie did not write is not taken for an event.
	m := nats.NewMsg("aerie.append.acme.tenant.prod.noted")
	if _, err := p.nc.RequestMsgWithContext(natstest.Deadline(t), m); err != nil {
		t.Fatal(err)
	}
	mustSay(t, p.log.Tail(natstest.Deadline(t), 2, never), "event 3", "checksum")
}

// TestTailSurvivesReconnect reads over the network, with the admin's token,
// while the server is stopped and started again.
func TestTailSurvivesReconnect(t *testing.T) {
	dir := t.TempDir()
	g, err := filestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	options := embedded.Options{Dir: dir, Addr: natstest.Address(t), Token: "token", Logger: slog.New(slog.DiscardHandler)}
	serve := func() (*embedded.Server, *eventlog.Log) {
		t.Helper()
		s, err := embedded.Start(options)
		if err != nil {
			t.Fatal(err)
		}
		nc, err := s.Connect("aerie")
		if err != nil {
			t.Fatal(err)
		}
		l, err := eventlog.Open(natstest.Deadline(t), nc, vocabulary, g)
		if err != nil {
			t.Fatal(err)
		}
		return s, l
	}
	s, own := serve()
	nc, err := nats.Connect(s.URL(), nats.Token("token"), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	l, err := eventlog.Open(natstest.Deadline(t), nc, vocabulary, g)
	if err != nil {
		t.Fatal(err)
	}
	seen := tailing(t, l, 0)
	for i := range uint64(3) {
		if _, err := own.Append(natstest.Deadline(t), decision(change(prod, 2*i, noted{int(i), ""}, noted{}))); err != nil {
			t.Fatal(err)
		}
		if d := natstest.Receive(t, seen); len(d) != 2 || d[1].Seq != 2*i+2 {
			t.Errorf("%+v", d)
		}
		s.Shutdown()
		s, own = serve()
	}
	t.Cleanup(s.Shutdown)
}

// TestTailMeetsDamage flips a byte of a store behind the guard's back, as a disk
// may while the server runs.
func TestTailMeetsDamage(t *testing.T) {
	stopped, _, _ := filled(t)
	path := find(t, stopped, "1.blk")
	blk, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	middle := len(blk) / 2
	for _, word := range []string{"NATS/1.0", "ce-time: ", "ce-crc", `{"n"`} {
		dir := copied(t, stopped)
		spoilt := bytes.Clone(blk)
		spoilt[middle+bytes.Index(blk[middle:], []byte(word))+1] ^= 4
		if err := os.WriteFile(find(t, dir, "1.blk"), spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "mark")); err != nil {
			t.Fatal(err)
		}
		p, err := start(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		err = p.log.Tail(natstest.Deadline(t), 0, func(d []events.Recorded) error { seen += len(d); return nil })
		mustSay(t, err, "event 1", "damaged, restore a backup")
		if seen < 95 {
			t.Errorf("%s: ended after %d events: %v", word, seen, err)
		}
		p.stop()
	}
}
