package dispatch

import (
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/clock"
)

// What an agent is to do has its time while that is there, and none of it while it is away or too old for it.
func TestNoTimeRunsWithoutItsAgent(t *testing.T) {
	place, rule := queue.Partition{Owner: "acme", Dataplane: "edge"}, fsm.PhaseLimits{Within: time.Hour}
	there := true
	d := &Dispatcher{clock: clock.Clock{Speed: 1}, held: map[ev.Ref]time.Time{}, isThere: func(queue.Partition) bool { return there }}
	e := fsm.Entity[fsm.Data]{Base: fsm.Base{Ref: ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}, PhaseSince: time.Now().Add(-2 * time.Hour)}}
	by := fsm.ByAgent
	end := func() time.Time { return d.heldEnd(look{e: e, duty: fsm.Duty{By: by}}, place, d.end(e, rule), rule) }
	if at := end(); !at.Before(time.Now()) {
		t.Errorf("it was there for two hours, and the phase ends at %s", at)
	}
	for _, why := range []ev.ReasonCode{ev.AgentTooOld, ev.Approval, ""} {
		if there = why != ""; there {
			e.Attempt = &ev.AttemptFailed{Reason: ev.Reason{Code: why}}
		}
		if at := end(); !at.IsZero() {
			t.Errorf("%q, there %v: the phase ends at %s", why, there, at)
		}
	}
	by, there, e.Attempt = fsm.ByNobody, true, nil
	if at := end(); !at.IsZero() {
		t.Errorf("it is handed over, and the phase ends at %s", at)
	}
	by = fsm.ByServer
	first := end()
	if left := time.Until(first); left < 59*time.Minute {
		t.Errorf("it is back, and has %s left", left)
	}
	if again := end(); !again.Equal(first) {
		t.Errorf("another look moves the end from %s to %s", first, again)
	}
	if e.PhaseSince = time.Now(); !end().Equal(d.end(e, rule)) || len(d.held) != 0 {
		t.Errorf("another phase ends at %s, not %s; %v", end(), d.end(e, rule), d.held)
	}
}
