package execute

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/consent"
)

// Agent pays what is owed at one place, inside a customer's network. It asks the control plane what that is; everything
// else is as the Executor does it.
type Agent struct {
	worker
	Channel
	slots   chan struct{} // shared by all places of an agent
	surveys chan struct{} // the looks that somebody waits for

	mu      sync.Mutex
	items   map[ev.Ref]ev.OwedItem // as they were told last
	rests   map[ev.Ref]rest
	running map[ev.Ref]context.CancelCauseFunc
	again   chan struct{}
	all     sync.WaitGroup
	closing bool // no survey begins any more

	answeredAt time.Time   // when it was last told what is owed; of the goroutine of Run
	asked      Moment      // before that was asked
	log        ev.LogPoint // how far the log was then
	untimed    bool        // it looks again when something is new, and at no time
}

// rest is when a piece of work is looked at again: when another revision is owed, or at a time if there is one.
type rest struct {
	revision uint64
	until    time.Time
	held     bool // people here keep it waiting
}

// agentAsks is how often an agent asks what is owed although it heard nothing: a hint may be lost. A control plane that says
// when something has changed is not asked so.
const agentAsks = 10 * time.Minute

// agentAsksBusy is how often it asks while it does something.
const agentAsksBusy = time.Minute

// mostSurveys is how many looks at tenants go on at once at a place.
const mostSurveys = 8

// NewSlots bounds how much is done at once, at all places together.
func NewSlots() chan struct{} { return make(chan struct{}, slots) }

// NewAgent makes the worker of a place; Run starts it.
func NewAgent(at Channel, slots chan struct{}, clouds map[string]Cloud, clock clock.Clock) *Agent {
	a := &Agent{Channel: at, slots: slots, surveys: make(chan struct{}, mostSurveys),
		worker: worker{nc: at.Conn, clouds: clouds, clock: clock, count: func(string, string, time.Duration) {}, skew: at.Skew, gate: at.Gate},
		items:  map[ev.Ref]ev.OwedItem{}, rests: map[ev.Ref]rest{}, running: map[ev.Ref]context.CancelCauseFunc{}, again: make(chan struct{}, 1)}
	a.known = a
	a.done = at.Gate.Done
	return a
}

