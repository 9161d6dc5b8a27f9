// Package dispatch reads from the live state which effects are owed, and passes it on: to the executors by the work queue,
// and to the intake where waiting or a deadline is over.
//
// It does none of the work, and decides nothing: what it tells the intake may be refused there. Begin with Dispatcher. Each
// server runs one, and several servers may do the same at once, since all that it does may be done twice. An Agenda may be
// used from any goroutine. Nothing is kept on disk: after a crash it looks once at everybody who is owed something.
package dispatch

import (
	"context"
	"errors"
	"hash/fnv"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/liveness"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
)

// Dispatcher reads from the fold what the world is owed and sees to it that it
// gets about: to the executors by the work queue, to the intake where waiting or
// a deadline is over. An event only hints that an entity should be looked at;
// what is owed is read from its state, so a restart looks at all of them once.
//
// Each replica has one. It looks at once at what this process decided, and after a
// grace at what others decided and nobody has moved on since, so that a killed
// replica's work is taken up. All that it does may be done twice.
type Dispatcher struct {
	intake  *command.Intake
	fold    *state.Live
	work    *queue.WorkQueue
	timers  *queue.Timers
	clock   clock.Clock
	started time.Time
	running atomic.Bool // before, nobody is looked at: the start looks at all

	agenda  *Agenda
	resting *resting
	watch   *liveness.Loop
	locks   [256]sync.Mutex // an entity's, by its hash: it is not looked at twice at once

	isThere func(queue.Partition) bool // whether an agent works at a place; nil: nobody says

	mu    sync.Mutex
	put   map[ev.Ref]Enqueued  // what this process has put on the queue; after a restart all is put again
	held  map[ev.Ref]time.Time // of work that was kept waiting (heldEnd): zero while it is, then since when it is not
	armed map[ev.Ref]time.Time // what was left to JetStream's timers; in both some stay after their end, one at most for each name
}

// Bounds of the dispatcher's zeal.
const (
	// looks is how many entities are looked at at once, and as many of those whose
	// time has come, however many they are: so no more of its commands wait in the
	// intake.
	looks = 64
	// grace is how long an entity must have rested before it is looked at once more:
	// by every replica, for it may be that the one whose turn it was is gone.
	grace = 2 * time.Second
	// lookWithin is how long a look takes at most, or the dispatcher stands still: it waits for NATS and for the intake,
	// each for a shorter time.
	lookWithin = time.Minute
	// tryAgain is the pause after a look that failed.
	tryAgain = time.Second
)

// NewDispatcher makes a dispatcher and lets it watch the fold, which must not
// follow the log yet; Run starts it.
func NewDispatcher(intake *command.Intake, fold *state.Live, work *queue.WorkQueue, timers *queue.Timers, clock clock.Clock) *Dispatcher {
	d := &Dispatcher{intake: intake, fold: fold, work: work, timers: timers, clock: clock, started: time.Now(),
		agenda: NewAgenda(), resting: newResting(), put: map[ev.Ref]Enqueued{}, held: map[ev.Ref]time.Time{}, armed: map[ev.Ref]time.Time{}}
	fold.Watch(d.see)
	return d
}

// KnowAgents has a function tell whether an agent works at a place: while none does, no time of a phase runs there. It is called
// before Run.
func (d *Dispatcher) KnowAgents(isThere func(queue.Partition) bool) { d.isThere = isThere }

// Look has an entity looked at.
func (d *Dispatcher) Look(ref ev.Ref) { d.agenda.Add(ref, Note{late: true}) }

// WatchedBy has the dispatcher say how it goes on. It is called before Run.
func (d *Dispatcher) WatchedBy(l *liveness.Loop) { d.watch = l }

// see marks what an event concerns: its entity and who waits for that.
func (d *Dispatcher) see(w *state.Entities, decision []ev.Recorded, own bool) {
	if !d.running.Load() {
		return
	}
	until := time.Now().Add(grace)
	for _, r := range decision {
		if own {
			d.agenda.Add(r.Ref, Note{})
		}
		d.resting.add(r.Ref, r.Seq, Note{}, until)
	}
	for _, r := range decision {
		if fsm.HandsOver(r.Event) {
			for _, ref := range w.On(r.Ref) {
				d.agenda.Add(ref, Note{})
			}
		}
	}
	w.Woken(decision, func(waiter ev.Ref, cause ev.Recorded, room fsm.Awaited) {
		n := Note{cause: cause.EventID, room: room}
		if own {
			d.agenda.Add(waiter, n)
			return
		}
		e, _ := w.Get(waiter)
		d.resting.add(waiter, e.Seq, n, until)
	})
}

