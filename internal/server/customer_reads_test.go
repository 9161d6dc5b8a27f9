package server

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
)

// ofOthers are sentences of releases before, with names, counts and places of another customer and of the platform.
var ofOthers = []string{
	"wants pg of size small on a shared dataplane in an account of hosting provider; 31 fit; by rule spread: tenantinfra -/eu_pg, with 47 tenants before this one",
	"run Pod acme--prod/pg: 0/17 nodes are available: 3 Insufficient cpu, 14 node(s) had untolerated taint {aerie.io/tenantinfra: birch_x}.",
	`ensure tenant Namespace acme--prod: it belongs to another: "birch/tenant/prod/01J8ZQ6M3N4P5R6S7T8V9W0X1Y"`,
	"waits for dataplane -/eu, which is Failed: quota of account 555000111222 is used up by birch",
	"tenantinfra -/eu_pg is Failed: birch has 47 tenants there",
}

// others are the words in them that acme must not read.
var others = []string{"birch", "31 fit", "47 tenants", "17 nodes", "14 node", "555000111222", "role-of-platform", "external-id-of-platform", "cluster-of-platform"}

// TestEveryEventOnASharedDataplane has each event happen that anything of a customer's can have, with words about another customer in
// it: its people find none of them, wherever they read.
func TestEveryEventOnASharedDataplane(t *testing.T) {
	c := newControl(t)
	admin, err := nats.Connect(c.NATSURL(), nats.Token(c.Token))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	const secret = "b6ef0ca4bf5c7ef0a0f0ee9e39a0e4f3b6ef0ca4bf5c7ef0a0f0ee9e39a0e4f3"
	ask(t, admin, "aerie.cmd.acme.customer.acme.create", "", `{}`)
	made := ask(t, admin, "aerie.cmd.acme.token.reader.create", "", `{"spec":{"role":"customer-admin","hash":"`+fmt.Sprintf("%x", sha256.Sum256([]byte(secret)))+`","expires":"2040-01-01T00:00:00Z"}}`)
	id := made["entity"].(map[string]any)["uid"].(string)
	token := ev.WriteToken(id, secret)
	people, err := nats.Connect(c.NATSURL(), nats.Token(token), nats.CustomInboxPrefix("_INBOX."+id))
	if err != nil {
		t.Fatal(err)
	}
	defer people.Close()
	live, err := people.SubscribeSync("aerie.evt.acme.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := people.Flush(); err != nil {
		t.Fatal(err)
	}
	stream := readStream(t, c, token)

	want, last := map[string]bool{}, uint64(0)
	targets := []string{"/v1/operations?limit=1000"}
	for _, d := range ev.Builtin.All() {
		if d.Owner == ev.ByThePlatform || d.Owner == ev.ByItself {
			continue // acme itself is there already
		}
		k := d.Kind
		if testing.Short() && k != ev.Tenant && k != ev.Application {
			continue // the race detector sees nothing else in them
		}
		targets = append(targets, "/v1/"+d.Plural+"?limit=1000")
		for n, happened := range fsm.Machines[k].Vocabulary() {
			for i, text := range ofOthers {
				if i != n%len(ofOthers) && happened.Type() != "attempt_failed" && happened.Type() != "placed" {
					continue // one sentence each is enough
				}
				ref := ev.Ref{Kind: k, Owner: "acme", ID: fmt.Sprintf("%s-%d", strings.ReplaceAll(happened.Type(), "_", "-"), i)}
				if d.Parent != "" {
					ref.ID = strings.Repeat("prod_", 1+len(d.Above)) + ref.ID
				}
				path := pathTo(t, k, happened, text)
				if path == nil {
					continue
				}
				want[string(k)+"."+happened.Type()] = true
				targets = append(targets, fmt.Sprintf("/v1/%s/acme/%s", d.Plural, ref.ID), fmt.Sprintf("/v1/%s/acme/%s/history", d.Plural, ref.ID))
				got, err := c.Log.Append(t.Context(), eventlog.Decision{
					Envelope: ev.Envelope{Time: time.Now().UTC(), Actor: ev.ActorAdmin, CommandID: ref.ID},
					Changes:  []ev.Change{{Ref: ref, Events: path}}})
				if err != nil {
					t.Fatal(ref, err)
				}
				last = got[len(got)-1].Seq
			}
		}
	}
	if err := c.Views.Await(t.Context(), last); err != nil {
		t.Fatal(err)
	}

	seen := map[string]bool{}
	check := func(where, text string) {
		t.Helper()
		for _, word := range others {
			if at := strings.Index(text, word); at >= 0 {
				t.Errorf("%s tells %q: …%s…", where, word, text[max(0, at-150):min(len(text), at+100)])
				return
			}
		}
	}
	for at := uint64(0); at < last; {
		m, err := live.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatal(err, " at ", at)
		}
		check("NATS, live, "+m.Subject, string(m.Data))
		tokens := strings.Split(m.Subject, ".")
		seen[tokens[3]+"."+tokens[5]] = true
		if _, err := fmt.Sscan(m.Header.Get("Nats-Sequence"), &at); err != nil {
			t.Fatal(err, m.Header)
		}
	}
	for kind := range want {
		if !seen[kind] {
			t.Error("not seen live:", kind)
		}
	}
	for text := range stream {
		check("SSE", text)
		if strings.HasPrefix(text, fmt.Sprintf("id: %d\n", last)) {
			break
		}
	}
	for after := "0"; after != ""; {
		m, err := people.Request("aerie.read.acme.events", []byte(`{"after":`+after+`}`), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		check("NATS, the past", string(m.Data))
		var page struct{ Next string }
		if err := json.Unmarshal(m.Data, &page); err != nil {
			t.Fatal(err, string(m.Data))
		}
		after = page.Next
	}
	for _, target := range targets {
		check("GET "+target, fetch(t, c, token, target))
	}
	if whole := fetch(t, c, c.Token, "/v1/events?limit=1000"); !strings.Contains(whole, "47 tenants before") || !strings.Contains(whole, "role-of-platform") {
		t.Error("the platform's staff does not read the whole event")
	}
}

