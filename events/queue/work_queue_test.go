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

var eu = queue.Partition{Owner: "-", Dataplane: "eu"}

func work(r events.Ref, revision uint64, effect string) events.Work {
	return events.Work{Ref: r, UID: "u", Revision: revision, Digest: fmt.Sprint(revision), Effect: effect}
}

func openWork(t *testing.T) (*queue.WorkQueue, *nats.Conn) {
	t.Helper()
	s, _ := natstest.Start(t)
	nc := natstest.Connect(t, s)
	q, err := queue.OpenWork(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	return q, nc
}

func put(t *testing.T, q *queue.WorkQueue, p queue.Partition, w events.Work) {
	t.Helper()
	if err := q.Put(natstest.Deadline(t), p, w); err != nil {
		t.Fatal(err)
	}
}

func newest(t *testing.T, q *queue.WorkQueue, p queue.Partition, r events.Ref) uint64 {
	t.Helper()
	w, ok, err := q.Newest(natstest.Deadline(t), p, r)
	if err != nil || ok != (w.Revision > 0) {
		t.Fatal(w, ok, err)
	}
	return w.Revision
}

// TestManyMakeTheQueue starts replicas at one moment, where nothing is yet.
func TestManyMakeTheQueue(t *testing.T) {
	for _, servers := range []int{1, 3} {
		x := natstest.StartExternal(t, servers, nil)
		x.Ready()
		var opening sync.WaitGroup
		for range 8 {
			nc := natstest.Dial(t, x)
			opening.Go(func() {
				if _, err := queue.OpenWork(natstest.Deadline(t), nc); err != nil {
					t.Error(servers, err)
				}
			})
		}
		opening.Wait()
	}
}

func TestOlderNeverReplacesNewer(t *testing.T) {
	q, _ := openWork(t)
	if at := newest(t, q, eu, acmeProd); at != 0 {
		t.Error("an empty queue has revision", at)
	}
	for _, step := range []struct{ put, want uint64 }{{5, 5}, {3, 5}, {5, 5}, {9, 9}, {8, 9}} {
		put(t, q, eu, work(acmeProd, step.put, "ensure_tenant"))
		if got := newest(t, q, eu, acmeProd); got != step.want {
			t.Errorf("after %d the newest is %d, want %d", step.put, got, step.want)
		}
	}
	put(t, q, eu, work(acmeProd, 10, ""))
	put(t, q, eu, work(acmeProd, 9, "ensure_tenant"))
	if w, ok, _ := q.Newest(t.Context(), eu, acmeProd); !ok || w.Effect != "" || w.Revision != 10 {
		t.Errorf("the tombstone was replaced: %+v", w)
	}
	if at := newest(t, q, queue.Nowhere, acmeProd); at != 0 {
		t.Error("another place has revision", at)
	}
}

// What one process put is not what stands there where another has put since, or said that nothing is owed.
func TestAnothersPutIsSeen(t *testing.T) {
	one, nc := openWork(t)
	other, err := queue.OpenWork(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		q         *queue.WorkQueue
		put, want uint64
		effect    string
	}{
		{one, 1, 1, "ensure_tenant"}, {other, 3, 3, "ensure_tenant"}, {one, 2, 3, "ensure_tenant"}, {one, 4, 4, "ensure_tenant"},
		{other, 5, 5, ""}, {one, 5, 5, "ensure_tenant"}, {one, 6, 6, "ensure_tenant"}, {one, 7, 7, ""}, {other, 6, 7, "ensure_tenant"},
		{one, 8, 8, "ensure_tenant"}, {other, 8, 8, ""}, {one, 9, 9, "ensure_tenant"},
	} {
		put(t, step.q, eu, work(acmeProd, step.put, step.effect))
		if got := newest(t, one, eu, acmeProd); got != step.want {
			t.Errorf("after %d the newest is %d, want %d", step.put, got, step.want)
		}
	}
}

func TestRacingPutsLeaveTheNewest(t *testing.T) {
	q, _ := openWork(t)
	var all sync.WaitGroup
	for i := range uint64(64) {
		all.Go(func() {
			if err := q.Put(natstest.Deadline(t), eu, work(acmeProd, i+1, "ensure_tenant")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if at := newest(t, q, eu, acmeProd); at != 64 {
		t.Error("the newest is", at)
	}
}

// TestTombstonesEnd looks at the message itself: that it has a TTL.
func TestTombstonesEnd(t *testing.T) {
	q, nc := openWork(t)
	sub, err := nc.SubscribeSync("aerie.work.>")
	if err != nil {
		t.Fatal(err)
	}
	put(t, q, eu, work(acmeProd, 1, "ensure_tenant"))
	put(t, q, eu, work(acmeProd, 2, ""))
	for _, want := range []string{"", "1h0m0s"} {
		m, err := sub.NextMsg(natstest.Patience)
		if err != nil || m.Header.Get("Nats-TTL") != want || m.Subject != "aerie.work.-.eu.tenant.acme.prod" {
			t.Errorf("%v %v: %v", m.Subject, m.Header, err)
		}
	}
}

func TestNotAPlace(t *testing.T) {
	q, _ := openWork(t)
	for _, p := range []queue.Partition{{}, {Owner: "-"}, {Owner: "-", Dataplane: ">"}, {Owner: "a.b", Dataplane: "c"}} {
		if err := q.Put(t.Context(), p, work(acmeProd, 1, "x")); err == nil {
			t.Errorf("%+v was taken", p)
		}
	}
}

// taking runs Take until the acmeTest stops it; stop waits for its end.
func taking(t *testing.T, q *queue.WorkQueue, slots int, do queue.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Take(ctx, slots, do) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func TestTakeGivesTheNewest(t *testing.T) {
	q, _ := openWork(t)
	put(t, q, eu, work(acmeTest, 1, "ensure_tenant"))
	put(t, q, eu, work(acmeProd, 2, "ensure_tenant"))
	put(t, q, eu, work(acmeProd, 3, "ensure_tenant"))
	put(t, q, eu, work(acmeTest, 4, ""))
	put(t, q, queue.Nowhere, work(freePlan, 5, "x"))
	got := make(chan string, 10)
	taking(t, q, 1, func(_ context.Context, p queue.Partition, w events.Work, _ queue.Held) (time.Duration, error) {
		got <- fmt.Sprint(p.Dataplane, " ", w.Ref, " ", w.Revision)
		return 0, nil
	})
	for _, want := range []string{"eu tenant acme/prod 3", "- plan -/free 5"} {
		if g := natstest.Receive(t, got); g != want {
			t.Errorf("got %s, want %s", g, want)
		}
	}
	if len(got) != 0 {
		t.Error("also", <-got)
	}
}

// TestAgain asks for the same work twice more: once by a delay, once by an error with a delay.
func TestAgain(t *testing.T) {
	q, _ := openWork(t)
	put(t, q, eu, work(acmeProd, 1, "ensure_tenant"))
	got := make(chan time.Time, 10)
	n := 0
	stop := taking(t, q, 1, func(context.Context, queue.Partition, events.Work, queue.Held) (time.Duration, error) {
		got <- time.Now()
		n++
		switch n {
		case 1:
			return 50 * time.Millisecond, nil
		case 2:
			return time.Millisecond, errors.New("try again")
		}
		return 0, nil
	})
	first, second := natstest.Receive(t, got), natstest.Receive(t, got)
	if second.Sub(first) < 40*time.Millisecond {
		t.Error("given again after", second.Sub(first))
	}
	natstest.Receive(t, got)
	stop()
	if len(got) > 0 {
		t.Error("given though it was paid")
	}
}

// TestSupersededIsDropped replaces work while its message waits for its next delivery.
func TestSupersededIsDropped(t *testing.T) {
	q, _ := openWork(t)
	put(t, q, eu, work(acmeProd, 1, "ensure_tenant"))
	got := make(chan uint64, 10)
	taking(t, q, 1, func(ctx context.Context, p queue.Partition, w events.Work, _ queue.Held) (time.Duration, error) {
		if w.Revision == 1 {
			if err := q.Put(ctx, p, work(acmeProd, 2, "ensure_tenant")); err != nil {
				t.Error(err)
			}
			got <- 1
			return time.Millisecond, nil // would be given again, but is replaced
		}
		got <- w.Revision
		return 0, nil
	})
	if a, b := natstest.Receive(t, got), natstest.Receive(t, got); a != 1 || b != 2 {
		t.Error(a, b)
	}
	put(t, q, eu, work(acmeTest, 3, "ensure_tenant"))
	if c := natstest.Receive(t, got); c != 3 {
		t.Error("superseded work came again:", c)
	}
}

// TestHeld asks whether a work is still its taker's: when it was just taken, when newer work stands there, and when the queue was
// made anew with the same work on it.
func TestHeld(t *testing.T) {
	q, nc := openWork(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	put(t, q, eu, work(acmeProd, 1, "ensure_tenant"))
	leases := make(chan queue.Held, 1)
	taking(t, q, 1, func(_ context.Context, _ queue.Partition, _ events.Work, held queue.Held) (time.Duration, error) {
		leases <- held
		return 0, nil
	})
	first := natstest.Receive(t, leases)
	if err := first(t.Context()); err != nil {
		t.Error("just taken:", err)
	}
	put(t, q, eu, work(acmeProd, 2, "ensure_tenant"))
	second := natstest.Receive(t, leases)
	if err := first(t.Context()); !errors.Is(err, queue.ErrLost) {
		t.Error("newer work is there:", err)
	}
	if err := js.DeleteStream(t.Context(), queue.WorkStream); err != nil {
		t.Fatal(err)
	}
	if err := second(t.Context()); !errors.Is(err, queue.ErrLost) {
		t.Error("the queue is lost:", err)
	}
	again, err := queue.OpenWork(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	put(t, again, eu, work(acmeProd, 2, "ensure_tenant"))
	if err := second(t.Context()); !errors.Is(err, queue.ErrLost) {
		t.Error("the same work stands on another queue:", err)
	}
}

func TestSlots(t *testing.T) {
	q, _ := openWork(t)
	for i := range 20 {
		put(t, q, eu, work(events.Ref{Kind: events.Tenant, Owner: "acme", ID: fmt.Sprint("t", i)}, 1, "x"))
	}
	var running, most atomic.Int32
	full, done := make(chan struct{}, 20), make(chan struct{}, 20)
	let := make(chan struct{})
	taking(t, q, 4, func(context.Context, queue.Partition, events.Work, queue.Held) (time.Duration, error) {
		most.Store(max(most.Load(), running.Add(1)))
		full <- struct{}{}
		<-let
		running.Add(-1)
		done <- struct{}{}
		return 0, nil
	})
	for range 4 {
		natstest.Receive(t, full)
	}
	close(let)
	for range 20 {
		natstest.Receive(t, done)
	}
	if most.Load() != 4 {
		t.Error("at once:", most.Load())
	}
}

func TestStopLetsHandlersEnd(t *testing.T) {
	q, _ := openWork(t)
	put(t, q, eu, work(acmeProd, 1, "x"))
	begun, let := make(chan context.Context, 1), make(chan struct{})
	var ended atomic.Bool
	stop := taking(t, q, 2, func(ctx context.Context, _ queue.Partition, _ events.Work, _ queue.Held) (time.Duration, error) {
		begun <- ctx
		<-let
		ended.Store(ctx.Err() == nil)
		return 0, nil
	})
	natstest.Receive(t, begun)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(let)
	natstest.Receive(t, stopped)
	if !ended.Load() {
		t.Error("the handler did not end in peace")
	}
}

var (
	acmeProd = events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}
	acmeTest = events.Ref{Kind: events.Tenant, Owner: "acme", ID: "test"}
	freePlan = events.Ref{Kind: events.Plan, Owner: "-", ID: "free"}
)
