// Package execute pays what is owed: it takes work off the queue, does it in clouds and clusters, and reports what it saw as
// one more command.
//
// It decides nothing and writes no event: the intake does, on its report. Begin with Executor, then Task, which is one piece
// of work, and the file of a kind, such as dataplane.go, which has the handlers of its effects. Pieces of work run at once,
// each in a goroutine of its own, and share nothing but the clouds. Nothing is kept between two pieces of work: a handler asks
// the cloud what is there and makes what is missing, so after a crash the work is given again and done to its end.
package execute

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/liveness"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/consent"
)

// Cloud is one cloud to work in: its provider, and the way into its clusters.
type Cloud struct {
	cloud.Provider
	Kube func(ctx context.Context, s cloud.Scope, cluster string) (kube.API, error)
}

// Executor pays what is owed: it takes work, does it in clouds and clusters, and
// reports what it saw. It keeps nothing between two pieces of work.
type Executor struct {
	worker
	fold *state.Live
	work *queue.WorkQueue
	long longWork
}

// worker does one piece of work and reports it, wherever it came from.
type worker struct {
	nc     *nats.Conn
	known  knowledge
	clouds map[string]Cloud // by the name that accounts give
	clock  clock.Clock
	count  func(effect, outcome string, took time.Duration)
	charts *Charts // nil: no chart can be installed
	passes bool    // what is to be done in another cloud is for another replica
	watch  *liveness.Loop
	skew   *Skew         // of an agent; nil: this is a server
	gate   *consent.Gate // the same

	done func(w ev.Work, outcome string) // is told what has come about; nil: nobody is
}

// knowledge is what the log knows of the entities that are worked for: of the fold where that is, or as an agent is told.
type knowledge interface {
	// begin is a context for a piece of work, bounded in time, and where that is long by its being owed.
	begin(ctx context.Context, w *ev.Work) (_ context.Context, done func())
	// owed asks again, right before the calls, whether the work is still to be done.
	owed(ctx context.Context, w ev.Work) (bool, error)
	// creation is what is known of the making of something for a task's entity.
	creation(t *Task, what string) fsm.Creation
	// told tells whether a reason is no news of an entity.
	told(ref ev.Ref, why ev.Reason) bool
	// pause is the time to the next try of what has failed and is not counted.
	pause(ref ev.Ref, f *ev.AttemptFailed, now time.Time, asked time.Duration) time.Duration
	// login is the repository of an owner by which work for an entity comes into a chart's repository; false if there is none.
	login(ref ev.Ref, owner, name string) (ev.RepositorySpec, bool)
	// longQueued tells whether work that found no room has waited for so long that it is to be said.
	longQueued(w ev.Work) bool
}

// WatchedBy has the worker say how its work goes on. It is called before Run.
func (x *worker) WatchedBy(l *liveness.Loop) { x.watch = l }

// hangsAfter is how much longer than it may a piece of work lasts until it hangs: it does not heed that its time is over.
const hangsAfter = time.Minute

// UseCharts lets charts be installed. It is called before Run.
func (x *worker) UseCharts(c *Charts) { x.charts = c }

// PassOn leaves work in a cloud that this executor does not know to the other replicas. It is called before Run.
func (x *worker) PassOn() { x.passes = true }

// passAgain is how soon work that is passed on is given to somebody again.
const passAgain = time.Second

// NewExecutor makes an executor; Run starts it.
func NewExecutor(nc *nats.Conn, fold *state.Live, work *queue.WorkQueue, clouds map[string]Cloud, clock clock.Clock) *Executor {
	x := &Executor{worker: worker{nc: nc, clouds: clouds, clock: clock, count: func(string, string, time.Duration) {}},
		fold: fold, work: work, long: longWork{end: map[*ev.Work]context.CancelCauseFunc{}}}
	x.known = x
	return x
}

// Count lets a function count the work by its effect and what came of it: done,
// waiting or failed, from several goroutines at once; it is set before Run.
func (x *worker) Count(count func(effect, outcome string, took time.Duration)) { x.count = count }

// slots is how much work is done at once; a call to a cloud is short, so few
// slots serve many dataplanes.
const slots = 32

// CallTimeout bounds the calls of one piece of work, but for those of charts (within), one inspection, and a sweep's look through one
// region, in real time however fast the cloud is.
const CallTimeout = 30 * time.Second

// within is how long a piece of work may take. The hooks of a chart may take long;
// each call to its cluster is bounded by itself.
func within(effect string) time.Duration {
	switch effect {
	case ev.EnsureApplication{}.Effect(), ev.RemoveApplication{}.Effect(), ev.EnsureAddon{}.Effect(), ev.RemoveAddon{}.Effect():
		return 3 * time.Hour
	}
	return CallTimeout
}

