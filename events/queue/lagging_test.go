package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestATombstoneIsNoWork hands over that nothing is owed where the queue does not have it
// any more, which is what a server that is behind says: nobody is asked to do it.
func TestATombstoneIsNoWork(t *testing.T) {
	q, nc := openWork(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c, err := js.CreateConsumer(natstest.Deadline(t), queue.WorkStream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	put(t, q, eu, work(acmeProd, 5, ""))
	m, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(natstest.Deadline(t), queue.WorkStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(natstest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
	q.Handle(natstest.Deadline(t), m, func(_ context.Context, _ queue.Partition, w events.Work, _ queue.Held) (time.Duration, error) {
		t.Errorf("was asked to do %+v", w)
		return 0, nil
	})
	if info, err := c.Info(natstest.Deadline(t)); err != nil || info.NumAckPending != 0 {
		t.Errorf("it was not settled: %+v %v", info, err)
	}
}

// TestLastFromLeader reads what the leader has: a message with its place and headers, and none.
func TestLastFromLeader(t *testing.T) {
	q, _ := openWork(t)
	put(t, q, eu, work(acmeProd, 5, "ensure_tenant"))
	subject := "aerie.work.-.eu." + string(acmeProd.Kind) + "." + acmeProd.Owner + "." + acmeProd.ID
	m, err := q.LastFromLeader(natstest.Deadline(t), subject)
	if err != nil || m.Sequence == 0 || m.Subject != subject || m.Header.Get("Aerie-Revision") != "5" || len(m.Data) == 0 {
		t.Errorf("%+v %v", m, err)
	}
	if _, err := q.LastFromLeader(natstest.Deadline(t), subject+"x"); !errors.Is(err, jetstream.ErrMsgNotFound) {
		t.Error(err)
	}
}
