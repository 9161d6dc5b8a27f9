package process

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm/relapse"
	"github.com/aeriehq/aerie/internal/client"
)

const foughtOver = oneDataplane + `
---
kind: dataplane
name: west
spec: {account: main, region: eu-west-1}
`

// A fight is about something in AWS that somebody changes or deletes again after each repair.
type fight struct {
	dataplane, says string
	drifts          int             // how often it was noticed
	pauses          []time.Duration // for which it was left to him
}

// TestFightsOnAWS has somebody undo each repair of node groups, of one dataplane by another bound and of one by deleting them. It is
// told as a fight, and left to him for a while, which gets longer. When he stops, it is repaired by itself, and nothing is the matter.
func TestFightsOnAWS(t *testing.T) {
	if testing.Short() {
		t.Skip("between two looks there are 15 seconds at least")
	}
	t.Parallel()
	a := startAWS(t, "600")
	p := a.server("600")
	p.start()
	file := filepath.Join(t.TempDir(), "two.yaml")
	overwrite(t, file, foughtOver)
	if s := p.cli("apply", "-f", file, "--wait", "--timeout", "3m"); s.code != 0 {
		t.Fatalf("apply: %+v\n%s", s, p.log)
	}
	fights := []*fight{{dataplane: "-/eu", says: "system pool was changed: max is 9"}, {dataplane: "-/west", says: "system pool was deleted"}}
	const hands = `[{"change":"nodegroup","match":"eu-central-1","set":{"scalingConfig":{"maxSize":9}}},{"delete":"nodegroup","match":"eu-west-1"}]`
	for times := 1; times <= relapse.Contested+1; times++ {
		overwrite(t, filepath.Join(a.dir, "by-hand.json"), hands)
		for _, f := range fights {
			f.noticed(p, times)
		}
		for _, f := range fights { // nobody retries it
			p.until("dataplane", f.dataplane, well)
		}
	}
	for _, f := range fights {
		if len(f.pauses) != 2 || f.pauses[1] <= f.pauses[0] {
			t.Errorf("on %s it gave way for %v", f.dataplane, f.pauses)
		}
	}
	if s := p.cli("log", "verify"); s.code != 0 {
		t.Errorf("log verify: %+v", s)
	}
	p.empty()
	if left := a.ledger().Live(time.Now()); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
}

func well(e client.Entity) bool { return e.Phase == "Active" && e.Status.Reason == nil }

// noticed waits until what was undone so often is noticed, and checks what was said of it right then: a pause may be over before
// anybody asks.
func (f *fight) noticed(p *process, times int) {
	p.t.Helper()
	var seen []client.Event
	p.until("dataplane", f.dataplane, func(client.Entity) bool {
		seen = f.drifted(p)
		return len(seen) > f.drifts
	})
	f.drifts = len(seen)
	var e client.Entity
	at := p.cli("get", "dataplane", f.dataplane, "-o", "json", "--at", fmt.Sprint(seen[len(seen)-1].Seq))
	if err := json.Unmarshal([]byte(at.out), &e); err != nil {
		p.t.Fatalf("%+v", at)
	}
	why := e.Status.Reason
	if contested := why != nil && why.Code == events.Contested; contested != (times >= relapse.Contested) {
		p.t.Errorf("%s, which was undone %d times, is %s: %+v", f.dataplane, times, e.Phase, why)
	} else if !contested {
		return
	}
	if !strings.Contains(why.Message, f.says) || !strings.Contains(why.Message, fmt.Sprintf("%d times by now", times)) || !why.Retried || why.NextAt.IsZero() {
		p.t.Errorf("%s, which was undone %d times: %+v", f.dataplane, times, why)
	}
	f.pauses = append(f.pauses, why.NextAt.Sub(why.Since))
}

// drifted are the events by which it was noticed.
func (f *fight) drifted(p *process) (seen []client.Event) {
	p.t.Helper()
	var all struct{ Items []client.Event }
	told := p.cli("history", "dataplane", f.dataplane, "-o", "json")
	if err := json.Unmarshal([]byte(told.out), &all); err != nil {
		p.t.Fatalf("%v: %+v", err, told)
	}
	for _, e := range all.Items {
		if e.Type == (events.Drifted{}).Type() {
			seen = append(seen, e)
		}
	}
	return seen
}
