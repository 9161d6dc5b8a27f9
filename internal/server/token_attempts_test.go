package server

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/workers/command"
)

// TestRefusedAttempts: who asks again and again what he may not is told of at once, and then once a minute with how often: over
// HTTP, over NATS, and where the NATS server refuses the subject. What he read is in the log of reads.
func TestRefusedAttempts(t *testing.T) {
	c, err := Start(Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", SimSpeed: 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // it is closed before
	secret := strings.Repeat("s", 52)
	spec, err := json.Marshal(map[string]any{"spec": ev.TokenSpec{Role: ev.RoleAuditor, Hash: ev.HashOf(secret), Expires: "2040-01-01T00:00:00Z"}})
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.Intake.SubmitRequest(t.Context(), command.Request{Owner: "-", Kind: "token", Name: "ci", Verb: "create", Body: spec, Caller: ev.LocalAdmin()})
	if err != nil {
		t.Fatal(err)
	}
	token := ev.WriteToken(made.Entity.UID, secret)
	call := func(method, path, body string, want int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, c.APIURL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != want {
			t.Fatalf("%s %s: %d, want %d", method, path, a.StatusCode, want)
		}
	}
	told := func(n int) (all []ev.AttemptsRefused) {
		t.Helper()
		if err := c.Live.Wait(t.Context(), made.Seq+uint64(n)); err != nil {
			t.Fatal(err)
		}
		for seq := made.Seq + 1; seq <= made.Seq+uint64(n); seq++ {
			r, err := c.Log.Read(t.Context(), seq)
			if err != nil || r.Actor != ev.ActorAerie || r.Ref.ID != "ci" {
				t.Fatalf("%+v %v", r, err)
			}
			all = append(all, r.Event.(ev.AttemptsRefused))
		}
		return all
	}
	call(http.MethodPost, "/v1/commands/acme/tenant/prod/delete", "{}", http.StatusForbidden)
	if first := told(1)[0]; first.Count != 1 || first.Verb != "delete" || first.Kind != ev.Tenant {
		t.Errorf("%+v", first)
	}
	for range 5 {
		call(http.MethodPost, "/v1/commands/acme/tenant/prod/retry", "{}", http.StatusForbidden)
	}
	nc, err := nats.Connect(c.NATSURL(), nats.Token(token), nats.CustomInboxPrefix(ev.InboxPrefix(token)))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	refused := make(chan error, 8)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err })
	for _, subject := range []string{"aerie.cmd.acme.tenant.prod.update", "aerie.evt.acme.tenant.prod.created"} {
		if err := nc.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		<-refused
	}
	// The client hears of a refusal before it is noted.
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for patience := natstest.Deadline(t); noted(c) < 7 && patience.Err() == nil; {
		<-tick.C
	}
	c.attempts.flush(t.Context())
	if then := told(2)[1]; then.Count != 7 || then.Since.IsZero() {
		t.Errorf("%+v, want 7: five over HTTP, two over NATS", then)
	}
	c.attempts.flush(t.Context()) // there is nothing to tell
	call(http.MethodGet, "/v1/plans?owner=-", "", http.StatusOK)
	if last, err := c.Log.Last(t.Context()); err != nil || last != made.Seq+2 {
		t.Error("a minute without attempts is told of:", last, err)
	}
	if text := scraped(t, c); !strings.Contains(text, `aerie_attempts_refused_total{role="auditor"} 8`) {
		t.Error("they are not counted")
	}
	dir := c.local.dir
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "access", time.Now().UTC().Format(time.DateOnly)+".000.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"actor":"token:`+made.Entity.UID+`","route":"GET /v1/plans","owner":"-","status":200`) {
		t.Errorf("%s", data)
	}
}

// noted is how many attempts wait to be told.
func noted(c *Control) (n int) {
	c.attempts.mu.Lock()
	defer c.attempts.mu.Unlock()
	for _, of := range c.attempts.untold {
		n += of.Count
	}
	return n
}
