package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
)

// TestStartIsBounded reads a log of which no event comes: the start is given up, and says
// what it waited for.
func TestStartIsBounded(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, func(o *server.Options) {
		o.Users = []*server.User{{Username: "all", Password: "secret"}, {Username: "few", Password: "secret", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"$JS.API.CONSUMER.>"}}}}}
	})
	as := func(name string) string { return strings.Replace(x.URL(), "nats://", "nats://"+name+":secret@", 1) }
	p := newReplica(t, as("all"), filepath.Join(t.TempDir(), "cloud"), "0")
	p.start()
	p.call(as("all")).must(1)
	p.interrupt()
	nc, err := nats.Connect(as("few"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	g, err := filestore.OpenReplica(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	log, err := eventlog.Open(ctx, nc, fsm.Vocabulary(), g)
	if err != nil {
		t.Fatal(err)
	}
	fold := state.NewLive()
	go func() { _ = fold.Follow(ctx, log) }()
	err = awaitFold(ctx, log, fold, 1, 4*time.Second)
	if err == nil || !strings.Contains(err.Error(), "event 1 of 1 did not come") || !strings.Contains(err.Error(), "make a consumer on AERIE_EVENTS") {
		t.Error(err)
	}
}

// TestStartWithoutConsumers starts a replica when people have taken all consumers that
// there may be.
func TestStartWithoutConsumers(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, nil)
	p := newReplica(t, x.URL(), filepath.Join(t.TempDir(), "cloud"), "0")
	p.start()
	c := p.call(x.URL())
	c.must(5)
	p.interrupt()
	x.TakeConsumers(natstest.Dial(t, x), eventlog.Stream)
	p.start()
	c.must(5)
	c.check()
	if !strings.Contains(p.log.String(), "without a consumer") {
		t.Errorf("the log does not say it:\n%s", p.log)
	}
	p.interrupt()
}