// readStream are the frames of a stream of events from now on.
func readStream(t *testing.T, c *Control, token string) <-chan string {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.APIURL()+"/v1/events?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	frames := make(chan string, 10_000)
	go func() {
		defer close(frames)
		defer func() { _ = resp.Body.Close() }()
		lines, frame := bufio.NewReader(resp.Body), ""
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if frame += line; line == "\n" {
				frames <- frame
				frame = ""
			}
		}
	}()
	return frames
}

func fetch(t *testing.T, c *Control, token, target string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.APIURL()+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(target, err, resp.StatusCode, string(body))
	}
	return string(body)
}

// pathTo are the events of the shortest life that ends with one, each with a text wherever it has room for one; nil if no life
// leads there from nothing.
func pathTo(t *testing.T, k ev.Kind, last ev.Event, text string) []ev.Event {
	t.Helper()
	m, cluster := fsm.Machines[k], "cluster-of-platform"
	if k == ev.Dataplane {
		cluster = "its own"
	}
	type step struct {
		phase fsm.Phase
		path  []ev.Event
	}
	seen := map[fsm.Phase]bool{fsm.Unborn: true}
	for open := []step{{phase: fsm.Unborn}}; len(open) > 0; open = open[1:] {
		at := open[0]
		if _, may := m.Next(at.phase, last.Type()); may {
			return append(at.path, withText(last, text, cluster))
		}
		for _, e := range m.Vocabulary() {
			_, isAdopted := e.(ev.CreateEvent)
			to, may := m.Next(at.phase, e.Type())
			if !may || seen[to] || to == fsm.Stay || isAdopted && at.phase != fsm.Unborn {
				continue
			}
			seen[to] = true
			open = append(open, step{to, append(append([]ev.Event{}, at.path...), withText(e, text, cluster))})
		}
	}
	return nil
}

// withText is an event that says a text wherever it can, and happens on the platform's dataplane.
func withText(e ev.Event, text, cluster string) ev.Event {
	v := reflect.New(reflect.TypeOf(e)).Elem()
	fill(v, text, cluster)
	return v.Interface().(ev.Event)
}

func fill(v reflect.Value, text, cluster string) {
	switch v.Kind() {
	case reflect.Struct:
		switch of := v.Addr().Interface().(type) {
		case *ev.Target:
			*of = ev.Target{Account: ev.CloudAccount{Cloud: "aws", Number: "555000111222", Role: "arn:aws:iam::555000111222:role/role-of-platform", ExternalID: "external-id-of-platform"},
				Region: "eu-central-1", Owner: "acme/tenant/prod/u", Dataplane: "-/eu"}
			return
		case *ev.TenantSpec:
			*of = ev.TenantSpec{Plan: "-/free", App: "pg"}
			return
		case *ev.ApplicationSpec:
			*of = ev.ApplicationSpec{Manifests: []map[string]any{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "c"}}}}
			return
		case *time.Time:
			*of = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text, cluster)
			}
		}
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*ev.Target]() {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), text, cluster)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text, cluster)
	}
	for name, value := range map[string]string{"UID": "u", "Message": text, "Why": text, "Cluster": cluster, "Namespace": "acme--prod",
		"Dataplane": "-/eu", "TenantInfra": "-/eu_pg", "Plan": "-/free", "Code": "dependency", "Fault": "user"} {
		if v.Kind() == reflect.Struct && v.FieldByName(name).Kind() == reflect.String && v.FieldByName(name).CanSet() {
			v.FieldByName(name).SetString(value)
		}
	}
}