// Run looks after entities until ctx ends. Before it is called the fold must
// have seen all that the log held at the start, so that nothing old is put on
// the queue in place of something newer.
func (d *Dispatcher) Run(ctx context.Context) {
	d.running.Store(true)
	d.all()
	var parts sync.WaitGroup
	parts.Go(func() { d.work.Keep(ctx, d.again) })
	parts.Go(func() { d.timers.Keep(ctx, d.again) })
	parts.Go(func() { d.watchResting(ctx) })
	for range looks {
		parts.Go(func() { d.workOff(ctx) })
	}
	_ = d.timers.Take(ctx, looks, d.due(ctx)) // nothing but the end of ctx ends it
	parts.Wait()
}

// all looks at everybody who is owed something.
func (d *Dispatcher) all() {
	d.fold.View(func(w *state.Entities) {
		for _, ref := range w.Owing() {
			d.agenda.Add(ref, Note{late: true})
		}
	})
}

// again puts everything again: what was put is lost.
func (d *Dispatcher) again() {
	d.mu.Lock()
	clear(d.put)
	clear(d.armed)
	d.mu.Unlock()
	d.all()
}

// watchResting looks once more at who has not moved for a while.
func (d *Dispatcher) watchResting(ctx context.Context) {
	for {
		r, ok := d.resting.next(ctx)
		if !ok {
			return
		}
		var e fsm.Entity[fsm.Data]
		d.fold.View(func(w *state.Entities) { e, _ = w.Get(r.ref) })
		if e.Seq == r.seq {
			r.note.late = true
			d.agenda.Add(r.ref, r.note)
		}
	}
}

// workOff looks at one after the other.
func (d *Dispatcher) workOff(ctx context.Context) {
	step := d.watch.Step("a look at an entity", lookWithin)
	defer step.Drop()
	for {
		ref, n, ok := d.agenda.Next(ctx)
		if !ok {
			return
		}
		step.Begin()
		err := d.look(ctx, look{ref: ref, Note: n})
		if err == nil && n.room != (fsm.Awaited{}) {
			d.passOn(ref, n)
		}
		step.End()
		if err != nil && ctx.Err() == nil {
			slog.Warn("entity not dispatched, will try again", "entity", ref.String(), "err", err)
			d.agenda.Add(ref, n)
			clock.Pause(ctx, tryAgain)
		}
	}
}

// passOn lets the next of those look who wait for room, if who was woken for it has not taken it: it has gone, or can't
// be put just there.
func (d *Dispatcher) passOn(woken ev.Ref, n Note) {
	var next ev.Ref
	var found bool
	d.fold.Keep(func(w *state.Entities) { next, found = w.NextFor(n.room, woken) })
	if found {
		d.agenda.Add(next, Note{cause: n.cause, room: n.room})
	}
}

// due looks at an entity whose timer went off.
func (d *Dispatcher) due(ctx context.Context) queue.TimerHandler {
	return func(_ context.Context, ref ev.Ref, at time.Time) error {
		d.mu.Lock()
		delete(d.armed, ref)
		d.mu.Unlock()
		defer d.watch.Once("a look at an entity whose time has come", lookWithin)()
		// JetStream's clock may be ahead of ours: the next time is set by its clock.
		return d.look(ctx, look{ref: ref, Note: Note{late: true}, ahead: max(0, time.Until(at)), due: true})
	}
}

// look is one look at an entity.
type look struct {
	ref ev.Ref
	Note
	due   bool          // its timer went off
	ahead time.Duration // of our clock: what JetStream's is
	e     fsm.Entity[fsm.Data]
	duty  fsm.Duty
}

// look looks at one entity and passes on what it is owed.
func (d *Dispatcher) look(ctx context.Context, l look) error {
	lock := &d.locks[hashOf(l.ref)]
	lock.Lock()
	defer lock.Unlock()
	d.fold.View(func(w *state.Entities) {
		l.e, _ = w.Get(l.ref)
		l.duty = fsm.DutyOf(l.e, w.Get)
	})
	machine := fsm.Machines[l.ref.Kind]
	if machine == nil { // a timer of a program that knows more kinds
		return nil
	}
	switch owed := l.duty.Owed.(type) {
	case nil:
		return d.withdraw(ctx, l)
	case fsm.WaitFor:
		return d.await(ctx, l, owed)
	default:
		return d.pass(ctx, l, owed, machine.LimitsOf(l.e))
	}
}