// Run takes work until ctx ends, or the fold stops: without it nobody knows what is owed. What is under way then is cut short, and given to
// whoever comes next.
func (x *Executor) Run(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var stopped error
	var watching sync.WaitGroup
	watching.Go(func() {
		defer end()
		stopped = x.watchLong(ctx)
	})
	err := x.work.Take(ctx, slots, func(_ context.Context, p queue.Partition, w ev.Work, held queue.Held) (time.Duration, error) {
		return x.do(ctx, p, w, held) // ends with ours: a call that is cut short is asked again
	})
	end()
	watching.Wait()
	return errors.Join(stopped, err)
}

// Handlers has who does which effect. Each is written beside its kind. It is not changed.
var Handlers = map[string]func(context.Context, *Task) Result{
	ev.VerifyAccount{}.Effect():     verifyAccount,
	ev.EnsureNetwork{}.Effect():     ensureNetwork,
	ev.EnsureCluster{}.Effect():     ensureCluster,
	ev.EnsureSystemPool{}.Effect():  ensureSystemPool,
	ev.EnsureBase{}.Effect():        ensureBase,
	ev.EnsureCloudAddons{}.Effect(): ensureCloudAddons,
	ev.UpgradePools{}.Effect():      upgradePools,
	ev.EnsurePools{}.Effect():       ensurePools,
	ev.RetirePools{}.Effect():       retirePools,
	ev.EnsureTenant{}.Effect():      ensureTenant,
	ev.SuspendTenant{}.Effect():     suspendTenant,
	ev.ResumeTenant{}.Effect():      resumeTenant,
	ev.MoveTenant{}.Effect():        moveTenant,
	ev.RelocateTenant{}.Effect():    relocateTenant,
	ev.EnsureApplication{}.Effect(): ensureApplication,
	ev.RemoveOwned{}.Effect():       removeOwned,
	ev.RemoveTenant{}.Effect():      removeTenant,
	ev.RemoveApplication{}.Effect(): removeApplication,
	ev.EnsureAddon{}.Effect():       ensureAddon,
	ev.RemoveAddon{}.Effect():       removeAddon,
	ev.EnsureCell{}.Effect():        ensureCell,
	ev.RemoveCell{}.Effect():        removeCell,
	ev.JoinTenant{}.Effect():        joinTenant,
	ev.RecordTenant{}.Effect():      recordTenant,
	ev.LeaveTenant{}.Effect():       leaveTenant,
	ev.ForgetTenant{}.Effect():      forgetTenant,
}

// Effects are the effects that this program can do, in order.
func Effects() []string { return slices.Sorted(maps.Keys(Handlers)) }

// do does one piece of work and reports it; what it returns is when to look again.
func (x *worker) do(ctx context.Context, place queue.Partition, w ev.Work, held queue.Held) (time.Duration, error) {
	if Handlers[w.Effect] == nil {
		return 0, fmt.Errorf("no one does %s of %s", w.Effect, w.Ref)
	}
	callCtx, done := x.known.begin(ctx, &w)
	defer done()
	defer x.watch.Once(w.Effect, within(w.Effect)+hangsAfter)()
	if owed, err := x.known.owed(callCtx, w); !owed {
		return 0, err
	}
	t := NewTask(w, x.clouds, x.charts)
	t.repository = func(owner, name string) (ev.RepositorySpec, bool) { return x.known.login(w.Ref, owner, name) }
	begun := time.Now()
	r := t.Do(cloud.WithPermit(callCtx, x.permit(place, t, held)))
	took := time.Since(begun)
	if ctx.Err() != nil {
		return 0, ctx.Err() // shutting down: whoever comes next asks again
	}
	if err := x.endCreates(ctx, place, t); err != nil {
		return time.Second, err
	}
	if r.Err != nil && errors.Is(context.Cause(callCtx), errNoLongerOwed) {
		slog.Info("work ended", "entity", w.Ref.String(), "effect", w.Effect, "err", errNoLongerOwed)
		return 0, nil // that it was cut short is no failure; what came of it is found by whoever comes next
	}
	if x.passes && Elsewhere(r.Err) {
		return passAgain, nil
	}
	if errors.Is(r.Err, queue.ErrLost) {
		slog.Info("work left to another", "entity", w.Ref.String(), "effect", w.Effect, "err", r.Err)
		return passAgain, nil // if it is nobody's, it is ours again
	}
	x.count(w.Effect, r.kind(), took)
	if r.Queued && x.known.longQueued(w) {
		r.Err = helm.ErrBusy
	}
	if r.Err != nil {
		return x.failed(ctx, place, t, r)
	}
	if r.Outcome != nil || t.HasChanged() { // what was changed on the way is told too
		if err := x.report(ctx, place, t, r.Outcome, nil); err != nil {
			return time.Second, err
		}
	}
	if r.Outcome != nil && x.done != nil {
		x.done(w, r.Outcome.Type())
	}
	return x.clock.Real(r.Again), nil
}

