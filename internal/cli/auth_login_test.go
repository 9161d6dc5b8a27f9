package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/oidctest"
	"github.com/aeriehq/aerie/internal/server"
)

// loginRig is a control plane that takes a provider's word, and the command line of somebody who logs in there.
type loginRig struct {
	*testing.T
	*server.Control
	p    *oidctest.Provider
	dir  string
	file string
}

func newLoginRig(t *testing.T) *loginRig {
	dir := t.TempDir()
	p := &loginRig{T: t, p: oidctest.New(t), dir: filepath.Join(dir, "data"), file: filepath.Join(dir, "oidc.yaml")}
	settings := `issuers:
- name: corp
  url: ` + p.p.URL + `
  client_id: aerie
  rules:
  - {match: {groups: platform}, role: admin}
  - {match: {groups: watch}, role: viewer}
  - {match: {customer: "*"}, role: customer-admin, owner_claim: customer}
`
	if err := os.WriteFile(p.file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AERIE_CONFIG", filepath.Join(dir, "contexts.json"))
	for _, name := range []string{"AERIE_API_URL", "AERIE_NATS_URL", "AERIE_TOKEN", "AERIE_DATA_DIR", "AERIE_CONTEXT"} {
		t.Setenv(name, "")
	}
	p.start()
	t.Cleanup(func() { _ = p.Control.Close() })
	p.do(0, "context", "set", "mine", "--api-url", p.APIURL(), "--nats-url", p.NATSURL())
	return p
}

func (p *loginRig) start() {
	p.Helper()
	http, nats := "127.0.0.1:0", "127.0.0.1:0"
	if p.Control != nil {
		http, nats = strings.TrimPrefix(p.APIURL(), "http://"), strings.TrimPrefix(p.NATSURL(), "nats://")
		if err := p.Control.Close(); err != nil {
			p.Fatal(err)
		}
	}
	c, err := server.Start(server.Settings{DataDir: p.dir, HTTP: http, NATS: nats, SimSpeed: 0, OIDC: p.file})
	if err != nil {
		p.Fatal(err)
	}
	p.Control = c
}

func (p *loginRig) do(code int, args ...string) string {
	p.Helper()
	got, out, errs := runCLI(p.Context(), "", args...)
	if got != code {
		p.Fatalf("aerie %s: exit %d, want %d: %s%s", strings.Join(args, " "), got, code, out, errs)
	}
	return out + errs
}

// asAdmin shows the local token.
func (p *loginRig) asAdmin(args ...string) []string {
	return append(args, "--data-dir", p.dir, "--api-url", p.APIURL(), "--nats-url", p.NATSURL())
}

// logIn logs in as a person would who opens what he is told to, and says what the command line said.
func (p *loginRig) logIn(code int, args ...string) string {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 20*time.Second)
	defer cancel()
	told, tells := io.Pipe()
	said := make(chan string)
	go func() {
		var all strings.Builder
		for s := bufio.NewScanner(told); s.Scan(); {
			all.WriteString(s.Text() + "\n")
			if address, ok := strings.CutPrefix(s.Text(), "open "); ok && !strings.Contains(address, "give the code") {
				if res, err := http.Get(address); err == nil {
					_ = res.Body.Close()
				}
			}
		}
		said <- all.String()
	}()
	got := Run(ctx, append([]string{"auth", "login"}, args...), strings.NewReader(""), tells, tells)
	_ = tells.Close()
	all := <-said
	if got != code {
		p.Fatalf("login: exit %d, want %d: %s", got, code, all)
	}
	return all
}

func (p *loginRig) whoami() (me struct{ Actor, Role, Owner string }) {
	p.Helper()
	if err := json.Unmarshal([]byte(p.do(0, "auth", "whoami", "-o", "json")), &me); err != nil {
		p.Fatal(err)
	}
	return me
}

// shown is the token that is kept.
func (p *loginRig) shown() string {
	p.Helper()
	all, err := client.ReadContexts()
	if err != nil {
		p.Fatal(err)
	}
	c, err := all.Find("mine")
	if err != nil {
		p.Fatal(err)
	}
	return c.Token
}

var ada = map[string]any{"sub": "subject-of-ada", "name": "Ada Lovelace", "email": "ada@example.com"}

func with(person map[string]any, name string, value any) map[string]any {
	all := map[string]any{name: value}
	for n, v := range person {
		all[n] = v
	}
	return all
}

