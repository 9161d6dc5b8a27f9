package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// cli calls the CLI against a control plane; it fails the test on another exit code.
func cli(c *server.Control, t *testing.T, want int, stdin string, args ...string) string {
	t.Helper()
	args = append(args, "--api-url", c.APIURL(), "--nats-url", c.NATSURL(), "--token", c.Token)
	code, out, errs := runCLI(t.Context(), stdin, args...)
	if code != want {
		t.Fatalf("%v: exit %d, %s%s", args, code, out, errs)
	}
	return out
}

// startShared is a control plane with the shared offer, all of it as wanted.
func startShared(t *testing.T) *server.Control {
	t.Helper()
	c := startTestControl(t)
	cli(c, t, 0, "", "apply", "-f", "../../deploy/offers/shared", "--wait")
	return c
}

const (
	late = "kind: tenant\nname: late\nowner: acorn\nspec: {plan: startup, app: postgres, region: eu-central}\n"
	moon = "kind: dataplane\nname: moon\nspec: {account: -/main, region: moon, network: {range: 10.48.0.0/16}}\n"
)

// masks take out of an output what is another at every run.
var masks = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{26}\b`), "<id>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]*Z`), "<time>"},
	{regexp.MustCompile(`took \d+ ms`), "took <n> ms"},
	{regexp.MustCompile(`took_ms: \d+`), "took_ms: <n>"},
	{regexp.MustCompile(`\beu-[a-z0-9]{13}\b`), "<cluster>"},
	{regexp.MustCompile(`(?m)^  \d+ +`), "  <seq> "},
	{regexp.MustCompile(`after \d+ `), "after <seq> "},
	{regexp.MustCompile(`seq: \d+`), "seq: <seq>"},
}

func unchanging(s string) string {
	for _, m := range masks {
		s = m.what.ReplaceAllString(s, m.by)
	}
	return s
}

func TestWhy(t *testing.T) {
	c := startShared(t)
	cli(c, t, 0, late, "apply", "-f", "-", "--wait")
	cli(c, t, 1, moon, "apply", "-f", "-", "--wait")
	cli(c, t, 0, "", "tenant", "update", "acorn/late", "--label", "a=b")
	out := "$ aerie why tenant acorn/late\n" + cli(c, t, 0, "", "why", "tenant", "acorn/late") +
		"\n$ aerie why dataplane moon\n" + cli(c, t, 0, "", "why", "dataplane", "moon") +
		"\n$ aerie why dataplane moon -o yaml\n" + cli(c, t, 0, "", "why", "dataplane", "-/moon", "-o", "yaml")
	golden(t, "why.txt", []byte(unchanging(out)))

	var all chain
	if err := json.Unmarshal([]byte(cli(c, t, 0, "", "why", "dataplane", "-/moon", "-o", "json")), &all); err != nil {
		t.Fatal(err)
	}
	if all.AtRest || all.Reason.Code != events.ConfigProblem || len(all.Commands) != 3 || len(all.Commands[2].Events[0].Calls) != 1 {
		t.Errorf("as JSON: %+v", all)
	}
	cli(c, t, 4, "", "why", "tenant", "acorn/nobody")
	cli(c, t, 2, "", "why", "tenant", "acorn/late", "-o", "table")
}

// TestWhyNamesTheMachinery folds a past that no run has by itself: a deadline, a
// retry, and what another entity brought about.
func TestWhyNamesTheMachinery(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	account := `{"cloud":"sim","number":"1","hosting":"provider","role":"","regions":null}`
	var past []client.Event
	thread := "C1"
	add := func(command, cause, actor, typ, data string) {
		seq := uint64(len(past) + 10)
		past = append(past, client.Event{Seq: seq, ID: "E" + string(rune('0'+len(past))), Type: typ, Time: at.Add(time.Duration(len(past)) * time.Minute), Actor: actor,
			Owner: "-", Kind: events.Dataplane, Entity: "eu", CommandID: command, Cause: cause, Thread: thread, Data: json.RawMessage(data)})
	}
	add("C1", "C1", "admin", "requested", `{"uid":"u","spec":{"account":"-/main","region":"eu-central","type":"shared"}}`)
	add("C2", "X1", "aerie", "networking_started", `{"account":`+account+`}`)
	add("C3", "E1", "executor", "attempt_failed", `{"effect":"ensure_network","revision":11,"attempt":1,"code":"timeout","message":"too late","fault":"cloud","next_at":"2026-01-31T12:05:00Z","calls":[{"api":"EnsureNetwork","at":"2026-01-31T12:02:00Z","took_ms":7,"code":"Slow","request_id":"R1"}]}`)
	add("C4", "E2", "aerie", "failed", `{"code":"timeout","message":"not done in time","fault":"cloud"}`)
	thread = "C5"
	add("C5", "C5", "admin", "retry_requested", `{}`)
	add("C6", "X2", "aerie", "claimed", `{"customer":"acme"}`)

	e := client.Entity{Kind: events.Dataplane, Owner: "-", ID: "eu", UID: "u", Phase: "Networking", Seq: 15}
	e.Status.Reason = &client.Reason{Reason: events.Reason{Code: events.Timeout, Message: "too late", Fault: events.ByCloud}, Retried: true, NextAt: at.Add(time.Hour)}
	c, err := chainOf(e, past[:5])
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("after") != "0" {
			t.Errorf("asked for %s", r.URL)
		}
		write200(w, map[string]any{"as_of": nil, "next": nil, "items": []client.Event{{Seq: 3, ID: "X1", Type: "verified", Owner: "-", Kind: events.Account, Entity: "main"}}})
	}))
	defer web.Close()
	cl, err := client.New(web.URL, client.DefaultNATS, "")
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	c.Commands = append(c.Commands, linkOf(past[5], nil, atRestNow(t)))
	c.Commands[5].add(outcomeOf(past[5], "Active"))
	if err := findCauses(t.Context(), cl, &c); err != nil {
		t.Fatal(err)
	}
	golden(t, "why_machinery.txt", c.text())
}

func TestWhyRefusesWhatItDoesNotKnow(t *testing.T) {
	e := client.Entity{Kind: events.Customer, Owner: "acme", ID: "acme", Seq: 1}
	h := client.Event{Seq: 1, Type: "renamed", Owner: "acme", Kind: events.Customer, Entity: "acme"}
	for typ, want := range map[string]string{"renamed": "which this program does not know", "labels_changed": "has no such row"} {
		h.Type, h.Data = typ, json.RawMessage(`{}`)
		if _, err := chainOf(e, []client.Event{h}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", typ, err)
		}
	}
}

// atRestNow is a dataplane to which nothing is owed.
func atRestNow(t *testing.T) fsm.Entity[fsm.Data] {
	t.Helper()
	var e fsm.Entity[fsm.Data]
	ref := events.Ref{Kind: events.Dataplane, Owner: "-", ID: "eu"}
	for _, happened := range []events.Event{events.Requested[events.DataplaneSpec]{UID: "u"}, events.NetworkingStarted{}, events.NetworkReady{}, events.ClusterReady{}, events.SystemPoolReady{}, events.Activated{}} {
		var err error
		if e, err = fsm.Machines[ref.Kind].Apply(e, events.Recorded{Ref: ref, Event: happened}); err != nil {
			t.Fatal(err)
		}
	}
	return e
}
