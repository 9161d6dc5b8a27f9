package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Saved is the newest snapshot of a directory, which is being read.
type Saved struct {
	shelf *shelf
	found *readSnapshot
	err   error
	read  chan struct{} // closed when it is
}

// Counters are what others count of the fold, by name: snapshots keep it beside the views. Nil functions: nothing is counted.
type Counters struct {
	Get func() map[string]uint64
	Set func(map[string]uint64)
}

// readSnapshot is a snapshot that was read, and its label.
type readSnapshot struct {
	label
	*indexedState
}

// ReadAhead begins to read the newest snapshot in a directory that nobody else uses.
// That takes as long as a NATS server takes to open the log, and can be done meanwhile.
func ReadAhead(dir string) *Saved {
	s := &Saved{read: make(chan struct{})}
	go func() {
		defer close(s.read)
		if s.shelf, s.err = openShelf(dir); s.err == nil {
			s.found = s.shelf.newest(1<<63, true)
		}
	}()
	return s
}

// Wait returns when nothing is read any more.
func (s *Saved) Wait() { <-s.read }

// Restore goes on from the newest snapshot, if there is one that is whole, of this
// program and of this log. It is called before the fold follows the log; Snapshots
// writes where that snapshot was. What is counted of the fold goes on too.
func (v *Views) Restore(ctx context.Context, from *Saved, counters Counters) error {
	v.counters = counters
	from.Wait()
	if v.shelf = from.shelf; from.err != nil {
		return from.err
	}
	s, err := v.ofThisLog(ctx, from.found, true)
	if s == nil || err != nil {
		return err
	}
	v.fold.Restore(s.world)
	v.index, v.journal, v.shot = s.index, s.journal, s.world.Seq
	if counters.Set != nil {
		counters.Set(s.folded)
	}
	return nil
}

// newest reads the newest snapshot up to a sequence; nil if none can be used.
func (v *Views) newest(ctx context.Context, upTo uint64) (*indexedState, error) {
	if v.shelf == nil {
		return nil, nil
	}
	return v.ofThisLog(ctx, v.shelf.newest(upTo+1, false), false)
}

// ofThisLog is the state of a snapshot, or of the newest before it that is of this log; nil if none is. One that can't
// be used is left where it is, and a line of the program's log says why.
func (v *Views) ofThisLog(ctx context.Context, s *readSnapshot, journal bool) (*indexedState, error) {
	for ; s != nil; s = v.shelf.newest(s.Seq, journal) {
		r, err := v.ReadEvent(ctx, s.Seq)
		if err == nil && r.EventID == s.Event {
			return s.indexedState, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		slog.Warn("snapshot not used", "file", v.shelf.path(s.Seq), "reason", errors.Join(errors.New("it is of another log"), err))
	}
	return nil, nil
}

// Snapshots writes snapshots until ctx ends, and a last one then, should there be enough that is new. It never returns
// an error: without snapshots a start takes longer, and nothing else is different.
func (v *Views) Snapshots(ctx context.Context) {
	for ctx.Err() == nil {
		if v.fold.Wait(ctx, v.shot+v.shotEvery) != nil {
			break // the last one
		}
		began := time.Now()
		v.snapshot(ctx)
		rest(ctx, time.Since(began)) // at most half the time is spent on snapshots
	}
	if v.AsOf().Seq >= v.shot+v.shotAtEnd {
		v.snapshot(context.WithoutCancel(ctx))
	}
}

// rest returns after d, or at once when ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// snapshot writes one, or says why it can't.
func (v *Views) snapshot(ctx context.Context) {
	if err := v.shoot(ctx); err != nil {
		slog.Warn("no snapshot", "err", err)
	}
}

func (v *Views) shoot(ctx context.Context) error {
	s := v.keep()
	v.shot = s.world.Seq
	ours, err := code()
	if err != nil {
		return fmt.Errorf("name the program: %w", err)
	}
	r, err := v.ReadEvent(ctx, s.world.Seq)
	if err != nil {
		return err
	}
	return v.shelf.write(label{ours, s.world.Seq, r.EventID}, s.write)
}
