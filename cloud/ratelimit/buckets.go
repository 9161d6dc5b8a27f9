// Package ratelimit keeps calls to a cloud within the rates that it allows: one bucket for each account,
// region and family of calls, so that one account's trouble slows nobody else.
//
// It knows nothing of any cloud, makes no calls and does not wait: it says how long to wait. Begin
// with Buckets: Take before a call, Throttled or Fine after it. Buckets are safe for concurrent use.
// They are in memory alone: after a crash all are full, and the cloud's own limits hold until they
// have learnt again.
package ratelimit

import (
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Key is what has a rate of its own.
type Key struct {
	Account, Region, Family string
}

// Rate is how many calls a second are made, and how many at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// The wait after being throttled doubles from the least to the most; how much of it is waited is chance, so that those
// that were throttled together do not come back together.
const (
	least = time.Second
	most  = 2 * time.Minute
)

// Buckets are the buckets of all keys. It is safe for concurrent use.
type Buckets struct {
	now    func() time.Time
	rates  map[string]Rate // by family
	mu     sync.Mutex
	bucket map[Key]*bucket
}

// bucket is one key's.
type bucket struct {
	limiter *rate.Limiter
	row     int       // how often it was throttled in a row
	until   time.Time // not before
}

// New makes buckets with the rates of the families. A family without one is not limited.
func New(now func() time.Time, rates map[string]Rate) *Buckets {
	return &Buckets{now: now, rates: rates, bucket: map[Key]*bucket{}}
}

// Take takes a token for one call now; or says how long there is none.
func (b *Buckets) Take(k Key) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, one := b.now(), b.of(k)
	if wait := one.until.Sub(now); wait > 0 {
		return wait
	}
	r := one.limiter.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// Throttled says that the cloud has throttled a call, and when it wants to be asked again, if it said so. It answers how
// long the bucket is shut.
func (b *Buckets) Throttled(k Key, after time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.of(k)
	ceiling := min(most, least<<min(one.row, 16))
	one.row++
	wait := max(after, time.Duration(rand.Int64N(int64(ceiling)))+time.Millisecond)
	one.until = b.now().Add(wait)
	return wait
}

// Fine says that a call was not throttled.
func (b *Buckets) Fine(k Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.of(k).row = 0
}

func (b *Buckets) of(k Key) *bucket {
	one := b.bucket[k]
	if one == nil {
		one = &bucket{limiter: rate.NewLimiter(rate.Inf, 0)}
		if r, limited := b.rates[k.Family]; limited {
			one.limiter = rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst)
		}
		b.bucket[k] = one
	}
	return one
}
