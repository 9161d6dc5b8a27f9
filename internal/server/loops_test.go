package server

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/liveness"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
)

func started(t *testing.T) *Control {
	t.Helper()
	return startedIn(t, t.TempDir())
}

func startedIn(t *testing.T, dir string) *Control {
	t.Helper()
	return startedWith(t, Settings{DataDir: filepath.Join(dir, "data"), CloudDir: filepath.Join(dir, "cloud")})
}

// startedWith is a server on ports of its own, which ends with the test.
func startedWith(t *testing.T, s Settings) *Control {
	t.Helper()
	s.HTTP, s.NATS = "127.0.0.1:0", "127.0.0.1:0"
	c, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// stands waits until a loop would stand still, were it to go on as it does for a time.
func stands(t *testing.T, c *Control, loop, at string, later time.Duration) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	over := time.After(natstest.Patience)
	for {
		err := c.Still(time.Now().Add(later))
		if err != nil && strings.Contains(err.Error(), `"`+loop+`" stands still: `+at+" has not ended since ") {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%s does not stand still at %s: %v", loop, at, err)
		}
	}
}

// account is a command that has an account verified.
func account() ev.Command {
	c := command.Internal(ev.Ref{Kind: ev.Account, Owner: ev.Platform, ID: "main"}, ev.ActorAdmin,
		ev.Create{Spec: ev.AccountSpec{Cloud: "sim", Number: "111111111111"}})
	c.UID = "u1"
	return c
}

// The loops are watched, and what each does over and over is told if it does not end.
func TestLoopsAreWatched(t *testing.T) {
	c := started(t)
	if err := c.ready(); err != nil {
		t.Fatalf("just started: %v", err)
	}
	if r, err := http.Get(c.APIURL() + "/readyz"); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %v %v", r, err)
	}
	for _, loop := range []string{"clock", "executor", "command queue"} { // each asks for work all the time
		stands(t, c, loop, "asking for a message", 4*time.Minute)
	}
	known := map[string]bool{}
	c.loops.EachBusy(time.Now(), func(loop string, _ time.Duration) { known[loop] = true })
	for _, loop := range []string{"intake", "dispatcher", "clock", "executor", "projections", "command queue", "inspector", "sweeper"} {
		if !known[loop] {
			t.Errorf("nobody watches the %s", loop)
		}
	}
}

// A call that does not heed that its time is over is told of.
func TestACallThatHangsIsTold(t *testing.T) {
	effect := ev.VerifyAccount{}.Effect()
	does := execute.Handlers[effect]
	hangs, release := make(chan struct{}), make(chan struct{})
	execute.Handlers[effect] = func(ctx context.Context, w *execute.Task) execute.Result {
		close(hangs)
		<-release
		return execute.Result{Err: &cloud.Error{Class: cloud.Denied}}
	}
	t.Cleanup(func() { execute.Handlers[effect] = does })
	c := started(t)
	t.Cleanup(func() { close(release) })
	if _, err := c.Intake.SubmitCommand(t.Context(), account()); err != nil {
		t.Fatal(err)
	}
	<-hangs
	stands(t, c, "executor", effect, execute.CallTimeout+61*time.Second)
	if err := c.Still(time.Now().Add(execute.CallTimeout)); err != nil {
		t.Errorf("within its time: %v", err)
	}
}

// Entities that do not follow the log are told of.
func TestAFoldThatStandsStillIsTold(t *testing.T) {
	c := started(t)
	c.Live.Pause(c.Live.At() + 1)
	b := c.Log.Batch(c.Live.At())
	if _, err := b.Add(eventlog.Decision{Changes: []ev.Change{{Ref: ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"},
		Events: []ev.Event{ev.Created[ev.CustomerSpec]{UID: "u"}}}}}); err != nil {
		t.Fatal(err)
	}
	last, err := b.Append(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var loops liveness.Loops
	read := loops.Loop("projections").Step("reading the log", readWithin)
	at := c.lookAtFold(t.Context(), read, ^uint64(0))
	c.lookAtFold(t.Context(), read, at)
	if got := loops.Stalled(time.Now().Add(readWithin + time.Second)); len(got) != 1 || got[0].Loop != "projections" {
		t.Errorf("the log is at %d, the entities at %d, and what stands still is %v", last, at, got)
	}
	c.Live.Release()
	if err := c.Live.Wait(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	c.lookAtFold(t.Context(), read, at)
	if got := loops.Stalled(time.Now().Add(time.Hour)); len(got) > 0 {
		t.Errorf("they are where the log is, and %v", got)
	}
}
