// Package clock turns the cloud's time into real time: schedules, backoffs and deadlines of the workers run on the wall,
// and shrink with a fast simulated cloud.
//
// It asks no cloud what time it is, and it keeps no timers that outlive the process: JetStream does, for the dispatcher.
// Begin with Clock. Everything here is a value or a function, and may be used from any goroutine at once. It has no state,
// so nothing has to hold after a crash.
package clock

import (
	"context"
	"math/rand/v2"
	"time"
)

// Clock turns the cloud's time into real time: schedules, acknowledgement waits
// and deadlines run on the wall, so they must shrink with a fast simulated cloud.
type Clock struct {
	Speed float64 // cloud seconds in a real second: 1 is lifelike, 0 a cloud that answers at once
}

// shortest keeps a fast clock from asking a cloud without a pause.
const shortest = 20 * time.Millisecond

// Real is how long a stretch of the cloud's time takes here.
func (c Clock) Real(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	if c.Speed == 0 {
		return shortest
	}
	return max(shortest, time.Duration(float64(d)/c.Speed))
}

// Deadline is how long a phase may last here. A cloud that answers at once still
// gets a minute: it is the work around it that takes time then.
func (c Clock) Deadline(d time.Duration) time.Duration {
	return max(time.Minute, c.Real(d))
}

// The pause after a round is some times as long as the round, so that a round that
// takes long for its pause leaves most of the time to others; up to a bound.
const (
	rested   = 4
	restMost = 10 * time.Minute
)

// How long there is between two looks at what was made: in the cloud's time, but at least so long in ours.
const (
	LookEvery = 10 * time.Minute
	LookLeast = 15 * time.Second
)

// BetweenLooks is how long there is really between two looks at what was made.
func (c Clock) BetweenLooks() time.Duration { return max(LookLeast, c.Real(LookEvery)) }

// Every calls do once after each pause until ctx ends, and returns its error.
func Every(ctx context.Context, pause time.Duration, do func(now time.Time)) error {
	t := time.NewTimer(pause)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			do(now)
			took := time.Since(now)
			t.Reset(max(pause-took, min(rested*took, restMost)))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Bounds of the pause before another attempt, in the cloud's time.
const (
	FirstPause = 5 * time.Second
	LastPause  = 5 * time.Minute
)

// Backoff is the real pause before the attempt after the n-th failed one: full
// jitter over a bound that doubles.
func (c Clock) Backoff(n int) time.Duration {
	bound := min(LastPause, FirstPause<<min(max(n, 0), 10))
	return c.Real(FirstPause/2 + rand.N(bound))
}

// Pause returns after d, or at once when ctx ends.
func Pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
