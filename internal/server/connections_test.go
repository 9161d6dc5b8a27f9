package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/workers/agents"
	"github.com/aeriehq/aerie/workers/command"
)

// dialer opens connections of one caller.
type dialer struct {
	t    *testing.T
	with []nats.Option
}

func (d dialer) dial(url string, more ...nats.Option) (*nats.Conn, error) {
	return nats.Connect(url, append(append(d.with, nats.NoReconnect(), nats.Timeout(natstest.Patience)), more...)...)
}

// fill opens as many connections as there may be, some of them with these options, and returns them. The one after the last is refused
// by a word that clients know.
func (d dialer) fill(url string, most int) (open []*nats.Conn) {
	d.t.Helper()
	for {
		nc, err := d.dial(url)
		if errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
			break
		}
		if err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(nc.Close)
		if open = append(open, nc); len(open) > most {
			break
		}
	}
	if len(open) != most {
		d.t.Fatalf("there are %d connections, want %d", len(open), most)
	}
	return open
}

// enters dials until there is room again.
func (d dialer) enters(url string) *nats.Conn {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), natstest.Patience)
	defer cancel()
	for {
		nc, err := d.dial(url)
		if err == nil {
			d.t.Cleanup(nc.Close)
			return nc
		}
		if ctx.Err() != nil || !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
			d.t.Fatal(err)
		}
	}
}

// tokenOf makes a token of a customer, and the caller who shows it.
func tokenOf(t *testing.T, admin *nats.Conn, owner, name, role string) dialer {
	t.Helper()
	secret := strings.Repeat(name, 8)
	made := ask(t, admin, "aerie.cmd."+owner+".token."+name+".create", "", fmt.Sprintf(`{"spec":{"role":%q,"hash":"%x","expires":"2040-01-01T00:00:00Z"}}`, role, sha256.Sum256([]byte(secret))))
	id, _ := made["entity"].(map[string]any)["uid"].(string)
	return dialer{t, []nats.Option{nats.Token(ev.WriteToken(id, secret)), nats.CustomInboxPrefix("_INBOX." + id)}}
}

// reads has a caller of a customer read its events.
func reads(t *testing.T, nc *nats.Conn, owner string) {
	t.Helper()
	m, err := nc.Request("aerie.read."+owner+".events", []byte(`{"limit":1}`), natstest.Patience)
	if err != nil || !strings.Contains(string(m.Data), `"items"`) {
		t.Fatalf("a read of %s: %v", owner, err)
	}
}

// TestConnectionsAreBounded: one caller of a customer opens as many connections as he can, and so do all of the customer together. They
// are told why there are no more, those that are there are served, and so are others. What is gone gives its place back, also if nobody
// said that it goes, and so does a restart of the server.
func TestConnectionsAreBounded(t *testing.T) {
	s := Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", NoSim: true}
	c, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = c.Close()
		}
	}()
	admin := dial(t, c)
	defer admin.Close()
	for _, owner := range []string{"acme", "birch"} {
		order(t, admin, owner+".customer."+owner+".create", `{}`)
	}
	ci := tokenOf(t, admin, "acme", "ci", "customer-admin")
	birch := tokenOf(t, admin, "birch", "ci", "customer-viewer")
	mine := ci.fill(c.NATSURL(), 50)
	reads(t, mine[0], "acme")
	reads(t, mine[49], "acme")
	reads(t, birch.enters(c.NATSURL()), "birch")
	if n := scraped(t, c); !strings.Contains(n, `aerie_budgets_exceeded_total{budget="connections",role="customer-admin"}`) {
		t.Error("the metric counts nothing")
	}
	second := tokenOf(t, admin, "acme", "b", "customer-viewer")
	reads(t, second.enters(c.NATSURL()), "acme")

	mine[0].Close()
	var wire net.Conn
	last, err := dialed(ci, c.NATSURL(), &wire)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(last.Close)
	if _, err := ci.dial(c.NATSURL()); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
		t.Error("one more than there may be:", err)
	}
	if err := wire.Close(); err != nil { // as when its machine is gone
		t.Fatal(err)
	}
	reads(t, ci.enters(c.NATSURL()), "acme")

	tokens := []dialer{second, tokenOf(t, admin, "acme", "c", "customer-viewer"), tokenOf(t, admin, "acme", "d", "customer-viewer")}
	second.fill(c.NATSURL(), 49) // one is there
	tokens[1].fill(c.NATSURL(), 50)
	tokens[2].fill(c.NATSURL(), 50)
	if _, err := tokenOf(t, admin, "acme", "e", "customer-admin").dial(c.NATSURL()); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
		t.Error("the 201st of a customer:", err)
	}
	birch.fill(c.NATSURL(), 49)
	order(t, admin, "oak.customer.oak.create", `{}`)

	admin.Close()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if closed = true; t.Failed() {
		return
	}
	if c, err = Start(s); err != nil {
		t.Fatal(err)
	}
	closed = false
	ci.fill(c.NATSURL(), 50)
}

// dialed dials until there is room again, and tells the wire of the connection.
func dialed(d dialer, url string, wire *net.Conn) (nc *nats.Conn, err error) {
	begun := time.Now()
	for {
		nc, err = d.dial(url, nats.SetCustomDialer(wiring{wire}))
		if !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) || time.Since(begun) > natstest.Patience {
			return nc, err
		}
	}
}

