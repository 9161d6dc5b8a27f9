package process

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestStartWithoutConsumers starts a replica when people have taken all consumers that
// there may be.
func TestStartWithoutConsumers(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, nil)
	p := newReplica(t, x.URL(), filepath.Join(t.TempDir(), "cloud"), "0")
	p.start()
	c := p.call(x.URL())
	c.must(5)
	p.interrupt()
	x.TakeConsumers(natstest.Dial(t, x), eventlog.Stream)
	p.start()
	c.must(5)
	c.check()
	if !strings.Contains(p.log.String(), "without a consumer") {
		t.Errorf("the log does not say it:\n%s", p.log)
	}
	p.interrupt()
}
