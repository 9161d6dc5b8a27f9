// Package extra_test checks what aerie serves with tools of others: Prometheus' promtool, redocly, spectral and asyncapi's parser for the
// documents of its APIs, a client that oapi-codegen makes of one, and the nats CLI. It is no part of make test: .ci/setup
// installs the tools, and make test-extra fails without them.
package extra_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/internal/server"
)

const observability = "../../deploy/observability/"

// tool finds a program: of npm and of Go in the directory that .ci/setup fills.
func tool(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv("AERIE_EXTRA") == "" {
		t.Skip("not asked for: make test-extra does")
	}
	for _, in := range []string{"node_modules/.bin", "bin"} {
		path := filepath.Join(os.Getenv("AERIE_TOOLS"), in, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not there: run .ci/setup", name)
	}
	return path
}

func run(t *testing.T, in, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, name), args...)
	cmd.Stdin = strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// started starts a server.
func started(t *testing.T) *server.Control {
	t.Helper()
	c, err := server.Start(server.Settings{DataDir: filepath.Join(t.TempDir(), "data"), HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// reader reads what a server's HTTP answers at a path.
func reader(t *testing.T, c *server.Control) (read func(path string) string) {
	return func(path string) string {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, c.APIURL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.Token)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v", path, a.StatusCode, err)
		}
		return string(text)
	}
}

// document writes what a path answers to a file.
func document(t *testing.T, read func(string) string, path string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(file, []byte(read(path)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPromtoolTakesMetricsAndRules(t *testing.T) {
	tool(t, "promtool")
	run(t, reader(t, started(t))("/metrics"), "promtool", "check", "metrics")
	run(t, "", "promtool", "check", "rules", observability+"alerts.yaml")
	run(t, "", "promtool", "test", "rules", observability+"alerts_test.yaml")
}

func TestRedoclyTakesOpenAPI(t *testing.T) {
	tool(t, "redocly")
	run(t, "", "redocly", "lint", "--config", "redocly.yaml", document(t, reader(t, started(t)), "/openapi.json"))
}

func TestSpectralTakesTheDocuments(t *testing.T) {
	tool(t, "spectral")
	read := reader(t, started(t))
	for _, path := range []string{"/openapi.json", "/asyncapi.json"} {
		run(t, "", "spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity", "error", document(t, read, path))
	}
}

// Its own parser resolves all references and holds a document against AsyncAPI's schema, which spectral's rules do in part.
func TestItsOwnParserTakesAsyncAPI(t *testing.T) {
	tool(t, "node")
	t.Setenv("NODE_PATH", filepath.Join(os.Getenv("AERIE_TOOLS"), "node_modules"))
	run(t, "", "node", "asyncapi.js", document(t, reader(t, started(t)), "/asyncapi.json"))
}
