package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs; it is now:\n%s", path, got)
	}
}

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// shown are two of each kind: one at rest, one in trouble.
func shown(k events.Kind) []client.Entity {
	specs := map[events.Kind]string{
		events.Customer:        `{"displayName":"Acme Ltd","hosting":"provider"}`,
		events.Account:         `{"cloud":"sim","number":"123","hosting":"customer","role":"r"}`,
		events.Plan:            `{"deployment":"dedicated","hosting":"provider","apps":[{"type":"pg","size":"s"},{"type":"kafka","size":"l"}],"price":{"monthly":"49.90"}}`,
		events.Dataplane:       `{"account":"-/main","region":"eu-central","type":"shared","version":"1.36"}`,
		events.TenantInfra:     `{"app":"pg","size":"s","scheduling":"strict","pools":[{"name":"a","min":0,"max":3},{"name":"b","min":1,"max":2}]}`,
		events.Tenant:          `{"plan":"free","app":"pg","region":""}`,
		events.Application:     `{"manifests":[{},{}]}`,
		events.Cell:            `{"tenants":3,"keepEmpty":"1h","plan":"-/pro","planVersion":3}`,
		events.CellApplication: `{"chart":{"name":"web","version":"1.2.0"}}`,
	}
	fine := client.Entity{Kind: k, Owner: "acme", ID: "fine", UID: "01AAA", Phase: "Active", Seq: 12, Created: noon.Add(-49 * time.Hour), Labels: map[string]string{"b": "2", "a": "1"}, Spec: json.RawMessage(specs[k])}
	fine.Status.Conditions = []client.Condition{{Type: "Placed", Status: "True", Reason: "Active", Message: "", Since: noon.Add(-time.Hour)}, {Type: "Ready", Status: "True", Reason: "Active", Message: "", Since: noon.Add(-3 * time.Minute)}}
	if k == events.Tenant {
		fine.Status.Placement = &events.Placement{Dataplane: "-/eu", TenantInfra: "-/eu_pg", Cell: "-/eu_pg_c1", Namespace: "acme--fine", Plan: "-/free", PlanVersion: 2, Size: "s", Why: "the only one that fits"}
	}
	fine.Status.Observed = map[events.Kind]map[string]any{
		events.Dataplane:   {"version": "1.35", "nodes": 3.0, "zones": []any{"a", "b"}, "at": "2026-01-31T11:50:00Z"},
		events.TenantInfra: {"pools": []any{map[string]any{"name": "a", "state": "active", "nodes": 2}, map[string]any{"name": "b", "state": "deleted"}}, "at": "2026-01-31T11:50:00Z"},
		events.Cell:        {"used": 2.0, "of": 3.0},
	}[k]
	bad := client.Entity{Kind: k, Owner: "acme", ID: "bad", UID: "01BBB", Phase: "Waiting", Seq: 13, Created: noon.Add(-30 * time.Second), Spec: json.RawMessage(`null`)}
	bad.Status.Owed = map[string]any{"effect": "ensure_tenant", "attempts": 2}
	bad.Status.Conditions = []client.Condition{{Type: "Ready", Status: "False", Reason: "unreachable", Message: "no\nway", Since: noon}}
	bad.Status.Reason = &client.Reason{Reason: events.Reason{Code: events.Unreachable, Message: "the cluster \x1b[31mdoes not\nanswer, and this sentence goes on for much longer than a table likes", Fault: events.ByCloud}, Retried: true, NextAt: noon.Add(90 * time.Second)}
	return []client.Entity{bad, fine}
}

