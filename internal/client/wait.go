package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// lookAgain is the time between two looks at what is waited for.
const lookAgain = 300 * time.Millisecond

// longestStep is the most time in which work may change nothing and still count as
// progress. No phase of a life, and no step of a move, is allowed to last longer: evicting pods has two hours.
const longestStep = 2*time.Hour + time.Minute

// Target is an entity to wait for.
type Target struct {
	Ref  events.Ref // who is waited for
	UID  string     // of the incarnation that is meant; empty: any
	Seq  uint64     // the view must have come this far; 0: as it is
	Gone bool       // its end is waited for, else that it is as wanted
	last Entity     // as it was at the last look
}

// atRest tells whether an entity is as wanted and nothing more is to come.
func atRest(e Entity) bool {
	m, known := fsm.Machines[e.Kind]
	return known && m.AtRest(fsm.Phase(e.Phase)) && len(e.Status.Owed) == 0 && e.Status.Reason == nil && !isHandedOver(e)
}

// isHandedOver tells whether an entity is on its way from who worked on it to somebody else.
func isHandedOver(e Entity) bool {
	return slices.ContainsFunc(e.Status.Conditions, func(c Condition) bool {
		return c.Type == fsm.ConditionHandedOver && c.Status == fsm.False
	})
}

// IsGoing tells whether an entity is on its way to its end.
func IsGoing(e Entity) bool {
	m, known := fsm.Machines[e.Kind]
	return known && m.Terminating(fsm.Phase(e.Phase))
}

// another tells whether the name belongs to another incarnation by now.
func (t Target) another() bool {
	return t.UID != "" && t.last.UID != "" && t.last.UID != t.UID
}

// done tells whether what is waited for has come about.
func (t Target) done() bool {
	if t.Gone {
		return t.last.Kind != "" && (Gone[t.last.Phase] || t.another())
	}
	return !t.another() && atRest(t.last)
}

// lost is what keeps it from ever coming about; nil if nothing does.
func (t Target) lost() error {
	e := t.last
	switch {
	case t.Gone || e.Kind == "":
	case t.another():
		return &Failure{string(events.Conflict), t.Ref.String() + " was deleted meanwhile, and is another one now", nil, ExitRefused}
	case Gone[e.Phase]:
		return &Failure{string(events.NotFound), fmt.Sprintf("%s is %s: somebody has deleted it", t.Ref, e.Phase), nil, ExitNotFound}
	case IsGoing(e):
		return &Failure{string(events.Refused), fmt.Sprintf("%s is being deleted: somebody asked for that", t.Ref), nil, ExitRefused}
	}
	if r := e.Status.Reason; r != nil && !r.Retried && !t.done() {
		return stuckError(e)
	}
	return nil
}

func stuckError(e Entity) error {
	return &Failure{string(e.Status.Reason.Code), fmt.Sprintf("%s is %s: %s", e.Ref(), e.Phase, e.Status.Reason.Message), nil, ExitFailure}
}

// working tells whether somebody works for an entity right now.
func working(e Entity) bool {
	return e.Status.Reason != nil && e.Status.Reason.Code == events.InProgress
}

// Wait returns when all targets are as wanted, when one of them never will be, with
// its reason, or when ctx ends, naming what is not as wanted and why. Without a
// deadline in ctx it goes on as long as there is progress.
func (c *Client) Wait(ctx context.Context, targets []Target, out io.Writer) error {
	if len(targets) == 0 {
		return nil
	}
	p := newProgress(out, len(targets), c.Speed(), time.Now())
	w := patience{most: c.patience, last: time.Now(), stands: map[events.Ref]string{}}
	err := c.wait(ctx, targets, p, &w)
	p.end(err == nil, time.Now())
	return err
}

