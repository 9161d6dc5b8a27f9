package dispatch

import (
	"context"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/clock"
)

// Agenda lists who is to be looked at, each once, in the order in which it was
// asked for. It is safe for concurrent use.
type Agenda struct {
	mu    sync.Mutex
	more  *sync.Cond
	order []ev.Ref
	notes map[ev.Ref]Note
}

// Note says why an entity is to be looked at. The empty one names no cause.
type Note struct {
	cause string      // the id of the event that hinted at it
	room  fsm.Awaited // it was woken for room of this class
	late  bool        // it has rested for a while: what is due later may be left to JetStream
}

// NewAgenda makes an empty agenda.
func NewAgenda() *Agenda {
	a := &Agenda{notes: map[ev.Ref]Note{}}
	a.more = sync.NewCond(&a.mu)
	return a
}

// Add asks for a look at an entity; the first cause that is named stays.
func (a *Agenda) Add(ref ev.Ref, n Note) {
	a.mu.Lock()
	defer a.mu.Unlock()
	was, listed := a.notes[ref]
	if was.cause != "" {
		n.cause = was.cause
	}
	n.late = n.late || was.late
	if was.room != (fsm.Awaited{}) {
		n.room = was.room
	}
	a.notes[ref] = n
	if !listed {
		a.order = append(a.order, ref)
		a.more.Signal()
	}
}

// Next waits for an entity to look at; false when ctx ends.
func (a *Agenda) Next(ctx context.Context) (ev.Ref, Note, bool) {
	stop := context.AfterFunc(ctx, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.more.Broadcast()
	})
	defer stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.order) == 0 && ctx.Err() == nil {
		a.more.Wait()
	}
	if ctx.Err() != nil {
		return ev.Ref{}, Note{}, false
	}
	ref := a.order[0]
	a.order = a.order[1:]
	n := a.notes[ref]
	delete(a.notes, ref)
	return ref, n, true
}

// resting lists entities that something happened to, until they have rested for a
// while. It is safe for concurrent use.
type resting struct {
	mu    sync.Mutex
	hint  chan struct{}
	queue []rest // oldest first
}

// rest is an entity as it was at a moment.
type rest struct {
	ref   ev.Ref
	seq   uint64 // of its last event then
	note  Note
	until time.Time
}

func newResting() *resting { return &resting{hint: make(chan struct{}, 1)} }

func (r *resting) add(ref ev.Ref, seq uint64, n Note, until time.Time) {
	r.mu.Lock()
	r.queue = append(r.queue, rest{ref, seq, n, until})
	r.mu.Unlock()
	select {
	case r.hint <- struct{}{}:
	default:
	}
}

// next waits until one has rested; false when ctx ends.
func (r *resting) next(ctx context.Context) (rest, bool) {
	for ctx.Err() == nil {
		r.mu.Lock()
		var first rest
		listed := len(r.queue) > 0
		if listed {
			first = r.queue[0]
		}
		if listed && !first.until.After(time.Now()) {
			r.queue = r.queue[1:]
			r.mu.Unlock()
			return first, true
		}
		r.mu.Unlock()
		if listed {
			clock.Pause(ctx, time.Until(first.until))
			continue
		}
		select {
		case <-r.hint:
		case <-ctx.Done():
		}
	}
	return rest{}, false
}