// wiring dials, and keeps what it has dialed.
type wiring struct{ last *net.Conn }

func (w wiring) Dial(network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).Dial(network, address)
	*w.last = c
	return c, err
}

// TestAnAgentsConnectionsAreBounded: one agent opens as many connections as it can. It is told why there are no more, and the agents of
// others, and of its own customer, are served.
func TestAnAgentsConnectionsAreBounded(t *testing.T) {
	c := startedWith(t, Settings{DataDir: t.TempDir(), NoSim: true})
	for _, owner := range []string{"acme", "evil"} {
		create(t, c, ev.Ref{Kind: ev.Customer, Owner: owner, ID: owner}, `{"hosting":"customer"}`)
		create(t, c, ev.Ref{Kind: ev.Account, Owner: owner, ID: "theirs"}, `{"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`)
		for _, edge := range []string{"edge", "far"} {
			create(t, c, ev.Ref{Kind: ev.Dataplane, Owner: owner, ID: edge}, `{"account":"`+owner+`/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`)
			create(t, c, ev.Ref{Kind: ev.Agent, Owner: owner, ID: edge}, `{"dataplanes":["`+edge+`"]}`)
		}
	}
	evil := joined(t, c, "evil", "edge")
	mine := evil.fill(c.NATSURL(), 50)
	seen := func(nc *nats.Conn, owner, name string) {
		t.Helper()
		var lease ev.Lease
		if err := (&agentProcess{}).askFor(t.Context(), nc, "", ev.AgentSubject(owner, ev.AgentPlace(name), ev.AskSeen), ev.SeenQuestion{Instance: name}, &lease); err != nil {
			t.Fatal(err)
		}
	}
	seen(mine[49], "evil", "edge")
	enter(t, c, "acme", "edge")
	enter(t, c, "evil", "far")
	if n := scraped(t, c); !strings.Contains(n, `aerie_budgets_exceeded_total{budget="connections",role="agent"}`) {
		t.Error("the metric counts nothing")
	}
	mine[7].Close()
	seen(evil.enters(c.NATSURL()), "evil", "edge")
}

// joined makes an agent known by a key, and the caller who has it.
func joined(t *testing.T, c *Control, owner, name string) dialer {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.PublicKey()
	agent, hash := ev.Ref{Kind: ev.Agent, Owner: owner, ID: name}, ev.HashOf(owner)
	for _, p := range []ev.Payload{ev.Invite{Secret: hash, Until: time.Now().Add(time.Hour).Format(time.RFC3339)},
		ev.Join{Secret: hash, Key: public, At: time.Now()}} {
		if _, err := c.Intake.SubmitCommand(t.Context(), command.Internal(agent, ev.ActorAerie, p)); err != nil {
			t.Fatal(err)
		}
	}
	return dialer{t, []nats.Option{nats.Nkey(public, key.Sign), nats.CustomInboxPrefix(agents.Inbox(public))}}
}

// TestSubscriptionsAreBounded: a customer's caller, and an agent, subscribe as often as they can on one connection. They are told why
// there are no more, and what they have subscribed to before, and what they ask, is answered.
func TestSubscriptionsAreBounded(t *testing.T) {
	c := startedWith(t, Settings{DataDir: t.TempDir(), NoSim: true})
	admin := dial(t, c)
	defer admin.Close()
	create(t, c, ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}, `{"hosting":"customer"}`)
	create(t, c, ev.Ref{Kind: ev.Account, Owner: "acme", ID: "theirs"}, `{"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`)
	create(t, c, ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}, `{"account":"acme/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`)
	create(t, c, ev.Ref{Kind: ev.Agent, Owner: "acme", ID: "edge"}, `{"dataplanes":["edge"]}`)
	for name, who := range map[string]struct {
		dialer
		most int
	}{
		"customer": {tokenOf(t, admin, "acme", "ci", "customer-admin"), 500}, "agent": {joined(t, c, "acme", "edge"), 50}, "staff": {tokenOf(t, admin, "-", "staff", "operator"), 10_000},
	} {
		t.Run(name, func(t *testing.T) {
			said := make(chan error, 20_000)
			nc, err := who.dial(c.NATSURL(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { said <- err }))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			heard := make(chan string, 1)
			inbox := listens(t, nc, heard) // the first of them
			for i := range who.most - 1 {
				if _, err := nc.Subscribe(fmt.Sprint(nc.NewInbox(), ".", i), func(*nats.Msg) {}); err != nil {
					t.Fatal(err)
				}
			}
			if err := nc.Flush(); err != nil || len(said) != 0 {
				t.Fatalf("as many as there may be: %v, and %d errors", err, len(said))
			}
			more, err := nc.SubscribeSync(nc.NewInbox())
			if err != nil {
				t.Fatal(err)
			}
			if err := natstest.Receive(t, said); !strings.Contains(err.Error(), "maximum subscriptions exceeded") {
				t.Error("one more:", err)
			}
			_ = more.Unsubscribe()
			switch name {
			case "agent":
				err = nc.PublishRequest(ev.AgentSubject("acme", ev.AgentPlace("edge"), ev.AskSeen), inbox+"1", []byte(`{"instance":"edge"}`))
			default:
				err = nc.PublishRequest("aerie.read.acme.events", inbox+"1", nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := natstest.Receive(t, heard); strings.Contains(got, `"code"`) {
				t.Error(got)
			}
		})
	}
}
