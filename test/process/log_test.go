package process

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// mistaken is what a client asks that is no good.
type mistaken struct {
	by, what, body string
	refused        string // the outcome that the log tells of a command; empty: it is none
}

// TestTheLogSaysWhatHappens: at INFO there is a line of each command with what came of it, whoever gave it and however, and
// whatever clients do wrong is no ERROR.
func TestTheLogSaysWhatHappens(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "0")
	p.start()
	nc, err := nats.Connect(p.natsURL, nats.Token(p.token()))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	want := map[string]int{"ok": 3, "invalid": 1} // of what the command line asks
	p.cli("customer", "create", "acme")
	p.cli("customer", "create", "bolt", "--dry-run")
	p.cli("customer", "update", "acme", "--display-name", "Acme")
	p.cli("tenant", "create", "acme/prod", "--plan", "none")
	for _, m := range []mistaken{
		{"nats", "aerie.cmd.acme.tennant.prod.create", `{}`, "invalid"},
		{"nats", "aerie.cmd.acme.customer.acme.creat", `{}`, "invalid"},
		{"nats", "aerie.cmd.acme.customer.acme.create", `{`, "invalid"},
		{"nats", "aerie.cmd.acme.customer.acme.create", "\xff\x00", "invalid"},
		{"nats", "aerie.cmd.acme.customer.acme.update", `{"spec":{"displayName":7}}`, "invalid"},
		{"nats", "aerie.cmd.acme.customer.acme.create", `{"spec":{"displayName":"` + strings.Repeat("x", 300<<10) + `"}}`, "invalid"},
		{"nats", "aerie.cmd.acme", `{}`, ""},
		{"nats", "aerie.read.nothing", `{`, ""},
		{"nats", "aerie.append.x", `{}`, ""},
		{"nats", "$JS.API.STREAM.DELETE.AERIE_EVENTS", ``, ""},
		{"POST", "/v1/commands/acme/customer/acme/creat", `{}`, "invalid"},
		{"POST", "/v1/commands/acme/customer/acme/create", `{`, "invalid"},
		{"POST", "/v1/commands/nobody/customer/nobody/update", `{}`, "not_found"},
		{"POST", "/v1/commands/acme/customer", `{}`, ""},
		{"DELETE", "/v1/customers/acme", ``, ""},
		{"GET", "/v1/customers/nobody", ``, ""},
		{"GET", "/v1/customers?limit=x&cursor=%ff", ``, ""},
		{"GET", "/v1/tenants/%2e%2e/x?at=never", ``, ""},
		{"GET", "/nowhere", ``, ""},
		{"token", "/v1/customers", ``, ""},
	} {
		if m.refused != "" {
			want[m.refused]++
		}
		p.err(nc, m)
	}
	if _, err := nats.Connect(p.natsURL, nats.Token("wrong")); err == nil {
		t.Error("a wrong token lets somebody in")
	}
	_, _ = p.interrupt()
	told := map[string]int{}
	for line := range strings.Lines(p.log.String()) {
		if strings.Contains(line, "level=ERROR") {
			t.Errorf("a client's mistake is an error of the server: %s", line)
		}
		if m := outcome.FindStringSubmatch(line); m != nil {
			told[m[1]]++
		}
	}
	for code, n := range want {
		if told[code] < n {
			t.Errorf("%d lines of commands tell the outcome %s, want %d\n%s", told[code], code, n, p.log)
		}
	}
}

var outcome = regexp.MustCompile(`level=INFO msg=command verb=\S+ kind=\S+ entity=\S+ actor=\S+ outcome=(\w+) .*id=\S*`)

// err asks what is no good, and does not mind the answer.
func (p *process) err(nc *nats.Conn, m mistaken) {
	p.t.Helper()
	if m.by == "nats" {
		_, _ = nc.Request(m.what, []byte(m.body), time.Second)
		return
	}
	token, method := p.token(), m.by
	if m.by == "token" {
		token, method = "wrong", http.MethodGet
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.apiURL+m.what, strings.NewReader(m.body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode/100 != 4 {
		p.t.Errorf("%s %s is answered %s", m.by, m.what, res.Status)
	}
}

func (p *process) token() string {
	p.t.Helper()
	token, err := os.ReadFile(filepath.Join(p.dir, "token"))
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(string(token))
}
