package state

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
)

// Live holds the current Entities: the one fold of the log that decisions, workers and
// views read. It is safe for concurrent use.
type Live struct {
	mu       sync.RWMutex
	world    *Entities
	moved    chan struct{} // closed and replaced whenever the entities move
	epoch    atomic.Uint64 // of the log
	at       atomic.Uint64 // the sequence of the entities, for who does not want to wait for the lock
	held     atomic.Uint64 // what the log gives from this sequence on has to wait; 0: nothing has to
	free     chan struct{} // closed when it no longer has to
	own      [2]uint64     // from and to which sequence the log will give what this process appended
	stopped  error
	limit    *fsm.ProvisionLimit // nil: the default one
	watchers []Watcher
}

// Watcher is told of a decision, and whether this process has appended it.
type Watcher func(w *Entities, decision []events.Recorded, own bool)

// NewLive is a fold before the first event.
func NewLive() *Live {
	return &Live{world: New(), moved: make(chan struct{})}
}

// Watch adds a function that is told of each decision right after it is folded
// in, in order, under the fold's lock: it must be quick and must not call the
// fold. All are added before Follow.
func (f *Live) Watch(see Watcher) { f.watchers = append(f.watchers, see) }

// Restore goes on from entities that were folded before. It is called before Follow.
func (f *Live) Restore(w *Entities) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world = w
	if f.limit != nil {
		w.LimitProvision(*f.limit)
	}
	f.at.Store(w.Seq)
}

// LimitProvision bounds what is made for plans in all; nil: as by default. It is called before Follow.
func (f *Live) LimitProvision(limit *fsm.ProvisionLimit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.limit = limit; limit != nil {
		f.world.LimitProvision(*limit)
	}
}

// SetEpoch says of which epoch of the log the entities are, for who asks for a Revision or a Point before Follow has begun.
func (f *Live) SetEpoch(epoch uint64) { f.epoch.Store(epoch) }

// Follow folds in the log until ctx ends or the log holds what this program
// can't read; then every waiter and Err learn of it.
func (f *Live) Follow(ctx context.Context, log *eventlog.Log) error {
	f.epoch.Store(log.Epoch())
	var from uint64
	f.View(func(w *Entities) { from = w.Seq })
	err := fmt.Errorf("follow the log: %w", log.Follow(ctx, from, f.fold, f.has))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = err
	close(f.moved)
	return err
}

// ApplyOwn folds in decisions that this process has appended one right after the
// other, before the log gives them back, and ends a Pause. What the log was faster
// with is left out; it is an error if events before them are not folded in yet.
func (f *Live) ApplyOwn(decisions [][]events.Recorded) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.release()
	for _, d := range decisions {
		switch first := d[0].Seq; {
		case f.stopped != nil:
			return f.stopped
		case first > f.world.Seq+1:
			return fmt.Errorf("fold in sequence %d: the fold is at %d", first, f.world.Seq)
		}
		if err := f.apply(d, true); err != nil {
			return err
		}
	}
	f.move()
	return nil
}

// Pause keeps back what the log gives from a sequence on: this process is appending just there, and will know before the
// log tells. It is ended exactly once, by ApplyOwn, Await or Release, and by the intake alone. Until then the reader of the log
// waits, even if its ctx ends.
func (f *Live) Pause(from uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free = make(chan struct{})
	f.held.Store(from)
}

// Await ends a Pause: the log will give from one sequence to another what this
// process appended, after what others did.
func (f *Live) Await(first, last uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.own = [2]uint64{first, last}
	f.release()
}

// Release ends a Pause.
func (f *Live) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.release()
}

func (f *Live) release() {
	f.held.Store(0)
	close(f.free)
}

// has tells whether an event is folded in. Of one that is held back it tells when
// that is over. It is asked for each event that is read, and takes the lock only for
// those held back: reading goes on while the fold is at work.
func (f *Live) has(seq uint64) bool {
	if from := f.held.Load(); from > 0 && seq >= from {
		f.mu.RLock()
		free := f.free
		f.mu.RUnlock()
		<-free
	}
	return seq <= f.at.Load()
}

// fold folds in decisions of the log.
func (f *Live) fold(decisions [][]events.Recorded) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.move()
	for _, d := range decisions {
		first := d[0].Seq
		if err := f.apply(d, f.own[0] <= first && first <= f.own[1]); err != nil {
			return err
		}
	}
	return nil
}

func (f *Live) apply(decision []events.Recorded, own bool) error {
	if decision[0].Seq <= f.world.Seq {
		return nil // learnt meanwhile
	}
	if err := f.world.Apply(decision); err != nil {
		return err
	}
	f.at.Store(f.world.Seq)
	for _, w := range f.watchers {
		w(f.world, decision, own)
	}
	return nil
}

// At is the sequence of the entities; it does not wait for who is at work on them.
func (f *Live) At() uint64 { return f.at.Load() }

// move tells those who wait that the entities have moved.
func (f *Live) move() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// View calls look with the entities, which do not move meanwhile; others may look at once. What look takes
// out of them may be kept: entities are never changed, only replaced. It must not call the fold.
func (f *Live) View(look func(*Entities)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	look(f.world)
}

// Keep calls keep with the entities, which nobody reads meanwhile: it may take what has
// to be of one moment, or call what changes the indexes, such as NextFor, and must be quick.
func (f *Live) Keep(keep func(*Entities)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	keep(f.world)
}

// Revision is that of what is done for a sequence of the log that is followed.
func (f *Live) Revision(seq uint64) uint64 { return events.Revision(f.epoch.Load(), seq) }

// Point is how far the entities are, in which epoch of the log.
func (f *Live) Point() events.LogPoint {
	return events.LogPoint{Epoch: f.epoch.Load(), Seq: f.at.Load()}
}

// WaitRevision waits as Wait does until the entities include the sequence of a revision. It returns nil at once for an earlier epoch,
// whose events may be gone, and an error for a later one: another process has opened the restored log, and this one must restart.
func (f *Live) WaitRevision(ctx context.Context, revision uint64) error {
	switch epoch, ours := events.EpochOf(revision), f.epoch.Load(); {
	case epoch < ours:
		return nil
	case epoch > ours:
		return fmt.Errorf("the log was restored, its epoch is %d: this process is of epoch %d and has to start anew", epoch, ours)
	}
	return f.Wait(ctx, events.SeqOf(revision))
}

// Wait returns when the entities include a sequence, when ctx ends, or when the
// fold has stopped.
func (f *Live) Wait(ctx context.Context, seq uint64) error {
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
func (f *Live) Err() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.stopped
}
