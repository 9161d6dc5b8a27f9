package execute

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
)

// errNoLongerOwed ends work that is no longer owed: its phase was given up, or something else is wished by now.
var errNoLongerOwed = errors.New("it is no longer owed")

// overtakeRest is the pause between two looks at the entities: however much happens, looking costs little.
const overtakeRest = 100 * time.Millisecond

// longWork is the work being done that may take long, each with what ends it. Short work ends by itself.
type longWork struct {
	mu  sync.Mutex
	end map[*ev.Work]context.CancelCauseFunc
}

// add is a context that ends when the work is no longer owed. forget is called when it is done.
func (l *longWork) add(ctx context.Context, w *ev.Work) (_ context.Context, forget func()) {
	ctx, end := context.WithCancelCause(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end[w] = end
	return ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.end, w)
		end(nil)
	}
}

// overtake ends the work that is no longer owed. Of work that is newer than the entities nothing can be said yet.
func (l *longWork) overtake(w *state.Entities) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for work, end := range l.end {
		if ev.SeqOf(work.Revision) <= w.Seq && !owedIn(w, *work) {
			end(errNoLongerOwed)
		}
	}
}

// begin is a context for a piece of work, bounded in time, and where that is long by its being owed. done is called when it
// is done.
func (x *Executor) begin(ctx context.Context, w *ev.Work) (_ context.Context, done func()) {
	ctx, cancel := context.WithTimeout(ctx, within(w.Effect))
	if within(w.Effect) <= CallTimeout {
		return ctx, cancel
	}
	ctx, forget := x.long.add(ctx, w)
	return ctx, func() {
		forget()
		cancel()
	}
}

// watchLong ends long work as soon as it is no longer owed: the process of a chart that hangs goes with its
// phase, and makes room. What it leaves is met by whoever comes next. It returns when ctx ends, with nil, or with the error
// of a fold that has stopped.
func (x *Executor) watchLong(ctx context.Context) error {
	seq := uint64(0)
	for {
		if err := x.fold.Wait(ctx, seq+1); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("watch long work: %w", err)
		}
		x.fold.View(func(w *state.Entities) {
			seq = w.Seq
			x.long.overtake(w)
		})
		clock.Pause(ctx, overtakeRest)
	}
}
