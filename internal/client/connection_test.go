package client

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"

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
