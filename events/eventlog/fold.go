package eventlog

import (
	"context"
	"fmt"
	"sync"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Fold is the live world: one fold of the log that decisions, workers and views
// read. It is safe for concurrent use.
type Fold struct {
	mu       sync.RWMutex
	world    *fsm.World
	moved    chan struct{} // closed and replaced whenever the world moves
	stopped  error
	watchers []func(*fsm.World, []events.Recorded)
}

// NewFold is a fold before the first event.
func NewFold() *Fold {
	return &Fold{world: fsm.NewWorld(), moved: make(chan struct{})}
}

// Watch adds a function that is told of each decision right after it is folded
// in, in order, under the fold's lock: it must be quick and must not call the
// fold. All are added before Follow.
func (f *Fold) Watch(see func(*fsm.World, []events.Recorded)) { f.watchers = append(f.watchers, see) }

// Follow folds in the log until ctx ends or the log holds what this program
// can't read; then every waiter and Err learn of it.
func (f *Fold) Follow(ctx context.Context, log *Log) error {
	err := fmt.Errorf("follow the log: %w", log.Tail(ctx, 0, f.see))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = err
	close(f.moved)
	return err
}

func (f *Fold) see(decision []events.Recorded) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.world.Apply(decision); err != nil {
		return err
	}
	for _, w := range f.watchers {
		w(f.world, decision)
	}
	close(f.moved)
	f.moved = make(chan struct{})
	return nil
}

// View calls look with the world, which does not move meanwhile. What look takes
// out of it may be kept: entities are never changed, only replaced.
func (f *Fold) View(look func(*fsm.World)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	look(f.world)
}

// Wait returns when the world includes a sequence, when ctx ends, or when the
// fold has stopped.
func (f *Fold) Wait(ctx context.Context, seq uint64) error {
	for {
		f.mu.RLock()
		at, moved, stopped := f.world.Seq, f.moved, f.stopped
		f.mu.RUnlock()
		switch {
		case at >= seq:
			return nil
		case stopped != nil:
			return stopped
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for sequence %d: %w", seq, ctx.Err())
		}
	}
}

// Err says why the fold has stopped; nil while it follows the log.
func (f *Fold) Err() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.stopped
}
