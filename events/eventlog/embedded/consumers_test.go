package embedded_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestPeoplesConsumersAreBounded makes as many consumers as people may have together: the next
// is refused, one that is there may still be opened, and aerie's own are made.
func TestPeoplesConsumersAreBounded(t *testing.T) {
	s, token := natstest.Start(t)
	own := streams(t, s)
	admin, err := jetstream.New(natstest.Admin(t, s, token))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := admin.Stream(deadline(t), eventlog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for i := 0; err == nil; i++ {
		if i > 1000 {
			t.Fatal("people may have more than 1000")
		}
		name := fmt.Sprint("mine", i)
		if _, err = stream.CreateConsumer(deadline(t), quick(name)); err == nil {
			last = name
		}
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != 10026 || last != "mine999" {
		t.Errorf("after %s: %v", last, err)
	}
	if _, err := stream.CreateOrUpdateConsumer(deadline(t), quick(last)); err != nil {
		t.Error("one that is there:", err)
	}
	for range 10 {
		if _, err := own.CreateConsumer(deadline(t), eventlog.Stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy}); err != nil {
			t.Fatal("aerie's own:", err)
		}
	}
	if err := stream.DeleteConsumer(deadline(t), "mine0"); err != nil {
		t.Fatal(err)
	}
}

// quick is a consumer that no disk is waited for.
func quick(name string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{Name: name, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: 5 * time.Minute}
}

// TestConsumersNobodyReadsGo holds people's consumers to five minutes.
func TestConsumersNobodyReadsGo(t *testing.T) {
	s, token := natstest.Start(t)
	streams(t, s)
	admin, err := jetstream.New(natstest.Admin(t, s, token))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ asked, got time.Duration }{
		"durable": {0, 5 * time.Minute}, "long": {time.Hour, 5 * time.Minute}, "short": {time.Minute, time.Minute},
	} {
		made, err := admin.CreateConsumer(deadline(t), eventlog.Stream, jetstream.ConsumerConfig{Durable: name, AckPolicy: jetstream.AckExplicitPolicy, InactiveThreshold: c.asked})
		if err != nil {
			t.Fatal(err)
		}
		if got := made.CachedInfo().Config.InactiveThreshold; got != c.got {
			t.Errorf("%s: %s, want %s", name, got, c.got)
		}
	}
}

// TestEachCallersConsumersAreBounded has one of the staff make as many consumers as one may have: the next is refused, another caller's
// is made, and what is deleted makes room. Nobody makes them in the name of another.
func TestEachCallersConsumersAreBounded(t *testing.T) {
	s, _ := natstest.Start(t)
	streams(t, s)
	staff := func(name string) (events.Caller, bool) {
		return events.Caller{Actor: name, Role: events.RoleOperator, Owner: events.Platform}, strings.HasPrefix(name, "token:")
	}
	s.Admit(embedded.Callers{Token: staff, Actor: staff, Key: staff, Denied: func(string, string) {}})
	of := func(token string) jetstream.Stream {
		nc, err := nats.Connect(s.URL(), nats.Token(token), nats.CustomInboxPrefix("_INBOX."+strings.TrimPrefix(token, "token:")))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := js.Stream(deadline(t), eventlog.Stream)
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	full := func(err error) bool {
		var api *jetstream.APIError
		return errors.As(err, &api) && api.ErrorCode == 10026
	}
	a, b := of("token:A"), of("token:B")
	for i := range 250 {
		c := quick(fmt.Sprint("mine", i))
		c.Metadata = map[string]string{"aerie.caller": "token:B", "for": "a test"}
		if made, err := a.CreateConsumer(deadline(t), c); err != nil || made.CachedInfo().Config.Metadata["aerie.caller"] != "token:A" || made.CachedInfo().Config.Metadata["for"] != "a test" {
			t.Fatal(i, err)
		}
	}
	if _, err := a.CreateConsumer(deadline(t), quick("more")); !full(err) {
		t.Error("one more:", err)
	}
	if _, err := a.CreateOrUpdateConsumer(deadline(t), quick("mine0")); err != nil {
		t.Error("one that is there:", err)
	}
	if c, err := b.CreateOrUpdateConsumer(deadline(t), quick("mine1")); err != nil || c.CachedInfo().Config.Metadata["aerie.caller"] != "token:A" {
		t.Error("another takes one for his own:", err)
	}
	if _, err := b.CreateConsumer(deadline(t), quick("another's")); err != nil {
		t.Error("another's:", err)
	}
	if err := a.DeleteConsumer(deadline(t), "mine0"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.CreateConsumer(deadline(t), quick("again")); err != nil {
		t.Error("in the room of one that was deleted:", err)
	}
	if _, err := a.CreateConsumer(deadline(t), quick("more")); !full(err) {
		t.Error("one more after that:", err)
	}
}
