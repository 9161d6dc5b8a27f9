package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/consent"
	"github.com/aeriehq/aerie/workers/dispatch"
	"github.com/aeriehq/aerie/workers/execute"
)

// server is one of the servers on the log: its fold and its dispatcher's books. A
// restart drops both.
type server struct {
	name    string
	started time.Time
	world   *state.Entities
	dirty   map[ev.Ref]string
	timers  map[ev.Ref]time.Time
	put     map[ev.Ref]dispatch.Enqueued
	rooms   map[ev.Ref]fsm.Awaited // who is woken for room of a class
}

// store is what the servers share beside the log, in memory: a restart of all of them
// drops it.
type store struct {
	queue map[string]*item // by subject
	slow  []*item          // calls that are long on their way
	mail  []letter         // reports that are
}

// item is the newest work on one subject.
type item struct {
	place queue.Partition
	by    fsm.Worker
	work  ev.Work
	due   time.Time
	paid  bool
	dies  bool // who does it is killed before it is told
}

// letter is a report under way.
type letter struct {
	subject string
	data    []byte
	at      queue.Partition
	by      fsm.Worker
}

func newStore() store { return store{queue: map[string]*item{}} }

// newServer starts a server: it has folded the log and looks at everything once.
func newServer(name string, now time.Time, w *state.Entities) *server {
	s := &server{name: name, started: now, world: w, dirty: map[ev.Ref]string{}, timers: map[ev.Ref]time.Time{}, put: map[ev.Ref]dispatch.Enqueued{}, rooms: map[ev.Ref]fsm.Awaited{}}
	for _, k := range ev.Kinds {
		w.Each(k, func(e fsm.Entity[fsm.Data]) { s.dirty[e.Ref] = "" })
	}
	return s
}

// see is Dispatcher.see.
func (s *server) see(decision []ev.Recorded) {
	for _, r := range decision {
		s.mark(r.Ref, "")
		if fsm.HandsOver(r.Event) {
			for _, ref := range s.world.On(r.Ref) {
				s.mark(ref, "")
			}
		}
	}
	s.world.Woken(decision, func(waiter ev.Ref, cause ev.Recorded, room fsm.Awaited) {
		s.mark(waiter, cause.EventID)
		if room != (fsm.Awaited{}) {
			s.rooms[waiter] = room
		}
	})
}

func (s *server) mark(ref ev.Ref, cause string) {
	if s.dirty[ref] == "" {
		s.dirty[ref] = cause
	}
}

// tend is Dispatcher.look.
func (l *life) tend(ref ev.Ref) {
	cause, room := l.dirty[ref], l.rooms[ref]
	delete(l.dirty, ref)
	delete(l.rooms, ref)
	s := l.server
	defer func() { // Dispatcher.passOn
		if next, found := s.world.NextFor(room, ref); room != (fsm.Awaited{}) && found {
			s.mark(next, cause)
			s.rooms[next] = room
		}
	}()
	e, _ := l.world.Get(ref)
	switch owed := fsm.Machines[ref.Kind].Owed(e).(type) {
	case nil:
		l.withdraw(e)
	case fsm.WaitFor:
		l.withdraw(e)
		if owed.OnlyTime() {
			l.await(e, owed)
			return
		}
		c := l.internal(ref, ev.ActorAerie, ev.Settle{})
		c.CausationID = cause
		l.order(c)
		if owed.Within > 0 {
			l.await(e, owed)
		}
	default:
		l.pass(e, owed)
	}
}

// await is Dispatcher.await.
func (l *life) await(e fsm.Entity[fsm.Data], owed fsm.WaitFor) {
	if end := owed.Since.Add(owed.Within); end.After(l.now) {
		l.timers[e.Ref] = end
		return
	}
	l.order(l.internal(e.Ref, ev.ActorAerie, ev.Expire{Since: owed.Since}))
}

// pass is Dispatcher.pass.
func (l *life) pass(e fsm.Entity[fsm.Data], owed ev.Effect) {
	rule, due := fsm.Machines[e.Ref.Kind].LimitsOf(e), dispatch.NextAt(e)
	end := l.deadline(e, rule)
	if fsm.DutyOf(e, l.world.Get).By == fsm.ByNobody {
		l.withdraw(e)
		return
	}
	switch {
	case !end.After(l.now):
		l.order(l.internal(e.Ref, ev.ActorAerie, ev.Expire{Since: rule.Began(e.Base)}))
		return
	case due.After(l.now):
		l.timers[e.Ref] = due
		if end.Before(due) {
			l.timers[e.Ref] = end
		}
		return
	case rule.Within > 0:
		l.timers[e.Ref] = end
	}
	l.post(e, owed)
}

