package emulator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/script"
)

// Fault is something that goes wrong. With a code alone it is a call that is refused before it does anything. It counts
// the calls that it matches; counts begin anew with each process and each change of faults.json.
type Fault struct {
	Op         string   `json:"op"`    // such as CreateCluster, or ec2:* for each of a service; empty: each
	Match      string   `json:"match"` // part of the name, account, region or caller; empty: each
	Nth        int      `json:"nth"`   // the first that is hit; 0 is 1
	Times      int      `json:"times"` // how many are hit; 0 is 1, below 0 all from then on
	Code       string   `json:"code"`
	Message    string   `json:"message"`
	Status     int      `json:"status"` // 0: what goes with the code
	RetryAfter Duration `json:"retry_after"`

	// At most one of these kinds.
	Throttle bool     `json:"throttle"` // refused as the service does it under load
	Cut      bool     `json:"cut"`      // the connection is cut before anything is done
	Lost     bool     `json:"lost"`     // the call has its effect, and the connection is cut instead of an answer
	Issue    bool     `json:"issue"`    // a creation or an update is accepted, then it fails with this code and message
	Stuck    bool     `json:"stuck"`    // a creation or an update is accepted and never ends
	Stale    Duration `json:"stale"`    // who looks sees for so long nothing of what the call did
}

// Duration is one that is written as "30s".
type Duration struct{ time.Duration }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Phase is when in a call a fault can strike.
type Phase int

// The phases of a call.
const (
	Calling   Phase = iota // before anything is done
	Changing               // when it is about to change something
	Creating               // when something is accepted that takes its time
	Answering              // when all is done
)

// Phase implements script.Fault.
func (f Fault) Phase() Phase {
	switch {
	case f.Lost:
		return Answering
	case f.Issue, f.Stuck:
		return Creating
	case f.Stale.Duration > 0:
		return Changing
	}
	return Calling
}

func (f Fault) validate(ops []string) error {
	kinds := 0
	for _, set := range []bool{f.Throttle, f.Cut, f.Lost, f.Issue, f.Stuck, f.Stale.Duration > 0} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return fmt.Errorf("fault on %q: only one of throttle, cut, lost, issue, stuck and stale", f.Op)
	case (kinds == 0 || f.Issue) && f.Code == "":
		return fmt.Errorf("fault on %q: a code is needed", f.Op)
	case !slices.ContainsFunc(ops, f.on):
		return fmt.Errorf("there is no op %q; there are %s", f.Op, strings.Join(ops, ", "))
	}
	return nil
}

// on says whether the fault is on an operation, written with its service before a colon.
func (f Fault) on(op string) bool {
	service, name, _ := strings.Cut(op, ":")
	return f.Op == "" || f.Op == op || f.Op == name || f.Op == service+":*"
}

// Matches implements script.Fault.
func (f Fault) Matches(r Record) bool {
	if !f.on(r.Service + ":" + r.Op) {
		return false
	}
	for _, s := range []string{r.Name, r.Account, r.Region, r.Caller} {
		if strings.Contains(s, f.Match) {
			return true
		}
	}
	return false
}

// Span implements script.Fault.
func (f Fault) Span() (nth, times int) { return f.Nth, f.Times }

// faults are what goes wrong in a world.
type faults = script.Faults[Phase, Record, Fault]

// parseFaults reads a JSON array of faults; of a file that is gone there are none.
func parseFaults(data []byte, ops []string) (given []Fault, err error) {
	if data == nil {
		return nil, nil
	}
	if err := script.Strict(data, &given); err != nil {
		return nil, err
	}
	for _, one := range given {
		if err := one.validate(ops); err != nil {
			return nil, err
		}
	}
	return given, nil
}
