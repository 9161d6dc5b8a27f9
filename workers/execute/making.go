package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

const (
	lookAtMade   = time.Nanosecond // at once
	lookAtUnseen = time.Minute     // in the cloud's time: what was made often enough may be shown one day
)

// making is what a task has made. A provider may make several things at once.
type making struct {
	mu   sync.Mutex
	part string // what is ensured now
	ends []ev.CreateEnd
	seen []string
}

// begin notes what is ensured from now on, and says how much was made before.
func (m *making) begin(part string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.part = part
	return len(m.ends)
}

// now is what is ensured now.
func (m *making) now() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.part
}

// since tells whether something was made since begin.
func (m *making) since(began int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.ends) > began
}

// see notes that a look has shown a part: what is made of it now is another one.
func (m *making) see(part string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.seen, part) {
		m.seen = append(m.seen, part)
	}
}

func (m *making) end(what, id string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := ev.CreateEnd{What: what, ID: ev.Cut(id, maxNote)}
	e.Lost = cloud.MayBeDone(err)
	e.Refused = err != nil && !e.Lost
	m.ends = append(m.ends, e)
}

// Permit lets a task make something once start has put that into the log, unless it was made too often without being
// seen. known is what the log knows of its making.
func (t *Task) Permit(known func(what string) fsm.Creation, start func(context.Context, ev.CreateStarted) error) cloud.Permit {
	return func(ctx context.Context, what string) (func(string, error), error) {
		what = ev.Cut(what, maxNote)
		c := known(what)
		if !c.May() {
			return nil, unseen(c)
		}
		if !c.Open {
			if err := start(ctx, ev.CreateStarted{Part: t.making.now(), What: what}); err != nil {
				return nil, fmt.Errorf("make %s: %w", what, err)
			}
		}
		return func(id string, err error) { t.making.end(what, id, err) }, nil
	}
}

// CreatesEnded is how the creates ended that were permitted to the task, if there were any.
func (t *Task) CreatesEnded() (e ev.CreatesEnded, some bool) {
	m := &t.making
	m.mu.Lock()
	defer m.mu.Unlock()
	return ev.CreatesEnded{Ends: m.ends, Seen: m.seen}, len(m.ends)+len(m.seen) > 0
}

// permit is the permit of a task, with the intake's count. Once the work may be with another too, nothing is made: both have
// looked, have seen nothing, and would make two. What was counted stays open, for whoever has the work.
func (x *worker) permit(place queue.Partition, t *Task, held queue.Held) cloud.Permit {
	known := func(what string) fsm.Creation { return x.known.creation(t, what) }
	ask := t.Permit(known, func(ctx context.Context, started ev.CreateStarted) error {
		answer, err := x.tell(ctx, place, t, started, nil)
		switch {
		case err != nil:
			return err
		case answer == ev.ReportTaken:
			return errNoLongerOwed
		case answer != ev.CreateCounted:
			return errors.New(answer)
		}
		return nil
	})
	return func(ctx context.Context, what string) (func(string, error), error) {
		ended, err := ask(ctx, what)
		if err == nil {
			err = held(ctx)
		}
		return ended, err
	}
}

// creation is what the log knows of the making of something for a task's entity.
func (x *Executor) creation(t *Task, what string) (c fsm.Creation) {
	x.fold.View(func(w *state.Entities) {
		e, _ := w.Get(t.Ref)
		c = e.Creation(what)
	})
	return c
}

func unseen(c fsm.Creation) error {
	return &cloud.Error{Class: cloud.Unseen, Op: "Ensure" + c.Part, Code: "NotSeen", RetryAfter: lookAtUnseen,
		Message: c.String() + "; no more is made: it is looked for again, and retry makes it anew"}
}

// endCreates reports how the creates of a task ended, if it made anything.
func (x *worker) endCreates(ctx context.Context, place queue.Partition, t *Task) error {
	ended, some := t.CreatesEnded()
	if !some {
		return nil
	}
	return x.report(ctx, place, t, ended, nil)
}
