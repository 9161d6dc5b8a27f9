package cli

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// TestTheQueueIsSeenAndCleared by who runs aerie: a command that waits is listed, and dropped, which is an event.
func TestTheQueueIsSeenAndCleared(t *testing.T) {
	c := startTestControl(t)
	cli(c, t, 0, "", "customer", "create", "acme")
	if err := c.StopTaking(); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(c.Handler()) // nobody takes the queue any more
	defer web.Close()
	nc, err := nats.Connect(c.NATSURL(), nats.Token(c.Token))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, to := range []string{"customer.acme.update", "customer.acme.delete"} {
		if _, err := nc.Request("aerie.queue.acme."+to, []byte(`{}`), 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	cli := func(want int, args ...string) string {
		t.Helper()
		code, out, errs := runCLI(t.Context(), "", append(args, "--api-url", web.URL, "--token", c.Token)...)
		if code != want {
			t.Fatalf("%v: exit %d, %s%s", args, code, out, errs)
		}
		return out + errs
	}
	if out := cli(0, "queue", "list"); strings.Count(out, "\n") != 3 || !strings.Contains(out, "customer acme  update") || !strings.Contains(out, "q~") {
		t.Errorf("listed are\n%s", out)
	}
	if out := cli(0, "queue", "list", "-o", "name", "--limit", "1"); out != "1\n" {
		t.Errorf("the first is %q", out)
	}
	if out := cli(0, "queue", "drop", "1"); !strings.Contains(out, "update of customer acme dropped: command q~") {
		t.Errorf("dropped: %s", out)
	}
	if out := cli(0, "queue", "list", "-o", "name"); out != "2\n" {
		t.Errorf("left are %q", out)
	}
	cli(4, "queue", "drop", "1")
	cli(2, "queue", "drop", "first")
	cli(2, "queue", "drop")
	cli(2, "queue", "lost")
	last, err := c.Log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Log.Read(t.Context(), last)
	if e, ok := r.Event.(events.CommandRefused); err != nil || !ok || r.Actor != "admin" || !strings.Contains(e.Reason.Message, "taken off the queue by admin") {
		t.Errorf("the log says %+v: %v", r, err)
	}
}

// TestTwoWhoSetAtOnce: each changes a part of the values that are there, and what all have said is there in the end.
func TestTwoWhoSetAtOnce(t *testing.T) {
	c := startTestControl(t)
	cli(c, t, 0, "{kind: customer, name: acme}\n---\n{kind: plan, name: free, spec: {deployment: resource-shared, apps: [{type: postgres, size: s}]}}\n---\n"+
		"{kind: tenant, name: prod, owner: acme, spec: {plan: free}}\n---\n"+
		"{kind: application, name: prod_web, owner: acme, spec: {chart: {name: web, version: 1.0.0}}}\n", "apply", "-f", "-")
	const people = 8
	var all sync.WaitGroup
	for n := range people {
		all.Go(func() {
			args := []string{"application", "update", "acme/prod/web", "--set", fmt.Sprintf("s%d=%d", n, n), "--values", "-", "--api-url", c.APIURL(), "--nats-url", c.NATSURL(), "--token", c.Token}
			if code, _, errs := runCLI(t.Context(), fmt.Sprintf("f%d: {by: %d}\n", n, n), args...); code != 0 {
				t.Errorf("who sets s%d: exit %d, %s", n, code, errs)
			}
		})
	}
	all.Wait()
	var e client.Entity
	if err := json.Unmarshal([]byte(cli(c, t, 0, "", "get", "application", "acme/prod/web", "-o", "json")), &e); err != nil {
		t.Fatal(err)
	}
	var spec events.ApplicationSpec
	if err := json.Unmarshal(e.Spec, &spec); err != nil {
		t.Fatal(err)
	}
	for n := range people {
		if spec.Values[fmt.Sprint("s", n)] != float64(n) || fmt.Sprint(spec.Values[fmt.Sprint("f", n)]) != fmt.Sprintf("map[by:%d]", n) {
			t.Errorf("of %d there is %v and %v", n, spec.Values[fmt.Sprint("s", n)], spec.Values[fmt.Sprint("f", n)])
		}
	}
}

// TestAPageIsSentAsItIs: its angle brackets are one byte each in a command, so that a page of 190 KB is one.
func TestAPageIsSentAsItIs(t *testing.T) {
	s := newStandIn(t)
	page := strings.Repeat("<>&\u2028", 30_000)
	for n, args := range [][]string{
		{"application", "create", "acme/prod/web", "--body", "-"},
		{"application", "create", "acme/prod/web", "--spec", "{chart: {name: web, version: 1.0.0}}", "--values", "-"},
	} {
		stdin := "{spec: {chart: {name: web, version: 1.0.0}, values: {page: \"" + page + "\"}}}"
		if n == 1 {
			stdin = "page: \"" + page + "\""
		}
		if code, _, errs := s.run(stdin, args...); code != 0 {
			t.Fatalf("%v: %.300s", args, errs)
		}
		if heard := s.messages()[n].Data; !strings.Contains(string(heard), page) {
			t.Errorf("%v: sent are %d bytes, not the page", args, len(heard))
		}
	}
}

// TestPeopleWhoMissTheQueue are told so, by a server that lets them publish beside it.
func TestPeopleWhoMissTheQueue(t *testing.T) {
	c := startTestControl(t)
	nc, err := nats.Connect(c.NATSURL(), nats.Token(c.Token))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	refused, err := nc.SubscribeSync("aerie.evt.acme.command.*.refused")
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"acme.customer.create", "acme.customer.acme.create.now"} {
		answer, err := nc.Request("aerie.queue."+to, []byte(`{}`), 5*time.Second)
		if err != nil || !strings.Contains(string(answer.Data), "want aerie.queue.<owner>.<kind>.<id>.<verb>") {
			t.Errorf("%s: answered %v, %v", to, answer, err)
		}
		if m, err := refused.NextMsg(5 * time.Second); err != nil || !strings.Contains(string(m.Data), `"invalid"`) {
			t.Errorf("%s: the event is %v, %v", to, m, err)
		}
	}
}
