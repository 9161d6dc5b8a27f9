package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/cloud/sim/offers"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// TestSimulationOnNATS plays the same scripts on the whole machinery: here the seed
// chooses what is asked and what goes wrong, and the goroutines the rest.
func TestSimulationOnNATS(t *testing.T) {
	n := uint64(20)
	if testing.Short() {
		n = 4
	}
	for seed := uint64(1); seed <= n; seed++ {
		if *oneSeed != 0 && *oneSeed != seed {
			continue
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			l := &rigLife{rig: newRig(t), script: script{rnd: rand.New(rand.NewPCG(seed, 78))}}
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("again: go test ./test/sim -run TestSimulationOnNATS -seed %d\n%s", seed, strings.Join(l.lines, "\n"))
				}
			})
			l.run()
		})
	}
}

// rigLife is a script on a rig.
type rigLife struct {
	*rig
	script
	lines []string
}

func (l *rigLife) run() {
	for _, k := range ev.Kinds {
		if len(refs(k)) == 0 {
			continue // nobody lives as one here
		}
		l.give(l.request(refs(k)[0], ev.VerbCreate, `{"spec":`+specs[k][0]+`}`))
	}
	for range 40 {
		l.step()
	}
	l.again() // its faults end
	l.rest()
	l.each(func(e fsm.Entity[fsm.Data]) {
		if e.Failure != nil {
			l.give(l.request(e.Ref, ev.VerbRetry, ""))
		}
	})
	l.rest()
	l.deleteAll()
	l.check()
}

func (l *rigLife) step() {
	switch n := l.rnd.IntN(20); {
	case n == 0:
		l.again()
	case n < 3:
		f := l.trouble()
		f.Stuck = false // here a deadline takes a minute of ours
		if err := l.cloud.Inject(f); err != nil {
			l.t.Fatal(err)
		}
		l.lines = append(l.lines, fmt.Sprintf("fault %+v", f))
	case n < 12:
		var r command.Request
		l.fold.View(func(w *state.Entities) { r = l.script.command(w) })
		l.give(r)
	default:
		l.now.Advance(time.Duration(l.rnd.Int64N(int64(3 * time.Minute))))
		l.next(20 * time.Millisecond)
	}
}

// give gives a command; refusals are part of life.
func (l *rigLife) give(r command.Request) {
	ctx, cancel := context.WithTimeout(l.t.Context(), natstest.Patience)
	defer cancel()
	a, err := l.intake.SubmitRequest(ctx, r)
	l.lines = append(l.lines, fmt.Sprintf("$ %s %s %s/%s %s: %d events, %v", r.Verb, r.Kind, r.Owner, r.Name, r.Body, len(a.Events), err))
}

func (l *rigLife) again() {
	l.lines = append(l.lines, "restart")
	l.stop()
	l.start()
}

// next waits for the next event, but no longer than that.
func (l *rigLife) next(within time.Duration) {
	var seq uint64
	l.fold.View(func(w *state.Entities) { seq = w.Seq })
	ctx, cancel := context.WithTimeout(l.t.Context(), within)
	defer cancel()
	_ = l.fold.Wait(ctx, seq+1)
}

// rest lets the cloud's time pass until nobody is owed anything but what waits for
// what is not there.
func (l *rigLife) rest() {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*natstest.Patience)
	defer cancel()
	for len(l.moving()) > 0 {
		l.now.Advance(30 * time.Second)
		l.next(50 * time.Millisecond)
		if ctx.Err() != nil {
			l.t.Fatalf("these never come to rest:\n%s", strings.Join(l.moving(), "\n"))
		}
	}
}

