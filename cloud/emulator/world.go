// Package emulator is what the emulated clouds share: a world of things with a virtual clock, a fault script, and a
// ledger on disk of every call and every thing. An emulated cloud speaks a real one's wire, so that its real SDK works
// on it unchanged; how it behaves is each one's own, in a package of its own below this one.
//
// A world has no goroutine and no timer: what time has brought about is worked out when somebody looks.
package emulator

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/aeriehq/aerie/cloud/journal"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/script"
)

// Options say what world to open.
type Options struct {
	Dir    string           // where its state, ledger, faults.json and by-hand.json are
	Now    func() time.Time // the clock that it goes by, before it is advanced; nil: the wall's
	Speed  float64          // 1 is lifelike, 60 a minute a second, 0 at once
	Logger *slog.Logger     // nil: slog's default
	Ops    []string         // the operations that faults can name, such as eks:CreateCluster
	Kinds  []string         // the kinds of things that can be changed by hand
}

// World is one emulated cloud's state. It is safe for concurrent use.
type World struct {
	mu      sync.Mutex // held through a whole call, its journal line and all: calls are short
	options Options
	journal *journal.Journal[line]
	state   *state
	faults  faults
	scripts *script.Files
	kubes   map[int64]*memory.Store // by a cluster's N
	closed  bool
}

// ErrClosed is the answer of a world that was closed.
var ErrClosed = errors.New("the emulated cloud is closed")

// Open starts the world that lives in a directory, or a new one. A call that a kill cut short has happened or has not.
// A journal that is damaged elsewhere than at its end is an error.
func Open(o Options) (*World, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	j, s, err := openJournal(o.Dir)
	if err != nil {
		return nil, err
	}
	w := &World{options: o, journal: j, state: s, kubes: map[int64]*memory.Store{}}
	w.scripts = script.Watch(o.Dir, o.Logger, script.File{Name: "faults.json", Read: w.readFaults}, script.File{Name: handsFile, Read: w.readHands})
	return w, nil
}

// Close lets go of the directory.
func (w *World) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return w.journal.Close()
}

// Now is the world's own time.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now()
}

func (w *World) now() time.Time { return w.options.Now().Add(w.state.ahead).UTC() }

// scaled is a lifelike time as it is here.
func (w *World) scaled(d time.Duration) time.Duration {
	if w.options.Speed <= 0 {
		return 0
	}
	return time.Duration(float64(d) / w.options.Speed)
}

// Advance moves the clock.
func (w *World) Advance(d time.Duration) error {
	_, err := w.ByHand(ManualChange{Advance: Duration{d}})
	return err
}

// Inject adds faults, after those that are there. They last until they are used up or the process ends.
func (w *World) Inject(given ...Fault) error {
	for _, f := range given {
		if err := f.validate(w.options.Ops); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults.Inject(given...)
	return nil
}

func (w *World) readFaults(data []byte) error {
	given, err := parseFaults(data, w.options.Ops)
	if err == nil {
		w.faults.Write(given)
	}
	return err
}

// Outcome is how a call ended. What a refused call did is undone.
type Outcome struct {
	Status  int
	Code    string // of a refusal
	Message string
	Lost    bool // the answer is not to be sent
	Quiet   bool // it is in the ledger only if it changed something
}

// Do makes a call. It is in the ledger, with all that it changed, before Do returns; an error means that it could not be
// written and that nothing happened.
func (w *World) Do(r Record, f func(*Call) Outcome) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.scripts.Look()
	return w.do(r, f)
}

func (w *World) do(r Record, f func(*Call) Outcome) error {
	c := &Call{Record: r, Now: w.now(), world: w, n: w.state.calls + 1}
	whole := false
	defer func() {
		if !whole {
			c.undo(0)
		}
	}()
	c.settle()
	c.mark = len(c.did)
	o := f(c)
	if o.Code != "" {
		c.undo(c.mark)
	}
	c.At, c.Status, c.Code, c.Message, c.Lost = c.Now, o.Status, o.Code, o.Message, o.Lost
	put, del := c.changes()
	l := line{N: c.n, Call: &c.Record, Put: put, Del: del, Ahead: c.moved}
	if !o.Quiet || l.changes() {
		if err := w.journal.Append(l.changes(), l); err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
	}
	whole = true
	w.state.calls = l.N
	w.state.ahead += l.Ahead
	for _, n := range del {
		delete(w.state.objects, n)
		delete(w.kubes, n)
	}
	return nil
}

// kube opens the store of a cluster's objects. Each change of it is a line of its own in the journal.
func (w *World) kube(cluster int64) (*memory.Store, error) {
	if m := w.kubes[cluster]; m != nil {
		return m, nil
	}
	var there []kube.Object
	for _, o := range w.state.objects[cluster] {
		there = append(there, o)
	}
	m, err := memory.New(there, func(put kube.Object, del kube.Key) error {
		l := line{N: w.state.calls + 1, Cluster: cluster, Object: put}
		if put == nil {
			l.Key = &del
		}
		return w.journal.Append(l.changes(), l)
	})
	if err != nil {
		return nil, fmt.Errorf("objects of cluster %d: %w", cluster, err)
	}
	delete(w.state.objects, cluster) // it has them now
	w.kubes[cluster] = m
	return m, nil
}
