package command

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
)

// intakeRig is an intake on a log of its own; nobody does what it decides.
type intakeRig struct {
	t      *testing.T
	nc     *nats.Conn
	log    *eventlog.Log
	fold   *state.Live
	intake *Intake
}

// newIntakeRig starts an intake; it is stopped with the test.
func newIntakeRig(t *testing.T) *intakeRig {
	r := openIntakeRig(t)
	r.start(0)
	return r
}

// openIntakeRig opens the log alone.
func openIntakeRig(t *testing.T) *intakeRig {
	t.Helper()
	guard, err := filestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = guard.Release() })
	server, _ := natstest.Start(t)
	r := &intakeRig{t: t, nc: natstest.Connect(t, server)}
	if r.log, err = eventlog.Open(t.Context(), r.nc, fsm.Vocabulary(), guard); err != nil {
		t.Fatal(err)
	}
	return r
}

// start folds the log and lets the intake decide.
func (r *intakeRig) start(last uint64) {
	r.fold = state.NewLive()
	r.intake = NewIntake(r.log, r.fold, ev.Builtin)
	r.run(last)
}

// run lets the intake decide until the test ends, once the log is folded in up to a sequence.
func (r *intakeRig) run(last uint64) {
	r.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	r.t.Cleanup(func() { stop(); running.Wait() })
	running.Go(func() { _ = r.fold.Follow(ctx, r.log) })
	running.Go(func() { r.intake.Run(ctx) })
	if err := r.fold.Wait(ctx, last); err != nil {
		r.t.Fatal(err)
	}
}

// ask gives a command as a person would.
func (r *intakeRig) ask(kind ev.Kind, path, verb, body string) (ev.Answer, error) {
	r.t.Helper()
	ref, faults := ev.ParseRef(kind, path)
	if len(faults) > 0 {
		r.t.Fatalf("%s: %v", path, faults)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	return r.intake.SubmitRequest(ctx, Request{Owner: ref.Owner, Kind: string(kind), Name: ref.ID, Verb: verb, Body: []byte(body), Caller: ev.LocalAdmin()})
}

// customer has a customer.
func (r *intakeRig) customer(name string) {
	r.t.Helper()
	if _, err := r.ask(ev.Customer, name, ev.VerbCreate, "{}"); err != nil {
		r.t.Fatal(err)
	}
}

// entity is an entity as it is now.
func (r *intakeRig) entity(ref ev.Ref) (e fsm.Entity[fsm.Data]) {
	r.fold.View(func(w *state.Entities) { e, _ = w.Get(ref) })
	return e
}

// until waits until an entity is as wanted.
func (r *intakeRig) until(kind ev.Kind, path string, want func(fsm.Entity[fsm.Data]) bool) (e fsm.Entity[fsm.Data]) {
	r.t.Helper()
	ref, _ := ev.ParseRef(kind, path)
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	for {
		var seq uint64
		r.fold.View(func(w *state.Entities) {
			e, _ = w.Get(ref)
			seq = w.Seq
		})
		if want(e) {
			return e
		}
		if err := r.fold.Wait(ctx, seq+1); err != nil {
			r.t.Fatalf("%s is %s, and stays there: %v", ref, e.Phase(), err)
		}
	}
}

// isRefused tells whether a command was refused with a code.
func isRefused(err error, code ev.Code) bool {
	var r *ev.Refusal
	return errors.As(err, &r) && r.Code == code
}
