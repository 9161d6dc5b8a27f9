package sim

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
)

// ask gives a command as a person would.
func (l *life) ask(r command.Request) {
	before := l.world.Seq
	a, err := l.give(r)
	l.say("$ %s %s %s/%s %s [%s] dry %t: %d events, %v", r.Verb, r.Kind, r.Owner, r.Name, r.Body, r.ID, r.DryRun, len(a.Events), err)
	var refusal *ev.Refusal
	switch {
	case err != nil && (!errors.As(err, &refusal) || refusal.Code == ev.Internal || strings.Contains(refusal.Message, "has no such row")):
		l.wrong("%s %s %s/%s: %v", r.Verb, r.Kind, r.Owner, r.Name, err)
	case err == nil && len(a.Events) > 0 && !r.DryRun:
		l.asked = append(l.asked, asked{r, a})
	case err == nil && r.DryRun && a.Seq > before:
		l.wrong("a dry run of %s has happened", r.ID)
	}
}

func (l *life) give(r command.Request) (ev.Answer, error) {
	c, err := r.Command(ev.Builtin, l.now)
	if err != nil {
		return ev.Answer{}, err
	}
	c.UID = l.newID("uid")
	c.Use = &ev.TenantUse{CPU: 1}
	if _, some := l.secrets[c.Ref]; some && l.world.Seq%2 == 0 { // else it was labelled after somebody had looked
		c.Use.Follow = []string{"Secret db"}
	}
	return l.handle(c)
}

// repeat asks again what was answered: the same answer, and nothing happens. The
// same id for something else is refused.
func (l *life) repeat() {
	if len(l.asked) == 0 {
		return
	}
	was, before := pick(&l.script, l.asked), l.world.Seq
	a, err := l.give(was.request)
	if err != nil || !reflect.DeepEqual(a, was.answer) || l.world.Seq != before {
		l.wrong("%s again is answered %+v, %v; it was %+v", was.request.ID, a, err, was.answer)
	}
	other := was.request
	other.Body = append([]byte(" "), other.Body...)
	if a, err := l.give(other); err != nil || !reflect.DeepEqual(a, was.answer) {
		l.wrong("%s in other white space is answered %+v, %v; it was %+v", other.ID, a, err, was.answer)
	}
	if other.Verb, other.Body = ev.VerbDelete, nil; was.request.Verb == ev.VerbDelete {
		other.Verb = ev.VerbRetry
	}
	var refusal *ev.Refusal
	if _, err := l.give(other); !errors.As(err, &refusal) || refusal.Code != ev.Conflict {
		l.wrong("%s for another command: %v", other.ID, err)
	}
	l.seen["repeats"]++
}

// fault lets something go wrong in the cloud.
func (l *life) fault() {
	f := l.trouble()
	data, err := json.Marshal(f)
	l.must(err)
	l.say("fault %s", data)
	l.seen["faults"]++
	l.must(l.cloud.Inject(f))
}

// step is one thing that happens.
func (l *life) step() {
	l.turn()
	switch n := l.rnd.IntN(100); {
	case n < 24:
		l.ask(l.command(l.world))
	case n < 27:
		l.repeat()
	case n < 31:
		l.fault()
	case n < 32:
		l.restart()
	case n < 33:
		l.restartOne(l.rnd.IntN(len(l.servers)))
	case n < 34:
		l.openCloud() // its faults end
	case n < 37 && len(l.slow) > 0:
		l.arrive()
	case n < 40 && len(l.mail) > 0:
		i := l.rnd.IntN(len(l.mail))
		m := l.mail[i]
		l.mail = slices.Delete(l.mail, i, i+1)
		l.deliver(m)
	case n < 42:
		l.byHand()
	case n < 43:
		l.inspect()
	case n < 44:
		l.otherCatalogue()
	case n < 46:
		l.pods()
	case n < 48:
		l.change()
	case n < 51:
		l.sleepOrWake()
	case n < 54:
		l.move()
	case n < 60:
		l.elapse(time.Duration(l.rnd.Int64N(int64(4 * time.Minute))))
	default:
		l.work()
	}
}

func sortedRefs[V any](m map[ev.Ref]V) []ev.Ref {
	return slices.SortedFunc(maps.Keys(m), func(a, b ev.Ref) int { return strings.Compare(a.String(), b.String()) })
}

// work does one thing that the machinery has to do, or lets time pass to the next;
// false if there is none.
func (l *life) work() bool {
	ready, n := l.ready(), 0
	for _, s := range l.servers {
		n += len(s.dirty)
	}
	if n+len(ready) == 0 {
		return l.toNext()
	}
	for l.turn(); len(l.dirty)+len(ready) == 0; {
		l.turn()
	}
	dirty := sortedRefs(l.dirty)
	if i := l.rnd.IntN(len(dirty) + len(ready)); i < len(dirty) {
		l.tend(dirty[i])
	} else {
		l.take(ready[i-len(dirty)])
	}
	return true
}

// elapse lets time pass: timers go off, work becomes due.
func (l *life) elapse(d time.Duration) {
	l.now = l.now.Add(d)
	if !l.chaos || l.chance(2) {
		l.stepPods()
	}
	if l.now.Sub(l.inspected) >= clock.LookEvery {
		l.inspect()
	}
	for _, s := range l.servers {
		for _, ref := range sortedRefs(s.timers) {
			if !s.timers[ref].After(l.now) {
				delete(s.timers, ref)
				s.mark(ref, "")
			}
		}
	}
}

// toNext lets time pass until something is due; false if nothing ever is.
func (l *life) toNext() bool {
	var next time.Time
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, s := range l.servers {
		for _, at := range s.timers {
			sooner(at)
		}
	}
	for _, it := range l.queue {
		if l.waits(it) {
			sooner(it.due)
		}
	}
	if next.IsZero() {
		return false
	}
	l.elapse(max(0, next.Sub(l.now)))
	return true
}

// arrive has the first of the slow calls arrive.
func (l *life) arrive() {
	it := l.slow[0]
	l.slow = l.slow[1:]
	l.say("a slow call arrives")
	l.do(it)
}
