package dispatch

import (
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/clock"
)

// A server that was down for a day has not used up anybody's time.
func TestTimeOffDoesNotCount(t *testing.T) {
	now := time.Now()
	tried := func(code ev.ReasonCode) *ev.AttemptFailed {
		return &ev.AttemptFailed{Reason: ev.Reason{Code: code}, NextAt: now.Add(time.Hour)}
	}
	rule := fsm.PhaseLimits{Within: time.Hour}
	for _, tt := range []struct {
		name           string
		since, started time.Time
		over           bool
		next           *ev.AttemptFailed
	}{
		{"began just now", now, now.Add(-24 * time.Hour), false, nil},
		{"began two hours ago, watched all the time", now.Add(-2 * time.Hour), now.Add(-24 * time.Hour), true, nil},
		{"began two hours ago, and tries again in an hour", now.Add(-2 * time.Hour), now.Add(-24 * time.Hour), true, tried(ev.InternalReason)},
		{"began two hours ago, and waits for who undoes it", now.Add(-2 * time.Hour), now.Add(-24 * time.Hour), false, tried(ev.Contested)},
		{"began two hours ago, and nobody was there", now.Add(-2 * time.Hour), now, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &Dispatcher{clock: clock.Clock{Speed: 1}, started: tt.started}
			e := fsm.Entity[fsm.Data]{Base: fsm.Base{PhaseSince: tt.since, Attempt: tt.next}}
			if end := d.end(e, rule); end.After(now) == tt.over {
				t.Errorf("it ends at %s, now is %s", end, now)
			}
		})
	}
}
