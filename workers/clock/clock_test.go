package clock

import (
	"testing"
	"time"
)

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
		if pause := (Clock{Speed: 1}).Backoff(n); pause < FirstPause/2 || pause > LastPause+FirstPause {
			t.Errorf("after %d attempts: %s", n, pause)
		}
	}
}
