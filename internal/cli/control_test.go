package cli

import (
	"testing"

	"github.com/aeriehq/aerie/internal/server"
)

// startTestControl runs a whole control plane in the test.
func startTestControl(t *testing.T) *server.Control {
	t.Helper()
	c, err := server.Start(server.Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", SimSpeed: 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
