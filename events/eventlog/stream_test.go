package eventlog_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestSubscriberSeesTheCommitted compares what a plain subscriber with the token
// gets with what the log has, while refused and abandoned batches go by.
func TestSubscriberSeesTheCommitted(t *testing.T) {
	s, token := natstest.Start(t)
	own := natstest.Connect(t, s)
	g, err := filestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(t.Context(), own, vocabulary, g)
	if err != nil {
		t.Fatal(err)
	}
	admin := natstest.Admin(t, s, token)
	sub, err := admin.SubscribeSync("aerie.evt.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.Flush(); err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for i := range 20 {
		r, err := log.Append(t.Context(), decision(change(prod, last, noted{i, ""}, noted{i, "b"})))
		if err != nil {
			t.Fatal(err)
		}
		last = r[1].Seq
		abandon(t, own, fmt.Sprint("batch", i))
		if _, err := log.Append(t.Context(), decision(change(prod, 0, noted{i, "lost"}), change(test, 0, began{}))); !errors.Is(err, eventlog.ErrConflict) {
			t.Fatal(err)
		}
	}
	seesAll(t, sub, read(t, log, 0, last))
	if err := admin.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, _ := sub.Pending(); n != 0 {
		t.Errorf("%d more were seen", n)
	}
}

// seesAll fails unless a subscriber gets just these events next, in their order.
func seesAll(t *testing.T, sub *nats.Subscription, all []events.Recorded) {
	t.Helper()
	for _, want := range all {
		m, err := sub.NextMsg(natstest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get("ce-id") != want.EventID || m.Header.Get("Nats-Sequence") != fmt.Sprint(want.Seq) {
			t.Fatalf("event %d is seen as %v", want.Seq, m.Header)
		}
	}
}

// abandon begins a batch and never commits it.
func abandon(t *testing.T, nc *nats.Conn, id string) {
	t.Helper()
	m := nats.NewMsg("aerie.append.acme.tenant.prod.noted")
	m.Header.Set("Nats-Batch-Id", id)
	m.Header.Set("Nats-Batch-Sequence", "1")
	if err := nc.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherConfigIsNotTouched(t *testing.T) {
	s, _ := natstest.Start(t)
	nc := natstest.Connect(t, s)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: eventlog.Stream, Subjects: []string{"aerie.evt.>"}, MaxMsgs: 10, PersistMode: jetstream.AsyncPersistMode}); err != nil {
		t.Fatal(err)
	}
	g, err := filestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, err = eventlog.Open(t.Context(), nc, vocabulary, g)
	for _, want := range []string{"subjects is [aerie.evt.>], want [aerie.append.>]", "max_msgs is 10, want -1", "persist_mode is Async, want Default", "deny_purge is false", "subject_transform", "republish", "not touched"} {
		mustSay(t, err, want)
	}
	stream, err := js.Stream(t.Context(), eventlog.Stream)
	if err != nil || stream.CachedInfo().Config.MaxMsgs != 10 {
		t.Error("the stream was changed", err)
	}
}

func TestOpenTwiceIsOpenOnce(t *testing.T) {
	p := open(t)
	p.append(t, decision(change(prod, 0, began{"u1"})))
	again, err := eventlog.Open(t.Context(), p.nc, vocabulary, p.g)
	if err != nil {
		t.Fatal(err)
	}
	if last, _ := again.Last(t.Context()); last != 1 {
		t.Error("the log ends at", last)
	}
}
