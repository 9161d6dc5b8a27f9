package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
)

// Dispatcher reads from the fold what the world is owed and sees to it that it
// gets about: to the executors by the work queue, to the intake where waiting or
// a deadline is over. An event only hints that an entity should be looked at;
// what is owed is read from its state, so a restart looks at all of them once.
type Dispatcher struct {
	intake  *Intake
	fold    *eventlog.Fold
	work    *eventlog.WorkQueue
	clock   Clock
	started time.Time

	mu     sync.Mutex
	dirty  map[ev.Ref]string // to be looked at -> the event that hinted at it
	hint   chan struct{}
	timers map[ev.Ref]*time.Timer
	put    map[ev.Ref]posted // only Run's goroutine uses it
}

// posted is what was last put on the work queue for an entity.
type posted struct {
	place  eventlog.Place
	digest string
	failed int       // attempts that had failed by then
	nextAt time.Time // of the last of them
	since  time.Time // when the phase began: the same may be owed anew
}

// NewDispatcher makes a dispatcher and lets it watch the fold, which must not
// follow the log yet; Run starts it.
func NewDispatcher(intake *Intake, fold *eventlog.Fold, work *eventlog.WorkQueue, clock Clock) *Dispatcher {
	d := &Dispatcher{intake: intake, fold: fold, work: work, clock: clock, started: time.Now(), dirty: map[ev.Ref]string{},
		hint: make(chan struct{}, 1), timers: map[ev.Ref]*time.Timer{}, put: map[ev.Ref]posted{}}
	fold.Watch(d.see)
	return d
}

// see marks what an event concerns: its entity and who waits for that.
func (d *Dispatcher) see(w *fsm.World, decision []ev.Recorded, _ bool) {
	for _, r := range decision {
		d.mark(r.Ref, "")
		for _, waiter := range w.Waiting(r.Ref) {
			d.mark(waiter, r.EventID)
		}
	}
}

func (d *Dispatcher) mark(ref ev.Ref, cause string) {
	d.mu.Lock()
	if d.dirty[ref] == "" {
		d.dirty[ref] = cause
	}
	d.mu.Unlock()
	select {
	case d.hint <- struct{}{}:
	default:
	}
}

// Run looks after entities until ctx ends. Before it is called the fold must
// have seen all that the log held at the start, so that nothing old is put on
// the queue in place of something newer.
func (d *Dispatcher) Run(ctx context.Context) {
	for {
		select {
		case <-d.hint:
		case <-ctx.Done():
			d.stopTimers()
			return
		}
		d.mu.Lock()
		dirty := d.dirty
		d.dirty = map[ev.Ref]string{}
		d.mu.Unlock()
		for ref, cause := range dirty {
			if err := d.tend(ctx, ref, cause); err != nil && ctx.Err() == nil {
				slog.Warn("entity not dispatched, will try again", "entity", ref.String(), "err", err)
				d.wake(ref, time.Second)
			}
		}
	}
}

// tend looks at one entity and passes on what it is owed.
func (d *Dispatcher) tend(ctx context.Context, ref ev.Ref, cause string) error {
	var e fsm.Entity[fsm.Data]
	d.fold.View(func(w *fsm.World) { e, _ = w.Get(ref) })
	machine := fsm.Machines[ref.Kind]
	switch owed := machine.Owed(e).(type) {
	case nil:
		return d.withdraw(ctx, e)
	case fsm.Await:
		return d.settle(ctx, e, cause)
	default:
		return d.pass(ctx, e, owed, machine.Rule(e.Phase()))
	}
}

// settle lets the intake look whether what the entity waits for is there.
func (d *Dispatcher) settle(ctx context.Context, e fsm.Entity[fsm.Data], cause string) error {
	if err := d.withdraw(ctx, e); err != nil {
		return err
	}
	c := internal(e.Ref, ev.ActorAerie, ev.Settle{})
	c.CausationID = cause
	return ignoreRefusal(d.do(ctx, c))
}

