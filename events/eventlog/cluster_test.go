package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestOnACluster does on three servers what the other tests do on one.
func TestOnACluster(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 3, nil)
	nc := natstest.Dial(t, x)
	g, err := eventlog.TakeReplica(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(deadline(t), nc, vocabulary, g)
	if err != nil {
		t.Fatal(err)
	}
	if log.Copies() != 3 {
		t.Errorf("the log is kept by %d servers", log.Copies())
	}
	t.Run("only the committed is seen", func(t *testing.T) { seesCommitted(t, x, nc, log) })
	t.Run("what is in memory outlives a server", func(t *testing.T) { memoryOutlives(t, x, nc) })
}

// seesCommitted appends decisions of one and of several entities, conflicts and
// abandoned batches, and compares the log with what a subscriber gets.
func seesCommitted(t *testing.T, x *natstest.External, nc *nats.Conn, log *eventlog.Log) {
	sub, err := natstest.Dial(t, x).SubscribeSync("aerie.evt.>")
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for i := range 20 {
		r, err := log.Append(deadline(t), decision(change(prod, last, noted{i, ""}, noted{i, "b"})))
		for errors.Is(err, nats.ErrNoResponders) { // a stream that was just made is not known everywhere
			r, err = log.Append(deadline(t), decision(change(prod, last, noted{i, ""}, noted{i, "b"})))
		}
		if err != nil {
			t.Fatal(err)
		}
		last = r[1].Seq
		abandon(t, nc, fmt.Sprint("batch", i))
		stale := decision(change(prod, 0, noted{i, "lost"}), change(test, 0, began{}))
		if i%2 == 0 {
			stale = decision(change(prod, 0, noted{i, "lost"}))
		}
		if _, err := log.Append(deadline(t), stale); !errors.Is(err, eventlog.ErrConflict) {
			t.Fatal(err)
		}
	}
	seesAll(t, sub, read(t, log, 0, last))
	if n, _, _ := sub.Pending(); n != 0 {
		t.Errorf("%d more were seen", n)
	}
}

// memoryOutlives kills the leaders of the streams in memory: work and timers go on.
func memoryOutlives(t *testing.T, x *natstest.External, nc *nats.Conn) {
	timers := openTimers(t, nc)
	q, err := eventlog.OpenWork(deadline(t), nc)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, func(ctx context.Context) { timers.Keep(ctx, func() { t.Error("the timers were lost") }) })
	keep(t, func(ctx context.Context) { q.Keep(ctx, func() { t.Error("the work was lost") }) })
	rings, done := make(chan rang, 10), make(chan uint64, 10)
	for n, name := range []string{eventlog.TimersStream, eventlog.WorkStream} {
		revision := uint64(n + 1)
		at := time.Now().Add(2 * time.Second)
		arm(t, timers, prod, revision, at)
		put(t, q, eu, work(prod, revision, "ensure_tenant"))
		leader := x.Leader(name)
		x.Kill(leader)
		if n == 0 {
			ringing(t, timers, 1, into(rings))
			taking(t, q, 1, func(_ context.Context, _ eventlog.Place, w events.Work) (time.Duration, error) {
				done <- w.Revision
				return 0, nil
			})
		}
		for r := (rang{}); !r.at.Equal(at); { // what was not acknowledged in time rings again
			r = receive(t, rings)
		}
		for r := uint64(0); r != revision; {
			r = receive(t, done)
		}
		x.Start(leader)
		x.Ready()
		x.Current(nc)
	}
}
