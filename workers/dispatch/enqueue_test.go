package dispatch

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
)

// TestWorkThatNoMessageCarries is given up, with a reason.
func TestWorkThatNoMessageCarries(t *testing.T) {
	server, _ := natstest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
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
	log, err := eventlog.Open(ctx, natstest.Connect(t, server), fsm.Vocabulary(), guard)
	must(err)
	fold := state.NewLive()
	intake := command.NewIntake(log, fold, ev.Builtin)
	running.Go(func() { _ = fold.Follow(ctx, log) })
	running.Go(func() { intake.Run(ctx) })
	entity := func(ref ev.Ref) (e fsm.Entity[fsm.Data], owed ev.Effect) {
		fold.View(func(w *state.Entities) { e, _ = w.Get(ref) })
		return e, fsm.Machines[ref.Kind].Owed(e)
	}
	create := func(ref ev.Ref, spec string) {
		t.Helper()
		_, err := intake.SubmitRequest(ctx, command.Request{Owner: ref.Owner, Kind: string(ref.Kind), Name: ref.ID, Verb: ev.VerbCreate, Body: []byte(spec), Caller: ev.LocalAdmin()})
		must(err)
	}
	account, ref := ev.Ref{Kind: ev.Account, Owner: ev.Platform, ID: "main"}, ev.Ref{Kind: ev.Dataplane, Owner: ev.Platform, ID: "eu"}
	create(account, `{"spec":{"cloud":"sim","number":"4711"}}`)
	_, err = intake.SubmitCommand(ctx, command.Internal(account, ev.ActorAerie, ev.Settle{}))
	must(err)
	e, owed := entity(account)
	_, err = intake.SubmitCommand(ctx, command.Internal(account, ev.ActorExecutor, ev.Report{UID: e.UID, Digest: fsm.DigestOf(owed), Outcome: ev.Verified{}}))
	must(err)
	create(ref, `{"spec":{"account":"main","region":"eu-central"}}`)
	_, err = intake.SubmitCommand(ctx, command.Internal(ref, ev.ActorAerie, ev.Settle{}))
	must(err)
	if e, owed = entity(ref); e.Phase() != fsm.Networking {
		t.Fatalf("it is %s", e.Phase())
	}
	d := &Dispatcher{intake: intake, fold: fold, clock: clock.Clock{Speed: 0}}
	if err := d.tooLarge(t.Context(), ev.Work{Ref: ref, UID: e.UID, Revision: e.Seq, Digest: fsm.DigestOf(owed), Attempt: 1, Effect: owed.Effect()}, 2<<20); err != nil {
		t.Fatal(err)
	}
	if e, _ = entity(ref); e.Failure == nil || e.Failure.Code != ev.ConfigProblem || !strings.Contains(e.Failure.Message, "2097152 bytes") {
		t.Errorf("given up because of %+v", e.Failure)
	}
}

// TestTheSameRepairAnew is put again, though nobody has looked between its end and its beginning.
func TestTheSameRepairAnew(t *testing.T) {
	at := func(seconds int) fsm.Entity[fsm.Data] {
		e := fsm.Entity[fsm.Data]{}
		e.Relapses = e.Relapses.With([]ev.Drift{{What: "Namespace a"}}, time.Unix(int64(seconds), 0))
		return e
	}
	first, again := EnqueuedFor(at(1), ev.EnsureTenant{}, fsm.ByServer), EnqueuedFor(at(2), ev.EnsureTenant{}, fsm.ByServer)
	if first == again || first != EnqueuedFor(at(1), ev.EnsureTenant{}, fsm.ByServer) {
		t.Errorf("it is put as %+v, and anew as %+v", first, again)
	}
}
