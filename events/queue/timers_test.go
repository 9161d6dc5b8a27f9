package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/internal/natstest"
)

func timers(t *testing.T) (*queue.Timers, *nats.Conn) {
	t.Helper()
	s, _ := natstest.Start(t)
	nc := natstest.Connect(t, s)
	return openTimers(t, nc), nc
}

func openTimers(t *testing.T, nc *nats.Conn) *queue.Timers {
	t.Helper()
	timers, err := queue.OpenTimers(natstest.Deadline(t), nc)
	if err != nil {
		t.Fatal(err)
	}
	return timers
}

func arm(t *testing.T, timers *queue.Timers, r events.Ref, revision uint64, at time.Time) {
	t.Helper()
	if err := timers.Arm(natstest.Deadline(t), r, revision, at); err != nil {
		t.Fatal(err)
	}
}

// rang is one timer that went off.
type rang struct {
	ref events.Ref
	at  time.Time
}

// ringing takes what is due until the acmeTest ends.
func ringing(t *testing.T, timers *queue.Timers, slots int, look queue.TimerHandler) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := timers.Take(ctx, slots, look); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
}

func into(c chan<- rang) queue.TimerHandler {
	return func(_ context.Context, r events.Ref, at time.Time) error { c <- rang{r, at}; return nil }
}

func TestTimersRingOnceEach(t *testing.T) {
	timers, nc := timers(t)
	soon := time.Now().Add(300 * time.Millisecond)
	late := soon.Add(100 * time.Millisecond)
	arm(t, timers, acmeProd, 1, soon)
	arm(t, timers, acmeTest, 2, late)
	arm(t, timers, freePlan, 3, time.Now().Add(time.Hour))
	got := make(chan rang, 10)
	ringing(t, timers, 1, into(got))
	ringing(t, openTimers(t, nc), 1, into(got)) // another replica
	want := map[events.Ref]time.Time{acmeProd: soon, acmeTest: late}
	for len(want) > 0 {
		r := natstest.Receive(t, got)
		if at, ok := want[r.ref]; !ok || !at.Equal(r.at) {
			t.Errorf("%s rang for %s", r.ref, r.at)
		}
		if time.Now().Before(r.at) {
			t.Errorf("%s rang %s early", r.ref, time.Until(r.at))
		}
		delete(want, r.ref)
	}
	js, _ := jetstream.New(nc)
	stream, err := js.Stream(natstest.Deadline(t), queue.TimersStream)
	if err != nil {
		t.Fatal(err)
	}
	for { // what is handled is gone; what is to come stays
		info, err := stream.Info(natstest.Deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		if info.State.Msgs == 1 {
			break
		}
	}
	if len(got) > 0 {
		t.Error("rang again:", <-got)
	}
}

func TestNewestTimerWins(t *testing.T) {
	timers, _ := timers(t)
	hour := time.Now().Add(time.Hour)
	soon := time.Now().Add(300 * time.Millisecond)
	arm(t, timers, acmeProd, 5, hour)
	arm(t, timers, acmeProd, 6, soon)
	arm(t, timers, acmeProd, 4, hour) // somebody is behind
	arm(t, timers, acmeTest, 1, soon)
	arm(t, timers, acmeTest, 2, hour)
	got := make(chan rang, 10)
	ringing(t, timers, 1, into(got))
	if r := natstest.Receive(t, got); r.ref != acmeProd || !r.at.Equal(soon) {
		t.Error(r)
	}
	arm(t, timers, freePlan, 1, time.Now()) // what is past is due at once
	if r := natstest.Receive(t, got); r.ref != freePlan {
		t.Error(r)
	}
}

func TestTimerThatWasNotHandledRingsAgain(t *testing.T) {
	timers, _ := timers(t)
	got := make(chan rang, 10)
	first := true
	ringing(t, timers, 1, func(_ context.Context, r events.Ref, at time.Time) error {
		got <- rang{r, at}
		if first {
			first = false
			return errors.New("not now")
		}
		return nil
	})
	arm(t, timers, acmeProd, 1, time.Now())
	if a, b := natstest.Receive(t, got), natstest.Receive(t, got); a != b {
		t.Error(a, b)
	}
}

// TestLostStreamsAreNoticed restarts a lone server, whose memory is gone then.
func TestLostStreamsAreNoticed(t *testing.T) {
	x := natstest.StartExternal(t, 1, nil)
	nc := natstest.Dial(t, x)
	timers := openTimers(t, nc)
	q, err := queue.OpenWork(natstest.Deadline(t), nc)
	if err != nil {
		t.Fatal(err)
	}
	lost := make(chan string, 10)
	keep(t, func(ctx context.Context) { timers.Keep(ctx, func() { lost <- "timers" }) })
	keep(t, func(ctx context.Context) { q.Keep(ctx, func() { lost <- "work" }) })
	got, done := make(chan rang, 10), make(chan uint64, 10)
	ringing(t, timers, 1, into(got))
	taking(t, q, 1, func(_ context.Context, _ queue.Partition, w events.Work, _ queue.Held) (time.Duration, error) {
		done <- w.Revision
		return 0, nil
	})
	for n := range uint64(3) {
		arm(t, timers, acmeProd, n+1, time.Now())
		put(t, q, eu, work(acmeProd, n+1, "ensure_tenant"))
		if r := natstest.Receive(t, got); r.ref != acmeProd {
			t.Error(r)
		}
		if r := natstest.Receive(t, done); r != n+1 {
			t.Error("revision", r)
		}
		arm(t, timers, acmeTest, 1, time.Now().Add(time.Hour))
		x.Kill(0)
		x.Start(0)
		for both := map[string]bool{}; len(both) < 2; { // a stream made on a server that is going is lost once more
			both[natstest.Receive(t, lost)] = true
		}
	}
}

// TestLateAnswerTouchesNothingElse answers for work of a stream that is lost, when other
// work stands at its place in the stream that is there instead: a lone server makes it
// anew, a cluster brings it back with nothing on it.
func TestLateAnswerTouchesNothingElse(t *testing.T) {
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) { lateAnswer(t, natstest.StartExternal(t, servers, nil), servers) })
	}
}

func lateAnswer(t *testing.T, x *natstest.External, servers int) {
	q, err := queue.OpenWork(natstest.Deadline(t), natstest.Dial(t, x))
	if err != nil {
		t.Fatal(err)
	}
	again := func() { _ = q.Put(natstest.Deadline(t), eu, work(acmeTest, 1, "ensure_tenant")) } // if it fails the stream is lost once more
	keep(t, func(ctx context.Context) { q.Keep(ctx, again) })
	began, answer := make(chan events.Ref, 10), make(chan struct{})
	late := sync.OnceFunc(func() { close(answer) })
	var looks atomic.Int32
	taking(t, q, 2, func(_ context.Context, _ queue.Partition, w events.Work, _ queue.Held) (time.Duration, error) {
		began <- w.Ref
		if w.Ref == acmeProd {
			<-answer
			return 0, nil
		}
		if looks.Add(1) > 1 {
			return 0, nil
		}
		return time.Second, nil
	})
	t.Cleanup(late)
	put(t, q, eu, work(acmeProd, 1, "ensure_tenant"))
	natstest.Receive(t, began)
	for i := range servers {
		x.Kill(i)
	}
	for i := range servers {
		x.Start(i)
	}
	x.Ready()
	for n := range 2 { // the late answer comes between the two
		if r := natstest.Receive(t, began); r != acmeTest {
			t.Fatal(r)
		}
		if n == 0 {
			late()
		}
	}
}

func keep(t *testing.T, run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
}
