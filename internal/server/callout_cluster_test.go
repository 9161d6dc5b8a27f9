package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/pflag"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/oidctest"
)

// newCalloutCluster is two replicas on a cluster of three NATS servers over TLS, and an issuer whose word they take.
func newCalloutCluster(t *testing.T) (*calloutRig, *oidctest.Provider) {
	t.Helper()
	ca, tlsConfig := natstest.Certificate(t)
	file, config := calloutKey(t, nil)
	var monitors []string
	x := natstest.StartExternal(t, 3, func(o *server.Options) {
		monitor := natstest.Address(t)
		monitors = append(monitors, "http://"+monitor)
		o.HTTPHost, o.HTTPPort = "127.0.0.1", portOf(t, monitor)
		if err := o.ProcessConfigString(config); err != nil {
			t.Fatal(err)
		}
		o.Cluster.PoolSize = -1 // as docs/nats.md says
		o.TLSConfig, o.TLSHandshakeFirst, o.TLSTimeout = tlsConfig, true, natstest.Patience.Seconds()
	})
	issuer := oidctest.New(t)
	rules := filepath.Join(t.TempDir(), "oidc.yaml")
	if err := os.WriteFile(rules, []byte(`issuers:
- name: corp
  url: `+issuer.URL+`
  client_id: aerie
  rules: [{match: {customer: "*"}, role: customer-admin, owner_claim: customer}]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Settings{HTTP: "127.0.0.1:0", NATSURL: strings.ReplaceAll(x.URL(), "nats://", "tls://"), CalloutKey: file, OIDC: rules,
		Monitor: strings.Join(monitors, ",")}
	s.Access.Flags(pflag.NewFlagSet("", pflag.ContinueOnError), func(name string) string {
		if name == "AERIE_NATS_CA" {
			return ca
		}
		return ""
	})
	r := &calloutRig{T: t, x: x, key: file, over: []nats.Option{nats.RootCAs(ca), nats.TLSHandshakeFirst()}}
	for range 2 {
		s.DataDir = t.TempDir()
		c, err := Start(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		r.other, r.c, r.admin = r.c, c, c.Conn
	}
	return r, issuer
}

// at is the address of one of the servers.
func (r *calloutRig) at(i int) string { return strings.Split(r.x.URL(), ",")[i] }

// person enters as somebody of the issuer's, and says who that is.
func (r *calloutRig) person(issuer *oidctest.Provider, urls, subject, customer string) *caller {
	r.Helper()
	token := issuer.Token(map[string]any{"sub": subject, "customer": customer, "name": subject})
	cl, err := client.New(r.c.APIURL(), r.x.URL(), token)
	if err != nil {
		r.Fatal(err)
	}
	defer cl.Close()
	said, err := cl.Get(r.Context(), "/v1/whoami", nil)
	if err != nil {
		r.Fatal(err)
	}
	var who struct{ Actor string }
	if err := json.Unmarshal(said, &who); err != nil {
		r.Fatal(err)
	}
	id, ok := strings.CutPrefix(who.Actor, "user:")
	if !ok {
		r.Fatal(who)
	}
	return r.enterAt(urls, id, nats.Token(token), nats.NoReconnect())
}

// TestCallersOnAClusterOfNATSServers has people of an issuer and programs with tokens at each of three servers over TLS: they command
// and hear, whichever server a replica is connected to. A hostile customer is held there too. Whose token is revoked, or who is
// disabled, is thrown out wherever he is connected.
func TestCallersOnAClusterOfNATSServers(t *testing.T) {
	t.Parallel()
	r, issuer := newCalloutCluster(t)
	for _, customer := range []string{"acme", "birch"} {
		ask(t, r.admin, "aerie.cmd."+customer+".customer."+customer+".create", "", `{}`)
	}
	var people []*caller
	var end []string // what throws each of them out
	for i := range 3 {
		name := fmt.Sprint("at", i)
		token, id := r.token("acme", name, "customer-admin")
		people = append(people, r.enterAt(r.at(i), id, nats.Token(token), nats.NoReconnect()), r.person(issuer, r.at(i), name, "acme"))
		person, _ := r.c.who.RefOf(ev.UserActor(people[len(people)-1].id))
		end = append(end, "token."+name+".revoke", "principal."+person.ID+".disable")
	}
	for i, p := range people {
		live, err := p.SubscribeSync("aerie.evt.acme.>")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Flush(); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint("made", i)
		made := askUntilKnown(t, p.Conn, "aerie.from."+p.id+".cmd.acme.token."+name+".create", `{"spec":{"role":"customer-viewer","hash":"`+strings.Repeat("0", 64)+`","expires":"2040-01-01T00:00:00Z"}}`)
		if code := errorCode(made); code != "" {
			t.Fatal(made)
		}
		for {
			m, err := live.NextMsg(natstest.Patience)
			if err != nil {
				t.Fatal(name, "is not heard of: ", err)
			}
			if m.Subject == "aerie.evt.acme.token."+name+".created" {
				break
			}
		}
	}
	r.hostileList(r.at(0), r.at(2))
	for i := range 60 { // what is asked and refused at once, by who has only just connected
		token, id := r.token("acme", fmt.Sprint("new", i), "customer-admin")
		p := r.enterAt(r.at(i%3), id, nats.Token(token), nats.NoReconnect())
		if answer := askUntilKnown(t, p.Conn, "aerie.from."+id+".cmd.acme.token.nosuch.revoke", `{}`); errorCode(answer) != string(ev.NotFound) {
			t.Error(answer)
		}
		p.Close()
	}

	for i, p := range people {
		ended := p.StatusChanged(nats.CLOSED)
		if answer := ask(t, r.admin, "aerie.cmd.acme."+end[i], "", `{}`); errorCode(answer) != "" {
			t.Fatal(end[i], answer)
		}
		begun := time.Now()
		select {
		case <-ended:
			t.Logf("%s at server %d: thrown out after %s", end[i], i/2, time.Since(begun).Round(time.Millisecond))
		case <-time.After(natstest.Patience):
			t.Errorf("%s at server %d: is connected still", end[i], i/2)
		}
	}
	answer, err := http.Get(r.c.APIURL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if said := bodyOf(answer); !strings.Contains(said, "are ended a moment later") || strings.Contains(said, "pool_size") {
		t.Error("/readyz does not say what is weaker, or what is not:", said)
	}
}

// TestWhoIsMadeComesInEverywhereAtOnce shows a token, and a key, to both replicas as soon as one has answered that it is made.
func TestWhoIsMadeComesInEverywhereAtOnce(t *testing.T) {
	t.Parallel()
	r, _ := newCalloutCluster(t)
	ask(t, r.admin, "aerie.cmd.acme.customer.acme.create", "", `{}`)
	for i := range 30 {
		token, _ := r.token("acme", fmt.Sprint("t", i), "customer-viewer")
		for _, c := range []*Control{r.other, r.c} {
			if _, _, err := c.shown(token); err != nil {
				t.Error("a token that was made just now:", err)
			}
		}
		_, public, _ := r.machine("acme", fmt.Sprint("m", i), "customer-viewer")
		for _, c := range []*Control{r.other, r.c} {
			if _, known := c.callers().Key(public); !known {
				t.Error("a key that was made known just now is not known")
			}
		}
	}
	if _, _, err := r.c.shown(ev.WriteToken("01A", "nosuch")); !errors.Is(err, ev.ErrNobody) {
		t.Error("nobody's token:", err)
	}
}

// TestServersThatSpreadAccounts reads of the servers whether an answer may come before it is known that somebody listens.
func TestServersThatSpreadAccounts(t *testing.T) {
	t.Parallel()
	of := func(size int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"server_name":"n","cluster":{"pool_size":%d}}`, size)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	one, three := of(-1), of(3)
	for monitors, want := range map[string]bool{one: true, one + ", " + one: true, one + "," + three: false, three: false, "": false, one + ",http://127.0.0.1:1": false} {
		if got := pooledAsOne(t.Context(), monitors); got != want {
			t.Errorf("%q: %v", monitors, got)
		}
	}
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestALeaderDiesWhileCallersAsk kills the server that leads the log while people of two customers command through all three: each command
// is done once, whoever asks again with its id, and each event of theirs is heard, or read by whose own connection was cut.
func TestALeaderDiesWhileCallersAsk(t *testing.T) {
	t.Parallel()
	r, issuer := newCalloutCluster(t)
	const commands = 60
	type asker struct {
		*caller
		owner string
		live  *nats.Subscription
		cut   bool // the server that is killed is his
	}
	var askers []asker
	back := []nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(100 * time.Millisecond), nats.IgnoreAuthErrorAbort()}
	for _, owner := range []string{"acme", "birch"} {
		ask(t, r.admin, "aerie.cmd."+owner+".customer."+owner+".create", "", `{}`)
		token, id := r.token(owner, "ci", "customer-admin")
		p := r.enterAt(r.x.URL(), id, append(slices.Clone(back), nats.Token(token))...)
		live, err := p.SubscribeSync("aerie.evt." + owner + ".token.>")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Flush(); err != nil {
			t.Fatal(err)
		}
		askers = append(askers, asker{p, owner, live, false})
	}
	r.hearEverywhere("acme")
	r.x.Current(r.admin)
	half := make(chan struct{}, len(askers))
	var all sync.WaitGroup
	for _, a := range askers {
		all.Go(func() {
			for i := range commands {
				if i == commands/3 {
					half <- struct{}{}
				}
				if err := a.insist(t.Context(), a.owner, fmt.Sprint("t", i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range askers {
		natstest.Receive(t, half)
	}
	killed := r.x.LeaderIn("AERIE", "AERIE_EVENTS")
	for i := range askers {
		askers[i].cut = askers[i].ConnectedServerName() == r.x.Name(killed)
	}
	r.x.Kill(killed)
	all.Wait()
	if t.Failed() {
		return
	}
	for _, a := range askers {
		missing := map[string]bool{}
		for i := range commands {
			missing[fmt.Sprintf("aerie.evt.%s.token.t%d.created", a.owner, i)] = true
		}
		for len(missing) > 0 && !a.cut {
			m, err := a.live.NextMsg(natstest.Patience)
			if err != nil {
				t.Fatalf("%d events of %s are not heard: %v", len(missing), a.owner, err)
			}
			delete(missing, m.Subject)
		}
		if a.cut { // he reads what he may not have heard, as docs/nats.md says
			a.reads(t, a.owner, missing)
		}
	}
	r.x.Start(killed)
	r.x.Ready()
	js, err := jetstream.New(r.admin)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]int{}
	for seq, end := uint64(1), r.last(js); seq <= end; seq++ {
		e, err := r.c.Log.Read(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type() == "created" && strings.HasPrefix(e.Ref.ID, "t") {
			made[e.Ref.Owner+"/"+e.Ref.ID]++
		}
	}
	for _, a := range askers {
		for i := range commands {
			if n := made[fmt.Sprintf("%s/t%d", a.owner, i)]; n != 1 {
				t.Errorf("%s/t%d is made %d times", a.owner, i, n)
			}
		}
	}
	late := r.person(issuer, r.at(killed), "late", "acme") // the one that was dead lets in again
	if answer := askUntilKnown(t, late.Conn, "aerie.from."+late.id+".cmd.acme.token.nosuch.revoke", `{}`); errorCode(answer) != string(ev.NotFound) {
		t.Error(answer)
	}
}

// hearEverywhere has one caller hear events and an answer at each server. nats-server 2.15.2 makes what an import of callers needs when
// the first comes who hears by it, without a lock (client.addShadowSub): two who are the first at once, since they come back from a
// dead server, race for it.
func (r *calloutRig) hearEverywhere(owner string) {
	r.Helper()
	token, id := r.token(owner, "everywhere", "customer-admin")
	for i := range 3 {
		p := r.enterAt(r.at(i), id, nats.Token(token), nats.NoReconnect())
		if _, err := p.SubscribeSync("aerie.evt." + owner + ".>"); err != nil {
			r.Fatal(err)
		}
		if answer := askUntilKnown(r.T, p.Conn, "aerie.from."+id+".cmd."+owner+".token.nosuch.revoke", `{}`); errorCode(answer) != string(ev.NotFound) {
			r.Error(answer)
		}
		p.Close()
	}
}

// insist makes a token, and asks again with the same id until there is an answer.
func (p *caller) insist(ctx context.Context, owner, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 4*natstest.Patience)
	defer cancel()
	m := nats.NewMsg("aerie.from." + p.id + ".cmd." + owner + ".token." + name + ".create")
	m.Header.Set("Nats-Msg-Id", owner+name)
	m.Data = []byte(`{"spec":{"role":"customer-viewer","hash":"` + strings.Repeat("0", 64) + `","expires":"2040-01-01T00:00:00Z"}}`)
	for {
		once, stop := context.WithTimeout(ctx, time.Second)
		a, err := p.RequestMsgWithContext(once, m)
		stop()
		switch {
		case err == nil && !strings.Contains(string(a.Data), `"error"`):
			return nil
		case err == nil && !strings.Contains(string(a.Data), `"retryable":true`):
			return fmt.Errorf("%s/%s: %s", owner, name, a.Data)
		case ctx.Err() != nil:
			return fmt.Errorf("%s/%s: %w", owner, name, err)
		}
	}
}

// reads reads the past, page by page, until nothing is missing of it. Like every client it asks again where no answer comes.
func (p *caller) reads(t *testing.T, owner string, missing map[string]bool) {
	t.Helper()
	for after, end := uint64(0), time.Now().Add(natstest.Patience); len(missing) > 0; {
		var page struct {
			Items []client.Event
			Error any
		}
		m, err := p.Request("aerie.from."+p.id+".read."+owner+".events", fmt.Appendf(nil, `{"after":%d}`, after), time.Second)
		if err == nil {
			err = json.Unmarshal(m.Data, &page)
		}
		if time.Now().After(end) {
			t.Fatalf("%d events of %s are not read: %v %v", len(missing), owner, err, page.Error)
		}
		for _, e := range page.Items {
			after = e.Seq
			delete(missing, strings.Join([]string{"aerie.evt", e.Owner, string(e.Kind), e.Entity, e.Type}, "."))
		}
	}
}

// askUntilKnown asks again, as clients do, while the replica that is asked has not read yet of whom another one let in.
func askUntilKnown(t *testing.T, nc *nats.Conn, subject, body string) (answer map[string]any) {
	t.Helper()
	for end := time.Now().Add(natstest.Patience); ; {
		if answer = ask(t, nc, subject, "", body); errorCode(answer) != string(ev.Unavailable) || time.Now().After(end) {
			return answer
		}
	}
}
