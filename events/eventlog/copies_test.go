package eventlog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestACopyThatIsStoredLate waits for what its server has agreed to and not stored yet.
func TestACopyThatIsStoredLate(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 3, nil)
	log, _ := replicaLog(t, x)
	nc := natstest.Dial(t, x)
	last := appendTo(t, log, change(prod, 0, began{"u1"}))
	looks, err := nc.SubscribeSync("$JS.API.CONSUMER.MSG.NEXT." + eventlog.Stream + ".>")
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan eventlog.Copy, 1)
	go func() {
		c, err := eventlog.ReadCopies(natstest.Deadline(t), natstest.Dial(t, x), []string{x.Name(0)}, 0, last+1)
		if err != nil || len(c) != 1 {
			t.Error(c, err)
		}
		read <- c[0]
	}()
	for range 2 { // the second look finds nothing more
		if _, err := looks.NextMsgWithContext(natstest.Deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	appendTo(t, log, change(free, 0, began{"u2"}))
	if c := <-read; c.Events != 2 || c.Last != 2 {
		t.Errorf("%+v", c)
	}
}

// TestCompareCopies names the server that differs from what most have.
func TestCompareCopies(t *testing.T) {
	whole := func(name string) eventlog.Copy { return eventlog.Copy{Server: name, Events: 9, Last: 9, Sum: "a"} }
	for want, odd := range map[string]eventlog.Copy{
		"":                      whole("n3"),
		"ends at 7 of 9":        {Server: "n3", Events: 7, Last: 7, Sum: "b"},
		"8 events of 9":         {Server: "n3", Events: 8, Last: 9, Sum: "c"},
		"another content":       {Server: "n3", Events: 9, Last: 9, Sum: "d"},
		"not as it was written": {Server: "n3", Events: 9, Last: 9, Sum: "e", Wrong: "event 4 is not as it was written"},
		"it does not answer":    {Server: "n3", Wrong: "it does not answer"},
	} {
		copies := []eventlog.Copy{whole("n1"), odd, whole("n2")}
		if err := eventlog.Compare(copies); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if copies[0].Wrong+copies[2].Wrong != "" || !strings.Contains(copies[1].Wrong, want) || want == "" && copies[1].Wrong != "" {
			t.Errorf("%s: %+v", want, copies)
		}
	}
	if err := eventlog.Compare([]eventlog.Copy{whole("n1"), {Server: "n2", Sum: "b"}, {Server: "n3", Sum: "c"}}); err == nil {
		t.Error("nobody can say which is right")
	}
}

// TestComparisonFindsDamage has a comparison go through the log of three servers, a stretch at a look. It names the one with a flipped
// bit in a store, also in the stretches after that, until it was read once more without.
func TestComparisonFindsDamage(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 3, nil)
	log, _ := replicaLog(t, x)
	nc := natstest.Dial(t, x)
	for last := uint64(0); last < 2500; {
		var several []events.Event
		for range 500 {
			several = append(several, noted{int(last), ""})
		}
		last = appendTo(t, log, change(prod, last, several...))
	}
	x.Current(nc)
	compared := eventlog.NewComparison(nc)
	look := func() (differ string) {
		t.Helper()
		found, err := compared.Look(natstest.Deadline(t))
		if err != nil || len(found) > 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		for _, one := range found {
			differ = one.Server
		}
		return differ
	}
	at := func(to uint64) {
		t.Helper()
		for _, s := range compared.Servers() {
			if s.Last != to || s.At.IsZero() {
				t.Fatalf("%+v, want %d", s, to)
			}
		}
	}
	known := func(differ string) {
		t.Helper()
		all := compared.Servers()
		for _, s := range all {
			if (s.Differs != "") != (s.Server == differ) || len(all) != 3 {
				t.Fatalf("%+v, want %q", all, differ)
			}
		}
	}
	for _, to := range []uint64{2000, 2500, 2000, 2500} {
		if differ := look(); differ != "" {
			t.Fatal(differ)
		}
		at(to)
	}
	known("")
	bad := (x.Leader(eventlog.Stream) + 1) % 3
	x.Kill(bad)
	flip(t, x.Store(bad))
	x.Start(bad)
	x.Ready()
	x.Current(nc)
	if differ := look(); differ != x.Name(bad) {
		t.Fatalf("%q differs, not %s: %+v", differ, x.Name(bad), compared.Servers())
	}
	at(2000)
	known(x.Name(bad))
	if differ := look(); differ != "" {
		t.Fatal(differ)
	}
	known(x.Name(bad))
	x.Kill(bad)
	if err := os.RemoveAll(x.Store(bad)); err != nil {
		t.Fatal(err)
	}
	x.Start(bad)
	x.Ready()
	x.Current(nc)
	known(x.Name(bad))
	for differs := true; differs; differs = slices.ContainsFunc(compared.Servers(), func(s eventlog.Compared) bool { return s.Differs != "" }) {
		if differ := look(); differ != "" { // a server that is still behind is passed over
			t.Fatal(differ)
		}
	}
}

// flip flips a bit of an event in the log's first block below the store of a NATS server.
func flip(t *testing.T, store string) {
	t.Helper()
	blocks, err := filepath.Glob(filepath.Join(store, "jetstream/*/streams/"+eventlog.Stream+"/msgs/1.blk"))
	if err != nil || len(blocks) != 1 {
		t.Fatal(blocks, err)
	}
	data, err := os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	at := len(data) / 4
	data[at+bytes.Index(data[at:], []byte(`{"n"`))+1] ^= 4
	if err := os.WriteFile(blocks[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
}
