package execute

import (
	"fmt"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// TestReportsAreBounded whatever clouds and clusters have in them.
func TestReportsAreBounded(t *testing.T) {
	var note ev.NoteDrift
	var kept []string
	name, message, api := strings.Repeat("<", 1000), strings.Repeat("<", 100_000), strings.Repeat("x", 10_000)
	for n := range 10_000 {
		note.Found = append(note.Found, ev.Drift{What: fmt.Sprint("thing ", n, name), How: ev.DriftChanged, Message: message})
		note.Calls = append(note.Calls, ev.Call{API: api, Code: "ok", RequestID: fmt.Sprint(n)})
		kept = append(kept, fmt.Sprint("vol-", n))
	}
	found, calls, names := FirstDrifts(note.Found), lastCalls(note.Calls), firstNames(kept)
	data, err := ev.Encode(ev.Drifted{Found: found, Calls: calls})
	if err != nil || len(data) > reportRoom+reportRoom/4 || !strings.HasSuffix(found[len(found)-1].Message, "and 9900 more") {
		t.Errorf("%d bytes, the last %s: %v", len(data), found[len(found)-1].Message, err)
	}
	if len(calls) != maxCalls || calls[maxCalls-1].RequestID != "9999" || len(note.Calls[0].API) != 10_000 {
		t.Errorf("%d calls, the last %s; or those of others were changed", len(calls), calls[len(calls)-1].RequestID)
	}
	mixed := append([]ev.Call{{API: "EnsureCluster", Code: "ok", Changes: []string{"eks:CreateCluster"}}}, note.Calls[:300]...)
	if calls := lastCalls(mixed); len(calls) != maxCalls || calls[0].API != "EnsureCluster" || calls[maxCalls-1].RequestID != "299" {
		t.Errorf("of many calls those that only looked are left out first, and not %d, of which the first is %s", len(calls), calls[0].API)
	}
	if len(names) != maxNames || names[maxNames-1] != "and 8001 more" || len(firstNames(kept[:3])) != 3 {
		t.Errorf("%d names, the last %s", len(names), names[len(names)-1])
	}
}
