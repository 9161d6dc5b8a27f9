package kube_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/test/kube/rigtest"
)

// proxy stands before an API server and strikes at a call that a test names: so a kill comes at a certain moment, and
// not at one of a clock. Who comes without a token comes as an administrator.
type proxy struct {
	*httptest.Server
	ca []byte

	starts atomic.Bool // it answers as a server that has just started: it refuses, and says that it is not ready

	mu     sync.Mutex
	writes int // since the last arming
	armed  *strike
}

// strike is what happens at the n-th write in a namespace, from 0: before the API server has seen it, or after it was
// done and before the caller knows.
type strike struct {
	namespace string // what its path begins with: with a slash at the end one alone, without the namespace itself
	n         int
	after     bool
	do        func()
}

func newProxy(t *testing.T, of *rigtest.Rig) *proxy {
	t.Helper()
	config, err := kube.ReadConfig(of.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	as := func(c *rest.Config) http.Handler {
		transport, err := rest.TransportFor(c)
		if err != nil {
			t.Fatal(err)
		}
		return &httputil.ReverseProxy{Transport: transport, FlushInterval: -1,
			Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
			ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}
	}
	administrator, other := as(config), as(rest.AnonymousClientConfig(config))
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := other
		if r.Header.Get("Authorization") == "" {
			to = administrator
		}
		p.serve(w, r, to)
	}))
	t.Cleanup(p.Close)
	p.ca = []byte(certificate(p.Server))
	return p
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request, to http.Handler) {
	switch {
	case p.starts.Load() && r.URL.Path == "/readyz":
		http.Error(w, "[-]poststarthook/rbac/bootstrap-roles failed: not finished", http.StatusInternalServerError)
		return
	case p.starts.Load():
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "it is forbidden: not yet ready to handle request"}`)
		return
	}
	s := p.meets(r)
	if s == nil {
		to.ServeHTTP(w, r)
		return
	}
	if s.after {
		to.ServeHTTP(httptest.NewRecorder(), r)
	}
	s.do()
	panic(http.ErrAbortHandler)
}

// meets counts a write, and is the strike if its time has come.
func (p *proxy) meets(r *http.Request) *strike {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.armed
	if s == nil || r.Method == http.MethodGet || !strings.Contains(r.URL.Path, "/namespaces/"+s.namespace) {
		return nil
	}
	p.writes++
	if p.writes-1 != s.n {
		return nil
	}
	p.armed = nil
	return s
}

// arm begins to count.
func (p *proxy) arm(s strike) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes, p.armed = 0, &s
}

// disarm says whether it has not struck, and never will.
func (p *proxy) disarm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	missed := p.armed != nil
	p.armed = nil
	return missed
}

// counted is how many writes there were since it was armed.
func (p *proxy) counted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = nil
	return p.writes
}

// kubeconfig is a file that leads through the proxy as an administrator.
func (p *proxy) kubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: it\ncontexts: [{name: it, context: {cluster: it, user: us}}]\nusers: [{name: us, user: {}}]\n"+
		"clusters: [{name: it, cluster: {server: %q, certificate-authority-data: %s}}]\n", p.URL, base64.StdEncoding.EncodeToString(p.ca))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
