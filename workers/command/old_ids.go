package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command/idindex"
)

const (
	// indexEvery is after how many events the index of ids is extended: long before the
	// fold forgets those that came since.
	indexEvery = 1 << 16
	// indexAtOnce is how many ids are taken from the fold before others get to it.
	indexAtOnce = 4096
	// indexRetry is the pause after an index could not be extended.
	indexRetry = 10 * time.Second
)

// oldIDs is the index of the ids that the fold does not remember any more; none until
// there is one of this log.
type oldIDs struct {
	index atomic.Pointer[openIndex]
	every uint64 // after how many events it is extended
}

// openIndex is an index, and what is called when somebody finds it damaged.
type openIndex struct {
	*idindex.Index
	damaged context.CancelCauseFunc
}

// find lists where events are that a command may have caused, and up to which sequence
// that is all.
func (o *oldIDs) find(id string) (seqs []uint64, covers uint64) {
	x := o.index.Load()
	if x == nil {
		return nil, 0
	}
	seqs, covers, err := x.Find(id)
	if err != nil {
		o.index.CompareAndSwap(x, nil)
		x.damaged(err)
		return nil, 0
	}
	return seqs, covers
}

// IndexIDs keeps, in a directory that nobody else uses, an index of the ids of commands
// until ctx ends. Without it, or as far as it has not come yet, an id that is not
// remembered is looked for in the log, which takes longer.
func (i *Intake) IndexIDs(ctx context.Context, dir string) {
	for ctx.Err() == nil {
		if err := i.indexIDs(ctx, dir); err != nil && ctx.Err() == nil {
			slog.Warn("the index of command ids is opened again", "err", err)
			clock.Pause(ctx, indexRetry)
		}
	}
}

// Indexed is up to which sequence of the log the index of ids has all of them.
func (i *Intake) Indexed() uint64 {
	x := i.ids.index.Load()
	if x == nil {
		return 0
	}
	seq, _ := x.Covers()
	return seq
}

// indexIDs keeps the index until it can't; one that somebody found damaged is cleared.
func (i *Intake) indexIDs(ctx context.Context, dir string) (err error) {
	x, err := idindex.Open(dir)
	if err != nil {
		return err
	}
	whole, damaged := context.WithCancelCause(ctx)
	defer func() {
		i.ids.index.Store(nil)
		if (whole.Err() != nil || errors.Is(err, idindex.ErrDamaged)) && ctx.Err() == nil {
			slog.Warn("the index of command ids is made anew", "reason", err)
			err = x.Clear()
		}
		err = errors.Join(err, x.Close())
		damaged(nil)
	}()
	if err := i.keepOfThisLog(whole, x); err != nil {
		return err
	}
	i.ids.index.Store(&openIndex{x, damaged})
	return i.extendAlways(whole, x)
}

// extendAlways extends the index whenever enough has happened.
func (i *Intake) extendAlways(ctx context.Context, x *idindex.Index) error {
	for {
		covers, _ := x.Covers()
		err := i.fold.Wait(ctx, covers+i.ids.every)
		if err == nil {
			err = i.extend(ctx, x, covers)
		}
		if why := context.Cause(ctx); why != nil {
			return why
		}
		if err != nil {
			return err
		}
	}
}

// keepOfThisLog takes away what is of another log.
func (i *Intake) keepOfThisLog(ctx context.Context, x *idindex.Index) error {
	for {
		seq, event := x.Covers()
		if seq == 0 {
			return nil
		}
		last, err := i.log.Last(ctx)
		if err != nil {
			return err
		}
		if seq <= last {
			r, err := i.read(ctx, seq)
			if err != nil {
				return err
			}
			if r.EventID == event {
				return nil
			}
		}
		slog.Warn("a part of the index of command ids is not used", "up to", seq, "reason", "it is of another log")
		if err := x.Shorten(); err != nil {
			return err
		}
	}
}

// extend brings the index to where the fold is: from what that remembers, or, where it
// has forgotten more than the index covers, from the log.
func (i *Intake) extend(ctx context.Context, x *idindex.Index, covers uint64) error {
	some, upTo, ok := i.remembered(covers)
	if !ok {
		return i.extendFromLog(ctx, x, covers, upTo)
	}
	r, err := i.read(ctx, upTo)
	if err != nil {
		return err
	}
	return x.Extend(upTo, r.EventID, some)
}

// remembered lists the ids after a sequence that the fold remembers, up to where it is;
// false if it has forgotten some of them.
func (i *Intake) remembered(after uint64) (some []idindex.Entry, upTo uint64, ok bool) {
	for from, more := after, true; more; {
		i.fold.View(func(w *state.Entities) {
			forgot, _ := w.Forgot()
			upTo, ok, more = w.Seq, forgot <= from, false
			if !ok {
				return
			}
			left := indexAtOnce
			w.EachCaused(from, func(id string, seq uint64) bool {
				some, from = append(some, idindex.EntryOf(id, seq)), seq
				left--
				more = left == 0
				return !more
			})
		})
	}
	return some, upTo, ok
}

// extendFromLog reads the log up to a sequence.
func (i *Intake) extendFromLog(ctx context.Context, x *idindex.Index, covers, upTo uint64) error {
	var some []idindex.Entry
	err := i.log.Replay(ctx, covers, upTo, func(decision []ev.Recorded) error {
		if state.Remembers(decision) {
			some = append(some, idindex.EntryOf(decision[0].CommandID, decision[0].Seq))
		}
		last := decision[len(decision)-1]
		if len(some) < indexEvery && last.Seq < upTo {
			return nil
		}
		err := x.Extend(last.Seq, last.EventID, some)
		some = nil
		return err
	})
	if err != nil {
		return fmt.Errorf("read the ids of commands from the log: %w", err)
	}
	return nil
}
