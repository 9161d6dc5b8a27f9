package fsm

import (
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// How often one thing is made for one entity without having been seen. What may have been made counts as made; of calls
// that got no answer there may be a few more, for most of them made nothing.
const (
	MostUnseen = 3
	MostLost   = 3
)

// Creation is what is made in a cloud for an entity and was not seen yet.
type Creation struct {
	Part    string
	What    string
	Started int
	Made    int  // of these, how many were answered
	Lost    int  // and how many got no answer
	Open    bool // the last one was refused: it is not counted anew
	IDs     []string
}

// May tells whether it may be made once more.
func (c Creation) May() bool {
	return c.Open || c.Started-c.Lost < MostUnseen && c.Started < MostUnseen+MostLost
}

// String says what was made and not seen.
func (c Creation) String() string {
	known := "no answer said which"
	if len(c.IDs) > 0 {
		known = strings.Join(c.IDs, ", ")
		if unknown := c.Started - c.Made; unknown > 0 {
			known += fmt.Sprintf(" and %d that no answer named", unknown)
		}
	}
	return fmt.Sprintf("%s was asked for %d times, and no look shows what was made: %s", c.What, c.Started, known)
}

// Creation is what is known of the making of something.
func (b Base) Creation(what string) Creation {
	if i := b.creationAt(what); i >= 0 {
		return b.Creations[i]
	}
	return Creation{What: what}
}

func (b Base) creationAt(what string) int {
	return slices.IndexFunc(b.Creations, func(c Creation) bool { return c.What == what })
}

// countCreates keeps the count of what was made and not seen. It ends when a look has shown it, when what was made
// for is there, or when a person asks to try again.
func (b Base) countCreates(happened ev.Event) []Creation {
	switch e := happened.(type) {
	case ev.CreateStarted:
		return b.startCreate(e)
	case ev.CreatesEnded:
		return b.endCreates(e)
	case ev.NetworkReady, ev.ClusterReady, ev.SystemPoolReady, ev.CloudAddonsReady, ev.Activated, ev.UpdateDone,
		ev.RetryRequested, ev.CreateEvent, ev.Deleted:
		return nil
	}
	return b.Creations
}

func (b Base) startCreate(e ev.CreateStarted) []Creation {
	all := slices.Clone(b.Creations)
	i := b.creationAt(e.What)
	if i < 0 {
		return append(all, Creation{Part: e.Part, What: e.What, Started: 1})
	}
	all[i].Started++
	return all
}

func (b Base) endCreates(e ev.CreatesEnded) (all []Creation) {
	for _, c := range b.Creations {
		for _, end := range e.Ends {
			if end.What == c.What {
				c = c.end(end)
			}
		}
		if !slices.Contains(e.Seen, c.Part) {
			all = append(all, c)
		}
	}
	return all
}

func (c Creation) end(e ev.CreateEnd) Creation {
	c.Open = e.Refused
	switch {
	case e.Lost:
		c.Lost++
	case !e.Refused:
		c.Made++
	}
	if e.ID != "" && !slices.Contains(c.IDs, e.ID) {
		c.IDs = append(slices.Clone(c.IDs), e.ID)
	}
	return c
}

// creating decides the report of a create: whether one more may be started, and whether it is news that one was refused.
func creating(b Base, outcome ev.Event) (happened []ev.Event, err error) {
	switch e := outcome.(type) {
	case ev.CreateStarted:
		if c := b.Creation(e.What); !c.May() {
			return nil, ev.Refuse(ev.Refused, "%s: %s", b.Ref, c)
		} else if c.Open {
			return nil, nil
		}
	case ev.CreatesEnded:
		e.Ends = slices.DeleteFunc(slices.Clone(e.Ends), func(end ev.CreateEnd) bool { return end.Refused && b.Creation(end.What).Open })
		if len(e.Ends) == 0 && len(e.Seen) == 0 {
			return nil, nil
		}
		outcome = e
	}
	return []ev.Event{outcome}, nil
}

// isCreate tells whether an event only counts what is made.
func isCreate(e ev.Event) bool {
	switch e.(type) {
	case ev.CreateStarted, ev.CreatesEnded:
		return true
	}
	return false
}

// Detached lists the customers that a dataplane has left, or let go.
func Detached(before, after Entity[Data]) (customers []ev.Ref) {
	was, _ := before.Data.(DataplaneData)
	is, _ := after.Data.(DataplaneData)
	for _, c := range was.Customers {
		if !slices.Contains(is.Customers, c) || Ended(after) {
			customers = append(customers, ev.Ref{Kind: ev.Customer, Owner: c, ID: c})
		}
	}
	return customers
}
