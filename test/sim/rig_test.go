package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/sequence"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/agents"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/dispatch"
	"github.com/aeriehq/aerie/workers/execute"
)

// rig is the whole machinery on a real nats-server and a simulated cloud whose
// clock the test moves.
type rig struct {
	t      *testing.T
	dir    string
	now    *virtualClock
	server *embedded.Server
	nc     *nats.Conn
	guard  *filestore.Guard
	log    *eventlog.Log
	fold   *state.Live
	intake *command.Intake
	agents *agents.Service
	cloud  *sim.Sim
	faults []sim.Fault
	costs  costs
	stop   func()

	between func(cloud.Provider) cloud.Provider
	charts  *execute.Charts
}

type virtualClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *virtualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *virtualClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// newRig starts everything; it is stopped with the test.
func newRig(t *testing.T) *rig {
	return newRigWith(t, func(p cloud.Provider) cloud.Provider { return p })
}

// newRigWith puts something between the executor and the cloud.
func newRigWith(t *testing.T, between func(cloud.Provider) cloud.Provider) *rig {
	r := &rig{t: t, between: between, dir: t.TempDir(), now: &virtualClock{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}
	r.start()
	t.Cleanup(func() {
		r.verify()
		r.stop()
	})
	return r
}

func (r *rig) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	must := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	var err error
	r.guard, err = filestore.Open(r.dir)
	must(err)
	r.server, err = embedded.Start(embedded.Options{Dir: filepath.Join(r.dir, "nats")})
	must(err)
	r.nc, err = r.server.Connect("test")
	must(err)
	nc := r.nc
	r.log, err = eventlog.Open(ctx, nc, fsm.Vocabulary(), r.guard)
	must(err)
	work, err := queue.OpenWork(ctx, nc)
	must(err)
	r.cloud, err = sim.Open(sim.Options{Dir: filepath.Join(r.dir, "cloud"), Now: r.now.Now, Speed: 1, Faults: r.faults})
	must(err)
	r.fold = state.NewLive()
	r.intake = command.NewIntake(r.log, r.fold, ev.Builtin)
	r.intake.CountRounds(func(commands, events int, _ time.Duration) {
		r.costs.decisions.Add(int64(commands))
		r.costs.events.Add(int64(events))
	})
	clock := clock.Clock{Speed: 0}
	r.agents = agents.New(r.intake, r.fold, clock, agents.Door{Evict: func(string, time.Time) {}, IsThere: func(string, uint64) bool { return true }})
	timers, err := queue.OpenTimers(ctx, nc)
	must(err)
	d := dispatch.NewDispatcher(r.intake, r.fold, work, timers, clock)
	last, err := r.log.Last(ctx)
	must(err)
	running.Go(func() { _ = r.fold.Follow(ctx, r.log) })
	must(r.fold.Wait(ctx, last))
	running.Go(func() { r.intake.Run(ctx) })
	running.Go(func() { d.Run(ctx) })
	must(r.intake.ServeReports(ctx, nc))
	must(r.agents.Serve(ctx, nc))
	must(r.intake.Serve(ctx, nc, "0.0.0"))
	x := execute.NewExecutor(nc, r.fold, work, map[string]execute.Cloud{"sim": {Provider: r.between(r.cloud), Kube: r.cloud.Kube}}, clock)
	x.UseCharts(r.charts)
	x.Count(func(string, string, time.Duration) { r.costs.effects.Add(1) })
	running.Go(func() { _ = x.Run(ctx) })
	r.stop = func() {
		cancel()
		running.Wait()
		nc.Close()
		r.server.Shutdown()
		must(r.cloud.Close())
		must(r.guard.Release())
	}
}

// verify folds the log once more, from its beginning, and asks that every entity is what it
// became while the log was written. It ends every test of lives, as aerie log verify would.
func (r *rig) verify() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	again := state.New()
	r.fold.View(func(live *state.Entities) {
		if err := r.log.Replay(ctx, 0, live.Seq, again.Apply); err != nil {
			r.t.Errorf("fold the log again: %v", err)
			return
		}
		for _, k := range ev.Kinds {
			live.Each(k, func(e fsm.Entity[fsm.Data]) {
				folded, _ := again.Get(e.Ref)
				if a, b := textOf(r.t, e), textOf(r.t, folded); a != b {
					r.t.Errorf("%s is\n%s\nand the log says\n%s", e.Ref, a, b)
				}
			})
		}
	})
}

