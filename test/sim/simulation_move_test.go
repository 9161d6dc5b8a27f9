package sim

import (
	"reflect"
	"slices"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/command"
)

// moveSeen is a move that is under way: what was said of it before, and what has happened of it.
type moveSeen struct {
	from     ev.Placement
	spec     ev.TenantSpec
	promised []string
	happened []string
}

// move asks a tenant to move, or something of its move.
func (l *life) move() {
	ref := pick(&l.script, refs(ev.Tenant))
	e, _ := l.world.Get(ref)
	switch e.Phase() {
	case fsm.Active, fsm.Suspended:
		r := l.request(ref, ev.VerbMove, pick(&l.script, []string{`{}`, `{"plan":"free"}`, `{"plan":"business"}`, `{"plan":"free@1"}`, `{"plan":"business@2"}`}))
		if cell := l.anyCell(); l.chance(3) && cell != "" {
			r.Body = []byte(`{"cell":"` + cell + `"}`)
		}
		l.ask(r)
	case fsm.Moving:
		l.ask(l.request(ref, pick(&l.script, []string{ev.VerbPause, ev.VerbContinue, ev.VerbAbort, ev.VerbMove}), ""))
	}
}

// anyCell is a living cell; empty if there is none.
func (l *life) anyCell() (path string) {
	all := l.living(ev.Cell)
	if len(all) == 0 {
		return ""
	}
	return pick(&l.script, all).Path()
}

// continueMoves lets every move that is held go on.
func (l *life) continueMoves() {
	for _, ref := range refs(ev.Tenant) {
		e, _ := l.world.Get(ref)
		if d, ok := e.Data.(fsm.TenantData); ok && d.Move != nil && d.Move.Paused {
			l.ask(l.request(ref, ev.VerbContinue, ""))
		}
	}
}

// promise keeps what a dry run says of a move that is asked for next.
func (l *life) promise(c ev.Command) {
	if _, is := c.Payload.(ev.Move); !is {
		return
	}
	dry := c
	dry.DryRun, dry.ID = true, c.ID+"dry"
	v := command.Decide(l.world, dry)
	if v.Err != nil || v.Answer.Move == nil {
		return
	}
	e, _ := l.world.Get(c.Ref)
	d := e.Data.(fsm.TenantData)
	seen := &moveSeen{from: *d.Placement, spec: d.Spec}
	for _, s := range v.Answer.Move.Steps {
		seen.promised = append(seen.promised, s.Events...)
	}
	l.promises[c.Ref] = seen
}

// noteMove checks that a move does what was said before, and that one that is aborted leaves all as it was.
func (l *life) noteMove(r ev.Recorded) {
	switch r.Event.(type) {
	case ev.MoveStarted:
		l.moves[r.Ref] = l.promises[r.Ref]
		l.seen["moves"]++
	case ev.DeletionRequested:
		if l.moves[r.Ref] != nil {
			l.seen["moves deleted"]++
		}
		delete(l.moves, r.Ref)
	}
	seen := l.moves[r.Ref]
	if seen == nil || r.Ref.Kind != ev.Tenant {
		return
	}
	switch r.Event.(type) {
	case ev.MoveStarted, ev.MoveReserved, ev.MovePrepared, ev.MoveEvicted, ev.Moved, ev.MoveReleased, ev.MoveAborted, ev.Activated, ev.Suspended:
		seen.happened = append(seen.happened, r.Event.Type())
	case ev.MovePaused:
		l.seen["moves paused"]++
	}
	switch r.Event.(type) {
	case ev.Activated, ev.Suspended:
		l.endMove(r.Ref, seen)
	}
	if wrong := l.world.WrongSlots(); len(wrong) > 0 {
		l.wrong("after %s of %s cells have other slots taken than tenants in them: %v", r.Event.Type(), r.Ref, wrong)
	}
}

func (l *life) endMove(ref ev.Ref, seen *moveSeen) {
	delete(l.moves, ref)
	e, _ := l.world.Get(ref)
	d := e.Data.(fsm.TenantData)
	switch {
	case d.Move != nil:
		l.wrong("%s is %s and moves still: %+v", ref, e.Phase(), d.Move)
	case slices.Contains(seen.happened, ev.MoveAborted{}.Type()):
		l.seen["moves aborted"]++
		if !reflect.DeepEqual(*d.Placement, seen.from) || !reflect.DeepEqual(d.Spec, seen.spec) {
			l.wrong("%s has come back to %+v, it was at %+v", ref, d.Placement, seen.from)
		}
	default:
		l.seen["moves done"]++
		if e.Phase() == fsm.Suspended {
			l.seen["moves of one that sleeps"]++
		}
		if !slices.Equal(seen.happened, seen.promised) {
			l.wrong("the move of %s was to be %q and was %q", ref, seen.promised, seen.happened)
		}
	}
}
