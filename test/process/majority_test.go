package process

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestReadyWithAMajority kills two of the three servers that keep the log, once both followers
// and once the leader with one: a replica is not ready soon, and ready again when they are
// back.
func TestReadyWithAMajority(t *testing.T) {
	t.Parallel()
	for name, keepsLeader := range map[string]bool{"the leader is left": true, "a follower is left": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := natstest.StartExternal(t, 3, nil)
			p := newReplica(t, x.URL(), filepath.Join(t.TempDir(), "cloud"), "0")
			p.start()
			c := p.call(x.URL())
			m := c.next()
			c.untilTaken(m) // a stream that was just made is not known everywhere
			c.must(10)
			x.Current(natstest.Dial(t, x))
			left := x.Leader(eventlog.Stream)
			if !keepsLeader {
				left = (left + 1) % 3
			}
			for i := range 3 {
				if i != left {
					x.Kill(i)
				}
			}
			began := time.Now()
			p.untilReady(http.StatusServiceUnavailable, "")
			took := time.Since(began)
			t.Logf("ready for %s after the kill", took.Round(100*time.Millisecond))
			if took > 8*time.Second {
				t.Error("that is too long")
			}
			m = c.untilNotTaken()
			for i := range 3 {
				if i != left {
					x.Start(i)
				}
			}
			c.untilTaken(m)
			p.untilReady(http.StatusOK, "")
			c.must(10)
			c.check()
			p.interrupt()
		})
	}
}
