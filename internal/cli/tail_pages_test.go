package cli

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// TestACustomersPeopleTail: they see their customer's events alone, those of before and those that come, by the same filters as the
// staff, and never another's.
func TestACustomersPeopleTail(t *testing.T) {
	m := newMatrix(t)
	as := func(role events.Role, want int, args ...string) string {
		t.Helper()
		code, out, errs := runCLI(t.Context(), "", append(args, "--token", m.tokens[role])...)
		if code != want {
			t.Fatalf("%s: %v: exit %d, %s%s", role, args, code, out, errs)
		}
		return out + errs
	}
	label := func(tenant, value string) { // and wait until reads know of it
		t.Helper()
		ref, _ := events.ParseRef(events.Tenant, tenant)
		admin := m.client(events.RoleAdmin)
		a, err := admin.Send(t.Context(), client.Command{Ref: ref, Verb: events.VerbUpdate, Body: []byte(`{"labels":{"n":"` + value + `"}}`)})
		if err == nil {
			_, err = admin.Entity(t.Context(), ref, a.Seq)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	label("birch/prod", "theirs")
	label("acme/prod", "before")
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"--kind", "tenant", "--type", "requested"}, "tenant acme/prod requested"},
		{[]string{"--id", "prod", "--type", "labels_changed", "--owner", "acme"}, "tenant acme/prod labels_changed"},
		{[]string{"--type", "labels_changed", "--since", "1h"}, "tenant acme/prod labels_changed"},
		{[]string{"--kind", "customer"}, "customer acme created"},
		{[]string{"--kind", "customer", "--until", "1h"}, ""},
		{[]string{"--kind", "plan"}, ""},
	} {
		out := as(events.RoleCustomerViewer, 0, append([]string{"tail", "--once", "-o", "name"}, row.args...)...)
		if got := strings.TrimSpace(out); got != row.want {
			t.Errorf("%v: %q, want %q", row.args, got, row.want)
		}
	}
	if out := as(events.RoleCustomerViewer, 3, "tail", "--owner", "birch"); !strings.Contains(out, "denied") {
		t.Error(out)
	}
	if out := as(events.RoleCustomerViewer, 2, "tail", "--until", "99999"); !strings.Contains(out, "the log ends with") {
		t.Error(out)
	}

	if out := as(events.RoleViewer, 0, "tail", "--once", "--type", "labels_changed", "-o", "name"); !strings.Contains(out, "birch/prod") || !strings.Contains(out, "acme/prod") {
		t.Errorf("a viewer sees %s", out)
	}

	live := startTail(t, "tail", "--after", "0", "--type", "labels_changed", "-o", "json", "--token", m.tokens[events.RoleCustomerViewer])
	live.expect(`"before"`)
	label("birch/prod", "theirs-again")
	label("acme/prod", "live")
	live.expect(`"live"`)
	watch := startTail(t, "get", "tenants", "-w", "-o", "json", "--token", m.tokens[events.RoleCustomerAdmin])
	watch.expect(`"live"`)
	label("acme/prod", "watched")
	watch.expect(`"watched"`)
	live.expect(`"watched"`)
}

// tailing is a command that goes on.
type tailing struct {
	*testing.T
	lines *bufio.Scanner
}

func startTail(t *testing.T, args ...string) *tailing {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := Run(ctx, args, strings.NewReader(""), w, io.Discard)
		_ = w.Close()
		ended <- code
	}()
	t.Cleanup(func() {
		stop()
		_ = r.Close()
		<-ended
	})
	return &tailing{t, bufio.NewScanner(r)}
}

// expect reads lines until one has a text. None may be of another customer.
func (w *tailing) expect(part string) {
	w.Helper()
	for w.lines.Scan() {
		if line := w.lines.Text(); strings.Contains(line, "birch") || strings.Contains(line, "theirs") {
			w.Fatalf("another's is told: %s", line)
		} else if strings.Contains(line, part) {
			return
		}
	}
	w.Fatalf("it ended without %s: %v", part, w.lines.Err())
}
