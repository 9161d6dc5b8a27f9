package sim

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
)

// hangs is a program that stands where aerie-helm does and never ends. It holds one end of a pipe with a name.
func hangs(t *testing.T) (program, pipe string) {
	t.Helper()
	dir := t.TempDir()
	program, pipe = filepath.Join(dir, "aerie-helm"), filepath.Join(dir, "pipe")
	err := syscall.Mkfifo(pipe, 0o600)
	if err == nil {
		err = os.WriteFile(program, fmt.Appendf(nil, "#!/bin/sh\nexec sleep 3600 3>%s\n", pipe), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return program, pipe
}

// begun waits until the program has been started, and returns what is closed when it has ended.
func begun(t *testing.T, pipe string) (ended chan struct{}) {
	t.Helper()
	opened, ended := make(chan error, 1), make(chan struct{})
	go func() {
		f, err := os.Open(pipe) // returns when the other end is opened
		opened <- err
		_, _ = io.Copy(io.Discard, f)
		close(ended)
	}()
	select {
	case err := <-opened:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(natstest.Patience):
		t.Fatal("it is not started")
	}
	return ended
}

// A phase that is given up ends the process that still runs for it, and so does another wish. What comes next is let in.
func TestAProcessEndsWithItsPhase(t *testing.T) {
	program, pipe := hangs(t)
	r := &rig{t: t, dir: t.TempDir(), between: func(p cloud.Provider) cloud.Provider { return p },
		now:    &virtualClock{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		charts: &execute.Charts{Runner: helm.NewRunner(program, t.TempDir()), Own: fstest.MapFS{"web/Chart.yaml": {Data: []byte("name: web")}}}}
	r.start()
	t.Cleanup(func() { r.stop() })
	inhabited(r, ev.DriftRepair)
	web := ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_web"}
	r.perform(`create application acme/prod_web {"chart":{"name":"web","version":"1.0.0"}}`)
	for _, step := range []struct {
		name  string
		do    func()
		phase fsm.Phase
	}{
		{"its time is over", func() { r.expire(web) }, fsm.Failed},
		{"it is tried again, and another chart is wished", func() {
			r.perform(`update application acme/prod_web {"chart":{"name":"web","version":"1.1.0"}}`)
		}, fsm.Installing},
		{"it is deleted", func() { r.perform("delete application acme/prod_web {}") }, fsm.Uninstalled},
	} {
		ended := begun(t, pipe)
		step.do()
		r.phase(ev.Application, "acme/prod_web", time.Minute, step.phase)
		select {
		case <-ended:
		case <-time.After(natstest.Patience):
			t.Fatal(step.name + ", and its process goes on")
		}
		if step.phase == fsm.Failed {
			r.perform("retry application acme/prod_web")
		}
	}
}

// expire is what the dispatcher says at a phase's deadline.
func (r *rig) expire(ref ev.Ref) {
	r.t.Helper()
	e := r.entity(ref)
	if _, err := r.intake.SubmitCommand(r.t.Context(), command.Internal(ref, ev.ActorAerie, ev.Expire{Since: e.PhaseSince})); err != nil {
		r.t.Fatal(err)
	}
}

// An executor whose fold has stopped ends and says so: it would go on with work that nobody owes any longer.
func TestAnExecutorEndsWithItsFold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	follow, stop := context.WithCancel(t.Context())
	fold := state.NewLive()
	go func() { _ = fold.Follow(follow, r.log) }()
	work, err := queue.OpenWork(t.Context(), r.nc)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- execute.NewExecutor(r.nc, fold, work, nil, clock.Clock{}).Run(t.Context()) }()
	stop()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "watch long work: follow the log") {
		t.Error(err)
	}
}
