package agents

import (
	"slices"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
)

// leaseFor is how long a lease is good without being kept, in real time: an agent says once a minute that it is there.
const leaseFor = fsm.AgentAlone

// leases has which instance of each agent works. Others of the same identity stand by. Its methods may be called from any
// goroutine. It is in memory alone: after a restart nobody has a lease until an agent says again that it is there.
type leases struct {
	mu   *sync.Mutex
	held map[ev.Ref]lease
}

type lease struct {
	instance, session string
	conn              uint64 // of the server
	since, seen       time.Time
	places            []string
}

func newLeases() leases { return leases{&sync.Mutex{}, map[ev.Ref]lease{}} }

// alive tells whether somebody has the lease of an agent.
func (l leases) alive(agent ev.Ref, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, held := l.held[agent]
	return held && now.Sub(h.seen) < leaseFor
}

// at notes where the holder of a lease works.
func (l leases) at(agent ev.Ref, places []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h, held := l.held[agent]; held {
		h.places = places
		l.held[agent] = h
	}
}

// holder is the instance that has the lease of an agent; empty if none has.
func (l leases) holder(agent ev.Ref) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[agent].instance
}

// covers tells whether an agent that works at a place has a lease. There are few agents of one customer.
func (l leases) covers(place queue.Partition, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ref, h := range l.held {
		if ref.Owner == place.Owner && now.Sub(h.seen) < leaseFor && slices.Contains(h.places, place.Dataplane) {
			return true
		}
	}
	return false
}

// take takes or keeps the lease for an instance. If another one has it, whose connection is there, that is returned, and
// since when.
func (l leases) take(agent ev.Ref, instance string, who Caller, isThere func(conn uint64) bool, now time.Time) (
	heldBy string, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, held := l.held[agent]
	if held && h.instance != instance && now.Sub(h.seen) < leaseFor && isThere(h.conn) {
		return h.instance, h.since
	}
	if h.instance != instance {
		h.since = now
	}
	l.held[agent] = lease{instance, who.session(), who.Conn, h.since, now, h.places}
	return "", time.Time{}
}

// holds tells whether a session has the lease of an agent.
func (l leases) holds(agent ev.Ref, session string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, held := l.held[agent]
	return held && h.session == session && now.Sub(h.seen) < leaseFor
}

// end ends the lease of an agent.
func (l leases) end(agent ev.Ref) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, agent)
}

// last is when an agent was heard last; zero if it was not.
func (l leases) last(agent ev.Ref) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[agent].seen
}
