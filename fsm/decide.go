package fsm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// decide says what a command changes. No changes and no error means that nothing
// new happened. An error is an *events.Refusal.
func (k *Kind[D]) decide(e Entity[D], c ev.Command, refs *Refs) ([]ev.Change, error) {
	if err := expected(e.Base, c); err != nil {
		return nil, err
	}
	if create, ok := c.Payload.(ev.Create); ok {
		return k.create(e, c, create, refs)
	}
	if found, ok := c.Payload.(ev.Sweep); ok && e.Phase() != Unborn {
		return changed(e.Base, found.Swept), nil
	}
	switch ask := c.Payload.(type) {
	case ev.Adopt:
		return k.adopt(e, c, ask, refs)
	case ev.Disown:
		return k.disown(e, c, ask, refs)
	}
	if e.Phase() == Unborn || e.Phase() == k.FinalPhase {
		return nil, ev.Refuse(ev.NotFound, "there is no %s", c.Ref)
	}
	var changes []ev.Change
	var err error
	switch ask := c.Payload.(type) {
	case ev.Update:
		changes, err = k.update(e, ask, refs)
	case ev.Retry:
		changes, err = k.retry(e, refs)
	case ev.Delete:
		return k.remove(e, ask, refs)
	case ev.Settle:
		return k.settle(e, refs)
	case ev.Expire:
		return k.expire(e, ask, refs)
	case ev.NoteDrift:
		return k.noteDrift(e, c.Time, ask, refs)
	case ev.Report:
		changes, err := k.report(e, c.Time, ask)
		if len(changes) > 0 {
			changes = append(changes, refs.doubted(e.Base, e.Data, ask, changes[0].Events)...)
		}
		return changes, err
	default:
		if k.DecideVerb == nil {
			return nil, ev.Refuse(ev.Internal, "%s does not know %T", k.Name.A(), c.Payload)
		}
		changes, err = k.DecideVerb(e, ask, refs)
	}
	if err = k.locked(e, c.Payload, changes, err, refs); err != nil {
		return nil, err
	}
	return k.hold(e, changes, refs)
}

// locked is the refusal of what may not be asked now, before any other; who asks for nothing new, or for other labels, may.
func (k *Kind[D]) locked(e Entity[D], ask ev.Payload, changes []ev.Change, err error, refs *Refs) error {
	asks := err != nil
	for _, c := range changes {
		asks = asks || slices.ContainsFunc(c.Events, func(happened ev.Event) bool { _, labels := happened.(ev.LabelsChanged); return !labels })
	}
	if k.Locked == nil || !asks {
		return err
	}
	if lock := k.Locked(e, ask, refs); lock != nil {
		return lock
	}
	return err
}

func expected(b Base, c ev.Command) error {
	if c.ExpectedSeq != nil && *c.ExpectedSeq != b.Seq {
		return ev.Refuse(ev.Conflict, "%s is at sequence %d, not at the expected %d: read it again", c.Ref, b.Seq, *c.ExpectedSeq)
	}
	if c.ExpectedUID != "" && c.ExpectedUID != b.UID {
		return ev.Refuse(ev.Conflict, "the name %s belongs to another incarnation than %s: read it again", c.Ref, ev.Truncate(c.ExpectedUID))
	}
	return nil
}

func (k *Kind[D]) create(e Entity[D], c ev.Command, ask ev.Create, refs *Refs) ([]ev.Change, error) {
	if e.terminating(k.TerminatingPhase) {
		return nil, ev.Refuse(ev.Refused, "%s is being deleted: create it again when it is gone", c.Ref)
	}
	if e.Phase() != Unborn && e.Phase() != k.FinalPhase {
		if reflect.DeepEqual(e.Data.Wants(), ask.Spec) && maps.Equal(e.Labels, ask.Labels) {
			return nil, nil // asked twice: it is there as wanted
		}
		return nil, ev.Refuse(ev.Conflict, "%s exists already and is not the same: update it, or choose another name", c.Ref)
	}
	if err := k.fits(c.Ref, ask.Spec, refs); err != nil {
		return nil, err
	}
	e.Ref = c.Ref
	if k.Locked != nil {
		if err := k.Locked(e, ask, refs); err != nil {
			return nil, err
		}
	}
	return append(changed(e.Base, k.CreateEvents(ask, c.UID)...), k.alongside(Entity[D]{Base: e.Base}, ask.Spec, refs)...), nil
}

// fits refuses a spec that refers to what is absent or does not suit.
func (k *Kind[D]) fits(ref ev.Ref, spec ev.Spec, refs *Refs) error {
	err := refs.check(ref, spec)
	if k.CheckSpec == nil {
		return err
	}
	return ev.JoinRefusals(err, ev.RefuseFaults(ref.String(), k.CheckSpec(ref, spec, refs)))
}

