package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	commands "github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/dispatch"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// control is the control plane, all of it in one process:
//
//	NATS, HTTP ──► intake ──append──► log ──tail──► fold ──► views ──► HTTP
//	                 ▲                               │
//	                 │ report                        ▼ wakes
//	              executor ◄──── work queue ◄──── dispatcher
//	                 │
//	                 ▼
//	           clouds and clusters
type control struct {
	guard   *filestore.Guard
	nats    *embedded.Server
	opened  time.Duration // what nats-server took to open its store
	conn    *nats.Conn
	log     *eventlog.Log
	queue   *queue.WorkQueue
	timers  *queue.Timers
	waiting *queue.CommandQueue
	fold    *state.Live
	saved   *projections.Saved
	views   *projections.Views
	counts  *projections.Metrics
	cloud   *keeper // nil: this replica works in no simulated cloud
	real    map[string]execute.Cloud
	clock   clock.Clock // of the clouds
	charts  *execute.Charts
	sweeper atomic.Pointer[reconcile.Sweeper] // nil: this replica works in no cloud, or not yet
	intake  *commands.Intake
	http    *http.Server
	listen  net.Listener
	token   string
	kept    string // what the log promises

	doors  stage      // where commands and queries come in
	work   stage      // what works off what is owed
	core   stage      // what decides and folds
	failed chan error // what ended by itself
}

// stage is a group of parts that run together and are stopped together.
type stage struct {
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
}

func (s *stage) open() { s.ctx, s.stop = context.WithCancel(context.Background()) }

// end stops the parts and waits for them.
func (s *stage) end() {
	s.stop()
	s.running.Wait()
}

// shutdownWithin is how long requests under way may take once the server stops.
const shutdownWithin = 3 * time.Second

// startControl brings the parts up in the order in which they need each other
// and returns when commands are taken. What it started before an error is
// stopped again.
func startControl(s settings) (c *control, err error) {
	c = &control{failed: make(chan error, 8)}
	c.doors.open()
	c.work.open()
	c.core.open()
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	for _, start := range []func(settings) error{c.openStore, c.openLog, c.openClouds, c.openCharts, c.startFold, c.startWorkers, c.startHTTP} {
		if err := start(s); err != nil {
			return c, err
		}
	}
	return c, nil
}

// openStore takes the data directory and the address, so that nothing is done by
// a server that can't serve, and starts nats-server or connects to one.
func (c *control) openStore(s settings) (err error) {
	take := filestore.Open
	if s.NATSURL != "" {
		take = filestore.OpenReplica
	}
	if c.guard, err = take(s.DataDir); err != nil {
		return err
	}
	c.saved = projections.ReadAhead(filepath.Join(s.DataDir, "views"))
	if c.listen, err = net.Listen("tcp", s.HTTP); err != nil {
		return fmt.Errorf("listen on %s for HTTP: %w: stop what listens there, or choose another address with --http", s.HTTP, err)
	}
	if c.token, err = adminToken(s.DataDir); err != nil {
		return err
	}
	if s.NATSURL != "" {
		c.conn, err = dialNATS(s.NATSURL, s.Access)
		return err
	}
	began := time.Now()
	c.nats, err = embedded.Start(embedded.Options{Dir: filepath.Join(s.DataDir, "nats"), Addr: s.NATS, Token: c.token, Logger: slog.Default(),
		Whole: c.guard.Inspect, Present: c.guard.Present})
	if err != nil {
		return err
	}
	c.opened = time.Since(began)
	c.conn, err = c.nats.Connect("aerie")
	return err
}

func (c *control) openLog(s settings) (err error) {
	if c.log, err = eventlog.Open(c.core.ctx, c.conn, fsm.Vocabulary(), c.guard); err != nil {
		return err
	}
	if c.nats != nil {
		c.log.CloseWhen(c.nats.Err)
	}
	if c.kept, err = c.promise(s); err != nil {
		return err
	}
	if c.queue, err = queue.OpenWork(c.core.ctx, c.conn); err != nil {
		return err
	}
	if c.timers, err = queue.OpenTimers(c.core.ctx, c.conn); err != nil {
		return err
	}
	c.waiting, err = queue.OpenQueue(c.core.ctx, c.conn)
	return err
}