// TestPeopleLogIn: who logs in at an issuer commands over HTTP and NATS as what the rules make of his claims. The log knows an id
// of him alone; his name can be erased.
func TestPeopleLogIn(t *testing.T) {
	p := newLoginRig(t)
	p.p.LogsIn(with(ada, "groups", []string{"platform"}))
	if said := p.logIn(0); !strings.Contains(said, "admin of -") {
		t.Error(said)
	}
	me := p.whoami()
	if me.Role != "admin" || !strings.HasPrefix(me.Actor, "user:") {
		t.Fatal(me)
	}
	p.do(0, "customer", "create", "acme")
	if said := p.do(0, "history", "customer", "acme", "-o", "json"); !strings.Contains(said, me.Actor) {
		t.Error("the event does not name who asked:", said)
	}
	// the issuer is away, and the server starts anew: who has a token is let in once its keys are there, which were asked for before
	p.p.Away(true)
	p.do(0, "customer", "create", "birch")
	p.p.Away(false)
	p.start()
	if again := p.whoami(); again != me {
		t.Error("he is somebody else after a restart:", again, me)
	}
	// by device, as somebody of a customer
	p.p.LogsIn(map[string]any{"sub": "subject-of-bob", "name": "Bob", "customer": "acme"})
	if said := p.logIn(0, "--device"); !strings.Contains(said, "ABCD-EFGH") || !strings.Contains(said, "customer-admin of acme") {
		t.Error(said)
	}
	p.do(3, "customer", "create", "cedar")
	p.do(4, "get", "customer", "birch")
	p.p.LogsIn(map[string]any{"sub": "subject-of-eve", "customer": "nowhere"})
	p.logIn(3)
	p.p.LogsIn(map[string]any{"sub": "subject-of-eve", "groups": []string{"others"}})
	p.logIn(3)
	for name, claims := range map[string]map[string]any{
		"another's nonce":    with(with(ada, "groups", "platform"), "nonce", "another"),
		"for somebody else":  with(with(ada, "groups", "platform"), "aud", "grafana"),
		"of another issuer":  with(with(ada, "groups", "platform"), "iss", "https://evil.example.com"),
		"that is over":       with(with(ada, "groups", "platform"), "exp", time.Now().Add(-time.Minute).Unix()),
		"without a subject ": {"groups": "platform"},
	} {
		p.p.LogsIn(claims)
		if said := p.logIn(3); said == "" {
			t.Error(name)
		}
	}
	list := p.do(0, p.asAdmin("auth", "people", "list")...)
	if !strings.Contains(list, "Ada Lovelace") || !strings.Contains(list, "ada@example.com") || !strings.Contains(list, "Bob") {
		t.Error(list)
	}
	p.do(3, "auth", "people", "list") // Bob may not
	log := p.do(0, p.asAdmin("tail", "--once", "-o", "json")...)
	for _, personal := range []string{"Ada", "example.com", "subject-of", "Bob"} {
		if strings.Contains(log, personal) {
			t.Errorf("%q is in the log", personal)
		}
	}
	id := ""
	for line := range strings.Lines(list) {
		if strings.Contains(line, "Ada") {
			id = strings.Fields(line)[1]
		}
	}
	p.do(0, p.asAdmin("auth", "people", "erase", id)...)
	p.do(4, p.asAdmin("auth", "people", "erase", id)...)
	if list := p.do(0, p.asAdmin("auth", "people", "list")...); strings.Contains(list, "Ada") {
		t.Error("she was erased:", list)
	}
	if said := p.do(0, p.asAdmin("get", "principal", id)...); !strings.Contains(said, "Removed") {
		t.Error(said)
	}
	p.p.LogsIn(with(ada, "groups", "platform"))
	p.logIn(0)
	if now := p.whoami(); now.Actor == me.Actor {
		t.Error("who was erased is the same again")
	}
}

// TestAChangedRoleEvicts: a token with other claims changes the role, ends what is open with the one before within two seconds, and
// no older token gives it back. Who is disabled is out.
func TestAChangedRoleEvicts(t *testing.T) {
	p := newLoginRig(t)
	hour := func(h int) int64 { return time.Now().Add(time.Duration(h) * time.Hour).Unix() }
	was := p.p.Token(with(with(ada, "groups", "platform"), "iat", hour(-2)))
	p.do(0, "auth", "whoami", "--token", was)
	me := struct{ Actor string }{}
	if err := json.Unmarshal([]byte(p.do(0, "auth", "whoami", "--token", was, "-o", "json")), &me); err != nil {
		t.Fatal(err)
	}
	_, id, _ := strings.Cut(me.Actor, ":")
	nc, err := nats.Connect(p.NATSURL(), nats.Token(was), nats.CustomInboxPrefix("_INBOX."+id), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	closed := nc.StatusChanged(nats.CLOSED)
	is := p.p.Token(with(with(ada, "groups", "watch"), "iat", hour(-1)))
	began := time.Now()
	if said := p.do(0, "auth", "whoami", "--token", is); !strings.Contains(said, "viewer") {
		t.Error(said)
	}
	<-closed
	if took := time.Since(began); took > 2*time.Second {
		t.Error("it took", took)
	}
	if said := p.do(0, "auth", "whoami", "--token", was); !strings.Contains(said, "viewer") {
		t.Error("an older token has given the role back:", said)
	}
	p.do(3, "customer", "create", "acme", "--token", was)
	list := p.do(0, p.asAdmin("get", "principals", "-o", "name")...)
	p.do(0, p.asAdmin("principal", "disable", strings.TrimSpace(list))...)
	p.do(3, "auth", "whoami", "--token", is)
	p.do(0, p.asAdmin("principal", "enable", strings.TrimSpace(list))...)
	p.do(0, "auth", "whoami", "--token", is)
}

// TestALoginIsRenewed: a token near its end is got anew without anybody, and where that fails one that is not over goes on.
func TestALoginIsRenewed(t *testing.T) {
	p := newLoginRig(t)
	p.p.LogsIn(with(ada, "groups", "platform"))
	p.p.Lasts(40 * time.Second)
	p.logIn(0)
	first := p.shown()
	p.whoami()
	if p.shown() == first {
		t.Error("it was not renewed")
	}
	p.p.Away(true)
	p.whoami()
	p.p.Away(false)
	p.do(0, "auth", "logout")
	p.do(3, "auth", "whoami")
}
