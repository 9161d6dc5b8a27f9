package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPeopleLogIn: by code in a browser on this machine, and by device in one anywhere; each commands as what his claims make of him.
func TestPeopleLogIn(t *testing.T) {
	r := newRig(t)
	if said := r.logIn(0); !strings.Contains(said, "admin of -") {
		t.Error(said)
	}
	ada := r.me()
	if ada.Role != "admin" || !strings.HasPrefix(ada.Actor, "user:") {
		t.Fatal(ada)
	}
	r.do(0, "customer", "create", "acme")
	if said := r.do(0, "history", "customer", "acme", "-o", "json"); !strings.Contains(said, ada.Actor) {
		t.Error("the event does not name who asked:", said)
	}
	r.p.set(func() { r.p.logsIn = "bob" })
	if said := r.logIn(0, "--device"); !strings.Contains(said, "customer-admin of acme") {
		t.Error(said)
	}
	if bob := r.me(); bob.Owner != "acme" || bob.Actor == ada.Actor {
		t.Error(bob)
	}
	r.do(3, "customer", "create", "birch")
	r.p.set(func() { r.p.logsIn = "eve" })
	for _, how := range [][]string{nil, {"--device"}} {
		before, _ := r.kept()
		r.logIn(3, how...)
		if after, _ := r.kept(); after != before {
			t.Error("who is not let in has taken another's place in the context")
		}
	}
	list := r.do(0, r.asAdmin("auth", "people", "list")...)
	if !strings.Contains(list, "Ada Lovelace") || !strings.Contains(list, "bob@example.com") || strings.Contains(list, "Eve") {
		t.Error(list)
	}
	log := r.do(0, r.asAdmin("tail", "--once", "-o", "json")...)
	for _, personal := range []string{"Ada", "example.com", "Bob"} {
		if strings.Contains(log, personal) {
			t.Errorf("%q is in the log", personal)
		}
	}
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	if r.p.headers > 0 {
		t.Errorf("a client without a secret has shown one %d times", r.p.headers)
	}
	want := []string{"authorization_code", "urn:ietf:params:oauth:grant-type:device_code", "authorization_code", "urn:ietf:params:oauth:grant-type:device_code"}
	if !slices.Equal(r.p.grants, want) {
		t.Errorf("tokens were given for %q", r.p.grants)
	}
}

// TestWhoSaysNo at the provider is not let in, and is told what it says.
func TestWhoSaysNo(t *testing.T) {
	r := newRig(t)
	r.p.refuses = true
	for _, how := range [][]string{nil, {"--device"}} {
		if said := r.logIn(3, how...); !strings.Contains(said, "access_denied") {
			t.Error(said)
		}
	}
	r.do(3, "auth", "whoami")
}

// TestACodeIsOfOneLogin: who has caught a code can't make a token of it, and who comes to the command line with one of his own
// is sent away; the login goes on.
func TestACodeIsOfOneLogin(t *testing.T) {
	r := newRig(t)
	r.logInBy(0, func(address string) {
		stays := http.Client{CheckRedirect: func(req *http.Request, _ []*http.Request) error {
			if req.URL.Path == "/callback" && req.URL.Port() != portOf(r.p.URL) {
				return http.ErrUseLastResponse
			}
			return nil
		}}
		res, err := stays.Get(address)
		if err != nil {
			t.Error(err)
			return
		}
		_ = res.Body.Close()
		back, err := res.Location()
		if err != nil {
			t.Error(err)
			return
		}
		stolen := url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "client_id": {commandLine},
			"redirect_uri": {back.Scheme + "://" + back.Host + back.Path}}
		for _, verifier := range []string{"", strings.Repeat("guess", 10)} {
			stolen.Set("code_verifier", verifier)
			if res, err := http.PostForm(r.p.op.TokenEndpoint().Absolute(r.p.URL), stolen); err != nil || res.StatusCode == http.StatusOK {
				t.Error("a code alone gives a token:", err)
			}
		}
		for _, wrong := range []string{"?code=mine&state=guess", "?code=mine", "?error=access_denied&state=guess", "x" + "?" + back.RawQuery} {
			address := back.Scheme + "://" + back.Host + back.Path + wrong
			if res, err := http.Get(address); err != nil || res.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %v %v", wrong, res, err)
			}
		}
		r.browse(back.String())
	})
	if me := r.me(); me.Role != "admin" {
		t.Error(me)
	}
}

func portOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Port()
}

// TestALoginIsRenewed with a refresh token that is another each time, until the provider gives no more. Then it is good until its end.
func TestALoginIsRenewed(t *testing.T) {
	r := newRig(t)
	r.p.lasts = 40 * time.Second // less than the minute before its end in which a token is got anew
	r.logIn(0)
	for range 3 {
		token, refresh := r.kept()
		r.me()
		now, again := r.kept()
		if now == token || again == refresh || again == "" {
			t.Fatal("it was not renewed, or not with another refresh token")
		}
	}
	r.p.set(func() { r.p.lasts = 3 * time.Second })
	r.me()
	r.p.set(func() { clear(r.p.refresh) })
	last, _ := r.kept()
	r.me()
	if now, _ := r.kept(); now != last {
		t.Error("who has no more to show has got another token")
	}
	<-time.After(time.Until(endOf(t, last)))
	if said := r.do(3, "auth", "whoami"); !strings.Contains(said, "aerie auth login") {
		t.Error(said)
	}
}

// endOf is when a token says that it ends.
func endOf(t *testing.T, token string) time.Time {
	t.Helper()
	var said struct{ Exp int64 }
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &said)
	}
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(said.Exp, 0)
}

// TestMachinesComeIn with client credentials, over HTTP, NATS and the command line.
func TestMachinesComeIn(t *testing.T) {
	r := newRig(t)
	token := r.ofMachine(commandLine)
	me := r.whoIs(token)
	if me.Role != "operator" || me.Owner != "-" {
		t.Error(me)
	}
	r.do(0, "customer", "create", "acme", "--token", token)
	nc, err := r.connect(token, strings.TrimPrefix(me.Actor, "user:"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	answer, err := nc.Request("aerie.cmd.birch.customer.birch.create", []byte(`{"spec":{}}`), patience)
	if err != nil || !strings.Contains(string(answer.Data), `"seq"`) {
		t.Fatalf("%v: %s", err, answer.Data)
	}
	if said := r.do(0, r.asAdmin("history", "customer", "birch", "-o", "json")...); !strings.Contains(said, me.Actor) {
		t.Error("the event does not name who asked:", said)
	}
	if again := r.whoIs(r.ofMachine(commandLine)); again != me {
		t.Error("another token makes somebody else of it:", again)
	}
}

// TestAnEndedTokenIsCut: at the end of a token, and the leeway for clocks, what is open with it is cut, and it no longer lets in.
func TestAnEndedTokenIsCut(t *testing.T) {
	r := newRig(t)
	r.p.lasts = -24 * time.Second // so it is in its leeway of 30 s, and that ends soon
	token := r.ofMachine(commandLine)
	me := r.whoIs(token)
	nc, err := r.connect(token, strings.TrimPrefix(me.Actor, "user:"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	closed := nc.StatusChanged()
	stream := r.open(token, "/v1/events", "text/event-stream")
	defer stream.Body.Close()
	if stream.StatusCode != http.StatusOK {
		t.Fatal(stream.Status)
	}
	cut := make(chan bool)
	go func() {
		for buf := make([]byte, 1<<10); ; {
			if _, err := stream.Body.Read(buf); err != nil {
				close(cut)
				return
			}
		}
	}()
	for open := true; open; {
		select {
		case <-closed:
			open = !nc.IsClosed()
		case <-time.After(patience):
			t.Fatal("the connection goes on")
		}
	}
	select {
	case <-cut:
	case <-time.After(patience):
		t.Fatal("the stream goes on")
	}
	if r.letsIn(token) {
		t.Error("it lets in after its end")
	}
	if ends := endOf(t, token); time.Now().Before(ends.Add(25 * time.Second)) {
		t.Error("it was cut before its end and the leeway")
	}
}
