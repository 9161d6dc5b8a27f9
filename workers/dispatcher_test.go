package workers

import (
	"testing"
	"time"

	"github.com/aeriehq/aerie/fsm"
)

// A server that was down for a day has not used up anybody's time.
func TestTimeOffDoesNotCount(t *testing.T) {
	now := time.Now()
	rule := fsm.Rule{Within: time.Hour}
	for _, tt := range []struct {
		name           string
		since, started time.Time
		over           bool
	}{
		{"began just now", now, now.Add(-24 * time.Hour), false},
		{"began two hours ago, watched all the time", now.Add(-2 * time.Hour), now.Add(-24 * time.Hour), true},
		{"began two hours ago, and nobody was there", now.Add(-2 * time.Hour), now, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &Dispatcher{clock: Clock{Speed: 1}, started: tt.started}
			e := fsm.Entity[fsm.Data]{Base: fsm.Base{Since: tt.since}}
			if end := d.end(e, rule); end.After(now) == tt.over {
				t.Errorf("it ends at %s, now is %s", end, now)
			}
		})
	}
}

func TestClock(t *testing.T) {
	for _, tt := range []struct {
		speed      float64
		cloud, own time.Duration
	}{
		{1, time.Minute, time.Minute},
		{60, time.Minute, time.Second},
		{60, 0, 0},
		{1e6, time.Minute, shortest},
		{0, time.Hour, shortest},
	} {
		if got := (Clock{Speed: tt.speed}).Real(tt.cloud); got != tt.own {
			t.Errorf("at speed %v %s of the cloud are %s here, want %s", tt.speed, tt.cloud, got, tt.own)
		}
	}
	for n := range 100 {
		if pause := (Clock{Speed: 1}).Backoff(n); pause < firstPause/2 || pause > lastPause+firstPause {
			t.Errorf("after %d attempts: %s", n, pause)
		}
	}
}
