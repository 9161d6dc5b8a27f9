// Package liveness says when a loop of this process stands still: what it does now has lasted longer than it ever may.
//
// It stops nothing and starts nothing, and it does not know what the loops do. A loop that waits for something to do does
// not stand still. Begin with Loops; a Loop has a Step for each thing that is done in it at once. All of it may be used from
// any goroutine, costs nothing worth mentioning, and does nothing where it is nil, so that a part can run without it. Nothing
// of it outlives the process.
package liveness

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Loops are those of one process.
type Loops struct {
	mu    sync.Mutex
	loops []*Loop
}

// Loop is one loop, or several of the same sort.
type Loop struct {
	name  string
	mu    sync.Mutex
	steps map[*Step]struct{}
}

// Step is what a loop does over and over, one at a time.
type Step struct {
	loop   *Loop
	what   string
	within time.Duration
	since  atomic.Int64 // when it was begun, in nanoseconds; 0: it is not being done
}

// Loop adds a loop, or finds the one that has the name.
func (l *Loops) Loop(name string) *Loop {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.loops, func(o *Loop) bool { return o.name == name }); i >= 0 {
		return l.loops[i]
	}
	o := &Loop{name: name, steps: map[*Step]struct{}{}}
	l.loops = append(l.loops, o)
	return o
}

// Step adds a step that may last for a time. what is for people, and names no entity: it is told to who has no token.
func (l *Loop) Step(what string, within time.Duration) *Step {
	if l == nil {
		return nil
	}
	s := &Step{loop: l, what: what, within: within}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps[s] = struct{}{}
	return s
}

// Begin says that the step is being done from now on.
func (s *Step) Begin() {
	if s != nil {
		s.since.Store(time.Now().UnixNano())
	}
}

// End says that it is done.
func (s *Step) End() {
	if s != nil {
		s.since.Store(0)
	}
}

// Once adds a step that is done once, from now until done is called.
func (l *Loop) Once(what string, within time.Duration) (done func()) {
	s := l.Step(what, within)
	s.Begin()
	return s.Drop
}

// Drop takes the step away again.
func (s *Step) Drop() {
	if s != nil {
		s.loop.mu.Lock()
		defer s.loop.mu.Unlock()
		delete(s.loop.steps, s)
	}
}

// Stall is a loop that stands still.
type Stall struct {
	Loop  string
	What  string
	Since time.Time
}

// String says it in a sentence.
func (s Stall) String() string {
	return fmt.Sprintf("the loop %q stands still: %s has not ended since %s", s.Loop, s.What, s.Since.UTC().Format(time.RFC3339))
}

// Stalled lists at a time the loops that stand still, each by the step that has lasted longest over its time.
func (l *Loops) Stalled(now time.Time) (all []Stall) {
	l.each(func(o *Loop) {
		var worst *Stall
		o.each(func(s *Step, since time.Time) {
			if now.Sub(since) > s.within && (worst == nil || since.Before(worst.Since)) {
				worst = &Stall{o.name, s.what, since}
			}
		})
		if worst != nil {
			all = append(all, *worst)
		}
	})
	return all
}

// EachBusy calls f for each loop with how long, at a time, its oldest step has lasted: 0 if it waits for something to do.
func (l *Loops) EachBusy(now time.Time, f func(loop string, busy time.Duration)) {
	l.each(func(o *Loop) {
		var busy time.Duration
		o.each(func(_ *Step, since time.Time) { busy = max(busy, now.Sub(since)) })
		f(o.name, busy)
	})
}

// each calls f for each loop, in the order of their names.
func (l *Loops) each(f func(*Loop)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	all := slices.SortedFunc(slices.Values(l.loops), func(a, b *Loop) int { return cmp.Compare(a.name, b.name) })
	l.mu.Unlock()
	for _, o := range all {
		f(o)
	}
}

// each calls f for each step that is being done.
func (l *Loop) each(f func(s *Step, since time.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.steps {
		if since := s.since.Load(); since != 0 {
			f(s, time.Unix(0, since))
		}
	}
}