func (k *Kind[D]) update(e Entity[D], ask ev.Update, refs *Refs) ([]ev.Change, error) {
	if e.terminating(k.TerminatingPhase) {
		return nil, ev.Refuse(ev.Refused, "%s is being deleted: it can't be changed any more", e.Ref)
	}
	var happened []ev.Event
	if ask.Labels != nil && !maps.Equal(e.Labels, ask.Labels) {
		happened = append(happened, ev.LabelsChanged{Labels: ask.Labels})
	}
	if ask.Spec != nil && !reflect.DeepEqual(e.Data.Wants(), ask.Spec) {
		more, faults := k.UpdateEvents(e, ask.Spec)
		if err := ev.JoinRefusals(k.fits(e.Ref, ask.Spec, refs), refuseChange(e.Ref, "update", faults)); err != nil {
			return nil, err
		}
		return joinAll(changed(e.Base, append(happened, more...)...), k.alongside(e, ask.Spec, refs)), nil
	}
	return changed(e.Base, happened...), nil
}

// refuseChange names what can't be changed, if anything.
func refuseChange(ref ev.Ref, verb string, faults []ev.FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	return ev.Refuse(ev.Refused, "%s %s: this can't be changed", verb, ref).With(faults)
}

// retry tries again what has failed: what was asked for last, as far as the kind says how.
func (k *Kind[D]) retry(e Entity[D], refs *Refs) ([]ev.Change, error) {
	if e.trouble() == nil && k.Recheck != nil {
		return changed(e.Base, k.Recheck(e)...), nil
	}
	if e.trouble() == nil {
		return nil, nil // nothing has failed: nothing to try again
	}
	if e.drifted() && (e.Unmet != nil || k.watches(e)) { // what stands is brought back first, not what can't be had
		return changed(e.Base, k.repair(e)...), nil
	}
	if k.Again != nil {
		if changes, err := k.Again(e, refs); len(changes) > 0 || err != nil {
			return changes, err
		}
	}
	return changed(e.Base, ev.RetryRequested{}), nil
}

// settle lets the entity go on as far as it can: steps between which nothing has to
// be waited for are one decision.
func (k *Kind[D]) settle(e Entity[D], refs *Refs) (all []ev.Change, err error) {
	for {
		changes, _ := k.wait(e, refs)
		moved := false
		for _, c := range changes {
			all = join(all, c)
			if c.Ref != e.Ref {
				continue
			}
			moved = true
			for _, happened := range c.Events {
				if e, err = k.apply(e, ev.Recorded{Ref: e.Ref, Seq: e.Seq, Event: happened}); err != nil {
					return nil, ev.Refuse(ev.Refused, "%s: %v", e.Ref, err)
				}
			}
		}
		if !moved {
			return all, nil
		}
	}
}

// wait looks whether what the entity waits for is there: then it goes on.
func (k *Kind[D]) wait(e Entity[D], refs *Refs) ([]ev.Change, *Blocker) {
	if e.draining(k.TerminatingPhase) {
		return k.settleGoing(e, refs)
	}
	if changes := k.resume(e, refs); len(changes) > 0 || k.Advance == nil {
		return changes, nil
	}
	return k.Advance(e, refs)
}

// terminating tells whether the entity is on its way to its end.
func (b Base) terminating(going Phase) bool { return going != "" && b.phase == going }

// draining tells whether the entity is to go and may still be used.
func (b Base) draining(going Phase) bool { return b.terminating(going) && !b.Drained }

// work is what the world owes, also while others come to do it: to an entity that is to go first the end of its users.
func (k *Kind[D]) work(e Entity[D]) ev.Effect {
	if e.draining(k.TerminatingPhase) {
		return WaitFor{On: []Dependency{{Ref: e.Ref, Class: UsersGone}}}
	}
	owed := k.Owed(e)
	back := k.stranded(e)
	if len(back) == 0 {
		return owed
	}
	w, _ := owed.(WaitFor)
	w.On = append(slices.Clone(w.On), back...)
	return w
}

// idle tells whether nothing is owed to somebody, or only news are awaited.
func idle(owed ev.Effect) bool {
	w, waits := owed.(WaitFor)
	return owed == nil || waits && w.Idle()
}

// expire gives up a phase that lasted too long, or ends a wait whose time is over, unless the entity has moved on.
func (k *Kind[D]) expire(e Entity[D], ask ev.Expire, refs *Refs) ([]ev.Change, error) {
	rule, _ := k.limits(e)
	owed := k.owed(e)
	if w, waits := owed.(WaitFor); waits && w.Within > 0 && w.Since.Equal(ask.Since) {
		return k.Elapsed(e, refs), nil
	}
	if !rule.Began(e.Base).Equal(ask.Since) || rule.Within == 0 || owed == nil {
		return nil, nil
	}
	if _, waits := owed.(WaitFor); waits {
		return nil, nil // it takes nobody's time
	}
	why := ev.Reason{Code: ev.Timeout, Fault: ev.ByCloud, Message: fmt.Sprintf("%s was not done within %s", inWords(owed), rule.Within)}
	if e.Attempt != nil && e.Attempt.Code != ev.Queued {
		why = e.Attempt.Reason
		why.Message = fmt.Sprintf("not done within %s; last: %s", rule.Within, why.Message)
	}
	return changed(e.Base, k.giveUp(e, why)), nil
}

