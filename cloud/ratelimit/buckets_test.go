package ratelimit_test

import (
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/ratelimit"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

var key = ratelimit.Key{Account: "1", Region: "eu", Family: "EC2"}

func buckets() (*ratelimit.Buckets, *clock) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	return ratelimit.New(c.Now, map[string]ratelimit.Rate{"EC2": {PerSecond: 2, Burst: 3}}), c
}

func TestRate(t *testing.T) {
	b, c := buckets()
	for range 3 {
		if wait := b.Take(key); wait != 0 {
			t.Fatal(wait)
		}
	}
	for range 2 { // who was not let in has used nothing up
		if wait := b.Take(key); wait != 500*time.Millisecond {
			t.Fatal(wait)
		}
	}
	c.now = c.now.Add(500 * time.Millisecond)
	if wait := b.Take(key); wait != 0 {
		t.Fatal(wait)
	}
	for _, other := range []ratelimit.Key{{Account: "2", Region: "eu", Family: "EC2"}, {Account: "1", Region: "us", Family: "EC2"}, {Account: "1", Region: "eu", Family: "EKS"}} {
		if wait := b.Take(other); wait != 0 {
			t.Errorf("%+v waits %s", other, wait)
		}
	}
}

func TestBackoff(t *testing.T) {
	b, c := buckets()
	longest := time.Duration(0)
	for n := range 40 {
		wait := b.Throttled(key, 0)
		if bound := min(2*time.Minute, time.Second<<min(n, 16)) + time.Millisecond; wait <= 0 || wait > bound {
			t.Fatalf("wait %d is %s of %s", n, wait, bound)
		}
		if got := b.Take(key); got != wait {
			t.Fatalf("shut for %s, told %s", wait, got)
		}
		longest = max(longest, wait)
		c.now = c.now.Add(wait)
		if got := b.Take(key); got != 0 {
			t.Fatal(got)
		}
	}
	if longest < 10*time.Second {
		t.Errorf("the longest wait was %s", longest)
	}
	b.Fine(key)
	if wait := b.Throttled(key, 0); wait > time.Second+time.Millisecond {
		t.Errorf("after a good call it waits %s", wait)
	}
	if wait := b.Throttled(key, time.Hour); wait != time.Hour {
		t.Errorf("the cloud said an hour, it waits %s", wait)
	}
}
