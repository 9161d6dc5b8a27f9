package execute_test

import (
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/execute"
)

// TestTriesComeWhenTheLogSays fails in the same way again and again, which the log tells once: the next try is when it says.
func TestTriesComeWhenTheLogSays(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	away := ev.Reason{Code: ev.Unreachable, Message: "no answer"}
	told := &ev.AttemptFailed{Reason: away, NextAt: now.Add(-45 * time.Second), EveryMS: 20_000}
	fresh := &ev.AttemptFailed{Reason: away, NextAt: now.Add(7 * time.Second)}
	longer := &ev.AttemptFailed{Reason: away, NextAt: now.Add(60 * time.Second), EveryMS: 60_000}
	chance := &ev.AttemptFailed{Reason: away, NextAt: now.Add(60 * time.Second), EveryMS: 60_000}
	other := &ev.AttemptFailed{Reason: ev.Reason{Code: ev.RateLimited}, NextAt: now.Add(7 * time.Second)}
	old := &ev.AttemptFailed{Reason: away, NextAt: now.Add(-time.Second)}
	defer func() {
		if longer.EveryMS != 60_000 || chance.EveryMS != 20_000 {
			t.Errorf("it is told that the pause is %d and %d ms", longer.EveryMS, chance.EveryMS)
		}
	}()
	for _, c := range []struct {
		name   string
		told   *ev.AttemptFailed
		failed *ev.AttemptFailed
		asked  time.Duration
		want   time.Duration
	}{
		{"the first of its kind", nil, fresh, 0, 7 * time.Second},
		{"another than before", told, other, 0, 7 * time.Second},
		{"one of a release that did not say how often", old, fresh, 0, 7 * time.Second},
		{"the same again", told, fresh, 0, 15 * time.Second},
		{"the same, and the cloud asks for less", told, fresh, 10 * time.Second, 15 * time.Second},
		{"the same, and the cloud asks for more", told, fresh, 60 * time.Second, 55 * time.Second},
		{"the same, and the cloud asks for much more, which is told", told, longer, 60 * time.Second, 60 * time.Second},
		{"the same, and the next would be much later by chance", told, chance, 0, 15 * time.Second},
	} {
		if got := execute.Pause(c.told, c.failed, now, c.asked); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if c.told == told && c.failed == fresh && c.asked < 20*time.Second {
			if at := told.NextTry(now); at != now.Add(c.want) {
				t.Errorf("%s: people are told %s", c.name, at)
			}
		}
	}
}