// deadline is Dispatcher.end and Dispatcher.heldEnd.
func (l *life) deadline(e fsm.Entity[fsm.Data], rule fsm.PhaseLimits) time.Time {
	byAgent := fsm.DutyOf(e, l.world.Get).By == fsm.ByAgent
	if rule.Within == 0 || byAgent && l.link.cut {
		return l.now.AddDate(1, 0, 0)
	}
	began := dispatch.RunsFrom(e)
	switch {
	case !rule.From.IsZero():
		began = rule.From
	case l.started.After(began):
		began = l.started
	}
	if byAgent && l.link.back.After(began) {
		began = l.link.back
	}
	return began.Add(rule.Within)
}

// post is Dispatcher.post with WorkQueue.Put.
func (l *life) post(e fsm.Entity[fsm.Data], owed ev.Effect) {
	duty := fsm.DutyOf(e, l.world.Get)
	now := dispatch.EnqueuedFor(e, owed, duty.By)
	if l.put[e.Ref] == now {
		return
	}
	if duty.By == fsm.ByAgent {
		owed = ev.ForAgent(owed)
	}
	args, err := json.Marshal(owed)
	l.must(err)
	l.offer(now.Place, now.By, ev.Work{Ref: e.Ref, UID: e.UID, Revision: duty.Seq, Digest: now.Digest, Attempt: now.Failures + 1, Effect: owed.Effect(), Args: args})
	l.put[e.Ref] = now
}

func (l *life) offer(p queue.Partition, by fsm.Worker, w ev.Work) {
	subject := reportSubject(p, w.Ref)
	if there := l.queue[subject]; there != nil && there.work.Revision >= w.Revision {
		return
	}
	l.queue[subject] = &item{place: p, by: by, work: w, due: l.now, paid: w.Effect == ""}
}

// withdraw is Dispatcher.withdraw.
func (l *life) withdraw(e fsm.Entity[fsm.Data]) {
	delete(l.timers, e.Ref)
	if was, ok := l.put[e.Ref]; ok {
		l.offer(was.Place, was.By, ev.Work{Ref: e.Ref, UID: e.UID, Revision: fsm.DutyOf(e, l.world.Get).Seq})
		delete(l.put, e.Ref)
	}
}

// ready lists the subjects whose work may be taken now.
func (l *life) ready() (subjects []string) {
	for _, s := range slices.Sorted(maps.Keys(l.queue)) {
		if it := l.queue[s]; l.waits(it) && !it.due.After(l.now) {
			subjects = append(subjects, s)
		}
	}
	return subjects
}

// waits tells whether a piece of work waits for somebody who can ask for it.
func (l *life) waits(it *item) bool { return !it.paid && !(it.by == fsm.ByAgent && l.link.cut) }

// take is an executor that takes work, and what may happen to it meanwhile.
func (l *life) take(subject string) {
	it := l.queue[subject]
	if !l.owed(it) {
		it.paid = true
		return
	}
	if l.chaos && l.chance(20) { // the call leaves now and arrives later; the lease ends before
		l.say("%s of %s is long on its way", it.work.Effect, it.work.Ref)
		l.slow = append(l.slow, it)
		it.due = l.now.Add(time.Minute)
		return
	}
	l.do(it)
}

// kill tells whether who does a piece of work is to be killed: each first time of two, at its first looks.
func (l *life) kill(it *item) bool {
	if l.kills == nil {
		return false
	}
	work := killOf(it.work.Ref, it.by, it.work.Effect)
	l.kills[work]++
	return l.kills[work]%2 == 1 && l.kills[work] < 4
}

// killOf names what somebody does for an entity.
func killOf(ref ev.Ref, by fsm.Worker, effect string) string {
	return fmt.Sprint(ref, " ", by, " ", effect)
}

// owed is Executor.owed, and Agent.owed.
func (l *life) owed(it *item) bool {
	w := it.work
	e, born := l.world.Get(w.Ref)
	duty := fsm.DutyOf(e, l.world.Get)
	return born && e.UID == w.UID && duty.Owed != nil && fsm.DigestOf(duty.Owed) == w.Digest && duty.By == it.by
}

