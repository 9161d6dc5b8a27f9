package command_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// A command given twice by one id is done once, and answered twice; what can't be done is refused with a code, whose fault it is, and
// what would be right.
func Example() {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	dir, err := os.MkdirTemp("", "aerie-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	intake, end, err := decide(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer end()

	create := command.Request{ID: "once", Owner: "acme", Kind: "customer", Name: "acme", Verb: "create", Body: []byte("{}"), Caller: events.LocalAdmin()}
	for range 2 {
		answer, err := intake.SubmitRequest(context.Background(), create)
		fmt.Println(answer.Events[0].Type, "as event", answer.Seq, err)
	}
	create.ID, create.Kind, create.Name, create.Body = "twice", "tenant", "prod", []byte(`{"spec":{"plan":"gold"}}`)
	_, err = intake.SubmitRequest(context.Background(), create)
	var refused *events.Refusal
	if errors.As(err, &refused) {
		fmt.Println(refused.Code, "by", refused.Fault, "-", refused.Details[0].Field, refused.Details[0].Message)
	}
	// Output:
	// created as event 1 <nil>
	// created as event 1 <nil>
	// invalid by user - spec.plan there is no plan -/gold: create it first
}

// decide opens a log, folds it, and decides commands on the fold until it is ended.
func decide(dir string) (*command.Intake, func(), error) {
	guard, err := filestore.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	server, err := embedded.Start(embedded.Options{Dir: filepath.Join(dir, "nats")})
	if err != nil {
		return nil, nil, err
	}
	conn, err := server.Connect("example")
	if err != nil {
		return nil, nil, err
	}
	log, err := eventlog.Open(context.Background(), conn, fsm.Vocabulary(), guard)
	if err != nil {
		return nil, nil, err
	}
	fold := state.NewLive()
	intake := command.NewIntake(log, fold, events.Builtin)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = fold.Follow(ctx, log) })
	running.Go(func() { intake.Run(ctx) })
	return intake, func() { stop(); running.Wait(); conn.Close(); server.Shutdown(); _ = guard.Release() }, nil
}
