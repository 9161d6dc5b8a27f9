package ratelimit_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aeriehq/aerie/cloud/ratelimit"
)

// Who is throttled waits in the cloud's time: at speed 60 two of its minutes are two seconds.
func TestThrottlingWaitsInTheTimeOfTheCloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ratelimit.NewClock(60)
		b, k := ratelimit.New(c.Now, nil), ratelimit.Key{Account: "1", Region: "eu", Family: "EC2"}
		wait := b.Throttled(k, 2*time.Minute)
		if b.Take(k) == 0 || c.Real(wait) != 2*time.Second {
			t.Errorf("it waits %s, of ours %s", wait, c.Real(wait))
		}
		time.Sleep(2 * time.Second)
		if wait := b.Take(k); wait > 0 {
			t.Errorf("it waits for another %s", wait)
		}
	})
}
