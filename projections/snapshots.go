package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Restore goes on from the newest snapshot in a directory, if there is one that is
// whole, of this program and of this log. It is called before the fold follows the
// log; Snapshots writes there. What m counts of the fold goes on too; m may be nil.
func (v *Views) Restore(ctx context.Context, dir string, m *Metrics) (err error) {
	v.metrics = m
	if v.shelf, err = openShelf(dir); err != nil {
		return err
	}
	s, err := v.newest(ctx, 1<<63, true)
	if s == nil || err != nil {
		return err
	}
	v.fold.Restore(s.world)
	v.index, v.journal, v.shot = s.index, s.journal, s.world.Seq
	for name, n := range s.folded {
		if m != nil {
			m.set.GetOrCreateCounter(name).Set(n)
		}
	}
	return nil
}

// newest reads the newest snapshot up to a sequence; nil if none can be used. One
// that can't is left where it is, and a line of the program's log says why.
func (v *Views) newest(ctx context.Context, upTo uint64, journal bool) (*state, error) {
	if v.shelf == nil {
		return nil, nil
	}
	seqs := v.shelf.all()
	slices.Reverse(seqs)
	for _, seq := range seqs {
		if seq > upTo {
			continue
		}
		s, err := v.readSnapshot(ctx, seq, journal)
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		slog.Warn("snapshot not used", "file", v.shelf.path(seq), "reason", err)
	}
	return nil, nil
}

var errOther = errors.New("another version of the program wrote it")

func (v *Views) readSnapshot(ctx context.Context, seq uint64, journal bool) (*state, error) {
	p, err := v.shelf.open(seq)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if ours, err := code(); err != nil || p.Code != ours {
		return nil, errors.Join(errOther, err)
	}
	if r, err := v.readEvent(ctx, seq); err != nil || r.EventID != p.Event {
		return nil, errors.Join(errors.New("it is of another log"), err)
	}
	s, err := readState(p.state)
	if err == nil && journal {
		s.journal, s.folded, err = readJournal(p.state, seq)
	}
	if err == nil && s.world.Seq != seq {
		err = errDamaged
	}
	return s, err
}

// Snapshots writes snapshots until ctx ends, and a last one then, should there be
// enough that is new. It never returns an error: without snapshots a start takes
// longer, and nothing else is different.
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
	r, err := v.readEvent(ctx, s.world.Seq)
	if err != nil {
		return err
	}
	return v.shelf.write(label{ours, s.world.Seq, r.EventID}, s.write)
}
