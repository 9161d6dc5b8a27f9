package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// proxy is an HTTP proxy that wants a login, and keeps what goes through it.
type proxy struct {
	listener net.Listener
	breaks   *tls.Config // it ends TLS itself; nil: it lets all through

	mu      sync.Mutex
	asked   []string
	through bytes.Buffer
}

func newProxy(t *testing.T, breaks *tls.Config) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, breaks: breaks}
	s := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return p
}

func (p *proxy) url(login string) string { return "http://" + login + "@" + p.listener.Addr().String() }

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("me:secret")) {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	p.mu.Unlock()
	out, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	in, ahead, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer in.Close()
	defer out.Close()
	_, _ = io.WriteString(in, "HTTP/1.1 200 go\r\n\r\n")
	if p.breaks != nil {
		_ = tls.Server(in, p.breaks).Handshake()
		return
	}
	go func() { _, _ = io.Copy(io.MultiWriter(out, p), ahead) }()
	_, _ = io.Copy(io.MultiWriter(in, p), out)
}

// Write keeps what goes through.
func (p *proxy) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.through.Write(b)
}

// An agent gets out by TLS and by WebSocket, each through a proxy with a login. Nothing of NATS is read on the way. A proxy that
// ends TLS is met with a refusal that says so, and gets no secret.
func TestTheWaysOutOfAnAgent(t *testing.T) {
	dir := t.TempDir()
	c, err := Start(Settings{DataDir: dir, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", NATSWS: "127.0.0.1:0", TLS: TLS{Names: []string{"aerie.example.com"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	create(t, c, ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}, `{"hosting":"customer"}`)
	create(t, c, ev.Ref{Kind: ev.Account, Owner: "acme", ID: "theirs"}, `{"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`)
	create(t, c, ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}, `{"account":"acme/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`)
	ca, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(ca)
	sum := sha256.Sum256(block.Bytes)
	invited := func(name, url string) string {
		ref := ev.Ref{Kind: ev.Agent, Owner: "acme", ID: name}
		create(t, c, ref, `{"dataplanes":["edge"]}`)
		ask := ev.Invite{Secret: ev.HashOf(name), Until: time.Now().Add(time.Hour).Format(time.RFC3339)}
		if _, err := c.Intake.SubmitCommand(t.Context(), command.Internal(ref, ev.ActorAerie, ask)); err != nil {
			t.Fatal(err)
		}
		return client.JoinToken{URL: url, Owner: "acme", Agent: name, Secret: name, CA: hex.EncodeToString(sum[:])}.String()
	}
	p := newProxy(t, nil)
	for name, url := range map[string]string{"first": c.NATSURL(), "second": c.NATS.WebSocketURL()} {
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		token := invited(name, url)
		go func() {
			ended <- RunAgent(ctx, AgentSettings{Join: token, DataDir: t.TempDir(), Proxy: p.url("me:secret"), Version: "1"})
		}()
		connected(t, c, ev.Ref{Kind: ev.Agent, Owner: "acme", ID: name}, ended)
		end()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if at := url[strings.Index(url, "://")+3:]; len(p.asked) == 0 || p.asked[len(p.asked)-1] != at {
			t.Errorf("%s: the proxy was asked for %v", url, p.asked)
		}
	}
	p.mu.Lock()
	for _, word := range []string{"INFO {", "CONNECT {", "aerie.agent", "first", "_INBOX"} {
		if bytes.Contains(p.through.Bytes(), []byte(word)) {
			t.Errorf("%q was read on the way", word)
		}
	}
	p.mu.Unlock()

	_, theirs := natstest.Certificate(t)
	for name, is := range map[string]struct{ proxy, says string }{
		"breaking": {newProxy(t, theirs).url("me:secret"), "ends TLS"},
		"wrong":    {p.url("me:wrong"), "407"},
	} {
		err := RunAgent(t.Context(), AgentSettings{Join: invited(name, c.NATSURL()), DataDir: t.TempDir(), Proxy: is.proxy})
		if err == nil || !strings.Contains(err.Error(), is.says) || strings.Contains(err.Error(), "me:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// connected waits until an agent is, or has ended.
func connected(t *testing.T, c *Control, agent ev.Ref, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		var seq uint64
		var phase fsm.Phase
		c.Live.View(func(w *state.Entities) {
			e, _ := w.Get(agent)
			seq, phase = w.Seq, e.Phase()
		})
		if phase == fsm.Connected {
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("%s has ended: %v", agent, err)
		default:
		}
		if err := c.Live.Wait(ctx, seq+1); err != nil {
			t.Fatalf("%s is %s: %v", agent, phase, err)
		}
	}
}
