package sim

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
)

// heldUp holds the first making of a network up, when its look has shown none, until another one was asked for.
type heldUp struct {
	cloud.Provider
	lose  func()
	calls atomic.Int64
	other chan struct{}
}

func (h *heldUp) EnsureNetwork(ctx context.Context, sc cloud.Scope, spec cloud.NetworkSpec) (cloud.Observation, error) {
	if h.calls.Add(1) > 1 {
		o, err := h.Provider.EnsureNetwork(ctx, sc, spec)
		select {
		case h.other <- struct{}{}:
		default:
		}
		return o, err
	}
	late := cloud.WithPermit(ctx, func(call context.Context, what string) (func(string, error), error) {
		h.lose()
		select {
		case <-h.other:
		case <-call.Done():
		}
		return cloud.MayCreate(ctx, what)
	})
	return h.Provider.EnsureNetwork(late, sc, spec)
}

// TestAQueueIsLostWhileWorkIsDone loses the work queue, as a NATS server does that restarts, when a worker has looked and is about
// to make a network. The work is given again and done by another. The first makes none beside it.
func TestAQueueIsLostWhileWorkIsDone(t *testing.T) {
	t.Parallel()
	h := &heldUp{other: make(chan struct{}, 1)}
	r := newRigWith(t, func(p cloud.Provider) cloud.Provider {
		h.Provider = p
		return h
	})
	h.lose = func() {
		js, err := jetstream.New(r.nc)
		if err != nil {
			t.Error(err)
			return
		}
		if err := js.DeleteStream(natstest.Deadline(t), queue.WorkStream); err != nil {
			t.Error(err)
		}
	}
	r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
	r.perform(`create dataplane -/eu {"account":"main","region":"eu-central"}`)
	r.until(ev.Dataplane, "-/eu", 20*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Phase() == fsm.Active })
	if n := r.made("EnsureNetwork"); n != 1 || h.calls.Load() < 2 {
		t.Errorf("%d networks are there after %d calls", n, h.calls.Load())
	}
}