// do is Executor.do and what the queue makes of its answer.
func (l *life) do(it *item) {
	if it.dies = l.kill(it); it.by == fsm.ByAgent {
		at := execute.Channel{Place: it.place}
		if _, err := at.ReadEffect(it.work.Ref, it.work.UID, it.work.Effect, it.work.Args); err != nil {
			l.wrong("an agent is owed what it does not do: %v", err)
		}
	}
	t := execute.NewTask(it.work, l.clouds, nil)
	r := l.attempt(it, t)
	if t.Ref.Kind == ev.Tenant {
		l.checkServing()
	}
	if e, _ := l.world.Get(t.Ref); r.Queued && execute.HalfOver(e, l.now, clock.Clock{Speed: 1}) {
		r.Err = helm.ErrBusy
	}
	l.say("did %s of %s: %v, again %s, outcome %T", it.work.Effect, it.work.Ref, r.Err, r.Again, r.Outcome)
	if it.dies || l.chaos && l.chance(12) {
		l.say("the executor dies before its report")
		if it.due = l.now.Add(time.Minute); it.dies {
			l.restart()
		}
		return
	}
	if outcome := r.Outcome; outcome != nil && it.by == fsm.ByAgent &&
		!slices.ContainsFunc(consent.Outcomes, func(e ev.Event) bool { return e.Type() == outcome.Type() }) {
		l.wrong("%T does not leave an agent's network", outcome)
	}
	var failure *ev.AttemptFailed
	if r.Err != nil {
		failure, r.Again = l.failed(t, r)
	}
	if e, _ := l.world.Get(t.Ref); failure != nil && r.Outcome == nil && execute.Told(e, failure.Reason, l.now, clock.Clock{Speed: 1}) {
		failure, r.Err = nil, nil
	}
	if r.Err != nil || r.Outcome != nil || t.HasChanged() {
		l.send(it, t, r.Outcome, failure)
	}
	it.due, it.paid = l.now.Add(r.Again), r.Again <= 0 && !(it.by == fsm.ByAgent && l.link.cut)
}

// attempt does the work, unless it is of a sort that may have to wait for its turn, and there is no room.
func (l *life) attempt(it *item, t *execute.Task) execute.Result {
	installs := t.Effect == ev.EnsureApplication{}.Effect() || t.Effect == ev.EnsureAddon{}.Effect()
	switch {
	case installs && l.chaos && l.chance(8):
		l.seen["queued"]++
		return execute.Result{Again: execute.LookAgain, Queued: true}
	case installs && l.instead != nil:
		if r := l.instead(t.Ref); r.Again > 0 {
			return r
		}
	}
	r := t.Do(cloud.WithPermit(context.Background(), l.permit(it, t)))
	if it.dies || l.chaos && l.chance(12) {
		return r // it dies before it says how its creates ended
	}
	if ended, some := t.CreatesEnded(); some {
		l.send(it, t, ended, nil)
	}
	return r
}

// permit is Executor.permit.
func (l *life) permit(it *item, t *execute.Task) cloud.Permit {
	known := func(what string) fsm.Creation {
		e, _ := l.world.Get(t.Ref)
		return e.Creation(what)
	}
	return t.Permit(known, func(_ context.Context, started ev.CreateStarted) error {
		before := known(started.What)
		l.send(it, t, started, nil)
		if known(started.What).Started == before.Started {
			return errors.New("it is no longer owed")
		}
		return nil
	})
}

// failed is Executor.failed.
func (l *life) failed(t *execute.Task, r execute.Result) (*ev.AttemptFailed, time.Duration) {
	reason, after := execute.ReasonOf(r.Err)
	asked := after
	if after == 0 {
		after = clock.FirstPause/2 + time.Duration(l.rnd.Int64N(int64(clock.LastPause)))
	}
	f := &ev.AttemptFailed{Effect: t.Effect, Revision: t.Revision, Reason: reason, NextAt: l.now.Add(after), Calls: t.Calls()}
	if reason.Counted() {
		return f, 0
	}
	f.EveryMS = after.Milliseconds()
	e, _ := l.world.Get(t.Ref)
	return f, execute.Pause(e.Attempt, f, l.now, asked)
}

// send is Executor.report: the letter arrives at once, later, or twice.
func (l *life) send(it *item, t *execute.Task, outcome ev.Event, failure *ev.AttemptFailed) {
	if it.by == fsm.ByAgent && l.link.loses() {
		l.say("the agent is cut off, and its report of %s is lost", t.Ref)
		return
	}
	out := ev.ExecutorReport{Ref: t.Ref, UID: t.UID, Digest: t.Digest, Calls: t.Calls(), Failure: failure}
	if outcome != nil {
		body, err := json.Marshal(outcome)
		l.must(err)
		out.Outcome, out.Event, out.Every = outcome.Type(), body, clock.LookEvery
	}
	data, err := json.Marshal(out)
	l.must(err)
	mail := letter{reportSubject(it.place, t.Ref), data, it.place, it.by}
	if l.chaos && l.chance(10) {
		l.say("the report is repeated later")
		l.mail = append(l.mail, mail)
	}
	l.deliver(mail)
}

// reportSubject is where who works at a place reports.
func reportSubject(at queue.Partition, ref ev.Ref) string {
	return ev.ReportSubject(at.Owner, at.Dataplane, ref)
}
