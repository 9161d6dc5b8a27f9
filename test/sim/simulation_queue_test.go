package sim

import (
	"fmt"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/execute"
)

// Twenty-four releases at once, of which one is let in every ten minutes: the last has waited for four hours and is
// deployed all the same. One that is let in and never comes to an end is given up when its time is over, however much of
// it the others wait.
func TestWaitingForRoomTakesNobodysTime(t *testing.T) {
	const releases, pace, hangs = 24, 10 * time.Minute, "prod_a7"
	l := newLife(1, t.TempDir())
	l.chaos = false
	t.Cleanup(func() { l.must(l.cloud.Close()) })
	l.tenant()
	began, served := l.now, map[ev.Ref]time.Time{}
	l.instead = func(ref ev.Ref) execute.Result {
		if _, in := served[ref]; !in && l.now.Sub(began) < time.Duration(len(served))*pace {
			return execute.Result{Again: execute.LookAgain, Queued: true}
		} else if !in {
			served[ref] = l.now
		}
		if ref.ID == hangs {
			return execute.Result{Again: execute.LookAgain}
		}
		return execute.Result{}
	}
	for i := range releases {
		l.create(ev.Ref{Kind: ev.Application, Owner: "acme", ID: fmt.Sprintf("prod_a%d", i)}, appJSON(fmt.Sprint("c", i)))
	}
	l.quiet()
	l.world.Each(ev.Application, func(e fsm.Entity[fsm.Data]) {
		waited, want := served[e.Ref].Sub(began), fsm.Deployed
		if e.Ref.ID == hangs {
			want = fsm.Failed
			if took := e.PhaseSince.Sub(served[e.Ref]); took > 30*time.Minute {
				t.Errorf("%s was let in and given up %s later", e.Ref, took)
			}
		}
		if e.Phase() != want {
			t.Errorf("%s is %s, want %s: %+v", e.Ref, e.Phase(), want, e.Failure)
		}
		if most := 3 + int(waited/(15*time.Minute)); e.History.Len() > most {
			t.Errorf("%s has waited %s and has %d events, more than %d", e.Ref, waited, e.History.Len(), most)
		}
	})
	if last := l.now.Sub(began); last < (releases-1)*pace {
		t.Errorf("all were done after %s: there was more room than meant", last)
	}
}

// tenant makes a tenant acme/prod that is Active, and what it stands on.
func (l *life) tenant() {
	for _, k := range kinds {
		if k != ev.Application && k != ev.Addon && k != ev.Cell && k != ev.CellApplication {
			l.create(refs(k)[0], specs[k][0])
		}
	}
	l.quiet()
}

func (l *life) create(ref ev.Ref, spec string) {
	if _, err := l.give(l.request(ref, ev.VerbCreate, `{"spec":`+spec+`}`)); err != nil {
		l.must(fmt.Errorf("create %s: %w", ref, err))
	}
}

// quiet lets everything come to rest.
func (l *life) quiet() {
	for l.work() {
		continue
	}
}