func hashOf(ref ev.Ref) uint8 {
	h := fnv.New32a()
	_, _ = io.WriteString(h, ref.Tokens())
	return uint8(h.Sum32())
}

// await lets the intake look whether what the entity waits for is there, and watches over the time of the wait, if it has
// one. That counts from an event: time in which nobody worked counts too.
func (d *Dispatcher) await(ctx context.Context, l look, owed fsm.WaitFor) error {
	if err := d.withdraw(ctx, l); err != nil {
		return err
	}
	if h := fsm.HandoverOf(l.e); h != nil && h.From == ev.ModePull { // so that the agent says when it has ended
		if err := d.work.Hint(queue.Partition{Owner: l.ref.Owner, Dataplane: l.ref.ID}); err != nil {
			return err
		}
	}
	if !owed.OnlyTime() {
		if err := d.settle(ctx, l.e, l.cause); err != nil {
			return err
		}
	}
	if owed.Within == 0 {
		return nil
	}
	within := owed.Within
	if !owed.Wall {
		within = d.clock.Real(within)
	}
	end := owed.Since.Add(within)
	if end.After(time.Now()) {
		return d.wake(ctx, l, end)
	}
	return ignoreRefusal(d.do(ctx, command.Internal(l.ref, ev.ActorAerie, ev.Expire{Since: owed.Since})))
}

// settle lets the intake look whether what the entity waits for is there.
func (d *Dispatcher) settle(ctx context.Context, e fsm.Entity[fsm.Data], cause string) error {
	c := command.Internal(e.Ref, ev.ActorAerie, ev.Settle{})
	c.CausationID = cause
	return ignoreRefusal(d.do(ctx, c))
}

// pass puts an effect on the work queue, now or when its next attempt is due, and
// watches over its deadline.
func (d *Dispatcher) pass(ctx context.Context, l look, owed ev.Effect, rule fsm.PhaseLimits) error {
	next, end, now := NextAt(l.e), d.end(l.e, rule), time.Now()
	end = d.heldEnd(l, queue.PlaceOf(owed), end, rule)
	if l.duty.By == fsm.ByNobody {
		return d.withdraw(ctx, l)
	}
	switch {
	case !end.IsZero() && !end.After(now):
		return ignoreRefusal(d.do(ctx, command.Internal(l.ref, ev.ActorAerie, ev.Expire{Since: rule.Began(l.e.Base)})))
	case next.After(now) && (end.IsZero() || next.Before(end)):
		d.forget(l.ref) // what is put next is another attempt, whatever the clock says
		return d.wake(ctx, l, next)
	case !next.After(now):
		if err := d.post(ctx, l, owed); err != nil {
			return err
		}
	}
	if end.IsZero() {
		return nil
	}
	return d.wake(ctx, l, end)
}

// wake looks at an entity again at a time. Nearly everything is over within the
// grace: JetStream is told only of who has rested so long, and then by all replicas.
// What is due before is waited for here, by a timer of this process that nobody stops:
// after Run has ended it adds to an agenda that nobody reads. Should the process end
// meanwhile, the looks of the others come after it.
func (d *Dispatcher) wake(ctx context.Context, l look, at time.Time) error {
	if after := time.Until(at); after < grace && !l.due {
		time.AfterFunc(after, func() { d.agenda.Add(l.ref, Note{late: l.late}) })
		return nil
	}
	d.mu.Lock()
	armed := d.armed[l.ref].Equal(at)
	d.mu.Unlock()
	if armed || !l.late {
		return nil
	}
	if err := d.timers.Arm(ctx, l.ref, d.fold.Revision(l.e.Seq), at.Add(l.ahead)); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed[l.ref] = at
	return nil
}

// do sends a command of the machinery to the intake.
func (d *Dispatcher) do(ctx context.Context, c ev.Command) error {
	ctx, cancel := context.WithTimeout(ctx, command.AnswerTimeout)
	defer cancel()
	_, err := d.intake.SubmitCommand(ctx, c)
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
