package process

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/cloud/emulator"
	emulated "github.com/aeriehq/aerie/cloud/emulator/aws"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/server/certs"
)

// TestKilledAroundKMS kills a replica when KMS is about to make a data key for its CA, when it has and before that is answered, and as soon
// as the sealed CA is stored. The next one starts with a CA all the same, which is that of all from then on. While KMS is away none
// starts, and each says so.
func TestKilledAroundKMS(t *testing.T) {
	const key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	var strike func(before bool)
	dir := t.TempDir()
	cloud, err := emulated.Open(emulated.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), Around: func(aws http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			makes := strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GenerateDataKey")
			if makes && strike != nil {
				strike(true)
			}
			aws.ServeHTTP(w, r) // it is sent when this returns
			if makes && strike != nil {
				strike(false)
			}
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	accounts, err := core.ReadAccounts(dir)
	if err != nil {
		t.Fatal(err)
	}
	accounts[0].Keys = []core.Key{{ARN: key}}
	if err := core.WriteAccounts(dir, accounts); err != nil {
		t.Fatal(err)
	}
	user := accounts[0].Users[0]
	x := natstest.StartExternal(t, 1, nil)
	replica := func() *process {
		p := newProcess(t, "0")
		p.more = []string{"--nats-url", x.URL()}
		p.also = []string{"--no-sim", "--tls-names", "127.0.0.1"}
		p.env = []string{"AERIE_SEAL_KEY=" + key, "AWS_ENDPOINT_URL=" + cloud.URL(), "AWS_CA_BUNDLE=" + filepath.Join(dir, emulator.CAFile), "AWS_MAX_ATTEMPTS=1",
			"AWS_EC2_METADATA_DISABLED=true", "AWS_ACCESS_KEY_ID=" + user.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + user.SecretAccessKey}
		return p
	}
	shown := func(p *process) []byte {
		t.Helper()
		ca, err := os.ReadFile(filepath.Join(p.dir, certs.CAFile))
		if err != nil {
			t.Fatal(err)
		}
		return ca
	}
	for _, before := range []bool{true, false} {
		p := replica()
		strike = func(now bool) {
			if now == before {
				strike = nil
				_ = p.cmd.Process.Kill()
				panic(http.ErrAbortHandler)
			}
		}
		serves := p.launch()
		select {
		case <-serves:
			t.Fatal("it was not killed")
		case <-p.ended:
		}
		if _, err := os.Stat(filepath.Join(p.dir, certs.CAFile)); err == nil {
			t.Error("it shows a CA that is nowhere kept")
		}
	}
	nc := natstest.Dial(t, x)
	stored := make(chan *nats.Msg, 1)
	if _, err := nc.ChanSubscribe("$KV.AERIE_KEYS.ca", stored); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	p := replica()
	p.launch()
	m := natstest.Receive(t, stored)
	p.kill()
	if bytes.Contains(m.Data, []byte("PRIVATE KEY")) || !bytes.Contains(m.Data, []byte(key)) {
		t.Errorf("stored is %s", m.Data)
	}
	p.start()
	ca := shown(p)
	other := replica()
	other.start()
	if !bytes.Equal(shown(other), ca) {
		t.Error("two replicas show two CAs")
	}
	select {
	case m := <-stored:
		t.Errorf("the CA was stored twice: %s", m.Data)
	default:
	}
	p.interrupt()
	if err := cloud.Close(); err != nil {
		t.Fatal(err)
	}
	p.launch()
	if code := exitStatus(<-p.ended); code != 1 || !strings.Contains(p.log.String(), key) || !strings.Contains(p.log.String(), "Unreachable") {
		t.Errorf("without KMS: exit %d: %s", code, p.log)
	}
}
