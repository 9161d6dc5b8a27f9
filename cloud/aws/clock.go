package aws

import "time"

// clock is the cloud's time, in which calls are paced and what is throttled waits: so that it fits the deadlines of those
// who call, which are in that time too.
type clock struct {
	began time.Time
	speed float64
}

// atOnce is the speed of a cloud that does all at once: who is throttled waits a little all the same.
const atOnce = 1000

func newClock(speed float64) clock {
	if speed <= 0 {
		speed = atOnce
	}
	return clock{time.Now(), speed}
}

// now is the cloud's time.
func (c clock) now() time.Time {
	return c.began.Add(time.Duration(float64(time.Since(c.began)) * c.speed))
}

// real is how long a stretch of the cloud's time takes here.
func (c clock) real(d time.Duration) time.Duration { return time.Duration(float64(d) / c.speed) }
