package callout

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/internal/natstest"
)

// TestEndingGoesOn has a server that is gone, one that says what nobody can read, and one that works: the first two keep no connection
// on the third.
func TestEndingGoesOn(t *testing.T) {
	t.Parallel()
	nc := natstest.Dial(t, natstest.StartExternal(t, 1, nil))
	kicked := make(chan string, 10)
	if _, err := nc.Subscribe("$SYS.REQ.SERVER.WORKS.KICK", func(m *nats.Msg) {
		kicked <- string(m.Data)
		_ = m.Respond(nil) // the test ends without it
	}); err != nil {
		t.Fatal(err)
	}
	const answer = `{"server":{"id":"SERVER"},"data":{"now":"2026-11-30T12:01:00Z","connections":[{"cid":1,"authorized_user":"token:A","start":"2026-11-30T12:00:00Z"},
		{"cid":2,"authorized_user":"token:B"},{"cid":3,"authorized_user":"token:A"}]}}`
	asked := time.Date(2030, 1, 1, 0, 1, 0, 0, time.UTC) // the clocks differ
	all, err := connectionsOf([][]byte{[]byte(strings.Replace(answer, "SERVER", "GONE", 1)), []byte("?"), []byte(strings.Replace(answer, "SERVER", "WORKS", 1))}, asked)
	if len(all) != 6 || err == nil || !all[0].came.Equal(asked.Add(-time.Minute)) {
		t.Fatal(all, err)
	}
	n, err := (&Service{nc: nc}).endAmong(t.Context(), all, func(c connection) bool { return c.User == "token:A" })
	if n != 2 || len(kicked) != 2 || <-kicked != `{"cid":1}` || <-kicked != `{"cid":3}` {
		t.Errorf("%d connections are ended", n)
	}
	if err == nil || strings.Count(err.Error(), "end a connection of token:A") != 2 {
		t.Error(err)
	}
}
