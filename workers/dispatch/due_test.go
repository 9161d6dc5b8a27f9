package dispatch

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
)

// TestDueAtOnce lets ten thousand accounts reach their deadline in one moment, and
// gives commands meanwhile.
func TestDueAtOnce(t *testing.T) {
	t.Parallel()
	const accounts, each = 10_000, 500
	x := natstest.StartExternal(t, 1, nil)
	nc := natstest.Dial(t, x)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	guard, err := filestore.OpenReplica(t.TempDir())
	must(err)
	log, err := eventlog.Open(ctx, nc, fsm.Vocabulary(), guard)
	must(err)
	rule := fsm.Machines[ev.Account].Limits(fsm.Verifying)
	begun := time.Now().Add(grace + 5*time.Second - rule.Within)
	for n := range accounts / each {
		d := eventlog.Decision{Envelope: ev.Envelope{Time: begun, Actor: ev.ActorAdmin, CommandID: ulid.Make().String(),
			CausationID: "c", CorrelationID: "c", Digest: "d"}}
		for i := range each {
			ref := ev.Ref{Kind: ev.Account, Owner: ev.Platform, ID: fmt.Sprintf("a%d-%d", n, i)}
			d.Changes = append(d.Changes, ev.Change{Ref: ref, Events: []ev.Event{
				ev.Requested[ev.AccountSpec]{UID: ulid.Make().String(), Spec: ev.AccountSpec{Cloud: "sim", Number: "4711"}}, ev.VerificationStarted{}}})
		}
		_, err := log.Append(ctx, d)
		must(err)
	}
	fold := state.NewLive()
	intake := command.NewIntake(log, fold, ev.Builtin)
	work, err := queue.OpenWork(ctx, nc)
	must(err)
	timers, err := queue.OpenTimers(ctx, nc)
	must(err)
	d := NewDispatcher(intake, fold, work, timers, clock.Clock{Speed: 1})
	d.started = time.Time{} // it has been there all the time
	given := newGiven(accounts)
	fold.Watch(given.see)
	running.Go(func() { _ = fold.Follow(ctx, log) })
	must(fold.Wait(ctx, 2*accounts))
	running.Go(func() { intake.Run(ctx) })
	running.Go(func() { d.Run(ctx) })

	receive := func(c <-chan struct{}, what string) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(time.Minute):
			t.Fatal("never:", what)
		}
	}
	receive(given.first, "the first is given up")
	if early := time.Until(begun.Add(rule.Within)); early > 0 {
		t.Errorf("given up %s too early", early)
	}
	commands := 0
	for over := false; !over; commands++ {
		name := fmt.Sprintf("c%d", commands)
		_, err := intake.SubmitRequest(ctx, command.Request{Owner: name, Kind: "customer", Name: name, Verb: ev.VerbCreate, Body: []byte("{}"), Caller: ev.LocalAdmin()})
		must(err)
		select {
		case <-given.all:
			over = true
		default:
		}
	}
	t.Logf("%d commands were answered while %d accounts were given up", commands, accounts)
	if commands < 50 {
		t.Errorf("%d commands were answered meanwhile", commands)
	}
}

// given counts who is given up.
type given struct {
	left       int
	first, all chan struct{}
}

func newGiven(n int) *given {
	return &given{left: n, first: make(chan struct{}), all: make(chan struct{})}
}

func (g *given) see(_ *state.Entities, decision []ev.Recorded, _ bool) {
	for _, r := range decision {
		if _, failed := r.Event.(ev.Failed); !failed {
			continue
		}
		select {
		case <-g.first:
		default:
			close(g.first)
		}
		if g.left--; g.left == 0 {
			close(g.all)
		}
	}
}