func TestTables(t *testing.T) {
	var b bytes.Buffer
	for _, format := range []string{print.Table, print.Wide, print.Name} {
		for _, k := range events.Kinds {
			fmt.Fprintf(&b, "$ aerie get %s -o %s\n", k.Plural(), format)
			if err := (&print.Listing{Kind: k, Format: format, Now: noon}).Entities(&b, shown(k)); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden(t, "tables.txt", b.Bytes())
}

func TestDescription(t *testing.T) {
	var past []client.Event
	for i := range lastEvents {
		past = append(past, client.Event{Seq: uint64(i + 3), Time: noon, Type: "requested", Actor: "admin", Data: json.RawMessage(`{"code":"timeout","message":"too\tlate"}`)})
	}
	var b bytes.Buffer
	for _, e := range shown(events.Tenant) {
		b.Write((&description{e: e, past: past, older: true, now: noon}).text())
		b.WriteString("\n")
	}
	golden(t, "describe.txt", b.Bytes())
}

func TestGet(t *testing.T) {
	s := newStandIn(t)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		s.put(client.Entity{Kind: events.Plan, Owner: "-", ID: id, Phase: "Released"})
	}
	if code, out, errs := s.run("", "get", "plans", "-o", "name"); code != 0 || out != "-/a\n-/b\n-/c\n-/d\n-/e\n" || s.pages != 3 {
		t.Errorf("all: exit %d, %d pages, %s%s", code, s.pages, out, errs)
	}
	if _, out, _ := s.run("", "get", "plans", "--limit", "2", "-o", "json"); !strings.Contains(out, `"next": "-/b"`) || strings.Count(out, `"kind"`) != 2 {
		t.Errorf("two: %s", out)
	}
	var all client.List
	if _, out, _ := s.run("", "get", "plans", "-o", "json"); json.Unmarshal([]byte(out), &all) != nil || len(all.Items) != 5 || all.Next != nil || len(all.AsOf) == 0 {
		t.Errorf("all as JSON: %s", out)
	}
	for _, id := range []string{"-/a", "a"} {
		if code, out, _ := s.run("", "get", "plan", id, "-o", "yaml"); code != 0 || !strings.Contains(out, "id: a\nkind: plan\n") {
			t.Errorf("%s: exit %d, %s", id, code, out)
		}
	}
	t.Setenv("AERIE_API_URL", s.apiURL)
	t.Setenv("AERIE_TOKEN", s.token)
	if code, out, _ := runCLI(t.Context(), "", "__complete", "get", "plan", ""); code != 0 || !strings.HasPrefix(out, "a\nb\nc\nd\ne\n:4") {
		t.Errorf("completion: exit %d, %s", code, out)
	}
}

func TestTail(t *testing.T) {
	s := newStandIn(t)
	js, err := jetstream.New(s.nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: eventlog.Stream, Subjects: []string{"aerie.evt.>"}}); err != nil {
		t.Fatal(err)
	}
	for i, subject := range []string{"-.plan.free.created", "acme.tenant.prod.requested", "acme.tenant.prod.attempt_failed"} {
		m := nats.NewMsg("aerie.evt." + subject)
		m.Header = nats.Header{"ce-id": {fmt.Sprint("E", i)}, "ce-actor": {"admin"}, "ce-time": {"2026-01-31T12:00:00Z"}, "ce-commandid": {"C1"}}
		m.Data = []byte(`{"code":"timeout","message":"too late"}`)
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var all bytes.Buffer
	for _, args := range []string{"--after 0", "--after 1 -o wide", "--after 0 --owner acme --kind tenants --id prod --type requested -o json", "--after 0 --type created -o yaml", "--since 1h -o name"} {
		fmt.Fprintf(&all, "$ aerie tail %s\n", args)
		want := map[string]int{"--after 0": 3, "--after 1 -o wide": 2, "--since 1h -o name": 3}[args]
		all.WriteString(s.tailed(max(want, 1), strings.Fields(args)...))
	}
	golden(t, "tail.txt", all.Bytes())
}

// tailed runs tail until it wrote n events, and then presses Ctrl-C.
func (s *standIn) tailed(n int, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	w := &counter{n: n, full: cancel}
	args = append(append([]string{"tail"}, args...), "--api-url", s.apiURL, "--nats-url", s.natsURL, "--token", s.token)
	var errs bytes.Buffer
	if code := Run(ctx, args, strings.NewReader(""), w, &errs); code != 0 || errs.Len() > 0 {
		s.t.Errorf("tail %v: exit %d, %s", args, code, errs.String())
	}
	return w.String()
}

// counter counts writes; tail makes one for each event.
type counter struct {
	bytes.Buffer
	n    int
	full func()
}

func (c *counter) Write(p []byte) (int, error) {
	if c.n--; c.n == 0 {
		c.full()
	}
	return c.Buffer.Write(p)
}
