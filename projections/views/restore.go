package views

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aeriehq/aerie/projections/views/snapshot"
)

// Preloaded is the newest snapshot of a directory, which is being read.
type Preloaded struct {
	dir   *snapshot.Dir
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
	snapshot.Header
	*indexedState
}

// PreloadSnapshot begins to read the newest snapshot in a directory that nobody else uses.
// That takes as long as a NATS server takes to open the log, and can be done meanwhile.
func PreloadSnapshot(dir string) *Preloaded {
	s := &Preloaded{read: make(chan struct{})}
	go func() {
		defer close(s.read)
		if s.dir, s.err = snapshot.Open(dir); s.err == nil {
			s.found = newest(s.dir, 1<<63, true)
		}
	}()
	return s
}

// Wait returns when nothing is read any more.
func (s *Preloaded) Wait() { <-s.read }

// Restore goes on from the newest snapshot, if there is one that is whole, of this
// program and of this log. It is called before the fold follows the log; Snapshots
// writes where that snapshot was. What is counted of the fold goes on too.
func (v *Views) Restore(ctx context.Context, from *Preloaded, counters Counters) error {
	v.counters = counters
	from.Wait()
	if v.snapshots = from.dir; from.err != nil {
		return from.err
	}
	s, err := v.ofThisLog(ctx, from.found, true)
	if s == nil || err != nil {
		return err
	}
	v.fold.Restore(s.World)
	v.index, v.events, v.snapshotSeq = s.index, s.events, s.World.Seq
	if counters.Set != nil {
		counters.Set(s.folded)
	}
	return nil
}

// newest reads the newest snapshot up to a sequence; nil if none can be used.
func (v *Views) newest(ctx context.Context, upTo uint64) (*indexedState, error) {
	if v.snapshots == nil {
		return nil, nil
	}
	return v.ofThisLog(ctx, newest(v.snapshots, upTo+1, false), false)
}

// ofThisLog is the state of a snapshot, or of the newest before it that is of this log; nil if none is. One that can't
// be used is left where it is, and a line of the program's log says why.
func (v *Views) ofThisLog(ctx context.Context, s *readSnapshot, withEvents bool) (*indexedState, error) {
	for ; s != nil; s = newest(v.snapshots, s.Seq, withEvents) {
		r, err := v.ReadEvent(ctx, s.Seq)
		if err == nil && r.EventID == s.Event {
			return s.indexedState, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		slog.Warn("snapshot not used", "file", v.snapshots.Path(s.Seq), "reason", errors.Join(errors.New("it is of another log"), err))
	}
	return nil, nil
}

// Snapshots writes snapshots until ctx ends, and a last one then, should there be enough that is new. It never returns
// an error: without snapshots a start takes longer, and nothing else is different.
func (v *Views) Snapshots(ctx context.Context) {
	for ctx.Err() == nil {
		if v.fold.Wait(ctx, v.snapshotSeq+v.snapshotEvery) != nil {
			break // the last one
		}
		began := time.Now()
		v.snapshot(ctx)
		rest(ctx, time.Since(began)) // at most half the time is spent on snapshots
	}
	if v.AsOf().Seq >= v.snapshotSeq+v.snapshotAtEnd {
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
	if err := v.takeSnapshot(ctx); err != nil {
		slog.Warn("no snapshot", "err", err)
	}
}

func (v *Views) takeSnapshot(ctx context.Context) error {
	s := v.freeze()
	v.snapshotSeq = s.World.Seq
	ours, err := code()
	if err != nil {
		return fmt.Errorf("name the program: %w", err)
	}
	r, err := v.ReadEvent(ctx, s.World.Seq)
	if err != nil {
		return err
	}
	return v.snapshots.Write(snapshot.Header{Code: ours, Seq: s.World.Seq, Event: r.EventID}, s.Write)
}

var errOther = errors.New("another version of the program wrote it")

// newest reads the newest snapshot before a sequence that is whole and of this program;
// nil if there is none. Of each other it says in the program's log why it is not used.
func newest(s *snapshot.Dir, before uint64, withEvents bool) *readSnapshot {
	seqs := s.All()
	slices.Reverse(seqs)
	for _, seq := range seqs {
		if seq >= before {
			continue
		}
		found, err := readAt(s, seq, withEvents)
		if err == nil {
			return found
		}
		slog.Warn("snapshot not used", "file", s.Path(seq), "reason", err)
	}
	return nil
}

// readAt reads the snapshot of a sequence.
func readAt(s *snapshot.Dir, seq uint64, withEvents bool) (*readSnapshot, error) {
	p, err := s.Read(seq)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if ours, err := code(); err != nil || p.Code != ours {
		return nil, errors.Join(errOther, err)
	}
	read, err := readState(p.State)
	if err == nil && withEvents {
		read.events, read.folded, err = readEventIndex(p.State, seq)
	}
	if err == nil && read.World.Seq != seq {
		err = snapshot.ErrDamaged
	}
	return &readSnapshot{p.Header, read}, err
}
