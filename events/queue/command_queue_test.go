package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/internal/natstest"
)

// enqueue publishes commands on entities of a queue, numbered.
func enqueue(t *testing.T, nc *nats.Conn, from, to int, entities ...string) {
	t.Helper()
	for n := from; n < to; n++ {
		for _, e := range entities {
			if _, err := nc.RequestWithContext(natstest.Deadline(t), "aerie.queue.acme.tenant."+e+".update", fmt.Append(nil, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// handled notes the commands that were handled, by entity.
type handled struct {
	mu   sync.Mutex
	by   map[string][]string
	left int
	done chan struct{}
}

func newHandled(left int) *handled {
	return &handled{by: map[string][]string{}, left: left, done: make(chan struct{})}
}

func (h *handled) note(c queue.Queued) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.by[c.ID] = append(h.by[c.ID], string(c.Body))
	if h.left--; h.left == 0 {
		close(h.done)
	}
}

// TestQueueKeepsTheOrder of each entity: over commands that fail at first, and over
// a handler that dies with one in its hands.
func TestQueueKeepsTheOrder(t *testing.T) {
	t.Parallel()
	srv, _ := natstest.Start(t)
	nc := natstest.Connect(t, srv)
	q, err := queue.OpenQueue(natstest.Deadline(t), nc)
	if err != nil {
		t.Fatal(err)
	}
	enqueue(t, nc, 0, 3, "a", "b", "c")
	dying, err := srv.Connect("dying")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := queue.OpenQueue(natstest.Deadline(t), dying)
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	held, died := make(chan string, 100), make(chan struct{})
	var takers sync.WaitGroup
	takers.Go(func() {
		_ = theirs.Take(ctx, func(_ context.Context, c queue.Queued) error {
			held <- c.ID
			<-died // with the command in its hands
			return errors.New("dead")
		})
	})
	<-held
	dying.Close()
	close(died)
	kill()
	enqueue(t, nc, 3, 6, "a", "b", "c")
	h, failed := newHandled(18), sync.Map{}
	ctx, stop := context.WithCancel(t.Context())
	takers.Go(func() {
		_ = q.Take(ctx, func(_ context.Context, c queue.Queued) error {
			if _, again := failed.LoadOrStore(c.ID, true); !again {
				return errors.New("not now")
			}
			h.note(c)
			return nil
		})
	})
	select {
	case <-h.done:
	case <-natstest.Deadline(t).Done():
		t.Error("not all were handled")
	}
	stop()
	for e, got := range h.by {
		if !slices.Equal(got, []string{"0", "1", "2", "3", "4", "5"}) {
			t.Errorf("%s was given %v", e, got)
		}
	}
}
