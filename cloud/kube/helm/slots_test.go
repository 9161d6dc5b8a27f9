package helm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crowd are releases that ask a room again and again, each every ten seconds or so, until they are let in.
type crowd struct {
	*slots
	ctx context.Context // ends them
	rnd *rand.Rand

	mu    sync.Mutex
	turns []string // the releases in the order in which they were let in
}

// gather runs a test with a crowd.
func gather(t *testing.T, test func(*testing.T, *crowd)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, &crowd{slots: newSlots(), ctx: t.Context(), rnd: rand.New(rand.NewPCG(1, 1))})
	})
}

// come lets releases come one after the other; each runs for a while once it is let in.
func (c *crowd) come(names []string, customer func(string) string, runs func(string) time.Duration) {
	for _, name := range names {
		go func() {
			for !c.goIn(customer(name), name, runs(name)) && c.sleep(c.pause()) {
				continue
			}
		}()
		time.Sleep(time.Millisecond)
	}
}

// goIn lets a release be in for a while, if there is room.
func (c *crowd) goIn(customer, name string, runs time.Duration) bool {
	leave, ok := c.enter(customer, name)
	if !ok {
		return false
	}
	c.mu.Lock()
	c.turns = append(c.turns, name)
	c.mu.Unlock()
	c.sleep(runs)
	leave()
	return true
}

func (c *crowd) pause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return 5*time.Second + time.Duration(c.rnd.Int64N(int64(10*time.Second)))
}

// sleep is false when all has ended.
func (c *crowd) sleep(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-c.ctx.Done():
		return false
	}
}

// wait waits until so many have been let in, and returns them.
func (c *crowd) wait(n int) []string {
	for {
		c.mu.Lock()
		turns := slices.Clone(c.turns)
		c.mu.Unlock()
		if len(turns) >= n {
			return turns
		}
		time.Sleep(time.Second)
	}
}

func named(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(prefix, i))
	}
	return all
}

func itself(name string) string { return name }

func shortly(string) time.Duration { return 5 * time.Second }

// Three hundred come at once: each is let in, and nobody much earlier than those who have waited longer.
func TestTheLongestWaitingComeFirst(t *testing.T) {
	gather(t, func(t *testing.T, c *crowd) {
		began, names := time.Now(), named("r", 300)
		c.come(names, itself, shortly)
		turns := c.wait(len(names))
		for i, name := range names {
			if at := slices.Index(turns, name); at < i-first {
				t.Errorf("the %dth to come is the %dth to be let in", i, at)
			}
		}
		least := time.Duration(len(names)/busyAtOnce) * shortly("")
		if took := time.Since(began); took > least*5/4 {
			t.Errorf("it took %s; with no place ever empty it would have been %s", took, least)
		}
	})
}

// A customer with a hundred releases, all of which hang, keeps nobody out: neither by those that are in, nor by those
// that wait.
func TestOneCustomersReleasesKeepNobodyOut(t *testing.T) {
	gather(t, func(t *testing.T, c *crowd) {
		c.come(named("bad", 100), func(string) string { return "bad" }, func(string) time.Duration { return time.Hour })
		began := time.Now()
		c.come(named("good", 20), itself, shortly)
		if turns := c.wait(20 + perOwner); len(turns) != 20+perOwner {
			t.Errorf("these were let in, of which only %d should be bad: %v", perOwner, turns)
		}
		if took := time.Since(began); took > 3*time.Minute {
			t.Errorf("the others took %s", took)
		}
	})
}

// Of the hanging releases of many customers, as many as may wait make room for others. One that comes when these places are taken
// gives up its own as soon as one of them is free.
func TestTheHangingMakeRoom(t *testing.T) {
	gather(t, func(t *testing.T, c *crowd) {
		c.come(named("hangs", waitingAtOnce+busyAtOnce), itself, func(name string) time.Duration {
			if name == "hangs0" {
				return 10 * time.Minute
			}
			return time.Hour
		})
		c.wait(waitingAtOnce + busyAtOnce)
		if c.goIn("good", "good", 0) {
			t.Error("one more was let in")
		}
		time.Sleep(10 * time.Minute)
		if !c.goIn("good", "good", 0) {
			t.Error("there is room, and it was not let in")
		}
	})
}

// One that waits for a hook makes room at once, and takes it again when it works.
func TestWhoWaitsForAHookMakesRoom(t *testing.T) {
	gather(t, func(t *testing.T, c *crowd) {
		c.come(named("hooks", busyAtOnce), itself, func(string) time.Duration { return time.Hour })
		c.wait(busyAtOnce)
		for _, step := range []struct {
			waits bool
			room  bool
		}{{false, false}, {true, true}, {false, false}} {
			c.waits("hooks1", step.waits)
			if c.goIn("good", "good", 0) != step.room {
				t.Errorf("%+v is not so", step)
			}
		}
	})
}

// Who has had its turn lately is let through to look what came of it, but to no place that is not there.
func TestWhoHadItsTurnLooksAtOnce(t *testing.T) {
	gather(t, func(t *testing.T, c *crowd) {
		c.come(named("r", 1), itself, shortly)
		time.Sleep(10 * time.Second)
		c.come(named("long", busyAtOnce), itself, func(string) time.Duration { return 15 * time.Second })
		if c.open("new", "new") || !c.open("r0", "r0") {
			t.Error("the one that had its turn may look, and no other")
		}
		if c.goIn("r0", "r0", 0) {
			t.Error("it was let in where no place was")
		}
	})
}

// Of one release there is one operation at a time, however much room there is.
func TestOneOperationOnARelease(t *testing.T) {
	gather(t, func(t *testing.T, c *crowd) {
		leave, ok := c.enter("c", "n/web")
		if _, twice := c.enter("c", "n/web"); !ok || twice {
			t.Error("let in:", ok, "and once more:", twice)
		}
		if !c.goIn("c", "m/web", 0) {
			t.Error("another's of the same name was not let in")
		}
		leave()
		if !c.goIn("c", "n/web", 0) {
			t.Error("it was not let in after the first had left")
		}
	})
}
