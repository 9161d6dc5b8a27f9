package helm

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// How many operations run at once, each a process of 60 MB. One that waits for a hook, or has run for a while, makes room
// for the others, so that charts that hang delay nobody.
const (
	busyAtOnce    = 4
	waitingAtOnce = 32
	perOwner      = 3 // of one customer
	busyFor       = 20 * time.Second
)

// Who finds no room asks again and again. Places go to those who have waited longest, but not to the very first alone:
// until that one asks again a place would stay empty.
const (
	first  = 64
	absent = time.Minute // who has not asked for so long no longer waits
	recent = time.Hour   // how long it is known whose turn it was
)

// slots lets operations in. What it knows is for the order alone: after a restart all line up anew.
type slots struct {
	mu     sync.Mutex
	inside map[*slot]bool
	line   []waiter // who waits longest comes first
	served map[string]time.Time
}

// slot is where an operation runs.
type slot struct {
	customer, release string
	since             time.Time
	waits             bool // for a hook
}

// waiter is a release that found no room.
type waiter struct {
	customer, release string
	asked             time.Time // when it last did
}

func newSlots() *slots { return &slots{inside: map[*slot]bool{}, served: map[string]time.Time{}} }

// open tells whether a release should do what comes before its operation: it would be let in now, or it had its turn
// lately and most likely needs no other.
func (r *slots) open(customer, release string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, had := r.served[release]; had {
		return true
	}
	return r.turn(waiter{customer, release, time.Now()})
}

// enter takes a place for a release, or puts it in the line.
func (r *slots) enter(customer, release string) (leave func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if !r.turn(waiter{customer, release, now}) {
		return nil, false
	}
	r.line = slices.DeleteFunc(r.line, func(w waiter) bool { return w.release == release })
	maps.DeleteFunc(r.served, func(_ string, at time.Time) bool { return now.Sub(at) > recent })
	r.served[release] = now
	p := &slot{customer, release, now, false}
	r.inside[p] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.inside, p)
	}, true
}

// waits notes whether the operation on a release waits for a hook now.
func (r *slots) waits(release string, yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.inside {
		if p.release == release {
			p.waits = yes
		}
	}
}

// turn notes who asks, and tells whether it is its turn and there is room. While an operation on a release runs, or is being
// ended, there is none for another on it.
func (r *slots) turn(w waiter) bool {
	r.line = slices.DeleteFunc(r.line, func(other waiter) bool { return w.asked.Sub(other.asked) > absent })
	if i := slices.IndexFunc(r.line, func(other waiter) bool { return other.release == w.release }); i >= 0 {
		r.line[i] = w
	} else {
		r.line = append(r.line, w)
	}
	of := map[string]int{}
	for p := range r.inside {
		if p.release == w.release {
			return false
		}
		of[p.customer]++
	}
	return of[w.customer] < perOwner && r.ahead(w, of) < first && r.free(w.asked)
}

// ahead is how many of those who have waited longer could be let in before one. Of a customer with many releases only
// as many count as may run at once.
func (r *slots) ahead(w waiter, of map[string]int) (n int) {
	for _, other := range r.line {
		if other.release == w.release {
			return n
		}
		if of[other.customer] < perOwner {
			of[other.customer]++
			n++
		}
	}
	return n
}

// free tells whether one more may run: of those that have run for long some do not count.
func (r *slots) free(now time.Time) bool {
	busy, waiting := 0, 0
	for p := range r.inside {
		if !p.waits && now.Sub(p.since) < busyFor {
			busy++
		} else {
			waiting++
		}
	}
	return busy+max(0, waiting-waitingAtOnce) < busyAtOnce
}
