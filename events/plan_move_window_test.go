package events_test

import (
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

func TestWindows(t *testing.T) {
	for _, c := range []struct {
		w        ev.MoveWindow
		at, from string
	}{
		{ev.MoveWindow{From: "22:00", To: "04:00"}, "2026-03-01T21:59:00Z", "2026-03-01T22:00:00Z"},
		{ev.MoveWindow{From: "22:00", To: "04:00"}, "2026-03-01T23:00:00Z", "2026-03-01T23:00:00Z"},
		{ev.MoveWindow{From: "22:00", To: "04:00"}, "2026-03-02T03:59:59Z", "2026-03-02T03:59:59Z"},
		{ev.MoveWindow{From: "22:00", To: "04:00"}, "2026-03-02T04:00:00Z", "2026-03-02T22:00:00Z"},
		{ev.MoveWindow{Days: []string{"sat"}, From: "22:00", To: "04:00"}, "2026-03-01T03:00:00Z", "2026-03-01T03:00:00Z"}, // a Sunday
		{ev.MoveWindow{Days: []string{"sat"}, From: "22:00", To: "04:00"}, "2026-03-01T04:00:00Z", "2026-03-07T22:00:00Z"},
		{ev.MoveWindow{Days: []string{"sun"}, From: "02:00", To: "03:00", Zone: "Europe/Berlin"}, "2026-03-22T05:00:00Z", "2026-04-05T00:00:00Z"},
		{ev.MoveWindow{From: "00:00", To: "00:00", Zone: "America/New_York"}, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"},
	} {
		at, _ := time.Parse(time.RFC3339, c.at)
		from, to := c.w.Next(at)
		if got := from.UTC().Format(time.RFC3339); got != c.from || !to.After(from) {
			t.Errorf("%s at %s: %s to %s, want %s", c.w, c.at, got, to, c.from)
		}
	}
}

func TestPlansOfMovesAreChecked(t *testing.T) {
	for want, m := range map[string]ev.PlanMove{
		"spec.move.window.zone":   {Window: &ev.MoveWindow{From: "22:00", To: "04:00", Zone: "Mars/Base"}},
		"spec.move.confirmWithin": {ConfirmWithin: "1h"},
	} {
		if faults := (ev.PlanSpec{Move: &m}).Check(); len(faults) == 0 || faults[0].Field != want {
			t.Errorf("%+v: %v, want %s", m, faults, want)
		}
	}
}
