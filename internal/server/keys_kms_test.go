package server

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/emulator"
	emulated "github.com/aeriehq/aerie/cloud/emulator/aws"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/internal/server/certs"
)

const sealingKey = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// kmsRig is an emulated AWS with a key, which this process uses.
type kmsRig struct {
	*testing.T
	*emulated.Server
	dir      string
	address  string
	accounts []core.Account
}

func newKMSRig(t *testing.T) *kmsRig {
	r := &kmsRig{T: t, dir: t.TempDir()}
	r.open()
	var err error
	if r.accounts, err = core.ReadAccounts(r.dir); err != nil {
		t.Fatal(err)
	}
	r.accounts[0].Keys = []core.Key{{ARN: sealingKey}}
	r.write()
	user := r.accounts[0].Users[0]
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": r.URL(), "AWS_CA_BUNDLE": filepath.Join(r.dir, emulator.CAFile), "AWS_MAX_ATTEMPTS": "1",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": user.AccessKeyID, "AWS_SECRET_ACCESS_KEY": user.SecretAccessKey} {
		t.Setenv(name, value)
	}
	return r
}

// open starts the emulated AWS, where it was.
func (r *kmsRig) open() {
	r.Helper()
	s, err := emulated.Open(emulated.Options{Dir: r.dir, Listen: r.address, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.Fatal(err)
	}
	r.Server, r.address = s, strings.TrimPrefix(s.URL(), "https://")
	r.Cleanup(func() { _ = s.Close() })
}

func (r *kmsRig) write() {
	r.Helper()
	if err := core.WriteAccounts(r.dir, r.accounts); err != nil {
		r.Fatal(err)
	}
}

// TestSealedByKMS takes a CA from a seal of a file to one of AWS' key management, and back. What KMS does not let us have is said, and
// while it is away the server that runs goes on.
func TestSealedByKMS(t *testing.T) {
	r := newKMSRig(t)
	dir, file, first := t.TempDir(), filepath.Join(t.TempDir(), "seal"), sealingLine(1)
	run := func(seal string, do func(c *Control)) error {
		t.Helper()
		write(t, file, seal)
		c, err := Start(Settings{DataDir: dir, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", NoSim: true, TLS: TLS{Names: []string{"aerie.example.com"}}, SealKeyFile: file})
		if err != nil {
			return err
		}
		do(c)
		return c.Close()
	}
	must := func(seal string, do func(c *Control)) {
		t.Helper()
		if err := run(seal, do); err != nil {
			t.Fatal(err)
		}
	}
	rotates := func(status int, says string) func(*Control) {
		return func(c *Control) {
			t.Helper()
			if got, said := askKeys(t, c, http.MethodPost, "/v1/keys/rotate", c.Token); got != status || !strings.Contains(said, says) {
				t.Error("rotate:", got, said)
			}
		}
	}
	nothing := func(*Control) {}
	must(first, nothing)
	ca, err := os.ReadFile(filepath.Join(dir, certs.CAFile))
	if err != nil {
		t.Fatal(err)
	}
	must(sealingKey+"\n"+first, func(c *Control) {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		rotates(http.StatusServiceUnavailable, sealingKey)(c)
		r.open()
		rotates(http.StatusOK, `"rotated":1`)(c)
		rotates(http.StatusOK, `"rotated":0`)(c)
		if status, said := askKeys(t, c, http.MethodGet, "/v1/keys", c.Token); status != http.StatusOK || !strings.Contains(said, sealingKey) {
			t.Error("list:", status, said)
		}
		nowhere(t, dir, "PRIVATE KEY")
	})
	must(sealingKey, nothing)
	for what, change := range map[string]func(){
		"DisabledException":           func() { r.accounts[0].Keys[0].Disabled = true },
		"NotFoundException":           func() { r.accounts[0].Keys = nil },
		"AccessDeniedException":       func() { r.accounts[0].Users[0].Denied = []string{"kms:Decrypt"} },
		"another key than those":      func() { r.accounts[0].Keys[0].ARN = sealingKey[:len(sealingKey)-1] + "c" },
		"Unreachable":                 func() { _ = r.Close() },
		"UnrecognizedClientException": func() { t.Setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY") },
	} {
		was := r.accounts[0]
		r.accounts[0].Keys = append([]core.Key(nil), was.Keys...)
		r.accounts[0].Users = append([]core.User(nil), was.Users...)
		key := os.Getenv("AWS_ACCESS_KEY_ID")
		change()
		r.write()
		seal := sealingKey
		if what == "another key than those" {
			seal = r.accounts[0].Keys[0].ARN
		}
		if err := run(seal, func(*Control) { t.Errorf("%s: it starts", what) }); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
		if what == "Unreachable" {
			r.open()
		}
		t.Setenv("AWS_ACCESS_KEY_ID", key)
		r.accounts[0] = was
		r.write()
	}
	must(first+sealingKey, rotates(http.StatusOK, `"rotated":1`))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	must(first, func(*Control) {
		if now, _ := os.ReadFile(filepath.Join(dir, certs.CAFile)); !bytes.Equal(now, ca) {
			t.Error("the CA is another one")
		}
	})
}