// moving lists who has not come to rest, with the reason.
func (l *rigLife) moving() (list []string) {
	l.fold.View(func(w *state.Entities) {
		for _, k := range ev.Kinds {
			w.Each(k, func(e fsm.Entity[fsm.Data]) {
				m := fsm.Machines[k]
				why := w.Blocker(e)
				if rests := m.AtRest(e.Phase()) || m.Ended(e.Phase()); rests != (why == nil) {
					list = append(list, fmt.Sprintf("%s is %s: %+v", e.Ref, e.Phase(), why))
				} else if rests || e.Failure != nil || why.Code == ev.ConflictReason {
					return // a conflict lasts until its deadline, a minute of ours
				}
				changes, _ := m.Decide(e, command.Internal(e.Ref, ev.ActorAerie, ev.Settle{}), w.Refs())
				if _, waits := m.Owed(e).(fsm.WaitFor); !waits || len(changes) > 0 {
					list = append(list, fmt.Sprintf("%s is %s: %+v", e.Ref, e.Phase(), why))
				}
			})
		}
	})
	return list
}

func (l *rigLife) each(f func(fsm.Entity[fsm.Data])) {
	var all []fsm.Entity[fsm.Data]
	l.fold.View(func(w *state.Entities) {
		for _, k := range ev.Kinds {
			w.Each(k, func(e fsm.Entity[fsm.Data]) { all = append(all, e) })
		}
	})
	for _, e := range all {
		f(e)
	}
}

// deleteAll ends customers with all they own, then the platform's things.
func (l *rigLife) deleteAll() {
	order := append([]ev.Kind{ev.Customer}, ev.Kinds[1:]...)
	slices.Reverse(order[1:])
	l.each(func(e fsm.Entity[fsm.Data]) {
		if e.Phase() == fsm.Released { // so that it makes nothing any more
			l.give(l.request(e.Ref, ev.VerbRetire, ""))
		}
	})
	for _, kind := range order {
		body := ""
		if kind == ev.Customer {
			body = `{"cascade":true}`
		}
		l.each(func(e fsm.Entity[fsm.Data]) {
			if e.Ref.Kind == kind && !fsm.Machines[kind].Ended(e.Phase()) {
				l.give(l.request(e.Ref, ev.VerbDelete, body))
			}
		})
		l.rest()
	}
}

// check: all have ended, nothing is left of them, nothing was made twice, and the
// live world is what the log says.
func (l *rigLife) check() {
	l.each(func(e fsm.Entity[fsm.Data]) {
		if !fsm.Machines[e.Ref.Kind].Ended(e.Phase()) {
			l.t.Errorf("%s is %s", e.Ref, e.Phase())
		}
	})
	l.now.Advance(time.Hour)
	for _, account := range []string{"4711", "4712"} {
		for _, region := range offers.Regions() {
			if _, err := l.cloud.ListOwned(l.t.Context(), cloud.Scope{Account: cloud.Account{ID: account}, Region: region.Name}, ""); err != nil {
				l.t.Error(err)
			}
		}
	}
	ledger, err := sim.ReadLedger(filepath.Join(l.dir, "cloud"))
	if err != nil || len(ledger.Live()) > 0 || len(ledger.Twice()) > 0 {
		l.t.Errorf("left: %+v, twice: %+v, %v", ledger.Live(), ledger.Twice(), err)
	}
	l.checkFold()
}

func (l *rigLife) checkFold() {
	again := state.NewLive()
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	go func() { _ = again.Follow(ctx, l.log) }()
	last, err := l.log.Last(ctx)
	if err != nil || again.Wait(ctx, last) != nil {
		l.t.Fatal("the log cannot be folded again")
	}
	l.each(func(e fsm.Entity[fsm.Data]) {
		var other fsm.Entity[fsm.Data]
		again.View(func(w *state.Entities) { other, _ = w.Get(e.Ref) })
		a, errA := json.Marshal([]any{e.Phase(), e.Base, e.Data})
		b, errB := json.Marshal([]any{other.Phase(), other.Base, other.Data})
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			l.t.Errorf("the live %s is not what its events make of it:\n%s\n%s", e.Ref, a, b)
		}
	})
}
