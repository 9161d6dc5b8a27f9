package emulator

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func open(t *testing.T, dir string) *World {
	t.Helper()
	w, err := Open(Options{Dir: dir, Speed: 1, Logger: slog.New(slog.DiscardHandler), Ops: []string{"s:Do", "s:Late"}, Kinds: []string{"thing"}})
	must(t, err)
	t.Cleanup(func() { _ = w.Close() }) // a test may have closed it
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// do makes a call that works.
func do(t *testing.T, w *World, f func(*Call)) {
	t.Helper()
	must(t, w.Do(Record{Service: "s", Op: "Do", Account: "a", Region: "r", Caller: "me"}, func(c *Call) Outcome {
		f(c)
		return Outcome{Status: 200}
	}))
}

func names(w *World, t *testing.T) (all string) {
	t.Helper()
	do(t, w, func(c *Call) {
		for _, thing := range c.Here().All("thing") {
			all += thing.Name + ":" + thing.Text("state") + " "
		}
	})
	return strings.TrimSpace(all)
}

func make1(c *Call, name string) *Resource {
	return c.Here().Make(Resource{Kind: "thing", Name: name, Doc: Doc{"state": "new"}, Tags: map[string]string{OwnerTag: "o"}}, 0)
}

func TestRefusedCallDoesNothing(t *testing.T) {
	w := open(t, t.TempDir())
	do(t, w, func(c *Call) { make1(c, "a") })
	must(t, w.Do(Record{Op: "Refused", Account: "a", Region: "r"}, func(c *Call) Outcome {
		make1(c, "b")
		c.Edit(c.Here().Find("thing", "", "a")).Doc["state"] = "changed"
		c.Drop(c.Here().Find("thing", "", "a"))
		return Outcome{Status: 409, Code: "No"}
	}))
	if got := names(w, t); got != "a:new" {
		t.Error(got)
	}
}

func TestPanicDoesNothing(t *testing.T) {
	w := open(t, t.TempDir())
	func() {
		defer func() { _ = recover() }()
		do(t, w, func(c *Call) {
			make1(c, "a")
			panic("x")
		})
	}()
	if got := names(w, t); got != "" {
		t.Error(got)
	}
}

func TestUnwrittenCallDoesNothing(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	do(t, w, func(c *Call) { make1(c, "a") })
	must(t, w.journal.Close())
	err := w.Do(Record{Account: "a", Region: "r"}, func(c *Call) Outcome {
		make1(c, "b")
		return Outcome{Status: 200}
	})
	if err == nil {
		t.Fatal("it was written into a closed file")
	}
	if got := names(open(t, dir), t); got != "a:new" {
		t.Error(got)
	}
}

// TestTime has a thing that becomes two things in turn and then goes, and one that goes with it.
func TestTime(t *testing.T) {
	w := open(t, t.TempDir())
	do(t, w, func(c *Call) {
		a := make1(c, "a")
		a.Due = &Scheduled{At: c.After(time.Minute), Set: Doc{"state": "ready"}, Then: &Scheduled{At: c.After(time.Hour), Gone: true}}
		make1(c, "b").With = a.N
	})
	for _, row := range []struct {
		after time.Duration
		want  string
	}{{time.Second, "a:new b:new"}, {time.Minute, "a:ready b:new"}, {time.Minute, "a:ready b:new"}, {time.Hour, ""}} {
		must(t, w.Advance(row.after))
		if got := names(w, t); got != row.want {
			t.Errorf("after %v: %q, want %q", row.after, got, row.want)
		}
	}
}

// TestTimeAllAtOnce has everything that is due, though nobody looked in between.
func TestTimeAllAtOnce(t *testing.T) {
	w := open(t, t.TempDir())
	do(t, w, func(c *Call) {
		make1(c, "a").Due = &Scheduled{At: c.After(time.Minute), Set: Doc{"state": "ready"}, Then: &Scheduled{At: c.After(time.Hour), Gone: true}}
	})
	must(t, w.Advance(2*time.Hour))
	if got := names(w, t); got != "" {
		t.Error(got)
	}
}

// TestClock goes by the clock that it is given, on the wall or not.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, t.TempDir())
		began := w.Now()
		must(t, w.Advance(time.Hour))
		time.Sleep(time.Minute)
		if got := w.Now().Sub(began); got != time.Hour+time.Minute {
			t.Error(got)
		}
	})
}

func TestAtOnce(t *testing.T) {
	w, err := Open(Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer w.Close()
	do(t, w, func(c *Call) { make1(c, "a").Due = &Scheduled{At: c.After(time.Hour), Set: Doc{"state": "ready"}} })
	if got := names(w, t); got != "a:ready" {
		t.Error(got)
	}
}

// TestSeen shows a change only after a while, to who looks.
func TestSeen(t *testing.T) {
	w := open(t, t.TempDir())
	must(t, w.Inject(Fault{Op: "Late", Stale: Duration{time.Minute}, Times: -1}))
	late := func(f func(*Call)) {
		must(t, w.Do(Record{Op: "Late", Account: "a", Region: "r"}, func(c *Call) Outcome {
			c.Strike(Changing)
			f(c)
			return Outcome{Status: 200}
		}))
	}
	shown := func() (s string) {
		do(t, w, func(c *Call) {
			for _, thing := range c.Here().Shown("thing") {
				s += thing.Name + ":" + thing.Text("state")
			}
			if one := c.Here().See("thing", "", "a"); (one == nil) != (s == "") {
				t.Errorf("%v is seen alone, and %q in the list", one, s)
			}
		})
		return s
	}
	late(func(c *Call) { make1(c, "a") })
	if got := shown(); got != "" {
		t.Error(got)
	}
	must(t, w.Advance(time.Hour))
	late(func(c *Call) { c.Edit(c.Here().Find("thing", "", "a")).Doc["state"] = "changed" })
	if got := shown(); got != "a:new" {
		t.Error(got)
	}
	must(t, w.Advance(time.Hour))
	if got := shown(); got != "a:changed" {
		t.Error(got)
	}
	late(func(c *Call) { c.Drop(c.Here().Find("thing", "", "a")) })
	if got := shown() + "|" + names(w, t); got != "a:changed|" {
		t.Error(got)
	}
	must(t, w.Advance(time.Hour))
	if got := shown(); got != "" {
		t.Error(got)
	}
}

func TestManyCallers(t *testing.T) {
	w := open(t, t.TempDir())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				_ = w.Do(Record{Account: "a", Region: "r"}, func(c *Call) Outcome {
					if there := c.Here().Find("thing", "", "one"); there != nil {
						c.Edit(there).Doc["state"] = there.Text("state") + "x"
					} else {
						make1(c, "one")
					}
					return Outcome{Status: 200}
				})
			}
		})
	}
	all.Wait()
	if got := names(w, t); got != "one:new"+strings.Repeat("x", 39) {
		t.Error(got)
	}
}

func TestDamagedJournal(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	do(t, w, func(c *Call) { make1(c, "a") })
	must(t, w.Close())
	if err := w.Do(Record{}, nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	path := filepath.Join(dir, journalFile)
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, append([]byte("{broken\n"), data...), 0o600))
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Error(err)
	}
	if _, err := ReadLedger(dir); err == nil {
		t.Error("the ledger is read though it is damaged")
	}
}
