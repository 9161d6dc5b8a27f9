package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// round is what is appended together. Its decisions are made on an
// overlay of the live entities, which has all that was decided before them.
type round struct {
	batch   *eventlog.Batch
	ahead   *state.Entities // nil until the first command comes
	jobs    []*job
	durable uint64     // the log's last sequence when it was begun: what comes after may be one of its own that never happens
	began   time.Time  // when it took off
	done    chan error // says how the append went
	first   uint64     // then, the sequence of its first event
}

// pipeline is the intake at work: one round on its way to the disk, and one that is
// filled meanwhile.
type pipeline struct {
	*Intake
	inFlight   *round
	open       *round
	backlog    []*job         // to be decided before any other
	company    int            // how many asked at once around the last landing
	until      time.Time      // how long they are waited for
	most       int            // how many decisions a round may have while one is taken apart; 0: as many as the batch takes
	confirming sync.WaitGroup // of what is decided once more when the fold is at the end of the log
}

// sources are where commands come from; none while others are to be decided first, or
// while other servers are likely to change what they would be decided on.
func (l *pipeline) sources() (people, machinery chan *job) {
	if len(l.backlog) > 0 || l.inFlight != nil && l.contention.about() {
		return nil, nil
	}
	return l.people, l.machinery
}

// completed tells how an append went; never if there is none.
func (r *round) completed() chan error {
	if r == nil {
		return nil
	}
	return r.done
}

// appendWithin is how long an append, of one batch or of a few decisions, may take before the log is asked what came of
// it: a server of a cluster may have died with the answer.
const appendWithin = time.Second

// flush sends the open round off with all that waits to be decided.
func (l *pipeline) flush(ctx context.Context) {
	l.gather()
	if len(l.backlog) == 0 {
		l.most = 0 // all of a round that was taken apart are in this one at the latest
		l.coalesce(ctx)
	}
	r := l.open
	if r.batch == nil || r.batch.Len() == 0 {
		l.open = &round{}
		if l.log.Shared() { // else nobody can be further
			l.confirm(ctx, r.finals())
		}
		r.answer() // on what is durable
		return
	}
	l.fold.Pause(r.batch.First())
	r.done = make(chan error, 1)
	l.inFlight, l.open, r.began = r, &round{}, time.Now()
	write := r.batch.AppendAlone
	if l.contention.about() { // theirs would come between
		write = r.batch.Append
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendWithin)
		defer cancel()
		var err error
		r.first, err = write(ctx)
		r.done <- err
	}()
	l.decideBacklog()
}

// gather decides what waits, as far as the open round has room for it.
func (l *pipeline) gather() {
	l.decideBacklog()
	for len(l.backlog) == 0 {
		select {
		case j := <-l.people:
			l.decide(j)
		case j := <-l.machinery:
			l.decide(j)
		default:
			return
		}
	}
}

