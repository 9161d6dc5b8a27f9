package state

import (
	"sort"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// remembered is how many commands are remembered: about an hour of 30 a second.
const remembered = 1 << 17

// answers remembers which commands of people caused events, and where in the log:
// the newest ones. What they were answered can be made again from there.
type answers struct {
	seqs  map[string]uint64 // command id -> the first sequence it caused
	order []given           // a ring, oldest at next
	next  int
	gone  given  // the newest that was forgotten
	until uint64 // its sequence, 0 if none was
}

// given is a command that was given.
type given struct {
	id string
	at time.Time
}

func newAnswers() answers { return answers{seqs: map[string]uint64{}} }

// Remembers tells whether it is remembered what a decision's command has caused:
// somebody outside asked for it.
func Remembers(decision []ev.Recorded) bool {
	return len(decision) > 0 && decision[0].Ref.Kind != ev.CommandKind && !decision[0].Internal
}

// remember notes a decision if somebody outside asked for it.
func (a *answers) remember(decision []ev.Recorded) {
	if !Remembers(decision) {
		return
	}
	first := decision[0]
	if _, known := a.seqs[first.CommandID]; !known {
		id := strings.Clone(first.CommandID) // what the log gave it in is much longer
		a.add(given{id, first.Time}, first.Seq)
	}
}

func (a *answers) add(g given, seq uint64) {
	if len(a.order) < remembered {
		a.order = append(a.order, g)
	} else {
		a.gone = a.order[a.next]
		a.until = a.seqs[a.gone.id]
		delete(a.seqs, a.gone.id)
		a.order[a.next] = g
		a.next = (a.next + 1) % remembered
	}
	a.seqs[g.id] = seq
}

// after calls f for the commands whose first event comes after a sequence, the oldest
// first, until f returns false.
func (a *answers) after(seq uint64, f func(id string, seq uint64) bool) {
	n := len(a.order)
	at := func(i int) given { return a.order[(a.next+i)%n] }
	for i := sort.Search(n, func(i int) bool { return a.seqs[at(i).id] > seq }); i < n; i++ {
		if id := at(i).id; !f(id, a.seqs[id]) {
			return
		}
	}
}