func (c *Client) wait(ctx context.Context, targets []Target, p *progress, w *patience) error {
	_, bounded := ctx.Deadline()
	for {
		err := c.look(ctx, targets)
		now := time.Now()
		left := targets[:0:0]
		p.speed, p.steps = c.Speed(), c.steps(ctx, p.news(targets))
		for _, t := range targets {
			p.saw(t.last, now)
			w.saw(t.last, now)
			if err := t.lost(); err != nil {
				return err
			}
			if !t.done() {
				left = append(left, t)
			}
		}
		p.left(left, now)
		switch {
		case err == nil && len(left) == 0:
			return nil
		case ctx.Err() != nil:
			return waitEnded(ctx.Err(), left)
		case err != nil:
			return err
		case !bounded && w.over(now, left) && !c.moving(ctx, left):
			return notMoved(w.most, left)
		}
		targets = left
		Sleep(ctx, lookAgain)
	}
}

// patience ends when nothing has changed for a while.
type patience struct {
	most   time.Duration
	last   time.Time             // of a change
	stands map[events.Ref]string // how each entity was at the last look
}

func (w *patience) saw(e Entity, now time.Time) {
	stands := fmt.Sprint(e.Seq, Standing(e))
	if w.stands[e.Ref()] != stands {
		w.stands[e.Ref()], w.last = stands, now
	}
}

// over tells whether nothing has changed for too long. Work in a cloud may take its time.
func (w *patience) over(now time.Time, left []Target) bool {
	still := now.Sub(w.last)
	for _, t := range left {
		if working(t.last) && still < longestStep {
			return false
		}
	}
	return still >= w.most
}

// moving tells whether somebody works for what the targets wait for, which are no
// targets themselves.
func (c *Client) moving(ctx context.Context, left []Target) bool {
	seen := map[events.Ref]bool{}
	var next []events.Ref
	for _, t := range left {
		next = append(next, awaited(t.last)...)
	}
	for len(next) > 0 {
		ref := next[0]
		next = next[1:]
		if seen[ref] {
			continue
		}
		seen[ref] = true
		e, err := c.Entity(ctx, ref, 0)
		if err != nil {
			continue // it is not there, or the next look will tell
		}
		if working(e) {
			return true
		}
		next = append(next, awaited(e)...)
	}
	return false
}

// awaited are the entities that an entity waits for.
func awaited(e Entity) (all []events.Ref) {
	on, _ := e.Status.Owed["on"].([]any)
	for _, o := range on {
		s, _ := o.(string)
		kind, path, _ := strings.Cut(s, " ")
		if ref, faults := events.ParseRef(events.Kind(kind), path); len(faults) == 0 {
			all = append(all, ref)
		}
	}
	return all
}

// look reads all targets anew. A server that does not answer is waited for.
func (c *Client) look(ctx context.Context, targets []Target) error {
	var mu sync.Mutex
	return FirstError(Each(len(targets), func(i int) error {
		t := &targets[i]
		return c.Retry(ctx, "wait for "+t.Ref.String(), func(ctx context.Context) error {
			e, err := c.Entity(ctx, t.Ref, t.Seq)
			if err == nil {
				mu.Lock()
				t.last = e
				mu.Unlock()
			}
			return err
		})
	}))
}

// waitEnded says what was still waited for when time ran out.
func waitEnded(why error, left []Target) error {
	if errors.Is(why, context.Canceled) {
		return fmt.Errorf("wait: %w", why)
	}
	return tooLate(fmt.Sprintf("%d not as wanted in time; they go on without being waited for", len(left)), left)
}

// notMoved says what was still waited for when nothing moved any more.
func notMoved(most time.Duration, left []Target) error {
	return tooLate(fmt.Sprintf("%d not as wanted, and for %s nothing has changed; they go on without being waited for", len(left), most), left)
}

func tooLate(message string, left []Target) error {
	f := &Failure{"timeout", message, nil, ExitTimeout}
	for _, t := range left {
		f.Details = append(f.Details, t.Ref.String()+": "+Standing(t.last))
	}
	return f
}

// Standing is an entity's phase and the reason for it, in one line.
func Standing(e Entity) string {
	switch {
	case e.Kind == "":
		return "not seen yet"
	case e.Status.Reason == nil:
		return e.Phase
	}
	return fmt.Sprintf("%s (%s: %s)", e.Phase, e.Status.Reason.Code, e.Status.Reason.Message)
}
