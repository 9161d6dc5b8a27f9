package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/server"
)

// TestTheLocalTokenIsRotatedDisabledAndEnabled: each change is an event by who asked, ends what is open within two seconds, and
// is still so after a restart. It is let in again by who is on the server's host alone.
func TestTheLocalTokenIsRotatedDisabledAndEnabled(t *testing.T) {
	dir := t.TempDir()
	c := startLocal(t, dir)
	do := func(code int, says string, args ...string) {
		t.Helper()
		got, out, errs := runCLI(t.Context(), "", append(args, "--api-url", c.APIURL(), "--nats-url", c.NATSURL(), "--data-dir", dir)...)
		if got != code || !strings.Contains(out+errs, says) {
			t.Fatalf("aerie %s: exit %d, want %d and %q: %s%s", strings.Join(args, " "), got, code, says, out, errs)
		}
	}
	_, made, errs := runCLI(t.Context(), "", "auth", "tokens", "create", "--name", "other", "--role", "admin", "--api-url", c.APIURL(), "--nats-url", c.NATSURL(), "--data-dir", dir)
	other := strings.TrimSpace(made)
	if other == "" {
		t.Fatal(errs)
	}
	open := func(token string) <-chan nats.Status {
		t.Helper()
		nc, err := nats.Connect(c.NATSURL(), nats.Token(token), nats.NoReconnect())
		if err != nil {
			t.Fatal(err)
		}
		return nc.StatusChanged(nats.CLOSED)
	}
	ends := func(what string, closed <-chan nats.Status) {
		t.Helper()
		select {
		case <-closed:
		case <-time.After(natstest.Patience):
			t.Error(what, "did not end what is open")
		}
	}
	closed := open(c.Token)
	do(0, "rotated", "auth", "local-token", "rotate")
	ends("rotate", closed)
	do(0, "admin", "auth", "whoami")
	do(3, "denied", "auth", "whoami", "--token", c.Token)
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil || strings.TrimSpace(string(token)) == c.Token {
		t.Fatal("the file has the old token", err)
	}
	rotated := strings.TrimSpace(string(token))

	closed = open(rotated)
	do(0, "disabled", "auth", "local-token", "disable", "--token", other)
	ends("disable", closed)
	do(3, "denied", "auth", "whoami")
	do(3, "on the server's host", "principal", "enable", "local", "--token", other)
	do(3, "on the server's host", "principal", "delete", "local", "--token", other)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = startLocal(t, dir)
	if c.Token != rotated {
		t.Error("it was rotated once more at the start")
	}
	do(3, "denied", "auth", "whoami")
	if nc, err := nats.Connect(c.NATSURL(), nats.Token(rotated)); err == nil {
		nc.Close()
		t.Error("it is disabled, and lets in over NATS")
	}
	if code, out, errs := runCLI(t.Context(), "", "auth", "local-token", "enable", "--api-url", c.APIURL(), "--data-dir", t.TempDir()); code != client.ExitRefused {
		t.Error("who is on another host has enabled it:", code, out, errs)
	}
	do(0, "enabled", "auth", "local-token", "enable")
	do(0, "admin", "auth", "whoami")
	do(0, "rotated", "history", "principal", "local")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func startLocal(t *testing.T, dir string) *server.Control {
	t.Helper()
	c, err := server.Start(server.Settings{DataDir: dir, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", SimSpeed: 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