// Run works until ctx ends. What is under way then is cut short: whoever comes next asks again.
func (a *Agent) Run(ctx context.Context) error {
	sub, err := a.nc.Subscribe(ev.HintSubject(a.Place.Owner, a.Place.Dataplane), func(m *nats.Msg) {
		if len(m.Data) > 0 {
			a.beginSurvey(ctx, m.Data)
			return
		}
		a.News.Hint()
		a.wake()
	})
	if err != nil {
		return fmt.Errorf("hear hints: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection is gone
	defer a.Gate.WhenAnswered(a.answered)()
	defer a.News.whenHeard(a.heard)()
	connected := a.nc.StatusChanged(nats.CONNECTED)
	defer a.nc.RemoveStatusListener(connected)
	defer a.close()
	for ctx.Err() == nil {
		next, err := a.look(ctx)
		if err != nil && ctx.Err() == nil {
			slog.Warn("what is owed is not known, will ask again", "place", a.Place.Dataplane, "err", err)
			next = time.Now().Add(2 * time.Second)
		}
		a.rest(ctx, next, connected)
	}
	return nil
}

// close waits for what is under way, and has no survey begin any more.
func (a *Agent) close() {
	a.mu.Lock()
	a.closing = true
	a.mu.Unlock()
	a.all.Wait()
}

// rest waits until it is time to look again, if there is one, or something is new.
func (a *Agent) rest(ctx context.Context, next time.Time, connected <-chan nats.Status) {
	var due <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-a.again:
	case <-connected:
	case <-due:
	case <-ctx.Done():
	}
}

// heard has it look again if what is owed may be something else than it was told last, or if the control plane says no more when
// something changes, being one of a release before: then it looks by the clock again.
func (a *Agent) heard() {
	a.mu.Lock()
	asked, log, untimed := a.asked, a.log, a.untimed
	a.mu.Unlock()
	if says := a.News.Says(); says && a.News.Changed(asked, log) || !says && untimed {
		a.wake()
	}
}

// wake has it look again; one wish that waits is enough.
func (a *Agent) wake() {
	select {
	case a.again <- struct{}{}:
	default:
	}
}

// answered has what waits for people looked at again.
func (a *Agent) answered() {
	a.mu.Lock()
	for ref, r := range a.rests {
		if r.held {
			delete(a.rests, ref)
		}
	}
	a.mu.Unlock()
	a.wake()
}

// ask asks for a page of what is owed.
func (a *Agent) ask(ctx context.Context, q ev.OwedQuestion) (o ev.Owed, err error) {
	if err := a.Ask(ctx, ev.AskOwed, q, &o); err != nil {
		return o, err
	}
	if o.Error != "" {
		return o, fmt.Errorf("ask what is owed: %s", o.Error)
	}
	return o, nil
}

// look asks for all that is owed, begins with what is due, and ends what is not owed any more. It returns when to look again; zero:
// when something is new.
func (a *Agent) look(ctx context.Context) (next time.Time, err error) {
	says := a.News.Says()
	if !says {
		next = time.Now().Add(agentAsks)
	}
	a.mu.Lock()
	a.untimed = says
	a.mu.Unlock()
	told, asked, log := map[ev.Ref]ev.OwedItem{}, a.News.Now(), ev.LogPoint{}
	for q := (ev.OwedQuestion{Idle: a.idle()}); ; {
		o, err := a.ask(ctx, q)
		if err != nil {
			a.endAlone()
			return next, err
		}
		a.answeredAt = time.Now()
		if q.After == "" {
			log = o.Log
		}
		for _, item := range o.Items {
			told[item.Work.Ref] = item
		}
		if q = (ev.OwedQuestion{After: o.Next}); q.After == "" {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for ref, end := range a.running {
		if now, owed := told[ref]; !owed || now.Work.Digest != a.items[ref].Work.Digest {
			end(errNoLongerOwed)
		}
	}
	a.items, a.asked, a.log = told, asked, log
	a.Gate.Still(a.Place.Dataplane, func(ref ev.Ref) bool { _, owed := told[ref]; return owed })
	for ref, item := range told {
		if at, later := a.due(item); later {
			next = sooner(next, at)
			continue
		}
		a.begins(ctx, ref, item)
	}
	for ref := range a.rests {
		if _, owed := told[ref]; !owed {
			delete(a.rests, ref)
		}
	}
	// Also where something has just begun: it ends when nobody answers.
	if len(a.running) > 0 {
		next = sooner(next, time.Now().Add(agentAsksBusy))
	}
	return next, nil
}

// sooner is the earlier of two times, of which either may be zero: never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// idle tells whether nothing is being done.
func (a *Agent) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.running) == 0
}

// endAlone ends what is being done when nobody has answered for so long that others may be doing it by now.
func (a *Agent) endAlone() {
	if time.Since(a.answeredAt) < fsm.AgentAlone {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, end := range a.running {
		end(errNoLongerOwed)
	}
}

// due tells whether a piece of work is not to be done now, and when it is then; zero: when another revision is told.
func (a *Agent) due(item ev.OwedItem) (at time.Time, later bool) {
	now := time.Now()
	if _, runs := a.running[item.Work.Ref]; runs {
		return time.Time{}, true
	}
	if at := item.Attempt; at != nil && at.Denied {
		return time.Time{}, true // until somebody asks for it again
	}
	if at := item.Attempt; at != nil && at.NextAt.After(a.skew.now()) && at.Reason.Counted() {
		return at.NextAt.Add(-a.skew.By()), true
	}
	r, rested := a.rests[item.Work.Ref]
	if rested && r.revision == item.Work.Revision && (r.until.IsZero() || r.until.After(now)) {
		return r.until, true
	}
	return time.Time{}, false
}

// begins does a piece of work in a goroutine of its own, when there is room.
func (a *Agent) begins(ctx context.Context, ref ev.Ref, item ev.OwedItem) {
	w := item.Work
	ctx, end := context.WithCancelCause(ctx)
	a.running[ref] = end
	a.all.Go(func() {
		defer end(nil)
		select {
		case a.slots <- struct{}{}:
		case <-ctx.Done():
			a.ended(ref, rest{})
			return
		}
		after, held, err := a.perform(ctx, item)
		<-a.slots
		if err != nil && ctx.Err() == nil {
			slog.Warn("work not done, will try again", "entity", w.Ref.String(), "effect", w.Effect, "err", err)
			after = max(after, time.Second)
		}
		r := rest{revision: w.Revision, held: held}
		if after > 0 {
			r.until = time.Now().Add(after)
		}
		a.ended(ref, r)
	})
}

// perform does a piece of work, if it is one that this program knows, and this place's, and people here let it. What is not
// waits, and keeps nothing else.
func (a *Agent) perform(ctx context.Context, item ev.OwedItem) (after time.Duration, held bool, err error) {
	w := item.Work
	if _, err := a.ReadEffect(w.Ref, w.UID, w.Effect, w.Args); err != nil {
		after, err := a.failed(ctx, a.Place, NewTask(w, nil, nil), Result{Err: err})
		return after, false, err
	}
	if err := a.Gate.May(consent.Change{Work: w, Place: a.Place.Dataplane, Spec: item.Spec}); err != nil {
		after, err := a.failed(ctx, a.Place, NewTask(w, nil, nil), Result{Err: err})
		return after, true, err
	}
	after, err = a.do(ctx, a.Place, w, alone)
	return after, false, err
}

// alone answers for the work of an agent, which is given to no other; endAlone ends it once that may be otherwise.
func alone(context.Context) error { return nil }

func (a *Agent) ended(ref ev.Ref, r rest) {
	a.mu.Lock()
	delete(a.running, ref)
	a.rests[ref] = r
	a.mu.Unlock()
	a.wake()
}

func (a *Agent) item(ref ev.Ref) ev.OwedItem {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.items[ref]
}

// begin implements knowledge: look ends what is not owed any more.
func (a *Agent) begin(ctx context.Context, w *ev.Work) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(ctx, within(w.Effect))
	return ctx, cancel
}

// owed implements knowledge: it asks for the one entity once more.
func (a *Agent) owed(ctx context.Context, w ev.Work) (bool, error) {
	o, err := a.ask(ctx, ev.OwedQuestion{Only: w.Ref.Tokens()})
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(o.Items, func(i ev.OwedItem) bool {
		return i.Work.Ref == w.Ref && i.Work.UID == w.UID && i.Work.Digest == w.Digest
	})
	if i < 0 {
		return false, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.items[w.Ref] = o.Items[i] // a login may be another one since
	return true, nil
}

// login implements knowledge, as it was told right before the work.
func (a *Agent) login(ref ev.Ref, owner, _ string) (s ev.RepositorySpec, known bool) {
	told := a.item(ref).Login
	if told == nil || owner != ref.Owner {
		return s, false
	}
	return *told, true
}

// creation implements knowledge, as it was told last. The control plane counts: what it does not know yet is refused there.
func (a *Agent) creation(t *Task, what string) fsm.Creation {
	for _, c := range a.item(t.Ref).Creations {
		if c.What == what {
			return fsm.Creation(c)
		}
	}
	return fsm.Creation{What: what}
}

// told implements knowledge.
func (a *Agent) told(ref ev.Ref, why ev.Reason) bool {
	i := a.item(ref)
	return why.Waits() && i.Attempt != nil && i.Attempt.Reason == why && (why.Held() || i.HalfAt.IsZero() || a.skew.now().Before(i.HalfAt))
}

// pause implements knowledge.
func (a *Agent) pause(ref ev.Ref, f *ev.AttemptFailed, now time.Time, asked time.Duration) time.Duration {
	return Pause(a.item(ref).Attempt, f, now, asked)
}

// longQueued implements knowledge.
func (a *Agent) longQueued(w ev.Work) bool {
	i := a.item(w.Ref)
	return !i.HalfAt.IsZero() && a.skew.now().After(i.HalfAt)
}
