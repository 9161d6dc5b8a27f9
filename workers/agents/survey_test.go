package agents

import (
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// TestWhatAnAgentSaysOfUseIsBounded: it stands in the log from then on, whoever the agent is.
func TestWhatAnAgentSaysOfUseIsBounded(t *testing.T) {
	long := strings.Repeat("Secret é", 1000)
	many := make([]string, 5000)
	for i := range many {
		many[i] = long
	}
	said := ev.Surveyed{ID: "a", Use: &ev.TenantUse{CPU: 1, Foreign: many, Blocked: []string{long}}}
	got := bounded(said)
	if len(got.Use.Foreign) != mostNamed+1 || len(got.Use.Foreign[0]) > 1000 || len(got.Use.Blocked[0]) > 1000 || got.Use.CPU != 1 {
		t.Errorf("%d are named, the first with %d bytes", len(got.Use.Foreign), len(got.Use.Foreign[0]))
	}
	if len(said.Use.Foreign[0]) != len(long) {
		t.Error("what the agent said was changed under somebody else")
	}
	if got := bounded(ev.Surveyed{Use: &ev.TenantUse{Memory: -1}}); got.Use != nil || got.Error == "" {
		t.Errorf("less than nothing is used: %+v", got)
	}
}
