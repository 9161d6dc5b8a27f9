package views_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

// What was written can be read at once by its sequence, and as it was at any one before.
func Example() {
	dir, err := os.MkdirTemp("", "aerie-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	log, v, end, err := follow(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer end()

	acme := events.Ref{Kind: events.Customer, Owner: "acme", ID: "acme"}
	ctx := context.Background()
	var seq uint64
	for i, e := range []events.Event{events.Created[events.CustomerSpec]{UID: "u1"}, events.LabelsChanged{Labels: map[string]string{"tier": "gold"}}} {
		by := events.Envelope{Time: time.Date(2026, 1, 31, 12, i, 0, 0, time.UTC), Actor: events.ActorAdmin, CommandID: fmt.Sprint("c", i)}
		stored, err := log.Append(ctx, eventlog.Decision{Envelope: by, Changes: []events.Change{{Ref: acme, After: seq, Events: []events.Event{e}}}})
		if err != nil {
			fmt.Println(err)
			return
		}
		seq = stored[0].Seq
	}

	now, as, err := v.Get(ctx, acme, &views.GetQuery{MinSeq: seq})
	fmt.Println("now", now.Labels, "as of", as.Seq, err)
	before, as, err := v.Get(ctx, acme, &views.GetQuery{At: "2026-01-31T12:00:30Z"})
	fmt.Println("then", before.Labels, "as of", as.Seq, err)
	gold, err := v.List(ctx, events.Customer, &views.ListQuery{Label: []string{"tier in (gold,silver)"}, Limit: 10})
	fmt.Println(len(gold.Items), "is in a tier", err)
	// Output:
	// now map[tier:gold] as of 2 <nil>
	// then map[] as of 1 <nil>
	// 1 is in a tier <nil>
}

// follow opens a log and shows what it holds until that is ended.
func follow(dir string) (*eventlog.Log, *views.Views, func(), error) {
	guard, err := filestore.Open(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	server, err := embedded.Start(embedded.Options{Dir: filepath.Join(dir, "nats")})
	if err != nil {
		return nil, nil, nil, err
	}
	conn, err := server.Connect("example")
	if err != nil {
		return nil, nil, nil, err
	}
	log, err := eventlog.Open(context.Background(), conn, fsm.Vocabulary(), guard)
	if err != nil {
		return nil, nil, nil, err
	}
	fold := state.NewLive()
	v := views.New(fold, log)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = fold.Follow(ctx, log) })
	return log, v, func() { stop(); running.Wait(); conn.Close(); server.Shutdown(); _ = guard.Release() }, nil
}