// textOf is all of an entity as text.
func textOf(t *testing.T, e fsm.Entity[fsm.Data]) string {
	t.Helper()
	history := slices.Collect(e.History.All())
	e.History = sequence.List{}
	text, err := json.Marshal([]any{e.Phase(), e.Base, e.Data, history})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ask gives a command as a person would.
func (r *rig) ask(kind ev.Kind, path, verb, body string) (ev.Answer, error) {
	r.t.Helper()
	return r.askOf(r.intake, kind, path, verb, body)
}

// askOf gives a command to one of the servers.
func (r *rig) askOf(intake *command.Intake, kind ev.Kind, path, verb, body string) (ev.Answer, error) {
	r.t.Helper()
	ref, faults := ev.ParseRef(kind, path)
	if len(faults) > 0 {
		r.t.Fatalf("%s: %v", path, faults)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), natstest.Patience)
	defer cancel()
	return intake.SubmitRequest(ctx, command.Request{Owner: ref.Owner, Kind: string(kind), Name: ref.ID, Verb: verb, Body: []byte(body), Caller: ev.LocalAdmin()})
}

// until waits until an entity is as wanted, moving the cloud's clock meanwhile if
// step is not 0.
func (r *rig) until(kind ev.Kind, path string, step time.Duration, want func(fsm.Entity[fsm.Data], *fsm.Blocker) bool) fsm.Entity[fsm.Data] {
	r.t.Helper()
	ref, _ := ev.ParseRef(kind, path)
	ctx, cancel := context.WithTimeout(r.t.Context(), natstest.Patience)
	defer cancel()
	for {
		var e fsm.Entity[fsm.Data]
		var why *fsm.Blocker
		var seq uint64
		r.fold.View(func(w *state.Entities) {
			e, _ = w.Get(ref)
			seq = w.Seq
			if e.Phase() != fsm.Unborn {
				why = w.Blocker(e)
			}
		})
		if want(e, why) {
			return e
		}
		r.now.Advance(step)
		// A poll that sees nothing new is no event: look again a little later too.
		poll, done := context.WithTimeout(ctx, 50*time.Millisecond)
		_ = r.fold.Wait(poll, seq+1)
		done()
		if ctx.Err() != nil {
			r.t.Fatalf("%s is %s (%v), and stays there", ref, e.Phase(), why)
		}
	}
}

// phase waits for a phase.
func (r *rig) phase(kind ev.Kind, path string, step time.Duration, want fsm.Phase) fsm.Entity[fsm.Data] {
	r.t.Helper()
	return r.until(kind, path, step, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Phase() == want })
}

// cloudName finds names that follow from a uid and so differ from run to run.
var cloudName = regexp.MustCompile(`(pool|cluster|run job Job) [a-z0-9/-]*[a-z0-9]{8,10}\b`)

// entity is an entity as it is now.
func (r *rig) entity(ref ev.Ref) (e fsm.Entity[fsm.Data]) {
	r.fold.View(func(w *state.Entities) { e, _ = w.Get(ref) })
	return e
}

// history lists an entity's events as type -> phase.
func (r *rig) history(ref ev.Ref) (lines []string) {
	r.t.Helper()
	var e fsm.Entity[fsm.Data]
	r.fold.View(func(w *state.Entities) { e, _ = w.Get(ref) })
	var replay fsm.Entity[fsm.Data]
	for seq := range e.History.All() {
		rec, err := r.log.Read(r.t.Context(), seq)
		if err != nil {
			r.t.Fatal(err)
		}
		if replay, err = fsm.Machines[ref.Kind].Apply(replay, rec); err != nil {
			r.t.Fatal(err)
		}
		line := fmt.Sprintf("%-22s -> %-15s by %s", rec.Event.Type(), replay.Phase(), rec.Actor)
		switch happened := rec.Event.(type) {
		case ev.AttemptFailed:
			line += fmt.Sprintf("  # attempt %d: %s, fault %s: %s", happened.Attempt, happened.Code, happened.Fault, cloudName.ReplaceAllString(happened.Message, "$1 NAME"))
		case ev.Failed:
			line += fmt.Sprintf("  # %s", happened.Code)
		case ev.Deleted:
			if len(happened.Kept) > 0 {
				line += "  # kept " + strings.Join(happened.Kept, ", ")
			}
		case ev.Placed:
			line += "  # " + happened.Why
		}
		lines = append(lines, line)
	}
	return slices.Compact(lines) // how often a pool is looked at is nobody's promise
}
