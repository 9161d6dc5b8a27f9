package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// askedServer is a server that notes what is shown to it.
type askedServer struct {
	*httptest.Server
	mu    sync.Mutex
	shown []string
}

func newAsked(t *testing.T) *askedServer {
	a := &askedServer{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.shown = append(a.shown, r.Header.Get("Authorization"))
		_ = json.NewEncoder(w).Encode(map[string]any{"actor": "admin", "role": "admin", "owner": "-", "expires": nil})
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *askedServer) last() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.shown) == 0 {
		return "nobody asked"
	}
	last := a.shown[len(a.shown)-1]
	a.shown = nil
	return last
}

// TestContexts: what a context has is used where nothing else is said, and is shown to no other server.
func TestContexts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "settings", "contexts.json")
	t.Setenv("AERIE_CONFIG", file)
	t.Setenv("XDG_STATE_HOME", dir)
	for _, name := range []string{"AERIE_API_URL", "AERIE_NATS_URL", "AERIE_TOKEN", "AERIE_DATA_DIR", "AERIE_CONTEXT"} {
		t.Setenv(name, "")
	}
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "token"), []byte("local\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	one, two := newAsked(t), newAsked(t)
	do := func(code int, stdin string, args ...string) string {
		t.Helper()
		got, out, errs := runCLI(t.Context(), stdin, args...)
		if got != code {
			t.Fatalf("aerie %s: exit %d, want %d: %s%s", strings.Join(args, " "), got, code, out, errs)
		}
		return out + errs
	}
	do(0, "first\n", "context", "set", "one", "--api-url", one.URL, "--token-file", "-")
	do(0, "second\n", "context", "add", "two", "--api-url", two.URL, "--token-file", "-")
	do(0, "", "context", "set", "here", "--api-url", two.URL, "--data-dir", data)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal("others may read it:", info.Mode(), err)
	}
	if said := do(0, "", "context", "list", "-o", "json"); strings.Contains(said, "first") || strings.Contains(said, "second") {
		t.Error("a list tells tokens:", said)
	}
	whoami := func(args ...string) []string { return append([]string{"auth", "whoami"}, args...) }
	for _, row := range []struct {
		name  string
		env   map[string]string
		args  []string
		at    *askedServer
		shows string
	}{
		{"the first is used", nil, nil, one, "Bearer first"},
		{"another by its flag", nil, []string{"--context", "two"}, two, "Bearer second"},
		{"or by its variable", map[string]string{"AERIE_CONTEXT": "two"}, nil, two, "Bearer second"},
		{"the flag wins over the variable", map[string]string{"AERIE_CONTEXT": "two"}, []string{"--context", "one"}, one, "Bearer first"},
		{"a data directory's token", nil, []string{"--context", "here"}, two, "Bearer local"},
		{"a variable wins over what the context shows", map[string]string{"AERIE_TOKEN": "mine"}, nil, one, "Bearer mine"},
		{"nothing of it is shown to another server", nil, []string{"--api-url", two.URL}, two, ""},
		{"also if a variable names that", map[string]string{"AERIE_API_URL": two.URL}, nil, two, ""},
		{"a token of this machine is not shown to the context's server", nil, []string{"--data-dir", data, "--api-url", two.URL}, two, "Bearer local"},
	} {
		for name, value := range row.env {
			t.Setenv(name, value)
		}
		do(0, "", whoami(row.args...)...)
		if got := row.at.last(); got != row.shows {
			t.Errorf("%s: %q, want %q", row.name, got, row.shows)
		}
		for name := range row.env {
			t.Setenv(name, "")
		}
	}
	do(0, "", "context", "use", "two")
	do(0, "", whoami()...)
	if got := two.last(); got != "Bearer second" {
		t.Error("two is used:", got)
	}
	do(0, "", "context", "set", "two", "--api-url", one.URL)
	do(0, "", whoami()...)
	if got := one.last(); got != "" {
		t.Error("a token is shown where the context has moved to:", got)
	}
	do(4, "", "context", "use", "tow")
	do(4, "", whoami("--context", "three")...)
	do(2, "", "context", "set", "No Name")
	do(0, "", "context", "remove", "two")
	do(4, "", "context", "remove", "two")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if said := do(2, "", whoami()...); !strings.Contains(said, "chmod 600") {
		t.Error(said)
	}
}
