package cli

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
)

func TestWrongWords(t *testing.T) {
	t.Setenv("AERIE_API_URL", "http://127.0.0.1:1")
	t.Setenv("AERIE_TOKEN", "x")
	for _, c := range []struct{ args, want string }{
		{"tennant", `command: "tennant" is no command of aerie; did you mean "tenant"?`},
		{"tennant retry --wiat", `command: "tennant" is no command of aerie; did you mean "tenant"?`},
		{"aply -f x", `command: "aply" is no command of aerie; did you mean "apply"?`},
		{"--bogus", "--bogus: aerie has no such flag"},
		{"tenant", "verb: is missing; known: create, update, retry"},
		{"tenant rety acme/prod", `verb: a tenant has no verb "rety"; did you mean "retry"?`},
		{"tenant rety --foo", `verb: a tenant has no verb "rety"; did you mean "retry"?`},
		{"tenant retry", "id: is missing: which tenant?"},
		{"tenant retry a/b c/d", `arguments: "c/d" is one too many`},
		{"tenant retry a/b --wiat", `--wiat: aerie tenant retry has no such flag; did you mean "wait"?`},
		{"tenant retry a/b --timeout -1s", "--timeout: -1s: want a time above 0"},
		{"tenant create acme/a --spec {", "--spec: not YAML"},
		{"tenant create acme/a --spec [1]", "spec: want an object"},
		{"tenant create acme/a --label a", `--label: "a": want k=v`},
		{"tenant create acme/a --body x --label a=b", "--body: is there with --spec, --label, --values or --set"},
		{"tenant create acme/a --body /nowhere", "--body: open /nowhere"},
		{"tenant create acme/a", "spec.plan: is missing"},
		{"application create acme/a_b --set a", "--set: \"a\": a has no value: want name=value"},
		{"application create acme/a_b --values /nowhere", "--values: open /nowhere"},
		{"application create acme/a_b --body x --set a=b", "--body: is there with --spec, --label, --values or --set"},
		{"application create acme/a_b --set a=b", "spec: give a chart, or manifests"},
		{"tenant create acme/a --set a=b", "--set: aerie tenant create has no such flag"},
		{"get", "kind: is missing; known: customer"},
		{"get tenat", `kind: "tenat" is not a kind; did you mean "tenant"?`},
		{"get tenants -o xml", `-o: "xml" is no format here`},
		{"get tenants --limit -1", "--limit: -1: want 0 or more"},
		{"get tenant a/b c", "owner: a tenant belongs to a customer: give the customer's id"},
		{"get tenant a/b --label x", "--label: is there with an id"},
		{"get tenants -w --at 3", "--at: is there with --watch"},
		{"get tenants -o jsonpath", "-o: jsonpath is not complete: want jsonpath=TEMPLATE"},
		{"get tenants -o jsonpath={", `-o: "{" is no JSONPath`},
		{"get tenants -o custom-columns=", "-o: custom-columns= is not complete"},
		{"get tenants -o custom-columns=A", `-o: "A" is no column: want custom-columns=HEAD:PATH`},
		{"get tenants -o custom-columns=A:.", `-o: "." is no path`},
		{"get tenants -o tablex", `-o: "tablex" is no format here; did you mean "table"?`},
		{"get tenants --sort name --sort-by .id", "--sort-by: is there with --sort"},
		{"get tenants --sort-by .a[", "--sort-by:"},
		{"describe tenants -o jsonpath={.id}", `-o: "jsonpath={.id}" is no format here`},
		{"edit tenant", "id: is missing: which tenant?"},
		{"delete tenant", "id: is missing: which tenant?"},
		{"delete tenant acme/a -f x", "-f: is there with a kind"},
		{"delete -f /nowhere", "-f: stat /nowhere"},
		{"wait tenant", "--for: is missing: want phase=PHASE"},
		{"wait tenants --for phase=Active", "id: is missing: which tenant? Give ids"},
		{"wait tenant acme/a --for phase=Actve", `--for: "Actve" is not a phase of a tenant; did you mean "Active"?`},
		{"wait tenant acme/a --for condition=Ready=Yes", `--for: "Yes": a condition is True or False`},
		{"wait tenant acme/a --for ready", `--for: "ready": want phase=PHASE`},
		{"wait tenant acme/a --all --for delete", "arguments: there are ids and filters"},
		{"wait tenant acme/a --for delete --timeout 0s", "--timeout: 0s: want a time above 0"},
		{"tail --until yesterday", `--until: "yesterday": want a time span`},
		{"tail --until 0", "--until: 0: the first event has the sequence 1"},
		{"get tenant acme/", `name: "" is not a name for a tenant`},
		{"get plan -/", "flag: flag needs an argument"},
		{"describe plan -/a -/b", `arguments: "-/b" is one too many`},
		{"apply", "-f: is missing"},
		{"apply x", `arguments: "x" is one too many`},
		{"apply -f /nowhere", "-f: stat /nowhere"},
		{"diff -f -", "-f: no document in -"},
		{"tail --kind tenat", `--kind: "tenat" is not a kind; did you mean "tenant"?`},
		{"tail --type actvated", `--type: no event is called "actvated"; did you mean "activated"?`},
		{"tail --id a.b", `--id: "a.b": want one word`},
		{"tail --owner A", `--owner: "A": want a customer's id or -`},
		{"tail --since yesterday", `--since: "yesterday": want a time span`},
		{"tail --after x", "flag: invalid argument"},
		{"tail --after 1 --since 1h", "--since: is there with --after"},
		{"completion ksh", `shell: "ksh"; did you mean "zsh"?`},
		{"server now", "arguments: unknown command"},
		{"bench", "command: is missing; known: commands, append, fold, lifecycle"},
		{"bench comands", `command: "comands" is no command of aerie bench; did you mean "commands"?`},
		{"bench fold x", `arguments: "x" is one too many`},
		{"bench fold --clients 3", "--clients: aerie bench fold has no such flag"},
		{"bench fold --rounds 0", "--rounds: 0: want 1 to 100"},
		{"bench lifecycle --clients 2000", "--clients: 2000: want 1 to 1024"},
		{"bench commands --n 639 --clients 64 --rounds 10", "--n: 639: want 640 to 10000000"},
		{"bench fold --dir /nowhere", "--dir: stat /nowhere"},
		{"simcloud", "--dir: is missing"},
		{"simcloud --dir x --speed -1", "--speed: -1: want 0 (at once)"},
		{"simcloud --dir x --listen 1", "--listen: address 1: missing port"},
		{"simcloud ledgr", `command: "ledgr" is no command of aerie simcloud; did you mean "ledger"?`},
		{"simcloud ledger", "--dir: is missing"},
		{"simcloud ledger --dir /nowhere", "--dir: /nowhere is the directory of no emulated cloud"},
		{"help nonsense", `command: "nonsense" is no command of aerie`},
		{"get tenants --api-url nowhere", `--api-url: "nowhere" is no HTTP address`},
		{"get tenants --nats-url http://x", `--nats-url: "http://x" is no NATS address`},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errs := runCLI(t.Context(), "", strings.Fields(c.args)...)
			if code != 2 || out != "" || !strings.HasPrefix(errs, "error: invalid: ") || !strings.Contains(errs, "\n  "+c.want) {
				t.Errorf("exit %d, %s%s; want %s", code, out, errs, c.want)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	s := newStandIn(t)
	for code, want := range map[events.Code]int{events.Invalid: 2, events.NotFound: 4, events.Conflict: 3, events.Refused: 3, events.Denied: 3, events.Internal: 1} {
		s.mu.Lock()
		s.refuse["retry"] = events.Refuse(code, "so it is")
		s.mu.Unlock()
		got, _, errs := s.run("", "tenant", "retry", "acme/prod")
		if got != want || errs != "error: "+string(code)+": so it is\n" {
			t.Errorf("%s over NATS: exit %d, %s", code, got, errs)
		}
	}
	s.mu.Lock()
	s.refuse["retry"] = events.Refuse(events.Unavailable, "soon")
	s.mu.Unlock()
	if got, _, errs := s.run("", "tenant", "retry", "acme/prod", "--timeout", "600ms"); got != 5 || !strings.Contains(errs, "error: timeout: retry tenant acme/prod (command ") {
		t.Errorf("unavailable until the end: exit %d, %s", got, errs)
	}
}

func TestProblems(t *testing.T) {
	s := newStandIn(t)
	for _, c := range []struct {
		status int
		body   string
		exit   int
		want   string
	}{
		{http.StatusBadRequest, `{"code":"invalid","detail":"wrong","details":[{"field":"phase","message":"no"}]}`, 2, "error: invalid: wrong\n  phase: no\n"},
		{http.StatusNotFound, `{"code":"not_found","detail":"nobody"}`, 4, "error: not_found: nobody\n"},
		{http.StatusForbidden, `{}`, 3, "error: denied: Forbidden\n"},
		{http.StatusUnauthorized, `{"detail":"who?"}`, 3, "error: denied: who?; the token comes from --token, AERIE_TOKEN or <data-dir>/token\n"},
		{http.StatusBadGateway, `<html>`, 1, "error: unavailable: Bad Gateway\n"},
		{http.StatusTeapot, "\x1b[31m", 1, "error: internal: I'm a teapot\n"},
		{http.StatusInternalServerError, `{"detail":"a\u001b[31mb\nc"}`, 1, `error: internal: a\x1b[31mb c` + "\n"},
		{http.StatusOK, `<html>`, 1, "error: internal: "},
	} {
		s.mu.Lock()
		s.problem = func(string) (int, string) { return c.status, c.body }
		s.mu.Unlock()
		code, _, errs := s.run("", "get", "tenants")
		if code != c.exit || !strings.HasPrefix(errs, c.want) {
			t.Errorf("%d: exit %d, %s", c.status, code, errs)
		}
	}
}

func TestWrongToken(t *testing.T) {
	s := newStandIn(t)
	for _, args := range [][]string{{"get", "tenants"}, {"plan", "retry", "-/free"}, {"tail"}} {
		code, _, errs := runCLI(t.Context(), "", append(args, "--api-url", s.apiURL, "--nats-url", s.natsURL, "--token", "wrong")...)
		if code != 3 || !strings.HasPrefix(errs, "error: denied: ") {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
}

func TestVersionAndCompletion(t *testing.T) {
	for _, args := range []string{"version", "version -o json", "version -o yaml", "completion bash", "completion zsh", "completion fish", "help apply", "", "tenant create --help"} {
		if code, out, errs := runCLI(t.Context(), "", strings.Fields(args)...); code != 0 || out == "" || errs != "" {
			t.Errorf("%q: exit %d, %s", args, code, errs)
		}
	}
}

// What the client itself refuses is not waited for, and not called a missing answer.
func TestRefusalsOfTheClientAreNotOutages(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plainly := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plainly.Close)
	for _, c := range []struct{ url, token, want string }{
		{secure.URL, "x", "--api-url: the server's certificate is not trusted: x509: "},
		{strings.Replace(plainly.URL, "http:", "https:", 1), "x", "--api-url: the server speaks no TLS there"},
		{plainly.URL, "a\x01b", "--token: has characters that no token has"},
	} {
		code, _, errs := runCLI(t.Context(), "kind: customer\nname: a\n", "apply", "-f", "-", "--api-url", c.url, "--token", c.token, "--timeout", "20s")
		if code != 2 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %s", c.url, code, errs)
		}
	}
}
