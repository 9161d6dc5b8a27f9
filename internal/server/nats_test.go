package server

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/internal/natstest"
)

// TestWithNothingButNATS is a user who has a NATS client and the documentation:
// a command, its answer, the same again, and the stream of events. It uses
// nothing of aerie's but the running server.
func TestWithNothingButNATS(t *testing.T) {
	c := newControl(t)
	nc, err := nats.Connect(c.NATSURL(), nats.Token(c.Token))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	live, err := nc.SubscribeSync("aerie.evt.>")
	if err != nil {
		t.Fatal(err)
	}

	first := ask(t, nc, "aerie.cmd.acme.customer.acme.create", "01JCUSTOMER", `{"labels":{"tier":"gold"},"spec":{}}`)
	if events := first["events"].([]any); len(events) != 1 || events[0].(map[string]any)["type"] != "created" {
		t.Fatalf("answer %v", first)
	}
	again := ask(t, nc, "aerie.cmd.acme.customer.acme.create", "01JCUSTOMER", `{"labels":{"tier":"gold"},"spec":{}}`)
	if a, b := text(first), text(again); a != b {
		t.Errorf("the same id was answered\n%s\nthen\n%s", a, b)
	}
	other := ask(t, nc, "aerie.cmd.bolt.customer.bolt.create", "01JCUSTOMER", `{}`)
	if code := errorCode(other); code != "conflict" {
		t.Errorf("the same id for another command: %v", other)
	}
	ask(t, nc, "aerie.cmd.-.account.main.create", "", `{"spec":{"cloud":"sim","number":"4711"}}`)

	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	all := tailUntil(t, js, "aerie.evt.>", "io.aerie.account.verified.v1")
	want := []string{"io.aerie.customer.created.v1", "io.aerie.account.requested.v1", "io.aerie.account.verification_started.v1", "io.aerie.account.verified.v1"}
	if !slices.Equal(all, want) {
		t.Errorf("from the beginning: %v", all)
	}
	if only := tailUntil(t, js, "aerie.evt.*.*.*.verified", "io.aerie.account.verified.v1"); len(only) != 1 {
		t.Errorf("by type: %v", only)
	}
	for i := range want {
		m, err := live.NextMsg(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Header.Get("ce-type"); got != want[i] {
			t.Errorf("a plain subscriber saw %s, want %s", got, want[i])
		}
		for _, h := range []string{"ce-id", "ce-source", "ce-specversion", "ce-time", "ce-actor", "ce-commandid", "ce-causationid", "ce-correlationid"} {
			if m.Header.Get(h) == "" {
				t.Errorf("%s has no header %s", want[i], h)
			}
		}
	}
}

// TestBadCommands sends what nobody should: each is answered, with a code, a
// field and what would be right, and the server lives on.
func TestBadCommands(t *testing.T) {
	c := newControl(t)
	nc, err := nats.Connect(c.NATSURL(), nats.Token(c.Token))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, tt := range []struct{ name, subject, body, code, field, says string }{
		{"unknown kind", "aerie.cmd.acme.tennant.prod.create", `{}`, "invalid", "kind", `did you mean "tenant"`},
		{"unknown verb", "aerie.cmd.acme.tenant.prod.creat", `{}`, "invalid", "verb", `did you mean "create"`},
		{"verb of a later day", "aerie.cmd.acme.tenant.prod.fly", `{}`, "invalid", "verb", "known: create, update, retry, delete"},
		{"unknown field", "aerie.cmd.-.plan.free.create", `{"spec":{"deploymnt":"dedicated"}}`, "invalid", "spec.deploymnt", `did you mean "deployment"`},
		{"wrong type", "aerie.cmd.-.plan.free.create", `{"spec":{"deployment":7}}`, "invalid", "spec.deployment", "want a string"},
		{"bad name", "aerie.cmd.-.plan.Free!.create", `{}`, "invalid", "name", "lower-case"},
		{"too few tokens", "aerie.cmd.acme.tenant.create", `{}`, "invalid", "subject", "want aerie.cmd."},
		{"too many tokens: a dot in the id", "aerie.cmd.acme.tenant.pr.od.create", `{}`, "invalid", "subject", "want aerie.cmd."},
		{"a star in the id", "aerie.cmd.acme.tenant.p*.create", `{}`, "invalid", "name", "lower-case"},
		{"a > in the id", "aerie.cmd.acme.tenant.a>b.create", `{}`, "invalid", "name", "lower-case"},
		{"not JSON", "aerie.cmd.acme.customer.acme.create", `{`, "invalid", "body", "not JSON"},
		{"a list", "aerie.cmd.acme.customer.acme.create", `[]`, "invalid", "", "want an object"},
		{"missing reference", "aerie.cmd.acme.tenant.prod.create", `{"spec":{"plan":"free"}}`, "invalid", "owner", "there is no customer acme"},
		{"too big", "aerie.cmd.acme.customer.acme.create", `{"spec":{"displayName":"` + strings.Repeat("x", 300<<10) + `"}}`, "invalid", "body", "at most"},
		{"nothing there", "aerie.cmd.acme.customer.acme.update", `{}`, "not_found", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := ask(t, nc, tt.subject, "", tt.body)
			if code := errorCode(answer); code != tt.code {
				t.Fatalf("code %q: %s", code, text(answer))
			}
			details := text(answer)
			if tt.says != "" && !strings.Contains(details, strings.ReplaceAll(tt.says, `"`, `\"`)) || tt.field != "" && !strings.Contains(details, `"field":"`+tt.field) {
				t.Errorf("want field %s and %q in %s", tt.field, tt.says, details)
			}
		})
	}
	if a := ask(t, nc, "aerie.cmd.acme.customer.acme.create", "", `{}`); errorCode(a) != "" {
		t.Errorf("afterwards: %v", a)
	}
}

func ask(t *testing.T, nc *nats.Conn, subject, id, body string) map[string]any {
	t.Helper()
	m := nats.NewMsg(subject)
	m.Data = []byte(body)
	if id != "" {
		m.Header.Set("Nats-Msg-Id", id)
	}
	answer, err := nc.RequestMsg(m, 10*time.Second)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	var v map[string]any
	defer func() {
		if told := answer.Header.Get("Nats-Service-Error-Code"); told != errorCode(v) {
			t.Errorf("%s: the header says %q and the body %q", subject, told, errorCode(v))
		}
	}()
	if err := json.Unmarshal(answer.Data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func errorCode(answer map[string]any) string {
	e, _ := answer["error"].(map[string]any)
	code, _ := e["code"].(string)
	return code
}

func text(v any) string {
	data, _ := json.Marshal(v)
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(data))
}

// tailUntil reads the stream from its beginning to an event of a type.
func tailUntil(t *testing.T, js jetstream.JetStream, filter, last string) (types []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), natstest.Patience)
	defer cancel()
	consumer, err := js.OrderedConsumer(ctx, "AERIE_EVENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
	if err != nil {
		t.Fatal(err)
	}
	for len(types) == 0 || types[len(types)-1] != last {
		m, err := consumer.Next(jetstream.FetchContext(ctx))
		if err != nil {
			t.Fatalf("after %v: %v", types, err)
		}
		types = append(types, m.Headers().Get("ce-type"))
	}
	return types
}

// newControl runs a whole control plane in the test.
func newControl(t *testing.T) *Control {
	t.Helper()
	c, err := Start(Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", SimSpeed: 0})
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
