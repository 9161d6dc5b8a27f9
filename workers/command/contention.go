package command

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

// contention are other servers that append to the log. The sequences alone decide who
// wins a race; this is only the courtesy that keeps one from winning all of them. The
// winner of a round knows the log's new end at once and would be first again; so while
// there are rivals it lets one of them go first.
type contention struct {
	last atomic.Int64  // when the last decision of one was folded in, Unix nanoseconds
	came chan struct{} // has room for one
}

const (
	// rivalry is how long after a decision of another server one is expected again.
	rivalry = time.Second
	// courtesy is the longest wait for one: about what deciding and an append take.
	courtesy = 5 * time.Millisecond
)

func newContention() *contention { return &contention{came: make(chan struct{}, 1)} }

// see watches the fold.
func (r *contention) see(_ *state.Entities, _ []ev.Recorded, own bool) {
	if own {
		return
	}
	r.last.Store(time.Now().UnixNano())
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// about tells whether there are others.
func (r *contention) about() bool { return time.Now().UnixNano()-r.last.Load() < int64(rivalry) }

// goFirst waits a moment for a decision of another server, if there are others.
func (r *contention) goFirst(ctx context.Context) {
	if !r.about() {
		return
	}
	select {
	case <-r.came:
	default:
	}
	short, cancel := context.WithTimeout(ctx, courtesy)
	defer cancel()
	select {
	case <-r.came:
	case <-short.Done():
	}
}

// finals takes out of a round who would be told, of what was decided without an event, what may no longer be so, or not yet: this server's
// fold is behind where another one has answered somebody just now. A round that is appended where its sequences say proves that nothing
// came between.
func (r *round) finals() (all []*job) {
	r.jobs = slices.DeleteFunc(r.jobs, func(j *job) bool {
		final := len(j.recorded) == 0 && !j.current
		if final {
			all = append(all, j)
		}
		return final
	})
	return all
}

// confirm has the fold reach the end of the log, and then lets commands be decided once more, for good. They came before that end was
// looked up, so it has all that anybody was told before he gave them.
func (l *pipeline) confirm(ctx context.Context, jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	l.confirming.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, AnswerTimeout)
		defer cancel()
		err := l.Reach(ctx)
		for _, j := range current(jobs) {
			if err == nil {
				err = l.queue(ctx, j)
			}
			if err != nil {
				j.reply <- Outcome{Err: unavailable(err)}
			}
		}
	})
}

// current marks commands whose fold has all that was in the log when they came.
func current(jobs []*job) []*job {
	for _, j := range jobs {
		j.current = true
	}
	return jobs
}
