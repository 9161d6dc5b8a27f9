package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
)

// Two who decide on the same state do not both get their way: the sequence that each decision names settles it, and the loser reads
// what came in between and decides again.
func Example() {
	dir, err := os.MkdirTemp("", "aerie-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	log, end, err := openAt(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer end()

	acme := events.Ref{Kind: events.Customer, Owner: "acme", ID: "acme"}
	by := events.Envelope{Time: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Actor: events.ActorAdmin, CommandID: "c1", CorrelationID: "c1", CausationID: "c1"}
	for range 2 {
		unborn := events.Change{Ref: acme, After: 0, Events: []events.Event{events.Created[events.CustomerSpec]{UID: "u1"}}}
		stored, err := log.Append(context.Background(), eventlog.Decision{Envelope: by, Changes: []events.Change{unborn}})
		fmt.Println(len(stored), "stored; somebody was faster:", errors.Is(err, eventlog.ErrConflict))
	}
	err = log.Replay(context.Background(), 0, 1, func(decision []events.Recorded) error {
		fmt.Println(decision[0].Seq, decision[0].Ref, decision[0].Event.Type(), "by", decision[0].Actor)
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 stored; somebody was faster: false
	// 0 stored; somebody was faster: true
	// 1 customer acme created by admin
}

// openAt opens a log on an embedded server that listens nowhere, and says how to end both.
func openAt(dir string) (log *eventlog.Log, end func(), err error) {
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
	log, err = eventlog.Open(context.Background(), conn, fsm.Vocabulary(), guard)
	return log, func() { conn.Close(); server.Shutdown(); _ = guard.Release() }, err
}
