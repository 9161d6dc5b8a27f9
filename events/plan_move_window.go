package events

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // every program knows the same zones
)

// MoveWindow is when tenants may be closed on their way to another cluster.
type MoveWindow struct {
	Days []string `json:"days,omitempty" maxItems:"7" pattern:"^(mon|tue|wed|thu|fri|sat|sun)$" doc:"the days on which it begins, such as sat; left out: every day"`
	From string   `json:"from" required:"true" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"when it begins, such as 22:00"`
	To   string   `json:"to" required:"true" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"when it ends, such as 04:00; not later than from: on the next day"`
	Zone string   `json:"zone,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9_+/-]+$" doc:"the time zone of both, such as Europe/Berlin; left out: UTC"`
}

// zones are the time zones that were asked for, each read once: name -> *time.Location.
var zones sync.Map

// zone is where the window's times are read; nil if there is no such zone.
func (w MoveWindow) zone() *time.Location {
	name := cmp.Or(w.Zone, "UTC")
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location)
	}
	z, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil
	}
	zones.Store(name, z)
	return z
}

func (w *MoveWindow) check(at string) []FieldError {
	if w == nil || w.zone() != nil {
		return nil
	}
	return []FieldError{{at + ".zone", fmt.Sprintf("%q is no time zone such as Europe/Berlin", Truncate(w.Zone))}}
}

// Next is when the window is open next at or after a time, and until when. Of a zone that is not known any more it is open now.
func (w MoveWindow) Next(at time.Time) (from, to time.Time) {
	zone := w.zone()
	if zone == nil {
		return at, at
	}
	local := at.In(zone)
	for day := -1; day <= 14; day++ {
		from, to = w.clock(local, day, w.From), w.clock(local, day, w.To)
		if w.To <= w.From {
			to = w.clock(local, day+1, w.To)
		}
		if w.begins(local.AddDate(0, 0, day).Weekday()) && at.Before(to) && from.Before(to) { // in spring an hour is not there
			return later(from, at), to
		}
	}
	return at, at // no week has no such day
}

// begins tells whether the window begins on a day of the week.
func (w MoveWindow) begins(d time.Weekday) bool {
	return len(w.Days) == 0 || slices.Contains(w.Days, strings.ToLower(d.String()[:3]))
}

// clock is a time of day, some days after a time.
func (w MoveWindow) clock(local time.Time, days int, hhmm string) time.Time {
	t, _ := time.Parse("15:04", hhmm) // its pattern is checked
	y, m, d := local.Date()
	return time.Date(y, m, d+days, t.Hour(), t.Minute(), 0, 0, local.Location())
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// String says for people when it is.
func (w MoveWindow) String() string {
	days := "every day"
	if len(w.Days) > 0 {
		days = strings.Join(w.Days, ", ")
	}
	return fmt.Sprintf("%s from %s to %s (%s)", days, w.From, w.To, cmp.Or(w.Zone, "UTC"))
}
