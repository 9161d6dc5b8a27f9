package server

import (
	"context"
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
	one, err := Start(Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATSURL: as("all")})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, one.Conn, "aerie.cmd.acme.customer.acme.create", "", "{}")
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
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
	err = awaitReplay(ctx, log, fold, 1, 4*time.Second)
	if err == nil || !strings.Contains(err.Error(), "event 1 of 1 did not come") || !strings.Contains(err.Error(), "make a consumer on AERIE_EVENTS") {
		t.Error(err)
	}
}
