package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/script"
)

// Fault is something that goes wrong. Without any of the kinds below it is a call that is refused before it does
// anything. It counts the calls (creations, lookups, observations) that it matches; counts begin anew with each process.
type Fault struct {
	Op         string        `json:"op"`    // the call, such as EnsurePool, or Apply on a cluster's API; empty: each
	Match      string        `json:"match"` // part of the resource's, cluster's, account's or region's name; empty: each
	Nth        int           `json:"nth"`   // the first that is hit; 0 is 1
	Times      int           `json:"times"` // how many are hit; 0 is 1, below 0 all from then on
	Class      cloud.Class   `json:"class"` // empty: retryable for a call, terminal for an issue
	Code       string        `json:"code"`
	Message    string        `json:"message"`
	RetryAfter time.Duration `json:"-"` // retry_after in faults.json, such as "30s"

	// At most one of these kinds.
	After    bool `json:"after"`    // the call has its effect, and the answer is lost
	Issue    bool `json:"issue"`    // a creation is accepted, then the resource ends failed with this issue
	Stuck    bool `json:"stuck"`    // a creation is accepted and never ends
	Degraded bool `json:"degraded"` // a ready resource is shown degraded with this issue
	Blind    bool `json:"blind"`    // an Ensure's lookup sees nothing: a network is made twice, what has a name of its own is asked for again
}

// phase is when in a call a fault can strike.
type phase int

const (
	calling phase = iota
	answering
	creating
	observing
	looking
)

// Phase implements script.Fault.
func (f Fault) Phase() phase {
	switch {
	case f.After:
		return answering
	case f.Issue, f.Stuck:
		return creating
	case f.Degraded:
		return observing
	case f.Blind:
		return looking
	}
	return calling
}

func (f Fault) validate() error {
	kinds := 0
	for _, set := range []bool{f.After, f.Issue, f.Stuck, f.Degraded, f.Blind} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return fmt.Errorf("fault on %q: only one of after, issue, stuck, degraded and blind", f.Op)
	case f.Class != "" && !slices.Contains(cloud.Classes(), f.Class):
		return fmt.Errorf("fault on %q: there is no class %q; there are %v", f.Op, f.Class, cloud.Classes())
	case f.Op != "" && !slices.Contains(ops, f.Op):
		return fmt.Errorf("there is no op %q; there are %s", f.Op, strings.Join(ops, ", "))
	}
	return nil
}

// ops are all calls that a fault can name.
var ops = []string{
	"Check", "Catalogue", "ListOwned", "Access", "Kube",
	"EnsureNetwork", "ObserveNetwork", "DeleteNetwork",
	"EnsureCluster", "ObserveCluster", "DeleteCluster",
	"EnsurePool", "ObservePool", "DeletePool",
	"EnsureAddon", "ObserveAddon", "DeleteAddon",
	"MarkVolumes", "KeptVolumes",
	"Apply", "Get", "List", "Delete",
}

// Matches implements script.Fault.
func (f Fault) Matches(c Call) bool {
	if f.Op != "" && f.Op != c.Op {
		return false
	}
	for _, s := range []string{c.Name, c.Cluster, c.Account, c.Region} {
		if strings.Contains(s, f.Match) {
			return true
		}
	}
	return false
}

func (f Fault) err(op string) error {
	return &cloud.Error{
		Class: f.class(cloud.Retryable), Op: op, Code: f.code(), Message: f.Message, RetryAfter: f.RetryAfter,
	}
}

func (f Fault) issue() cloud.Issue {
	return cloud.Issue{Class: f.class(cloud.Terminal), Code: f.code(), Message: f.Message}
}

func (f Fault) class(otherwise cloud.Class) cloud.Class {
	if f.Class == "" {
		return otherwise
	}
	return f.Class
}

func (f Fault) code() string {
	if f.Code == "" {
		return "Injected"
	}
	return f.Code
}

// Span implements script.Fault.
func (f Fault) Span() (nth, times int) { return f.Nth, f.Times }

// faults are what goes wrong in a cloud.
type faults = script.Faults[phase, Call, Fault]

// readFaults takes the faults of faults.json.
func (s *Sim) readFaults(data []byte) error {
	given, err := parseFaults(data)
	if err == nil {
		s.faults.Write(given)
	}
	return err
}

// parseFaults reads a JSON array of faults; of a file that is gone there are none.
func parseFaults(data []byte) ([]Fault, error) {
	if data == nil {
		return nil, nil
	}
	var written []struct {
		Fault
		RetryAfter string `json:"retry_after"`
	}
	if err := script.Strict(data, &written); err != nil {
		return nil, err
	}
	var given []Fault
	for _, w := range written {
		if w.RetryAfter != "" {
			wait, err := time.ParseDuration(w.RetryAfter)
			if err != nil {
				return nil, fmt.Errorf("retry_after: %w", err)
			}
			w.Fault.RetryAfter = wait
		}
		if err := w.validate(); err != nil {
			return nil, err
		}
		given = append(given, w.Fault)
	}
	return given, nil
}
