package process

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/internal/client"
)

// TestThePastOnTheCommandLine reads with each verb that reads, now and then, and again
// after a kill and after a clean stop.
func TestThePastOnTheCommandLine(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "0")
	p.start()
	for _, tier := range []string{"gold", "silver"} {
		for _, id := range []string{"acorn", "birch"} {
			verb := map[string]string{"gold": "create", "silver": "update"}[tier]
			if s := p.cli("customer", verb, id, "--label", "tier="+tier); s.code != 0 {
				t.Fatalf("%+v", s)
			}
		}
	}
	check := func() {
		t.Helper()
		for command, want := range map[string]string{
			"get customers -o name":                     "acorn birch",
			"get customers -o name --sort -created":     "birch acorn",
			"get customers -o name --at 1":              "acorn",
			"get customers -o name --at 0":              "",
			"get customers -o name --at 24h":            "",
			"get customers -o name -l tier=gold":        "",
			"get customers -o name --at 3 -l tier=gold": "birch",
			"history customer acorn -o name":            "created labels_changed",
			"history customer acorn -o name --at 2":     "created",
		} {
			if s := p.cli(strings.Fields(command)...); s.code != 0 || strings.Join(strings.Fields(s.out), " ") != want {
				t.Errorf("%s: %+v, want %q", command, s, want)
			}
		}
		for at, tier := range map[int]string{1: "gold", 2: "gold", 3: "silver"} {
			for _, verb := range []string{"get", "describe"} {
				s := p.cli(verb, "customer", "acorn", "-o", "json", "--at", fmt.Sprint(at))
				var e client.Entity
				if err := json.Unmarshal([]byte(s.out), &e); err != nil || e.Labels["tier"] != tier {
					t.Errorf("%s at %d: %+v %v", verb, at, s, err)
				}
			}
		}
		if s := p.cli("describe", "customer", "acorn", "--at", "1"); s.code != 0 || !strings.Contains(s.out, "(0s ago)") && !strings.Contains(s.out, "tier=gold") {
			t.Errorf("described: %+v", s)
		}
		if s := p.cli("why", "customer", "acorn", "--at", "2"); s.code != 0 || strings.Contains(s.out, "labels_changed") {
			t.Errorf("why: %+v", s)
		}
	}
	check()
	for command, want := range map[string]string{
		"get customers --at 99":                   "in the future",
		"get customers --at 2100-01-01T00:00:00Z": "in the future",
		"get customers --at tomorrow":             "--at",
		"get customers --sort age":                "is not an order",
		"get customer birch --at 1":               "there was no customer birch at sequence 1",
		"history customer birch --at 1":           "there was no customer birch at sequence 1",
	} {
		if s := p.cli(strings.Fields(command)...); s.code == 0 || !strings.Contains(s.err, want) {
			t.Errorf("%s: %+v, want %q", command, s, want)
		}
	}
	p.kill()
	p.start()
	check()
	if _, code := p.interrupt(); code != 0 {
		t.Errorf("the end: %d", code)
	}
	p.start()
	check()
}
