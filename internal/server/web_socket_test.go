package server

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// TestNATSOverWebSocket: a client that comes by WebSocket is judged as any other, in clear on this machine and over TLS.
func TestNATSOverWebSocket(t *testing.T) {
	for scheme, names := range map[string][]string{"ws": nil, "wss": {"localhost"}} {
		s := Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", NATSWS: "127.0.0.1:0", TLS: TLS{Names: names}}
		c, err := Start(s)
		if err != nil {
			t.Fatal(err)
		}
		at := c.NATS.WebSocketURL()
		if !strings.HasPrefix(at, scheme+"://") {
			t.Error(at)
		}
		options := []nats.Option{nats.Token(c.Token)}
		if names != nil {
			options = append(options, nats.RootCAs(s.DataDir+"/tls/ca.pem"))
		}
		if _, err := nats.Connect(at, append(options, nats.Token("another"))...); err == nil {
			t.Error("anybody is let in at", at)
		}
		nc, err := nats.Connect(at, options...)
		if err != nil {
			t.Fatal(at, err)
		}
		if answer := ask(t, nc, "aerie.cmd.acme.customer.acme.create", "", `{}`); errorCode(answer) != "" {
			t.Error(answer)
		}
		nc.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Start(Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", NATSWS: "0.0.0.0:0"}); err == nil || !strings.Contains(err.Error(), "in clear") {
		t.Error("WebSocket in clear beyond this machine:", err)
	}
}