// owed reads again, right before the calls, whether the work is still to be done.
// What has been put since may not have been taken off the queue by anybody: who put
// it may be gone.
func (x *Executor) owed(ctx context.Context, w ev.Work) (owed bool, err error) {
	if err := x.fold.WaitRevision(ctx, w.Revision); err != nil {
		return false, err
	}
	x.fold.View(func(world *state.Entities) { owed = owedIn(world, w) })
	return owed, nil
}

// login implements knowledge.
func (x *Executor) login(_ ev.Ref, owner, name string) (s ev.RepositorySpec, known bool) {
	x.fold.View(func(world *state.Entities) { s, known = fsm.LoginOf(world.Get, owner, name) })
	return s, known
}

func owedIn(world *state.Entities, w ev.Work) bool {
	e, born := world.Get(w.Ref)
	if !born || e.UID != w.UID {
		return false
	}
	duty := fsm.DutyOf(e, world.Get)
	return duty.Owed != nil && fsm.DigestOf(duty.Owed) == w.Digest && duty.By == fsm.ByServer
}

// failed reports an attempt that failed. The dispatcher posts the next one; but
// being told to come later once more is no news, so then it is looked at again
// from here.
func (x *worker) failed(ctx context.Context, place queue.Partition, t *Task, r Result) (time.Duration, error) {
	reason, after := t.reasonAt(place, r.Err)
	n := t.Attempt
	if !reason.Counted() {
		n = patience
	}
	asked := x.clock.Real(after)
	if after = asked; after == 0 {
		after = x.clock.Backoff(n)
	}
	now := time.Now().UTC()
	slog.Info("attempt failed", "entity", t.Ref.String(), "effect", t.Effect, "attempt", t.Attempt, "code", reason.Code, "request", requestOf(r.Err), "err", t.known.Hide(r.Err.Error()))
	f := &ev.AttemptFailed{Effect: t.Effect, Revision: ev.SeqOf(t.Revision), Reason: reason, NextAt: now.Add(after), Calls: t.Calls()}
	if !reason.Counted() {
		f.EveryMS = max(1, after.Milliseconds())
		after = x.known.pause(t.Ref, f, now, asked)
	}
	if reason.Denied {
		f.NextAt = time.Time{} // not by itself
	}
	if r.Outcome == nil && x.known.told(t.Ref, reason) {
		return after, nil
	}
	if err := x.report(ctx, place, t, r.Outcome, f); err != nil {
		return time.Second, err
	}
	if reason.Counted() {
		return 0, nil
	}
	return after, nil
}

// patience is the backoff, as if after so many attempts, of what is not counted.
const patience = 3

// report tells the intake and waits until what was seen is durable.
func (x *worker) report(ctx context.Context, place queue.Partition, t *Task, outcome ev.Event, failure *ev.AttemptFailed) error {
	answer, err := x.tell(ctx, place, t, outcome, failure)
	if err == nil && answer != ev.ReportTaken {
		err = fmt.Errorf("report %s of %s: %s", t.Effect, t.Ref, answer)
	}
	return err
}

// tell sends a report and returns the answer.
func (x *worker) tell(ctx context.Context, place queue.Partition, t *Task, outcome ev.Event, failure *ev.AttemptFailed) (string, error) {
	out := ev.ExecutorReport{Ref: t.Ref, UID: t.UID, Revision: t.Revision, Digest: t.Digest, Calls: t.Calls(), Failure: failure}
	if outcome != nil {
		body, err := ev.Encode(outcome)
		if err != nil {
			return "", fmt.Errorf("report %s of %s: %w", t.Effect, t.Ref, err)
		}
		if most := int(x.nc.MaxPayload()) - reportRoom; len(body) > most {
			return x.tell(ctx, place, t, nil, unsayable(t, outcome, len(body), most))
		}
		out.Outcome, out.Event = outcome.Type(), body
		if _, drift := outcome.(ev.Drifted); drift {
			out.Every = x.clock.BetweenLooks()
		}
	}
	answer, err := Channel{Conn: x.nc, Place: place, Skew: x.skew, Gate: x.gate}.Report(ctx, out)
	if err != nil {
		return "", fmt.Errorf("report %s of %s: %w", t.Effect, t.Ref, err)
	}
	return answer, nil
}
