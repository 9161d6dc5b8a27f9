package execute

import (
	"sync"

	ev "github.com/aeriehq/aerie/events"
)

// News tells an agent whether what it was told is still so, without a question: the answer to `seen`, once a minute, says
// which event was the last that may have changed anything at its places, and hints come in between. So who has nothing to do
// asks nothing else, and a hint that is lost costs a minute. One is shared by all places of an agent. Its methods may be called
// from any goroutine. But for Hear they take a nil one, of which everything may have changed.
type News struct {
	mu      sync.Mutex
	changed uint64 // the revision of that event; 0: the control plane does not say, or was not asked yet
	log     uint64 // how far the log was at that answer, as a revision
	at      Moment
	wakes   map[int]func()
	next    int
}

// Moment is what an agent had heard when it asked something.
type Moment struct{ hints, logs int }

// Hear takes the answer to `seen`, and wakes who waits for one.
func (n *News) Hear(l ev.Lease) {
	n.mu.Lock()
	n.changed = l.Changed
	log := ev.Revision(l.Log.Epoch, l.Log.Seq)
	if log < n.log {
		n.at.logs++ // another log: what the last one said is worth nothing
	}
	n.log = log
	var wakes []func()
	for _, wake := range n.wakes {
		wakes = append(wakes, wake)
	}
	n.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

// Hint notes that something may be new at one of the places.
func (n *News) Hint() {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at.hints++
}

// Now is taken before something is asked.
func (n *News) Now() (m Moment) {
	if n == nil {
		return m
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at
}

// Says tells whether the control plane says when something has changed: one of a release before does not.
func (n *News) Says() bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed > 0
}

// Changed tells whether an answer may be out of date that was asked for at a moment, and was given when the log was so far.
// Hints do not count.
func (n *News) Changed(asked Moment, log ev.LogPoint) bool {
	if n == nil {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed == 0 || n.at.logs != asked.logs || ev.Revision(log.Epoch, log.Seq) < n.changed
}

// Hinted tells whether a hint has come since a moment.
func (n *News) Hinted(asked Moment) bool { return n.Now().hints != asked.hints }

// whenHeard has a function called after each answer to `seen`, until it is undone.
func (n *News) whenHeard(wake func()) (undo func()) {
	if n == nil {
		return func() {}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wakes == nil {
		n.wakes = map[int]func(){}
	}
	id := n.next
	n.next++
	n.wakes[id] = wake
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.wakes, id)
	}
}