// coalesce waits for those who were answered just now and are likely to ask again: an
// append costs the same for one as for all of them. It waits half the time of one.
func (l *pipeline) coalesce(ctx context.Context) {
	left := time.Until(l.until)
	if left <= 0 || len(l.open.jobs) == 0 {
		return
	}
	over := time.NewTimer(left)
	defer over.Stop()
	for len(l.open.jobs) < l.company && len(l.backlog) == 0 {
		select {
		case j := <-l.people:
			l.decide(j)
		case j := <-l.machinery:
			l.decide(j)
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// decideBacklog decides what was put off, until the open round is full.
func (l *pipeline) decideBacklog() {
	waiting := l.backlog
	l.backlog = nil
	for n, j := range waiting {
		if l.decide(j); len(l.backlog) > 0 {
			l.backlog = append(l.backlog, waiting[n+1:]...)
			return
		}
	}
}

// decide decides a command and adds it to the open round; to the backlog if that is
// full.
func (l *pipeline) decide(j *job) {
	var unsound error
	l.fold.View(func(w *state.Entities) {
		if l.halved() {
			l.backlog = append(l.backlog, j)
			return
		}
		r := l.open
		if r.ahead == nil {
			r.begin(l.log, w, l.inFlight)
		}
		if !j.stands(r.ahead) {
			j.Verdict = Decide(r.ahead, j.command)
			j.durable = r.durable
		}
		err := r.add(j)
		switch {
		case errors.Is(err, eventlog.ErrFull):
			l.backlog = append(l.backlog, j)
			return
		case errors.Is(err, errUnsound):
			unsound = err
			return
		case err != nil:
			j.Verdict = Verdict{Outcome: Outcome{Err: unfit(err)}}
		}
		r.jobs = append(r.jobs, j)
	})
	if unsound != nil {
		l.leaveOut(j, unsound)
	}
}

// errUnsound is of a decision that no entity can take: a fault of aerie. Its round has it already and is never appended, since
// no server could fold the log after it.
var errUnsound = errors.New("the decision cannot be folded in")

// leaveOut refuses a command whose decision is unsound and decides those that were with it in the open round again.
func (l *pipeline) leaveOut(guilty *job, err error) {
	guilty.reply <- Outcome{Err: unfit(err)}
	others := l.open.jobs
	l.open = &round{}
	for _, j := range others {
		l.decide(j)
	}
}

// begin puts a round on the live entities, or on what is on its way to the disk.
func (r *round) begin(log *eventlog.Log, live *state.Entities, flying *round) {
	r.durable = live.Seq
	if flying != nil {
		live = flying.ahead
	}
	r.ahead, r.batch = live.Overlay(), log.Batch(live.Seq)
}

// add adds what was decided on a command to the batch, and its outcome to the
// overlay.
func (r *round) add(j *job) (err error) {
	if len(j.Decision.Changes) == 0 {
		return nil
	}
	if j.command.DryRun {
		err, j.Decision = r.batch.Try(j.Decision), eventlog.Decision{}
		return err
	}
	if j.Refs.Used() {
		at := r.ahead.Seq
		j.Decision.LogAt = &at
	}
	if j.recorded, err = r.batch.Add(j.Decision); err != nil {
		return err
	}
	if err := r.ahead.Apply(j.recorded); err != nil {
		return fmt.Errorf("%w: %w", errUnsound, err)
	}
	e, _ := r.ahead.Get(j.command.Ref)
	j.Outcome.Answer = fsm.AnswerOf(j.command.ID, e.Answer(), j.recorded)
	return nil
}

// complete does what comes after an append: it answers what is durable; or, where others
// were faster, sees to it that who lost decides again.
func (l *pipeline) complete(ctx context.Context, err error) {
	r := l.inFlight
	l.inFlight = nil
	if err == nil {
		err = l.learn(ctx, r)
	} else {
		l.fold.Release()
	}
	switch {
	case err == nil:
		l.rounds(len(r.jobs), r.batch.Len(), time.Since(r.began))
		l.company = len(r.jobs) + len(l.open.jobs)
		l.until = time.Now().Add(time.Since(r.began) / 2)
		if r.first > r.batch.First() { // others came between, whom the fold has by now
			l.backlog = append(l.backlog, current(r.finals())...)
		}
		r.answer()
		l.contention.goFirst(ctx)
		return
	case errors.Is(err, eventlog.ErrConflict), errors.Is(err, eventlog.ErrUnknown):
		if errors.Is(err, eventlog.ErrUnknown) {
			l.missed.Add(1)
		}
		slog.Debug("a round is decided again", "events", r.batch.Len(), "err", err)
		if err = l.catchUp(ctx); err == nil {
			current(r.jobs)
			l.again(r)
			return
		}
	case errors.Is(err, eventlog.ErrRejected):
		l.takeApart(r, err)
		return
	}
	l.missed.Add(1)
	for _, j := range r.jobs {
		j.Verdict = Verdict{Outcome: Outcome{Err: unavailable(err)}}
	}
	r.answer()
	l.again()
}

// learn folds in what was appended. If other servers appended meanwhile, that comes
// with the log, and what was decided since is decided again.
func (l *pipeline) learn(ctx context.Context, r *round) error {
	if moved := r.first - r.batch.First(); moved > 0 {
		r.renumber(moved)
		l.again()
		last := r.first + uint64(r.batch.Len()) - 1
		l.fold.Await(r.first, last)
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), AnswerTimeout)
		defer cancel()
		return l.fold.Wait(wait, last)
	}
	var decisions [][]ev.Recorded
	for _, j := range r.decisions() {
		decisions = append(decisions, j.recorded)
	}
	if err := l.fold.ApplyOwn(decisions); err != nil {
		return err
	}
	if l.open.ahead != nil {
		l.fold.View(func(w *state.Entities) { l.open.ahead.Rebase(w) })
	}
	return nil
}

// again puts what was decided back, to be decided on the live entities.
func (l *pipeline) again(rounds ...*round) {
	var jobs []*job
	for _, r := range append(rounds, l.open) {
		for _, j := range r.jobs {
			if time.Since(j.given) > AnswerTimeout {
				j.reply <- Outcome{Err: unavailable(context.DeadlineExceeded)}
				continue
			}
			jobs = append(jobs, j)
		}
	}
	l.backlog = append(jobs, l.backlog...)
	l.open = &round{}
}

// renumber moves everything that the round's outcomes say of itself.
func (r *round) renumber(moved uint64) {
	move := func(seq *uint64) {
		if *seq >= r.batch.First() {
			*seq += moved
		}
	}
	for _, j := range r.jobs {
		o := &j.Outcome
		move(&o.Before)
		move(&o.Answer.Seq)
		move(&o.Answer.Entity.Seq)
		for i := range o.Answer.Events {
			move(&o.Answer.Events[i].Seq)
		}
	}
}

// answer tells everybody whose command is in the round what it came to.
func (r *round) answer() {
	for _, j := range r.jobs {
		j.reply <- j.Outcome
	}
}
