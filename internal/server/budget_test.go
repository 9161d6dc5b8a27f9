package server

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/identity"
)

// TestAFloodIsHeld: one caller asks as fast as he can, by each way in. He is refused, and another's commands are decided.
func TestAFloodIsHeld(t *testing.T) {
	c := startedWith(t, Settings{DataDir: t.TempDir(), NoSim: true,
		Budget: &identity.Budget{Requests: 5, Bytes: 1 << 20, Tails: 2}})
	admin := dial(t, c)
	defer admin.Close()
	enters := func(owner string) (*nats.Conn, string) {
		t.Helper()
		secret := strings.Repeat(owner, 8)
		order(t, admin, owner+".customer."+owner+".create", `{}`)
		made := ask(t, admin, "aerie.cmd."+owner+".token.ci.create", "", fmt.Sprintf(`{"spec":{"role":"customer-admin","hash":"%x","expires":"2040-01-01T00:00:00Z"}}`, sha256.Sum256([]byte(secret))))
		id := made["entity"].(map[string]any)["uid"].(string)
		nc, err := nats.Connect(c.NATSURL(), nats.Token(ev.WriteToken(id, secret)), nats.CustomInboxPrefix("_INBOX."+id))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc, ev.WriteToken(id, secret)
	}
	acme, token := enters("acme")
	birch, _ := enters("birch")

	answers := make(chan string, 2000)
	inbox := listens(t, acme, answers)
	for i := range cap(answers) { // all at once, before any is answered
		if err := acme.PublishRequest(fmt.Sprintf("aerie.cmd.acme.account.a%d.create", i), fmt.Sprint(inbox, i), []byte(`{"spec":{}}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := acme.Flush(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for i := range 20 { // fewer than his own budget
		order(t, birch, fmt.Sprintf("birch.token.t%d.create", i), `{"spec":{"role":"customer-viewer","hash":"`+strings.Repeat("0", 64)+`","expires":"2040-01-01T00:00:00Z"}}`)
	}
	t.Log("another's 20 commands took", time.Since(begun))
	held := 0
	for range cap(answers) {
		if strings.Contains(<-answers, `"code":"rate_limited"`) {
			held++
		}
	}
	if held < cap(answers)*3/4 {
		t.Errorf("%d of %d commands were held", held, cap(answers))
	}
	for _, subject := range []string{"aerie.read.acme.events", "aerie.queue.acme.tenant.prod.retry"} {
		for {
			m, err := acme.Request(subject, nil, 10*time.Second)
			if err != nil {
				t.Fatal(subject, err)
			}
			if said := string(m.Data); strings.Contains(said, "rate_limited") && strings.Contains(said, "budget of requests") {
				break
			}
		}
	}
	status := 0
	for status != http.StatusTooManyRequests {
		status = getAs(t, c, token, func(r *http.Response) {
			if r.StatusCode == http.StatusTooManyRequests && (r.Header.Get("Retry-After") != "1" || !strings.Contains(bodyOf(r), `"rate_limited"`)) {
				t.Error("a request is held without a word about when to come again")
			}
		})
	}
	if n := scraped(t, c); !strings.Contains(n, `aerie_budgets_exceeded_total{budget="requests",role="customer-admin"}`) {
		t.Error("the metric counts nothing")
	}
	if answer := ask(t, birch, "aerie.cmd.birch.token.t0.revoke", "", `{}`); errorCode(answer) != "" {
		t.Error(answer)
	}
}

// listens has all answers below an inbox of a connection's.
func listens(t *testing.T, nc *nats.Conn, answers chan<- string) (inbox string) {
	t.Helper()
	inbox = nc.NewInbox() + "."
	if _, err := nc.Subscribe(inbox+"*", func(m *nats.Msg) { answers <- string(m.Data) }); err != nil {
		t.Fatal(err)
	}
	return inbox
}

// getAs reads a page of tenants.
func getAs(t *testing.T, c *Control, token string, look func(*http.Response)) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.APIURL()+"/v1/tenants", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	look(a)
	return a.StatusCode
}

func bodyOf(r *http.Response) string {
	data, _ := io.ReadAll(r.Body)
	return string(data)
}

// TestAFloodOfAnAgentIsHeld: one agent reports and asks as fast as it can. It is refused, and another's report, and commands, are taken.
func TestAFloodOfAnAgentIsHeld(t *testing.T) {
	c := startedWith(t, Settings{DataDir: t.TempDir(), NoSim: true,
		Budget: &identity.Budget{Requests: 5, Bytes: 1 << 20, Tails: 2}})
	for _, owner := range []string{"acme", "evil"} {
		create(t, c, ev.Ref{Kind: ev.Customer, Owner: owner, ID: owner}, `{"hosting":"customer"}`)
		create(t, c, ev.Ref{Kind: ev.Account, Owner: owner, ID: "theirs"}, `{"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`)
		create(t, c, ev.Ref{Kind: ev.Dataplane, Owner: owner, ID: "edge"}, `{"account":"`+owner+`/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`)
		create(t, c, ev.Ref{Kind: ev.Agent, Owner: owner, ID: "edge"}, `{"dataplanes":["edge"]}`)
	}
	acme, evil := enter(t, c, "acme", "edge"), enter(t, c, "evil", "edge")
	report := func(owner string) (subject string, data []byte) {
		edge := ev.Ref{Kind: ev.Dataplane, Owner: owner, ID: "edge"}
		data, err := ev.Encode(ev.ExecutorReport{Ref: edge, Saw: &ev.NoteDrift{}})
		if err != nil {
			t.Fatal(err)
		}
		return ev.ReportSubject(owner, "edge", edge), data
	}
	const flood = 2000
	said := make(chan string, 2*flood)
	owed := ev.AgentSubject("evil", "edge", ev.AskOwed)
	subject, data := report("evil")
	inbox := listens(t, evil.nc, said)
	for range flood {
		for asked, with := range map[string][]byte{subject: data, owed: nil} {
			if err := evil.nc.PublishRequest(asked, inbox+"1", with); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := evil.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	subject, data = report("acme")
	for i := range 20 { // fewer than its own budget
		if m, err := acme.nc.Request(subject, data, 20*time.Second); err != nil || strings.Contains(string(m.Data), "rate_limited") {
			t.Fatal("another's report:", m, err)
		}
		name := fmt.Sprintf("c%d", i)
		create(t, c, ev.Ref{Kind: ev.Customer, Owner: name, ID: name}, `{}`)
	}
	held := 0
	for range flood {
		if strings.Contains(natstest.Receive(t, said), "rate_limited") {
			held++
		}
	}
	if held < flood*3/4 {
		t.Errorf("%d of %d are held", held, flood)
	}
	if n := scraped(t, c); !strings.Contains(n, `aerie_budgets_exceeded_total{budget="requests",role="agent"}`) {
		t.Error("the metric counts nothing")
	}
}
