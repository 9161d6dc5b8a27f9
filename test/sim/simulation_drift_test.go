package sim

import (
	"context"
	"errors"
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// byHand lets somebody change or delete something behind our back.
func (l *life) byHand() {
	h := l.hand()
	n, err := l.cloud.ByHand(h)
	l.must(err)
	l.say("by hand: delete %q change %q of %q, set %s: %d things", h.Delete, h.Change, h.Match, h.Set, n)
	l.seen["by hand"] += n
}

// inspect is Inspector.Inspect.
func (l *life) inspect() {
	l.inspected = l.now
	round := map[string]kube.API{}
	seen := map[ev.Ref]uint64{}
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) { seen[e.Ref] = e.Seq })
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if e.Seq != seen[e.Ref] || !slices.Contains(reconcile.Inspectable, e.Ref.Kind) {
			return
		}
		stands := m.Stands(e, l.world.Refs())
		if len(stands) == 0 {
			return
		}
		note, err := reconcile.Compare(context.Background(), execute.NewTask(ev.Work{Ref: e.Ref, UID: e.UID}, l.clouds, nil), stands, round)
		if err != nil || len(note.Found) == 0 && e.Failure == nil {
			return
		}
		l.seen["drifts seen"]++
		l.say("a look at %s: %v", e.Ref, note.Found)
		c := l.internal(e.Ref, ev.ActorExecutor, note)
		c.ExpectedSeq = &e.Seq
		var refusal *ev.Refusal
		if _, err := l.handle(c); err != nil && (!errors.As(err, &refusal) || refusal.Code != ev.Conflict) {
			l.wrong("a look at %s: %v", e.Ref, err)
		}
	})
}

// mostRounds bounds how many rounds it may take until nothing is found any more: each
// brings back what the next looks at.
const mostRounds = 12

// bringBack lets inspectors look, and people decide about what is reported, until all
// is as it was made.
func (l *life) bringBack() {
	for range mostRounds {
		before := l.world.Seq
		l.inspect()
		if l.rest(); l.world.Seq == before {
			return
		}
		l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) {
			if e.Failure != nil && e.Failure.Code == ev.DriftedReason {
				l.ask(l.request(e.Ref, ev.VerbRetry, ""))
			}
		})
		l.rest()
	}
	l.wrong("what has drifted is never brought back")
}
