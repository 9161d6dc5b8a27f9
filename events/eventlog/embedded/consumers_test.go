package embedded_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
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
