package server

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/natstest"
)

// A replica under which the log was put back from a backup ends when another one has begun the epoch, so that it does nothing by
// what it knows of the log that is no more; started again it is of the new epoch. Who began it goes on.
func TestAReplicaEndsWhenAnEpochBegins(t *testing.T) {
	x := natstest.StartExternal(t, 1, nil)
	start := func(dir string) *Control {
		t.Helper()
		c, err := Start(Settings{DataDir: dir, HTTP: "127.0.0.1:0", NATSURL: x.URL()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	old := t.TempDir()
	before := start(old)
	ask(t, before.Conn, "aerie.cmd.acme.customer.acme.create", "", "{}")
	restored := t.TempDir()
	epoch, err := filestore.BeginEpoch(restored, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	after := start(restored)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := before.Wait(ctx); err == nil || !strings.Contains(err.Error(), "the log was restored") {
		t.Errorf("the replica of before: %v", err)
	}
	if err := before.Close(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	again := start(old)
	if got, first := again.Log.Epoch(), after.Log.Epoch(); got != epoch || first != epoch {
		t.Errorf("epochs %d and %d, want %d", got, first, epoch)
	}
	ask(t, again.Conn, "aerie.cmd.birch.customer.birch.create", "", "{}")
	at, ended := context.WithCancel(t.Context())
	ended()
	for name, c := range map[string]*Control{"the first": after, "the restarted": again} {
		if err := c.Wait(at); err != nil {
			t.Errorf("%s has ended: %v", name, err)
		}
	}
}
