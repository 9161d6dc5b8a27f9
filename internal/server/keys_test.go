package server

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/server/certs"
	"github.com/aeriehq/aerie/workers/command"
)

// TestSealedKeys gives a server of before, whose CA's key is on its disk, a seal, and then another one: clients go on trusting it,
// and the key is nowhere in clear.
func TestSealedKeys(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "seal")
	first, second := sealingLine(1), sealingLine(2)
	settings := Settings{DataDir: dir, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", NoSim: true, TLS: TLS{Names: []string{"aerie.example.com"}}}
	run := func(seal string, do func(c *Control)) error {
		t.Helper()
		settings.SealKeyFile = ""
		if seal != "" {
			write(t, file, seal)
			settings.SealKeyFile = file
		}
		c, err := Start(settings)
		if err != nil {
			return err
		}
		do(c)
		return c.Close()
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(run("", func(c *Control) {
		if status, said := askKeys(t, c, http.MethodGet, "/v1/keys", c.Token); status != http.StatusUnprocessableEntity || !strings.Contains(said, "--seal-key-file") {
			t.Error("without a seal:", status, said)
		}
	}))
	ca, err := os.ReadFile(filepath.Join(dir, certs.CAFile))
	must(err)
	key, err := os.ReadFile(filepath.Join(dir, "tls/ca.key"))
	must(err)
	must(run(first, func(c *Control) {
		if status, said := askKeys(t, c, http.MethodGet, "/v1/keys", c.Token); status != http.StatusOK || !strings.Contains(said, `"newest":true`) {
			t.Error("list:", status, said)
		}
		operator := staffToken(t, c)
		for _, of := range [][2]string{{http.MethodGet, "/v1/keys"}, {http.MethodPost, "/v1/keys/rotate"}, {http.MethodDelete, "/v1/keys/ca"}} {
			if status, said := askKeys(t, c, of[0], of[1], operator); status != http.StatusForbidden {
				t.Error("an operator:", of, status, said)
			}
		}
	}))
	must(run(second+first, func(c *Control) {
		if status, said := askKeys(t, c, http.MethodPost, "/v1/keys/rotate", c.Token); status != http.StatusOK || !strings.Contains(said, `"rotated":1`) {
			t.Error("rotate:", status, said)
		}
	}))
	for _, seal := range []string{"", first} {
		if err := run(seal, func(*Control) { t.Errorf("it starts under %q", seal) }); err == nil || !strings.Contains(err.Error(), "seal") {
			t.Errorf("under %q: %v", seal, err)
		}
	}
	must(run(second, func(c *Control) {
		if now, _ := os.ReadFile(filepath.Join(dir, certs.CAFile)); !bytes.Equal(now, ca) {
			t.Error("the CA is another one")
		}
		nowhere(t, dir, strings.Split(string(key), "\n")[1])
		nowhere(t, dir, strings.TrimSpace(first))
		if status, said := askKeys(t, c, http.MethodDelete, "/v1/keys/ca", c.Token); status != http.StatusOK {
			t.Error("erase:", status, said)
		}
		if status, said := askKeys(t, c, http.MethodDelete, "/v1/keys/ca", c.Token); status != http.StatusNotFound {
			t.Error("erase twice:", status, said)
		}
	}))
	must(run(second, func(*Control) {
		if now, _ := os.ReadFile(filepath.Join(dir, certs.CAFile)); bytes.Equal(now, ca) {
			t.Error("an erased CA is there again")
		}
	}))
}

func sealingLine(of byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{of}, 32)) + "\n"
}

// staffToken is a token of an operator's.
func staffToken(t *testing.T, c *Control) string {
	t.Helper()
	secret := strings.Repeat("operator", 4)
	r := command.Request{Owner: ev.Platform, Kind: string(ev.Token), Name: "ops", Verb: ev.VerbCreate, Caller: ev.LocalAdmin(),
		Body: fmt.Appendf(nil, `{"spec":{"role":"operator","hash":"%x","expires":"2040-01-01T00:00:00Z"}}`, sha256.Sum256([]byte(secret)))}
	answer, err := c.Intake.SubmitRequest(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Live.Wait(t.Context(), answer.Seq); err != nil {
		t.Fatal(err)
	}
	return ev.WriteToken(answer.Entity.UID, secret)
}

// askKeys asks over TLS.
func askKeys(t *testing.T, c *Control, method, path, token string) (status int, said string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.APIURL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	a, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	data, err := io.ReadAll(a.Body)
	if err != nil || !json.Valid(data) {
		t.Fatal(err, string(data))
	}
	return a.StatusCode, string(data)
}

// nowhere looks for a secret in all files of a directory.
func nowhere(t *testing.T, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("%s holds it", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
