package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestDamagedServerIsNamed damages the copy of one of three servers: log verify says what
// each has and names it, and after what it says was done all are equal.
func TestDamagedServerIsNamed(t *testing.T) {
	t.Parallel()
	var monitors []string
	x := natstest.StartExternal(t, 3, func(o *server.Options) {
		at := natstest.Address(t)
		monitors = append(monitors, "http://"+at)
		o.HTTPHost = "127.0.0.1"
		if _, err := fmt.Sscan(strings.TrimPrefix(at, "127.0.0.1:"), &o.HTTPPort); err != nil {
			t.Fatal(err)
		}
	})
	p := newReplica(t, x.URL(), filepath.Join(t.TempDir(), "cloud"), "0")
	p.more = append(p.more, "--nats-monitor", strings.Join(monitors, ","))
	p.start()
	verify := func() said {
		return p.cli("log", "verify", "-o", "json", "--nats-monitor", strings.Join(monitors, ","))
	}
	c := p.call(x.URL())
	c.untilTaken(c.next())
	c.must(30)
	x.Current(natstest.Dial(t, x))
	if s := p.cli("log", "verify"); s.code != 0 || strings.Count(s.out, "  31      31    ") != 3 {
		t.Fatalf("%+v", s)
	}
	bad := (x.Leader(eventlog.Stream) + 1) % 3
	x.Kill(bad)
	remove(t, blockOf(t, x.Store(bad)))
	x.Start(bad)
	x.Ready()
	s := verify()
	if s.code != 1 || !strings.Contains(s.err, x.Name(bad)+": ") || !strings.Contains(s.err, "remove its store") {
		t.Errorf("%+v", s)
	}
	if _, metrics := p.http("/metrics"); !strings.Contains(string(metrics), `aerie_log_server_events{server="`+x.Name(bad)+`"} 0`) ||
		strings.Count(string(metrics), "} 31\n") < 2 {
		t.Errorf("the metrics do not tell it:\n%s", metrics)
	}
	x.Kill(bad)
	if err := os.RemoveAll(x.Store(bad)); err != nil {
		t.Fatal(err)
	}
	x.Start(bad)
	x.Ready()
	x.Current(natstest.Dial(t, x))
	var v struct{ Servers []eventlog.Copy }
	if s := verify(); s.code != 0 || json.Unmarshal([]byte(s.out), &v) != nil || len(v.Servers) != 3 {
		t.Errorf("%+v", s)
	}
	c.must(5)
	c.check()
	p.interrupt()
}

// blockOf is the log's first file in the store of a NATS server.
func blockOf(t *testing.T, store string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(store, "jetstream/*/streams/AERIE_EVENTS/msgs/*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	return files[0]
}
