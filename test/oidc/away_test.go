package oidc_test

import (
	"flag"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// away is how long the provider does not answer in TestTheProviderIsAway; an hour is what an operator would fear.
var away = flag.Duration("away", 0, "how long the provider is away, at least; 0: for so many calls as are made at once")

// leastCalls is how many calls are made while the provider is away, and each second one more.
const leastCalls = 20

// until asks until something is so, and then wants it to stay. The server asks a provider for keys every ten seconds at most, so what
// follows from others is seen at the next time that it asks, and no later.
func (r *rig) until(what string, is func() bool) {
	r.Helper()
	every := time.NewTicker(200 * time.Millisecond)
	defer every.Stop()
	select {
	case <-r.p.asked: // of before
	default:
	}
	for !is() {
		select {
		case <-r.p.asked:
			if !is() {
				r.Fatalf("the server has read the keys, and it is not so: %s", what)
			}
			return
		case <-every.C:
		case <-r.Context().Done():
			r.Fatal(what)
		}
	}
}

// TestKeysAreRotated: tokens of a new key are taken, those of one that is still shown go on, and those of one that is withdrawn are
// good for nothing.
func TestKeysAreRotated(t *testing.T) {
	r := newRig(t)
	old := r.ofMachine(commandLine)
	if !r.letsIn(old) {
		t.Fatal("it is not let in")
	}
	r.p.keys.add(t)
	next := r.ofMachine(commandLine)
	r.until("the new key is known", func() bool { return r.letsIn(next) })
	if !r.letsIn(old) {
		t.Error("a token of a key that is still shown is not taken")
	}
	r.p.keys.add(t)
	r.p.keys.withdraw()
	last := r.ofMachine(commandLine)
	r.until("the last key is known", func() bool { return r.letsIn(last) })
	if r.letsIn(old) || r.letsIn(next) {
		t.Error("a token of a key that was withdrawn is taken")
	}
	if r.logIn(0); r.me().Role != "admin" {
		t.Error("nobody logs in after it")
	}
}

// TestTheProviderIsAway: who has come in goes on, over HTTP, NATS and the command line, and so does who shows a token that was never
// shown before. Nobody logs in meanwhile, and what the command line had is kept. A server that starts says that it can't tell.
func TestTheProviderIsAway(t *testing.T) {
	r := newRig(t)
	r.p.lasts = *away + time.Hour
	r.logIn(0)
	mine, _ := r.kept()
	shown, unseen := r.ofMachine(commandLine), r.p.mint(t, r.p.URL, asking(commandLine, "bob"), r.p.lasts)
	me := r.whoIs(shown)
	r.do(0, "customer", "create", "acme")
	nc, err := r.connect(shown, strings.TrimPrefix(me.Actor, "user:"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r.p.set(func() { r.p.away = true })
	every := time.NewTicker(time.Second)
	defer every.Stop()
	began, calls := time.Now(), 0
	for ; calls < leastCalls || time.Since(began) < *away; calls++ {
		name := "n" + strconv.Itoa(calls)
		answer, err := nc.Request("aerie.cmd."+name+".customer."+name+".create", []byte(`{"spec":{}}`), patience)
		if err != nil || !strings.Contains(string(answer.Data), `"seq"`) {
			t.Fatalf("after %s: %v", time.Since(began), err)
		}
		if again, err := r.connect(mine, "x"); err != nil {
			t.Fatalf("after %s nobody comes in over NATS: %v", time.Since(began), err)
		} else {
			again.Close()
		}
		if status, body := r.ask(mine, "/v1/customers/"+name); status != http.StatusOK {
			t.Fatalf("after %s: %d %s", time.Since(began), status, body)
		}
		if calls >= leastCalls {
			<-every.C
		}
	}
	t.Logf("%d rounds of calls in %s without the provider", calls, time.Since(began).Round(time.Second))
	if bob := r.whoIs(unseen); bob.Owner != "acme" {
		t.Error(bob)
	}
	r.do(0, "customer", "create", "birch")
	for _, how := range [][]string{nil, {"--device"}} {
		if said := r.logIn(1, how...); !strings.Contains(said, r.p.URL) {
			t.Error("it does not say who is away:", said)
		}
	}
	if now, _ := r.kept(); now != mine {
		t.Error("a login that failed has taken the token of before away")
	}
	r.restart()
	if status, body := r.ask(mine, "/v1/whoami"); status != http.StatusServiceUnavailable || !strings.Contains(body, "unavailable") {
		t.Errorf("a server that can't tell says %d: %s", status, body)
	}
	if status, body := r.ask("nonsense", "/v1/whoami"); status != http.StatusUnauthorized {
		t.Errorf("nonsense: %d %s", status, body)
	}
	r.do(0, r.asAdmin("get", "customers")...) // the local token needs nobody
	r.p.set(func() { r.p.away = false })
	r.until("the provider is back", func() bool { status, _ := r.ask(mine, "/v1/whoami"); return status == http.StatusOK })
	if again := r.whoIs(shown); again != me {
		t.Error("a machine is somebody else after it:", again)
	}
	r.logIn(0)
}
