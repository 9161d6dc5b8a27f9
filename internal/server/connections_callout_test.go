package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/internal/natstest"
)

// TestConnectionsAreEndedOnServersOfOthers: one caller of a customer opens as many connections as he can on NATS servers of somebody else's.
// Those beyond the bound are ended, the newest first, and then he is told that there are no more. Others come in meanwhile, and
// what is gone gives its place back.
func TestConnectionsAreEndedOnServersOfOthers(t *testing.T) {
	t.Parallel()
	r, err := newCalloutRig(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"acme", "birch"} {
		ask(t, r.admin, "aerie.cmd."+owner+".customer."+owner+".create", "", `{}`)
	}
	const most, tries = 50, 200
	token, id := r.token("acme", "ci", "customer-admin")
	d := dialer{t, []nats.Option{nats.Token(token), nats.CustomInboxPrefix("_INBOX." + id)}}
	var open []*nats.Conn
	var closed []chan nats.Status
	for len(open) < tries {
		nc, err := d.dial(r.x.URL())
		if errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
			break // he was counted already
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		open, closed = append(open, nc), append(closed, nc.StatusChanged(nats.CLOSED))
	}
	if len(open) <= most {
		t.Fatalf("there is room for %d", len(open))
	}
	for _, c := range closed[most:] {
		natstest.Receive(t, c)
	}
	for i, nc := range open[:most] {
		if !nc.IsConnected() {
			t.Errorf("connection %d came in time, and was ended", i)
		}
	}
	if _, err := d.dial(r.x.URL()); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
		t.Error("one more:", err)
	}
	if n := scraped(t, r.c); !strings.Contains(n, `aerie_budgets_exceeded_total{budget="connections",role="customer-admin"}`) {
		t.Error("the metric counts nothing")
	}
	readsThere := func(nc *nats.Conn, id, owner string) {
		t.Helper()
		m, err := nc.Request("aerie.from."+id+".read."+owner+".events", []byte(`{"limit":1}`), natstest.Patience)
		if err != nil || !strings.Contains(string(m.Data), `"items"`) {
			t.Errorf("a read of %s: %v", owner, err)
		}
	}
	readsThere(open[0], id, "acme")
	other, otherID := r.token("birch", "ci", "customer-viewer")
	readsThere(r.enter(otherID, nats.Token(other)).Conn, otherID, "birch")
	second, secondID := r.token("acme", "second", "customer-viewer")
	readsThere(r.enter(secondID, nats.Token(second)).Conn, secondID, "acme")

	open[7].Close()
	readsThere(d.enters(r.x.URL()), id, "acme")
}
