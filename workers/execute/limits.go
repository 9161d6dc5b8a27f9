package execute

import (
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// The bounds of what workers say of clouds and clusters, in which there may be any number of things with names and
// messages of any length: what they report has to be a message, and an event.
const (
	maxCalls   = 100     // of one piece of work
	maxChanges = 30      // of one call
	maxChange  = 64      // bytes of the name of one
	maxNote    = 200     // bytes of a name or a code
	maxReason  = 4 << 10 // bytes of a reason
	maxDrifts  = 100
	maxDrift   = 1 << 10 // bytes of what one of them says
	maxNames   = 2000
	reportRoom = 512 << 10 // bytes of a report for all but its outcome
)

// lastCalls are the last of many calls, those that led to the outcome. The first of those that only looked are left out
// before any other.
func lastCalls(calls []ev.Call) []ev.Call {
	excess := len(calls) - maxCalls
	calls = slices.DeleteFunc(slices.Clone(calls), func(c ev.Call) bool {
		if excess <= 0 || c.Changing() || c.Code != "ok" {
			return false
		}
		excess--
		return true
	})
	few := slices.Clone(calls[max(0, len(calls)-maxCalls):])
	for i := range few {
		c := &few[i]
		c.API, c.Code, c.RequestID = ev.Cut(c.API, maxNote), ev.Cut(c.Code, maxNote), ev.Cut(c.RequestID, maxNote)
	}
	return few
}

// FirstDrifts are the first of many differences; the last says how many more there are.
func FirstDrifts(all []ev.Drift) []ev.Drift {
	few := slices.Clone(all[:min(len(all), maxDrifts)])
	for i := range few {
		d := &few[i]
		d.What, d.Message = ev.Cut(d.What, maxNote), ev.Cut(d.Message, maxDrift)
	}
	if more := len(all) - len(few); more > 0 {
		last := &few[len(few)-1]
		last.Message = fmt.Sprintf("%s; and %d more", ev.Cut(last.Message, maxNote), more)
	}
	return few
}

// firstNames are the first of many names; the last place says how many more there are.
func firstNames(all []string) []string {
	if len(all) <= maxNames {
		return all
	}
	few := slices.Clone(all[:maxNames-1])
	return append(few, fmt.Sprintf("and %d more", len(all)-len(few)))
}

// unsayable is the failure of work whose outcome no message can carry.
func unsayable(t *Task, outcome ev.Event, size, most int) *ev.AttemptFailed {
	why := ev.Reason{Code: ev.ConfigProblem, Fault: ev.ByUser,
		Message: fmt.Sprintf("it was done, but %s would have %d bytes, and a report at most %d: have fewer objects in it", outcome.Type(), size, most)}
	return &ev.AttemptFailed{Effect: t.Effect, Revision: ev.SeqOf(t.Revision), Reason: why, Calls: t.Calls()}
}