// pass puts an effect on the work queue, now or when its next attempt is due, and
// watches over its deadline.
func (d *Dispatcher) pass(ctx context.Context, e fsm.Entity[fsm.Data], owed ev.Effect, rule fsm.Rule) error {
	due, left := time.Until(nextAt(e)), d.left(e, rule)
	if left <= 0 {
		return ignoreRefusal(d.do(ctx, internal(e.Ref, ev.ActorAerie, ev.Expire{Since: e.Since})))
	}
	if due > 0 {
		delete(d.put, e.Ref) // what is put next is another attempt, whatever the clock says
		d.wake(e.Ref, min(due, left))
		return nil
	}
	if rule.Within > 0 {
		d.wake(e.Ref, left)
	}
	return d.post(ctx, e, owed)
}

// left is how long the entity may still be in its phase. Time in which nobody
// worked does not count: after a start each phase has its full time again.
func (d *Dispatcher) left(e fsm.Entity[fsm.Data], rule fsm.Rule) time.Duration {
	if rule.Within == 0 {
		return math.MaxInt64
	}
	began := e.Since
	if d.started.After(began) {
		began = d.started
	}
	return time.Until(began.Add(d.clock.Deadline(rule.Within)))
}

func nextAt(e fsm.Entity[fsm.Data]) time.Time {
	if e.Attempt == nil {
		return time.Time{}
	}
	return e.Attempt.NextAt
}

// post puts an effect on the work queue unless it stands there already.
func (d *Dispatcher) post(ctx context.Context, e fsm.Entity[fsm.Data], owed ev.Effect) error {
	now := posted{placeOf(owed), fsm.DigestOf(owed), e.Attempts(), nextAt(e), e.Since}
	if d.put[e.Ref] == now {
		return nil
	}
	args, err := json.Marshal(owed)
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", owed.Effect(), e.Ref, err)
	}
	w := ev.Work{Ref: e.Ref, UID: e.UID, Revision: e.Seq, Digest: now.digest, Attempt: now.failed + 1,
		Effect: owed.Effect(), Args: args}
	if err := d.work.Put(ctx, now.place, w); err != nil {
		return err
	}
	d.put[e.Ref] = now
	return nil
}

// withdraw says on the work queue that nothing is owed there any more, if
// something was.
func (d *Dispatcher) withdraw(ctx context.Context, e fsm.Entity[fsm.Data]) error {
	d.cancel(e.Ref)
	was, ok := d.put[e.Ref]
	if !ok {
		return nil
	}
	if err := d.work.Put(ctx, was.place, ev.Work{Ref: e.Ref, UID: e.UID, Revision: e.Seq}); err != nil {
		return err
	}
	delete(d.put, e.Ref)
	return nil
}

// placeOf is the dataplane on which an effect is done.
func placeOf(owed ev.Effect) eventlog.Place {
	sited, ok := owed.(interface{ Where() ev.Site })
	if !ok {
		return eventlog.Nowhere
	}
	dp, _ := ev.ParseRef(ev.Dataplane, sited.Where().Dataplane)
	return eventlog.Place{Owner: dp.Owner, Dataplane: dp.ID}
}

// do sends a command of the machinery to the intake.
func (d *Dispatcher) do(ctx context.Context, c ev.Command) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err := d.intake.Do(ctx, c)
	return err
}

// ignoreRefusal keeps what is worth another try: a refused command of the
// machinery means that the entity has moved on.
func ignoreRefusal(err error) error {
	var r *ev.Refusal
	if errors.As(err, &r) && !r.Retryable {
		return nil
	}
	return err
}

// wake marks an entity after a while, instead of any earlier such wish.
func (d *Dispatcher) wake(ref ev.Ref, after time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.timers[ref]; t != nil {
		t.Stop()
	}
	d.timers[ref] = time.AfterFunc(after, func() { d.mark(ref, "") })
}

func (d *Dispatcher) cancel(ref ev.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.timers[ref]; t != nil {
		t.Stop()
		delete(d.timers, ref)
	}
}

func (d *Dispatcher) stopTimers() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.timers {
		t.Stop()
	}
}
