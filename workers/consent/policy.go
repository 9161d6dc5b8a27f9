package consent

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // an agent's image has no zones of its own

	"sigs.k8s.io/yaml"

	ev "github.com/aeriehq/aerie/events"
)

// Policy is what a customer lets an agent do without asking. The zero value lets it do everything, but for the calls: these
// leave only if a policy lets them, or there is none.
type Policy struct {
	Approve  []Class  `json:"approve"`  // the classes of change that people are asked about
	Freeze   []Freeze `json:"freeze"`   // when nothing is changed
	Zone     string   `json:"zone"`     // of the times of day in it, such as Europe/Berlin; UTC if it is left out
	Activity bool     `json:"activity"` // whether the calls that were made are told

	// Mirror has, for a chart repository's URL, the one that its charts and those of the repositories below it are fetched from instead.
	Mirror map[string]string `json:"mirror"`

	zone *time.Location
}

// Freeze is a time in which nothing is changed: from one moment until another, or every week at some times of day.
type Freeze struct {
	From    string   `json:"from"`  // RFC 3339, or with days a time of day such as 18:00; 00:00 if it is left out
	Until   string   `json:"until"` // the same; 24:00 if it is left out
	Days    []string `json:"days"`  // mon to sun, on which it begins
	Because string   `json:"because"`
}

// NoPolicy is that of an agent without a file.
func NoPolicy() Policy { return Policy{Activity: true, zone: time.UTC} }

// LoadPolicy reads a policy, or says all that is wrong with it.
func LoadPolicy(file string) (Policy, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Policy{}, fmt.Errorf("read the policy: %w", err)
	}
	p, err := ReadPolicy(data)
	if err != nil {
		return Policy{}, fmt.Errorf("read the policy in %s: %w", file, err)
	}
	return p, nil
}

// ReadPolicy reads a policy from YAML.
func ReadPolicy(data []byte) (p Policy, err error) {
	if err := yaml.UnmarshalStrict(data, &p); err != nil {
		return p, err
	}
	var faults []ev.FieldError
	for i, class := range p.Approve {
		if !slices.Contains(Classes, class) {
			why := fmt.Sprintf("%q%s", ev.Truncate(string(class)), ev.Suggest(string(class), names(Classes)))
			faults = append(faults, ev.FieldError{Field: fmt.Sprintf("approve[%d]", i), Message: why})
		}
	}
	if p.zone, err = time.LoadLocation(p.Zone); err != nil || p.Zone == "Local" {
		faults = append(faults, ev.FieldError{Field: "zone", Message: fmt.Sprintf("%q is no zone: want one such as Europe/Berlin", ev.Truncate(p.Zone))})
		p.zone = time.UTC
	}
	for i, f := range p.Freeze {
		if why := f.wrong(); why != "" {
			faults = append(faults, ev.FieldError{Field: fmt.Sprintf("freeze[%d]", i), Message: why})
		}
	}
	for i, from := range slices.Sorted(maps.Keys(p.Mirror)) {
		if !isRepository(from) || !isRepository(p.Mirror[from]) { // it is not quoted: a password may be in it
			faults = append(faults, ev.FieldError{Field: fmt.Sprintf("mirror[%d]", i), Message: "want the URLs of two repositories, https:// or oci://, without a login: " +
				"it is counted in the order of the first ones"})
		}
	}
	return p, ev.RefuseFaults("policy", faults)
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// wrong says what is wrong with a freeze; empty: nothing.
func (f Freeze) wrong() string {
	if len(f.Days) == 0 {
		from, err := time.Parse(time.RFC3339, f.From)
		until, no := time.Parse(time.RFC3339, f.Until)
		if err != nil || no != nil || !until.After(from) {
			return "want from and a later until, such as 2026-12-20T00:00:00Z, or days with times of day"
		}
		return ""
	}
	for _, d := range f.Days {
		if !slices.Contains(weekdays, d) {
			return fmt.Sprintf("days: %q%s", ev.Truncate(d), ev.Suggest(d, weekdays))
		}
	}
	from, ok := timeOfDay(f.From, 0)
	until, also := timeOfDay(f.Until, 24*time.Hour)
	if !ok || !also || from == until {
		return "with days, from and until are two times of day such as 18:00"
	}
	return ""
}

// timeOfDay reads a time such as 18:00.
func timeOfDay(s string, other time.Duration) (time.Duration, bool) {
	if s == "" || s == "24:00" {
		return map[bool]time.Duration{true: other, false: 24 * time.Hour}[s == ""], true
	}
	at, err := time.Parse("15:04", s)
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, err == nil
}

// window is when a freeze that now is in, or the last one of it, begins and ends.
func (f Freeze) window(now time.Time, zone *time.Location) (from, until time.Time) {
	if len(f.Days) == 0 {
		from, _ = time.Parse(time.RFC3339, f.From)
		until, _ = time.Parse(time.RFC3339, f.Until)
		return from, until
	}
	begins, _ := timeOfDay(f.From, 0)
	ends, _ := timeOfDay(f.Until, 24*time.Hour)
	if ends <= begins {
		ends += 24 * time.Hour
	}
	local := now.In(zone)
	for back := range 3 { // it may have begun yesterday
		y, m, d := local.AddDate(0, 0, -back).Date()
		if !slices.Contains(f.Days, weekdays[time.Date(y, m, d, 0, 0, 0, 0, zone).Weekday()]) {
			continue
		}
		from = time.Date(y, m, d, int(begins.Hours()), int(begins.Minutes())%60, 0, 0, zone)
		until = time.Date(y, m, d, int(ends.Hours()), int(ends.Minutes())%60, 0, 0, zone)
		if !now.Before(from) && now.Before(until) {
			break
		}
	}
	return from, until
}

// frozen is the freeze that now is in, and when it ends; those that follow on each other are one.
func (p Policy) frozen(now time.Time) (in *Freeze, until time.Time) {
	for at, more := now, true; more; {
		more = false
		for i := range p.Freeze {
			from, end := p.Freeze[i].window(at, p.zone)
			if !at.Before(from) && at.Before(end) && (in == nil || end.Sub(now) < longest) {
				if in == nil {
					in = &p.Freeze[i]
				}
				at, until, more = end, end, true
			}
		}
	}
	return in, until
}

// longest bounds how far freezes that follow are looked for: those that never end are looked at again after that.
const longest = 366 * 24 * time.Hour

func names(classes []Class) (all []string) {
	for _, c := range classes {
		all = append(all, string(c))
	}
	return all
}

// String is what the policy asks for, for people.
func (p Policy) String() string {
	asks := "nothing"
	if len(p.Approve) > 0 {
		asks = strings.Join(names(p.Approve), ", ")
	}
	return fmt.Sprintf("asks about %s; %d freezes; %d mirrors; calls told: %v", asks, len(p.Freeze), len(p.Mirror), p.Activity)
}
