// Package natstest runs NATS servers inside a test: aerie's embedded one, or others like those an
// operator would run.
//
// It is for tests alone, and it is no mock: the servers are real. Begin with Start and Connect for the
// embedded server, with StartExternal and Dial for a server or a cluster of them. Each test has
// servers of its own, with a free port and a directory of its own, so tests may run at once. Servers
// and connections end with the test, and their directories go with it.
package natstest

import (
	"crypto/rand"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events/eventlog/embedded"
)

// Start starts a server on a free port with a store in a directory of the
// test's own, and stops it when the test ends. The token is the admin's.
func Start(t testing.TB) (s *embedded.Server, token string) {
	t.Helper()
	token = rand.Text()
	s, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Addr: "127.0.0.1:0", Token: token, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s, token
}

// Connect opens an in-process connection with all rights for as long as the test lasts.
func Connect(t testing.TB, s *embedded.Server) *nats.Conn {
	t.Helper()
	nc, err := s.Connect(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Admin opens a connection over the network with the rights of the admin's token.
func Admin(t testing.TB, s *embedded.Server, token string) *nats.Conn {
	t.Helper()
	// Refusals come as asynchronous errors; nats.go prints those nobody takes.
	nc, err := nats.Connect(s.URL(), nats.Token(token), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
