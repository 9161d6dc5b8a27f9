package embedded_test

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/internal/natstest"
)

// subscribeSilently subscribes from a socket that nobody reads from.
func subscribeSilently(t *testing.T, s *embedded.Server, token string) {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	fmt.Fprintf(silent, "CONNECT {\"auth_token\":%q,\"verbose\":false}\r\nSUB aerie.evt.> 1\r\nPING\r\n", token)
	for in := bufio.NewScanner(silent); in.Scan() && in.Text() != "PONG"; {
	}
}

// TestWhoDoesNotAnswerIsCut sends so little that the kernel takes it all.
func TestWhoDoesNotAnswerIsCut(t *testing.T) {
	t.Parallel()
	s, token := natstest.Start(t)
	subscribeSilently(t, s, token)
	began := time.Now()
	for range time.Tick(50 * time.Millisecond) {
		if s.SlowConsumers() > 0 {
			break
		}
		if time.Since(began) > 2*patience {
			t.Fatal("it is not cut")
		}
	}
}

// TestWhoDoesNotReadIsCut subscribes from a socket that nobody reads from. Another
// subscriber gets everything meanwhile.
func TestWhoDoesNotReadIsCut(t *testing.T) {
	t.Parallel()
	s, token := natstest.Start(t)
	subscribeSilently(t, s, token)
	admin := natstest.Admin(t, s, token)
	reader, err := admin.SubscribeSync("aerie.evt.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.SetPendingLimits(-1, -1); err != nil {
		t.Fatal(err)
	}
	if err := admin.Flush(); err != nil {
		t.Fatal(err)
	}
	nc := natstest.Connect(t, s)
	sent, began := 0, time.Now()
	for tick := range time.Tick(20 * time.Millisecond) {
		if s.SlowConsumers() > 0 {
			break
		}
		if deadline, ok := t.Deadline(); ok && tick.After(deadline.Add(-time.Second)) {
			t.Fatal("it is not cut")
		}
		if sent < 40 { // 20 MB: more than the kernel takes, less than the server keeps
			if err := nc.Publish("aerie.evt.acme.tenant.prod.happened", make([]byte, 500_000)); err != nil {
				t.Fatal(err)
			}
			sent++
		}
	}
	for i := range sent {
		if _, err := reader.NextMsg(patience); err != nil {
			t.Fatalf("message %d of %d: %v", i+1, sent, err)
		}
	}
	if n := s.SlowConsumers(); n != 1 {
		t.Errorf("%d are cut", n)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("it took %s", took)
	}
}