// startFold folds in all that the log holds before anyone decides on it.
func (c *control) startFold(s settings) error {
	c.fold = state.NewLive()
	c.views = projections.New(c.fold, c.log)
	c.counts = projections.NewMetrics(c.fold, c.log.Last)
	if s.Monitor != "" {
		c.counts.CountServers(func(ctx context.Context) []eventlog.Copy { return countAll(ctx, s.Monitor) })
	}
	if err := c.views.Restore(c.core.ctx, c.saved, c.counts); err != nil {
		return err
	}
	c.intake = commands.NewIntake(c.log, c.fold)
	c.intake.Count(c.counts.Commanded)
	c.intake.CountGivenUp(c.counts.GivenUp)
	dispatcher := dispatch.NewDispatcher(c.intake, c.fold, c.queue, c.timers, clock.Clock{Speed: s.SimSpeed})
	last, err := c.log.Last(c.core.ctx)
	if err != nil {
		return err
	}
	c.run(&c.core, "fold", func(ctx context.Context) error { return c.fold.Follow(ctx, c.log) })
	c.run(&c.core, "index of command ids", func(ctx context.Context) error {
		c.intake.IndexIDs(ctx, filepath.Join(s.DataDir, "views", "ids"))
		return nil
	})
	c.run(&c.core, "snapshots", func(ctx context.Context) error { c.views.Snapshots(ctx); return nil })
	if err := awaitFold(c.core.ctx, c.log, c.fold, last, stuckAfter); err != nil {
		return err
	}
	if c.nats != nil {
		c.run(&c.core, "the watch over the store", c.guard.Watch)
	}
	c.run(&c.core, "intake", func(ctx context.Context) error { c.intake.Run(ctx); return nil })
	c.run(&c.work, "dispatcher", func(ctx context.Context) error { dispatcher.Run(ctx); return nil })
	return nil
}

func (c *control) startWorkers(settings) error {
	if err := c.intake.ServeReports(c.work.ctx, c.conn); err != nil {
		return err
	}
	if err := c.intake.Serve(c.doors.ctx, c.conn, semver()); err != nil {
		return err
	}
	if c.nats != nil {
		if err := c.intake.RefuseStrays(c.doors.ctx, c.waiting); err != nil {
			return err
		}
	}
	c.run(&c.doors, "command queue", func(ctx context.Context) error { return c.intake.TakeQueue(ctx, c.waiting) })
	if c.cloud != nil || c.real != nil {
		c.run(&c.work, "work in the clouds", c.workInClouds)
	}
	return nil
}

func (c *control) startHTTP(settings) error {
	c.http = &http.Server{
		Handler: projections.NewHandler(projections.Config{
			Views: c.views, Metrics: c.counts, Token: c.token, Version: semver(), Done: c.doors.ctx.Done(),
			Do: c.command, Waiting: c.listQueue, Drop: c.dropQueued, Orphans: c.orphans, Ready: c.ready, Promise: c.kept,
		}),
		ConnContext:       projections.WithConn,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	c.run(&c.doors, "http", func(context.Context) error { return c.http.Serve(c.listen) })
	return nil
}

// semver is the program's version as NATS services want it: without the v.
func semver() string {
	if v, ok := strings.CutPrefix(thisVersion().Version, "v"); ok {
		return v
	}
	return "0.0.0"
}

// command hands a command that came over HTTP to the intake.
func (c *control) command(ctx context.Context, r projections.CommandRequest) (ev.Answer, error) {
	return c.intake.SubmitRequest(ctx, commands.Request{ID: r.ID, Owner: r.Owner, Kind: string(r.Kind), Name: r.Name, Verb: r.Verb, Body: r.Body,
		ExpectedSeq: r.ExpectedSeq, ExpectedUID: r.ExpectedUID, DryRun: r.DryRun, TraceParent: r.TraceParent, Actor: r.Actor})
}

// orphans looks through the clouds for what the log does not know.
func (c *control) orphans(ctx context.Context, q ev.OrphanQuery) (ev.Orphans, error) {
	sweeper := c.sweeper.Load()
	if sweeper == nil {
		return ev.Orphans{}, ev.Refuse(ev.Unavailable, "this replica works in no cloud, or not yet: ask again, or another replica")
	}
	return sweeper.Orphans(ctx, q)
}

// run keeps a part of the control plane running; one that ends by itself ends all.
func (c *control) run(s *stage, part string, do func(context.Context) error) {
	s.running.Go(func() {
		err := do(s.ctx)
		if s.ctx.Err() == nil {
			c.failed <- fmt.Errorf("%s ended: %w", part, err)
		}
	})
}

// Wait returns when ctx ends, or with the error of a part that ended by itself.
func (c *control) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-c.failed:
		return err
	}
}

// APIURL is where HTTP is served.
func (c *control) APIURL() string { return "http://" + c.listen.Addr().String() }

// NATSURL is where NATS listens.
func (c *control) NATSURL() string {
	if c.nats == nil {
		return c.conn.ConnectedUrlRedacted()
	}
	return c.nats.URL()
}

// Close stops taking requests and answers those under way, then stops the work,
// then what decides and folds, and last the store.
func (c *control) Close() error {
	var errs []error
	c.doors.stop() // streams end, and no new command comes in
	if c.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownWithin)
		defer cancel()
		if err := c.http.Shutdown(ctx); err != nil {
			errs = append(errs, c.http.Close())
		}
	} else if c.listen != nil {
		errs = append(errs, c.listen.Close())
	}
	c.doors.end()
	c.work.end()
	if c.intake != nil {
		c.intake.Answered()
	}
	c.core.end()
	if c.conn != nil {
		c.conn.Close()
	}
	if c.nats != nil {
		c.nats.Shutdown()
	}
	if c.cloud != nil {
		errs = append(errs, c.cloud.close())
	}
	if c.saved != nil {
		c.saved.Wait() // the directory is let go of
	}
	if c.guard != nil {
		errs = append(errs, c.guard.Release())
	}
	return errors.Join(errs...)
}
