package server

import (
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestOrphansWhereNoAgentComesIn lists them on NATS servers of others.
func TestOrphansWhereNoAgentComesIn(t *testing.T) {
	x := natstest.StartExternal(t, 1, nil)
	c, err := Start(Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATSURL: x.URL(), CloudDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	for end := time.Now().Add(natstest.Patience); c.Sweeper() == nil && time.Now().Before(end); time.Sleep(time.Millisecond) { // it works in its cloud
	}
	if found, err := c.orphans(t.Context(), ev.OrphanQuery{}); err != nil || len(found.Items) > 0 {
		t.Errorf("found %+v, %v", found, err)
	}
}
