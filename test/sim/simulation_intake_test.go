package sim

import (
	"encoding/json"
	"errors"
	"fmt"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/command"
)

// deliver is Intake.report.
func (l *life) deliver(m letter) {
	var r ev.ExecutorReport
	l.must(json.Unmarshal(m.data, &r))
	if e, ok := l.world.Get(r.Ref); ok {
		owed := fsm.Machines[r.Ref.Kind].Owed(e)
		_, waits := owed.(fsm.WaitFor)
		if owed != nil && !waits && reportSubject(queue.PlaceOf(owed), r.Ref) != m.subject || !l.mayWork(m, r) {
			l.say("a report of %s from elsewhere is not taken", r.Ref)
			return
		}
	}
	ask := ev.Report{UID: r.UID, Digest: r.Digest, Failure: r.Failure, Calls: r.Calls}
	if r.Outcome != "" {
		var err error
		ask.Outcome, err = command.ReportedOutcome(r)
		l.must(err)
	}
	l.order(l.internal(r.Ref, ev.ActorExecutor, ask))
}

// mayWork is Service.MayReport.
func (l *life) mayWork(m letter, r ev.ExecutorReport) bool {
	dp, there := l.world.Get(ev.Ref{Kind: ev.Dataplane, Owner: m.at.Owner, ID: m.at.Dataplane})
	if !there {
		return true
	}
	works := fsm.WorkerOn(dp)
	return works == m.by || works == fsm.ByNobody && r.Outcome != ev.CreateStarted{}.Type()
}

// internal is command.Internal with the life's clock and ids.
func (l *life) internal(ref ev.Ref, actor string, ask ev.Payload) ev.Command {
	return ev.Command{ID: l.newID("i"), Ref: ref, Actor: actor, Time: l.now, Payload: ask, Internal: true}
}

// order gives a command of the machinery. A refusal means that the entity has
// moved on; one that the table gave means that nobody thought of it.
func (l *life) order(c ev.Command) {
	if _, err := l.handle(c); err != nil {
		l.say("%T of %s is refused: %v", c.Payload, c.Ref, err)
		var r *ev.Refusal
		report, _ := c.Payload.(ev.Report)
		_, asks := report.Outcome.(ev.CreateStarted) // that comes again later may be one too many by then
		if !errors.As(err, &r) || r.Code != ev.NotFound && !(asks && r.Code == ev.Refused) {
			l.wrong("%T of %s: %v", c.Payload, c.Ref, err)
		}
	}
}

// handle is the intake with one command in a round: who loses a race decides again.
func (l *life) handle(c ev.Command) (ev.Answer, error) {
	for range 100 {
		l.promise(c)
		v := command.Decide(l.world, c)
		switch {
		case v.Before > 0:
			return command.AnswerAgain(c, v.Before, l.world.Since, l.at)
		case v.Err != nil || len(v.Decision.Changes) == 0 || c.DryRun:
			return v.Answer, v.Err
		case v.Refs.Used():
			at := l.world.Seq
			v.Decision.LogAt = &at
		}
		l.race()
		recorded, err := l.append(v.Decision)
		if errors.Is(err, eventlog.ErrConflict) {
			l.say("%T of %s has lost a race and is decided again", c.Payload, c.Ref)
			l.seen["races"]++
			continue
		}
		e, _ := l.world.Get(c.Ref)
		return fsm.AnswerOf(c.ID, e.Answer(), recorded), nil
	}
	panic(fmt.Sprintf("%T of %s is decided again and again", c.Payload, c.Ref))
}

// at reads the event at a sequence.
func (l *life) at(seq uint64) (ev.Recorded, error) {
	for _, decision := range l.log {
		if n := uint64(len(decision)); seq > n {
			seq -= n
			continue
		}
		return l.read(decision[seq-1]), nil
	}
	return ev.Recorded{}, fmt.Errorf("there is no event %d", seq)
}

// race lets another server on the same log be faster now and then: with a command, or
// with what it has to look after.
func (l *life) race() {
	if !l.chaos || !l.chance(8) {
		return
	}
	own := l.server
	l.turn()
	l.chaos = false // one is enough
	l.say("meanwhile, on server %s:", l.name)
	if dirty := sortedRefs(l.dirty); len(dirty) > 0 && l.chance(2) {
		l.tend(pick(&l.script, dirty))
	} else {
		l.ask(l.command(l.world))
	}
	l.chaos, l.server = true, own
}
