// Package oidc_test drives the program with an OpenID Connect provider that others wrote: zitadel/oidc's op, in the test's own
// process. People log in with the command line as they would, machines bring their tokens over HTTP and NATS, and what
// a provider or somebody before it could do wrong is done.
//
// It is a module of its own, so that nothing of the provider is in the product's go.mod, and it knows nothing of the product but its
// binary, bin/aerie, and what that serves. make test-extra runs it. Begin with rig, then provider. Each test has a server of its own.
package oidc_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// patience is how long a test waits for what must come; only one that fails waits for all of it.
const patience = time.Minute

// program is the binary that make build makes, or AERIE_BIN names.
var program, _ = filepath.Abs(cmp.Or(os.Getenv("AERIE_BIN"), "../../bin/aerie"))

func TestMain(m *testing.M) {
	if os.Getenv("AERIE_EXTRA") == "" {
		fmt.Println("not asked for: make test-extra does")
		return
	}
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintf(os.Stderr, "these tests run the program: %v: run make build\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// rig is a provider, a server that takes its word, and the command line of somebody.
type rig struct {
	*testing.T
	p         *provider
	dir       string
	api, nats string // where the server listens; the same after it is started again
	server    *exec.Cmd
	ended     chan error
}

const rules = `issuers:
- name: corp
  url: %s
  client_id: aerie
  rules:
  - {match: {groups: platform}, role: admin}
  - {match: {groups: watch}, role: viewer}
  - {match: {client_id: ci}, role: operator}
  - {match: {customer: "*"}, role: customer-admin, owner_claim: customer}
`

func newRig(t *testing.T) *rig {
	r := &rig{T: t, p: newProvider(t), dir: t.TempDir(), api: "127.0.0.1:0", nats: "127.0.0.1:0"}
	r.p.people["ada"] = person{"Ada Lovelace", "ada@example.com", map[string]any{"groups": []string{"platform"}}}
	r.p.people["bob"] = person{"Bob", "bob@example.com", map[string]any{"customer": "acme"}}
	r.p.people["eve"] = person{"Eve", "eve@example.com", map[string]any{"groups": []string{"others"}}}
	r.p.logsIn = "ada"
	if err := os.WriteFile(r.file("oidc.yaml"), fmt.Appendf(nil, rules, r.p.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.do(0, "context", "set", "mine", "--api-url", "http://"+r.api, "--nats-url", "nats://"+r.nats)
	return r
}

func (r *rig) file(name string) string { return filepath.Join(r.dir, name) }

var serves = regexp.MustCompile(`aerie serves" http=http://(\S+) nats=nats://(\S+)`)

// start starts the server, and returns when it says that it serves.
func (r *rig) start() {
	r.Helper()
	cmd := exec.Command(program, "server", "--data-dir", r.file("data"), "--http", r.api, "--nats", r.nats, "--no-sim", "--oidc", r.file("oidc.yaml"))
	cmd.Env = r.environment()
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.Fatal(err)
	}
	r.server, r.ended = cmd, make(chan error, 1)
	read := make(chan bool)
	r.Cleanup(func() { _ = cmd.Process.Kill(); <-read })
	at := make(chan []string, 1)
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(said); lines.Scan(); {
			fmt.Fprintln(r.Output(), lines.Text())
			if m := serves.FindStringSubmatch(lines.Text()); m != nil {
				at <- m[1:]
			}
		}
		r.ended <- cmd.Wait()
	}()
	select {
	case is := <-at:
		r.api, r.nats = is[0], is[1]
	case err := <-r.ended:
		r.Fatalf("the server ended: %v", err)
	case <-time.After(patience):
		r.Fatal("the server does not start")
	}
}

// restart kills the server and starts it where it was.
func (r *rig) restart() {
	r.Helper()
	if err := r.server.Process.Kill(); err != nil {
		r.Fatal(err)
	}
	<-r.ended
	r.start()
}

// environment has nothing of who runs the tests.
func (r *rig) environment() []string {
	return []string{"HOME=" + r.dir, "PATH=" + os.Getenv("PATH"), "AERIE_CONFIG=" + r.file("contexts.json"), "AWS_EC2_METADATA_DISABLED=true"}
}

// do runs the command line, and returns what it says.
func (r *rig) do(code int, args ...string) string {
	r.Helper()
	cmd := exec.CommandContext(r.Context(), program, args...)
	cmd.Env = r.environment()
	said, err := cmd.CombinedOutput()
	if got := exitOf(err); got != code {
		r.Fatalf("aerie %s: exit %d, want %d: %s", strings.Join(args, " "), got, code, said)
	}
	return string(said)
}

func exitOf(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// asAdmin shows the local token.
func (r *rig) asAdmin(args ...string) []string {
	return append(args, "--data-dir", r.file("data"), "--api-url", "http://"+r.api, "--nats-url", "nats://"+r.nats)
}

// logIn runs aerie auth login, and does in a browser what it says.
func (r *rig) logIn(code int, args ...string) string {
	r.Helper()
	return r.logInBy(code, r.browse, args...)
}

// browse opens an address, and goes where that leads.
func (r *rig) browse(address string) {
	if res, err := http.Get(address); err == nil {
		_ = res.Body.Close()
	}
}

var opens = regexp.MustCompile(`^open (\S+)`)

func (r *rig) logInBy(code int, browse func(string), args ...string) string {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"auth", "login"}, args...)...)
	cmd.Env = r.environment()
	told, err := cmd.StderrPipe()
	if err != nil {
		r.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(told); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if m := opens.FindStringSubmatch(lines.Text()); m != nil {
			browse(m[1])
		}
	}
	if got := exitOf(cmd.Wait()); got != code {
		r.Fatalf("login: exit %d, want %d: %s%s", got, code, &said, &out)
	}
	return said.String() + out.String()
}

