package ratelimit

import "time"

// Clock is the cloud's time, in which calls are paced and throttled ones wait: so the waits fit the deadlines of the callers,
// which are in that time too. It runs from when it was made, so times of two clocks, or of two processes, can't be compared. It is a
// value, and may be used from any goroutine.
type Clock struct {
	began time.Time
	speed float64
}

// atOnce is the speed of a cloud that does all at once: who is throttled waits a little all the same.
const atOnce = 1000

// NewClock is the time of a cloud of a speed, from now on.
func NewClock(speed float64) Clock {
	if speed <= 0 {
		speed = atOnce
	}
	return Clock{time.Now(), speed}
}

// Now is the cloud's time.
func (c Clock) Now() time.Time {
	return c.began.Add(time.Duration(float64(time.Since(c.began)) * c.speed))
}

// Real is how long a stretch of the cloud's time takes here.
func (c Clock) Real(d time.Duration) time.Duration { return time.Duration(float64(d) / c.speed) }