// report takes what an executor saw. What is no longer owed touches nothing.
func (k *Kind[D]) report(e Entity[D], at time.Time, r ev.Report) ([]ev.Change, error) {
	owed := k.work(e)
	if owed == nil || r.UID != e.UID || r.Digest != DigestOf(owed) {
		return nil, nil
	}
	if r.Outcome != nil && isCreate(r.Outcome) {
		happened, err := creating(e.Base, r.Outcome)
		return changed(e.Base, happened...), err
	}
	var happened []ev.Event
	if r.Outcome != nil {
		happened = k.outcome(e, r.Outcome)
	}
	if r.Failure != nil && !newWay(happened) {
		happened = append(happened, k.failure(e, owed, *r.Failure)...)
	}
	happened = e.Relapses.Underway(happened, ev.AttemptFailed{Effect: owed.Effect(), Attempt: e.Attempts()}, at, r.Every)
	if made := e.untold(owed, r.Calls, happened); made != nil {
		happened = append([]ev.Event{*made}, happened...)
	}
	return changed(e.Base, happened...), nil
}

// mostRounds is how many rounds of one phase are told that had no other news: a cloud in which something is changed again and
// again does not fill the log.
const mostRounds = 100

// untold are the calls of a round that have changed something and that no event tells of what happened. What is done inside a
// cluster does not say whether it changed anything: the same again is no news.
func (b Base) untold(owed ev.Effect, calls []ev.Call, happened []ev.Event) *ev.CallsMade {
	made := ev.CallsMade{Effect: owed.Effect()}
	known := true
	for _, c := range calls {
		if c.Changing() {
			made.Calls, known = append(made.Calls, c), known && len(c.Changes) == 0
		}
	}
	told := slices.ContainsFunc(happened, func(e ev.Event) bool { return len(ev.CallsOf(e)) > 0 })
	switch {
	case len(made.Calls) == 0, told, b.Rounds.Count >= mostRounds:
		return nil
	case b.Rounds.At.Equal(made.Calls[0].At): // the report comes again
		return nil
	case known && b.Rounds.Calls == namesOf(made.Calls):
		return nil
	}
	return &made
}

// Rounds is what is kept of the rounds of a phase that were told by their calls alone.
type Rounds struct {
	Count int
	At    time.Time // of the first call of the last one
	Calls string    // of the last one, by their names
}

func (r Rounds) with(e ev.CallsMade) Rounds {
	r.Count++
	if len(e.Calls) > 0 {
		r.At, r.Calls = e.Calls[0].At, namesOf(e.Calls)
	}
	return r
}

func namesOf(calls []ev.Call) (names string) {
	for _, c := range calls {
		names += c.API + " " + c.Code + "\n"
	}
	return names
}

// newWay tells whether something was found gone that is made first now: what failed
// without it is no longer owed.
func newWay(happened []ev.Event) bool {
	return slices.ContainsFunc(happened, func(e ev.Event) bool { _, drift := e.(ev.Drifted); return drift })
}

func (k *Kind[D]) outcome(e Entity[D], outcome ev.Event) []ev.Event {
	if k.Outcome == nil {
		return []ev.Event{outcome}
	}
	return k.Outcome(e, outcome)
}

// failure counts a failed attempt and gives up after too many, or at once where
// only a person can help.
func (k *Kind[D]) failure(e Entity[D], owed ev.Effect, f ev.AttemptFailed) []ev.Event {
	old := e.Attempt
	same := old != nil && old.Reason == f.Reason && (!f.Waits() || old.Revision == f.Revision) && !f.Longer(*old)
	if same && !f.Counted() {
		return nil // still told to come later: nothing new happened
	}
	f.Effect, f.Attempt = owed.Effect(), e.Attempts()
	if f.Counted() {
		f.Attempt++
	}
	rule, bounded := k.limits(e)
	if !bounded {
		return []ev.Event{f} // an end, of the entity or of a part, is never given up
	}
	if f.Final() || f.Attempt >= rule.Attempts {
		f.NextAt = time.Time{}
		return []ev.Event{f, k.giveUp(e, f.Reason)}
	}
	return []ev.Event{f}
}

// Attempts is how many attempts at what is owed now have failed.
func (b Base) Attempts() int {
	if b.Attempt == nil {
		return 0
	}
	return b.Attempt.Attempt
}

func (k *Kind[D]) giveUp(e Entity[D], why ev.Reason) ev.Event {
	if k.GiveUp != nil {
		return k.GiveUp(e, why)
	}
	return ev.Failed{Reason: why}
}

// changed makes the change of one entity; nil if nothing happened.
func changed(b Base, happened ...ev.Event) []ev.Change {
	if len(happened) == 0 {
		return nil
	}
	return []ev.Change{{Ref: b.Ref, After: b.Seq, Events: happened}}
}

// DigestOf tells one effect from another: a report names the one it was done for.
func DigestOf(e ev.Effect) string {
	data, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("effect %s can't be written: %v", e.Effect(), err)) // a wrong type, found by every test
	}
	sum := sha256.Sum256(append([]byte(e.Effect()+"\n"), data...))
	return hex.EncodeToString(sum[:8])
}
