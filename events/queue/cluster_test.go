package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestMemoryOutlivesAServer kills the leaders of the streams in memory: work and timers go on.
func TestMemoryOutlivesAServer(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 3, nil)
	nc := natstest.Dial(t, x)
	timers := openTimers(t, nc)
	q, err := queue.OpenWork(natstest.Deadline(t), nc)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, func(ctx context.Context) { timers.Keep(ctx, func() { t.Error("the timers were lost") }) })
	keep(t, func(ctx context.Context) { q.Keep(ctx, func() { t.Error("the work was lost") }) })
	rings, done := make(chan rang, 10), make(chan uint64, 10)
	for n, name := range []string{queue.TimersStream, queue.WorkStream} {
		revision := uint64(n + 1)
		at := time.Now().Add(2 * time.Second)
		arm(t, timers, acmeProd, revision, at)
		put(t, q, eu, work(acmeProd, revision, "ensure_tenant"))
		leader := x.Leader(name)
		x.Kill(leader)
		if n == 0 {
			ringing(t, timers, 1, into(rings))
			taking(t, q, 1, func(_ context.Context, _ queue.Partition, w events.Work, _ queue.Held) (time.Duration, error) {
				done <- w.Revision
				return 0, nil
			})
		}
		for r := (rang{}); !r.at.Equal(at); { // what was not acknowledged in time rings again
			r = natstest.Receive(t, rings)
		}
		for r := uint64(0); r != revision; {
			r = natstest.Receive(t, done)
		}
		x.Start(leader)
		x.Ready()
		x.Current(nc)
	}
}
