package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/internal/natstest"
)

// Who waits for a server that starts for the first time was there before its token: it is read when somebody answers.
func TestATokenThatIsWrittenLater(t *testing.T) {
	for _, name := range []string{"AERIE_TOKEN", "AERIE_API_URL", "AERIE_NATS_URL", "AERIE_CA"} {
		t.Setenv(name, "")
	}
	server, token := natstest.Start(t)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(api.Close)
	var c Connection
	cmd := &cobra.Command{}
	c.Flags(cmd)
	dir := t.TempDir()
	if err := cmd.ParseFlags([]string{"--data-dir", dir, "--api-url", api.URL, "--nats-url", server.URL()}); err != nil {
		t.Fatal(err)
	}
	cl, err := c.Client(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	if _, err := cl.Get(t.Context(), "/v1/customers", nil); err == nil {
		t.Error("without a token there is an answer")
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Get(t.Context(), "/v1/customers", nil); err != nil {
		t.Errorf("when the token is there: %v", err)
	}
	if _, err := cl.Connect(); err != nil {
		t.Errorf("over NATS: %v", err)
	}
}

// So with the CA: who was there before it trusts the server once the file is there, over HTTP and NATS.
func TestACAThatIsWrittenLater(t *testing.T) {
	for _, name := range []string{"AERIE_TOKEN", "AERIE_API_URL", "AERIE_NATS_URL", "AERIE_CA"} {
		t.Setenv(name, "")
	}
	made, config := natstest.Certificate(t)
	server, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Addr: "127.0.0.1:0", TLS: config, Token: "a-token-of-26-characters-xx"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	api.TLS = config.Clone()
	api.StartTLS()
	t.Cleanup(api.Close)
	var c Connection
	cmd := &cobra.Command{}
	c.Flags(cmd)
	dir := t.TempDir()
	if err := cmd.ParseFlags([]string{"--data-dir", dir, "--token", "a-token-of-26-characters-xx", "--api-url", api.URL, "--nats-url", server.URL()}); err != nil {
		t.Fatal(err)
	}
	cl, err := c.Client(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	if _, err := cl.Get(t.Context(), "/v1/customers", nil); err == nil || !strings.Contains(err.Error(), "not trusted") {
		t.Error("without a CA the answer is", err)
	}
	if _, err := cl.Connect(); err == nil || !strings.Contains(err.Error(), "not trusted") {
		t.Error("without a CA NATS says", err)
	}
	ca, err := os.ReadFile(made)
	if err == nil {
		err = errors.Join(os.Mkdir(filepath.Join(dir, "tls"), 0o700), os.WriteFile(filepath.Join(dir, "tls", "ca.pem"), ca, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Get(t.Context(), "/v1/customers", nil); err != nil {
		t.Errorf("when the CA is there: %v", err)
	}
	if _, err := cl.Connect(); err != nil {
		t.Errorf("over NATS: %v", err)
	}
	if j := cl.JoinToken("", "acme", "edge", "s"); j.CA != Fingerprint(ca) {
		t.Errorf("a join token names the CA %q", j.CA)
	}
}
