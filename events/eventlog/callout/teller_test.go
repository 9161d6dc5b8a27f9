package callout

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestTellAfterACut has the connection cut after events were shown: they may not have come, so they are shown again.
func TestTellAfterACut(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, func(o *server.Options) {})
	nc, other := natstest.Dial(t, x), natstest.Dial(t, x)
	js, err := jetstream.New(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: eventlog.Stream, Subjects: []string{events.EventPrefix + ">"}}); err != nil {
		t.Fatal(err)
	}
	heard, err := other.SubscribeSync(shownPrefix + ">")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), events.EventPrefix+"acme.token.ci.created", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	go (&Service{nc: nc}).tell(t.Context())
	hear := func() {
		t.Helper()
		m, err := heard.NextMsg(natstest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get(jetstream.SequenceHeader) != "1" {
			t.Fatal(m.Header)
		}
	}
	hear()
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	hear()
}

// TestPositionBeginsAnew goes back by so many events, and never before the first.
func TestPositionBeginsAnew(t *testing.T) {
	for _, row := range []struct{ told, first uint64 }{{0, 1}, {1, 1}, {again, 1}, {again + 1, 2}, {10 * again, 9*again + 1}} {
		if got := (position{told: row.told, begun: true}).first(); got != row.first {
			t.Errorf("after %d it begins with %d, not %d", row.told, got, row.first)
		}
	}
}

// TestCallersHearEventsWhenConsumersAreUsedUp has somebody take all consumers that the log may have: what is there and what comes is shown all the same.
func TestCallersHearEventsWhenConsumersAreUsedUp(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, nil)
	nc, other := natstest.Dial(t, x), natstest.Dial(t, x)
	js, err := jetstream.New(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: eventlog.Stream, Subjects: []string{events.EventPrefix + ">"}, AllowDirect: true}); err != nil {
		t.Fatal(err)
	}
	x.TakeConsumers(other, eventlog.Stream)
	heard, err := other.SubscribeSync(shownPrefix + ">")
	if err != nil {
		t.Fatal(err)
	}
	publish := func() {
		t.Helper()
		if _, err := js.Publish(t.Context(), events.EventPrefix+"acme.token.ci.created", []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	publish()
	go (&Service{nc: nc}).tell(t.Context())
	for _, want := range []string{"1", "2", "3"} {
		m, err := heard.NextMsg(natstest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject != shownPrefix+"acme.token.ci.created" || m.Header.Get(jetstream.SequenceHeader) != want || m.Header.Get("Nats-Num-Pending") != "" {
			t.Fatal(m.Subject, m.Header, "want", want)
		}
		publish()
	}
}
