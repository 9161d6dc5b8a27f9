package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// TestAgesAreAsOfTheMoment reads two days back: what was a minute old then is shown so.
func TestAgesAreAsOfTheMoment(t *testing.T) {
	s := newStandIn(t)
	s.put(client.Entity{Kind: events.Plan, Owner: "-", ID: "free", Phase: "Released", Created: noon.Add(-time.Minute)})
	s.past = noon
	for _, at := range []string{"7", noon.Format(time.RFC3339)} {
		for _, args := range []string{"get plans", "get plan free", "describe plan free"} {
			code, out, errs := s.run("", append(strings.Fields(args), "--at", at)...)
			if code != 0 || !strings.Contains(out, "60s") {
				t.Errorf("%s --at %s: exit %d, %s%s", args, at, code, out, errs)
			}
		}
	}
	if _, out, _ := s.run("", "get", "plans"); strings.Contains(out, "60s") {
		t.Errorf("now: %s", out)
	}
}

// TestDescribeSaysWhatIsUsed describes a dataplane of a cluster that is there already: what nobody chooses of it is not shown.
func TestDescribeSaysWhatIsUsed(t *testing.T) {
	c := startTestControl(t)
	cli(c, t, 0, "kind: account\nname: main\nspec: {cloud: sim, number: \"1\"}\n---\nkind: dataplane\nname: theirs\nspec: {account: main, region: eu-central, cluster: {existing: theirs}}\n"+
		"---\nkind: dataplane\nname: subnets\nspec: {account: main, region: eu-central, network: {subnets: [a, b]}}\n", "apply", "-f", "-")
	for name, unused := range map[string][]string{
		"theirs":  {"version: ", "systemPool", "cloudAddons", "network:", "private", "logging", "secretsKey"},
		"subnets": {"range:", "zones:"},
	} {
		out := cli(c, t, 0, "", "describe", "dataplane", name)
		spec, _, _ := strings.Cut(out[strings.Index(out, "Spec:"):], "Conditions:")
		if !strings.Contains(spec, "account: -/main") || !strings.Contains(spec, name[:3]) && !strings.Contains(spec, "- a") {
			t.Errorf("%s: %s", name, spec)
		}
		for _, field := range unused {
			if strings.Contains(spec, field) {
				t.Errorf("%s shows %s: %s", name, field, spec)
			}
		}
	}
}

// TestOneFaultIsToldOnce describes and explains a dataplane that has failed, and one that waits: each fault is told in one
// line, in words of people, and with what happens next.
func TestOneFaultIsToldOnce(t *testing.T) {
	c := startTestControl(t)
	account := "kind: account\nname: main\nspec: {cloud: sim, number: \"1\"}\n---\n"
	cli(c, t, 1, account+moon, "apply", "-f", "-", "--wait")
	cli(c, t, 0, "kind: dataplane\nname: sun\nspec: {account: main, region: eu-central, bootstrap: [gate]}\n", "apply", "-f", "-")
	cli(c, t, 0, "", "wait", "dataplane", "sun", "--for", "phase=Equipping", "--timeout", "1m")
	for _, verb := range []string{"why", "describe"} {
		out := cli(c, t, 0, "", verb, "dataplane", "moon")
		if n := strings.Count(out, `there is no region "moon"`); n != 1 {
			t.Errorf("%s tells the fault %d times:\n%s", verb, n, out)
		}
		for _, inner := range []string{"await", "ensure_network,", "effect:"} {
			if strings.Contains(out, inner) {
				t.Errorf("%s says %q:\n%s", verb, inner, out)
			}
		}
	}
	if out := cli(c, t, 0, "", "describe", "dataplane", "sun"); strings.Contains(out, "await") || !strings.Contains(out, "To be done:  waits for addon -/sun_gate\n") {
		t.Errorf("one that waits:\n%s", out)
	}
}

// TestARetriedReasonHasItsNextTime describes what is tried again: the time stands there, or what else it goes on with.
func TestARetriedReasonHasItsNextTime(t *testing.T) {
	e := client.Entity{Kind: events.Dataplane, Owner: "-", ID: "eu"}
	for _, c := range []struct {
		reason client.Reason
		owed   map[string]any
		want   string
	}{
		{client.Reason{Reason: events.Reason{Code: events.Unreachable}, Retried: true, NextAt: noon.Add(time.Minute)}, nil, "tried again in 60s, at 2026-01-31T12:01:00Z"},
		{client.Reason{Reason: events.Reason{Code: events.Unreachable}, Retried: true}, nil, "tried again just now"},
		{client.Reason{Reason: events.Reason{Code: events.InProgress}, Retried: true}, nil, "goes on by itself"},
		{client.Reason{Reason: events.Reason{Code: events.Dependency}, Retried: true}, map[string]any{"on": []any{"account -/main"}}, "goes on when that is there"},
		{client.Reason{Reason: events.Reason{Code: events.ConfigProblem}}, nil, "aerie dataplane retry -/eu"},
	} {
		e.Status.Reason, e.Status.Owed = &c.reason, c.owed
		if got := tried(e, noon); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.reason.Code, got, c.want)
		}
	}
}

// TestRepeatedFaultsNameTheFirst lists three attempts that failed alike, and one that did not.
func TestRepeatedFaultsNameTheFirst(t *testing.T) {
	failed := func(seq uint64, message string) client.Event {
		data, err := json.Marshal(events.AttemptFailed{Reason: events.Reason{Code: events.Timeout, Message: message}})
		if err != nil {
			t.Fatal(err)
		}
		return client.Event{Seq: seq, Type: "attempt_failed", Data: data}
	}
	_, rows := eventTable([]client.Event{failed(1, "too late"), failed(2, "too late"), failed(3, "no room")}, false, "not done within 1h; last: no room")
	for i, want := range []string{"timeout: too late", "timeout: as at 1", "timeout: see the reason"} {
		if rows[i][4] != want {
			t.Errorf("row %d: %q, want %q", i, rows[i][4], want)
		}
	}
}