type whoami struct{ Actor, Role, Owner string }

// me is who the command line is.
func (r *rig) me() (me whoami) {
	r.Helper()
	if err := json.Unmarshal([]byte(r.do(0, "auth", "whoami", "-o", "json")), &me); err != nil {
		r.Fatal(err)
	}
	return me
}

// kept is the token of the context that is used, and how it is got anew.
func (r *rig) kept() (token, refresh string) {
	r.Helper()
	data, err := os.ReadFile(r.file("contexts.json"))
	if err != nil {
		r.Fatal(err)
	}
	var all struct {
		Contexts []struct {
			Token string
			Login *struct {
				Refresh string `json:"refresh_token"`
			}
		}
	}
	if err := json.Unmarshal(data, &all); err != nil || len(all.Contexts) != 1 {
		r.Fatalf("%v: %s", err, data)
	}
	if l := all.Contexts[0].Login; l != nil {
		refresh = l.Refresh
	}
	return all.Contexts[0].Token, refresh
}

// ofMachine gets a token by client credentials.
func (r *rig) ofMachine(audience string) string {
	r.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {audience}}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.p.op.TokenEndpoint().Absolute(r.p.URL), strings.NewReader(form.Encode()))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(machine, secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
		r.Fatalf("%s: %v", res.Status, err)
	}
	return answer.Token
}

// ask asks over HTTP, and returns the status and the body.
func (r *rig) ask(token, path string) (status int, body string) {
	r.Helper()
	res := r.open(token, path, "application/json")
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func (r *rig) open(token, path, accept string) *http.Response {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+r.api+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", accept)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	return res
}

// connect comes in over NATS, with the inboxes of an id; it is not tried again.
func (r *rig) connect(token, id string) (*nats.Conn, error) {
	return nats.Connect("nats://"+r.nats, nats.Token(token), nats.CustomInboxPrefix("_INBOX."+id), nats.NoReconnect(), nats.Timeout(patience))
}

// whoIs is the actor whom a token lets in.
func (r *rig) whoIs(token string) (me whoami) {
	r.Helper()
	status, body := r.ask(token, "/v1/whoami")
	if status != http.StatusOK {
		r.Fatalf("%d: %s", status, body)
	}
	if err := json.Unmarshal([]byte(body), &me); err != nil {
		r.Fatal(err)
	}
	return me
}

// letsIn tells whether a token lets anybody in, over HTTP and over NATS, which say the same.
func (r *rig) letsIn(token string) bool {
	r.Helper()
	status, body := r.ask(token, "/v1/whoami")
	nc, err := r.connect(token, "x")
	if err == nil {
		nc.Close()
	}
	if !slices.Contains([]int{http.StatusOK, http.StatusUnauthorized}, status) || (status == http.StatusOK) != (err == nil) {
		r.Errorf("HTTP says %d: %s, and NATS: %v", status, body, err)
	}
	return status == http.StatusOK
}
