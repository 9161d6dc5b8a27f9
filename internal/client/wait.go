package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// again is the time between two looks at what is waited for.
const lookAgain = 300 * time.Millisecond

// Target is an entity to wait for.
type Target struct {
	Ref  events.Ref // who is waited for
	Seq  uint64     // the view must have come this far; 0: as it is
	last Entity     // as it was at the last look
}

// atRest tells whether an entity is as wanted and nothing more is to come.
func atRest(e Entity) bool {
	m, known := fsm.Machines[e.Kind]
	at := fsm.Phase(e.Phase)
	return known && (m.AtRest(at) && len(e.Status.Owed) == 0 && e.Status.Reason == nil || m.Ended(at))
}

// stuck tells whether an entity will not get further by itself.
func stuck(e Entity) bool {
	return !atRest(e) && e.Status.Reason != nil && !e.Status.Reason.Retried
}

// Wait returns when all targets are at rest, when one of them is stuck, with its
// reason, or when ctx ends, naming what is not at rest and why.
func (c *Client) Wait(ctx context.Context, targets []Target, out io.Writer) error {
	p := newProgress(out, len(targets))
	defer p.end()
	for {
		err := c.look(ctx, targets)
		left := targets[:0:0]
		for _, t := range targets {
			p.saw(t.last)
			if stuck(t.last) {
				return stuckError(t.last)
			}
			if t.last.Kind == "" || !atRest(t.last) {
				left = append(left, t)
			}
		}
		p.left(left)
		switch {
		case err == nil && len(left) == 0:
			return nil
		case ctx.Err() != nil:
			return waitEnded(ctx.Err(), left)
		case err != nil:
			return err
		}
		targets = left
		Sleep(ctx, lookAgain)
	}
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

func stuckError(e Entity) error {
	return &Failure{string(e.Status.Reason.Code), fmt.Sprintf("%s is %s: %s", e.Ref(), e.Phase, e.Status.Reason.Message), nil, ExitFailure}
}

// waitEnded says what was still waited for when time ran out.
func waitEnded(why error, left []Target) error {
	if errors.Is(why, context.Canceled) {
		return fmt.Errorf("wait: %w", why)
	}
	f := &Failure{"timeout", fmt.Sprintf("%d not as wanted in time; they go on without being waited for", len(left)), nil, ExitTimeout}
	for _, t := range left {
		f.Details = append(f.Details, t.Ref.String()+": "+standing(t.last))
	}
	return f
}

// standing is an entity's phase and the reason for it, in one line.
func standing(e Entity) string {
	switch {
	case e.Kind == "":
		return "not seen yet"
	case e.Status.Reason == nil:
		return e.Phase
	}
	return fmt.Sprintf("%s (%s: %s)", e.Phase, e.Status.Reason.Code, e.Status.Reason.Message)
}
