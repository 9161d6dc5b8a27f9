// Package server runs the control plane in one process: the NATS server or the connection to others, the log, the fold,
// the views, the workers, the clouds and HTTP. It only wires them and starts and stops them in the right order; what
// they do is theirs, and the flags are the command line's. Begin reading at Start and Control.Close.
// A process may run several control planes, each with a data directory of its own; of several on one NATS cluster, one
// runs the simulated cloud. Control's methods may be called at once. After a crash, Start on the same
// directory goes on from what the log holds: every command that was answered is in it.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
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
	"github.com/aeriehq/aerie/internal/liveness"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/identity"
	"github.com/aeriehq/aerie/projections/metrics"
	"github.com/aeriehq/aerie/projections/placement"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
	"github.com/aeriehq/aerie/workers/agents"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/dispatch"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// Control is the control plane, all of it in one process:
//
//	NATS, HTTP ──► intake ──append──► log ──tail──► fold ──► views ──► HTTP
//	                 ▲                               │
//	                 │ report                        ▼ wakes
//	              executor ◄──── work queue ◄──── dispatcher
//	                 │
//	                 ▼
//	           clouds and clusters
type Control struct {
	entrance
	guard   *filestore.Guard
	NATS    *embedded.Server // nil: NATS is run by somebody else
	opened  time.Duration    // what nats-server took to open its store
	Conn    *nats.Conn       // the control plane's own, with all rights
	Log     *eventlog.Log    // what was decided; only the intake appends
	queue   *queue.WorkQueue
	timers  *queue.Timers
	waiting *queue.CommandQueue
	Live    *state.Live // the log folded, as far as it is read
	saved   *views.Preloaded
	Views   *views.Views // what HTTP serves
	counts  *metrics.Metrics
	loops   liveness.Loops
	Fanout  *api.Fanout                              // where streams of events come from
	clouds  map[string]site                          // those that this replica can reach, by the name that accounts give
	clock   clock.Clock                              // of the clouds
	worked  atomic.Pointer[map[string]execute.Cloud] // those that this replica works in now; nil: none
	charts  *execute.Charts
	sweeper atomic.Pointer[reconcile.Sweeper] // nil: this replica works in no cloud, or not yet
	Intake  *command.Intake                   // decides commands
	agents  *agents.Service                   // answers agents; nil on NATS servers of others, which don't let them in yet
	http    *http.Server
	listen  net.Listener
	tls     *tls.Config // of HTTP; nil: in clear
	floor   []byte      // see heapFloor
	Token   string      // the admin's
	kept    string      // what the log promises

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

// Start brings the parts up in the order in which they need each other
// and returns when commands are taken. What it started before an error is
// stopped again.
func Start(s Settings) (c *Control, err error) {
	c = &Control{failed: make(chan error, 8), floor: make([]byte, heapFloor)}
	c.doors.open()
	c.work.open()
	c.core.open()
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	for _, start := range []func(Settings) error{
		c.readFiles, c.openStore, c.openLog, c.openKeys, c.openClouds, c.openCharts, c.startFold, c.startLogin, c.watchReads,
		c.startWorkers, c.openCallout, c.startHTTP,
	} {
		if err := start(s); err != nil {
			return c, err
		}
	}
	return c, nil
}

// openStore takes the data directory and the address, so that nothing is done by
// a server that can't serve, and starts nats-server or connects to one.
func (c *Control) openStore(s Settings) (err error) {
	take := filestore.Open
	if s.NATSURL != "" {
		take = filestore.OpenReplica
	}
	if c.guard, err = take(s.DataDir); err != nil {
		return err
	}
	natsTLS, err := c.secure(s)
	if err != nil {
		return err
	}
	c.saved = views.PreloadSnapshot(filepath.Join(s.DataDir, "views"))
	if c.listen, err = net.Listen("tcp", s.HTTP); err != nil {
		return fmt.Errorf("listen on %s for HTTP: %w: stop what listens there, or choose another address with --http", s.HTTP, err)
	}
	if c.Token, err = AdminToken(s.DataDir); err != nil {
		return err
	}
	c.local = &localToken{dir: s.DataDir, token: c.Token}
	if s.NATSURL != "" {
		return c.connect(s)
	}
	began := time.Now()
	c.NATS, err = embedded.Start(embedded.Options{Dir: filepath.Join(s.DataDir, "nats"), Addr: s.NATS, WebSocket: s.NATSWS, TLS: natsTLS,
		Token: c.local.atStart(), Logger: slog.Default(), Whole: c.guard.Inspect, Present: c.guard.Present})
	if err != nil {
		return err
	}
	c.opened = time.Since(began)
	c.Conn, err = c.NATS.Connect("aerie")
	return err
}

func (c *Control) openLog(s Settings) (err error) {
	if c.Log, err = eventlog.Open(c.core.ctx, c.Conn, fsm.Vocabulary(), c.guard); err != nil {
		return err
	}
	if c.NATS != nil {
		c.Log.CloseWhen(c.NATS.Err)
	}
	if c.kept, err = c.promise(s); err != nil {
		return err
	}
	if c.queue, err = queue.OpenWork(c.core.ctx, c.Conn); err != nil {
		return err
	}
	if c.timers, err = queue.OpenTimers(c.core.ctx, c.Conn); err != nil {
		return err
	}
	c.waiting, err = queue.OpenQueue(c.core.ctx, c.Conn)
	return err
}

// startFold folds in all that the log holds before anyone decides on it.
func (c *Control) startFold(s Settings) error {
	c.Live = state.NewLive()
	c.Live.SetEpoch(c.Log.Epoch())
	c.Live.LimitProvision(s.Provision)
	c.Views = views.New(c.Live, c.Log)
	c.counts = metrics.New(c.Live, c.Log.Last)
	c.counts.CountStreams(func(ctx context.Context) []queue.StreamFigures { return queue.Figures(ctx, c.Conn) })
	c.counts.WatchLoops(&c.loops)
	c.Fanout = api.NewFanout(c.Live)
	c.who = identity.New(c.Live)
	c.local.who = c.who
	c.who.UseLocal(c.local.atStart())
	if s.Monitor != "" {
		c.counts.CountServers(func(ctx context.Context) []eventlog.Copy { return countAll(ctx, s.Monitor) })
	}
	if err := c.Views.Restore(c.core.ctx, c.saved, c.counts.Counters()); err != nil {
		return err
	}
	c.Live.View(c.who.Load)
	c.Intake = command.NewIntake(c.Log, c.Live, ev.Builtin)
	c.Intake.Count(c.counts.Commanded)
	c.Intake.CountGivenUp(c.counts.GivenUp)
	c.knowAgents(s)
	c.admit(s)
	c.Intake.CountRounds(c.counts.Round)
	dispatcher := dispatch.NewDispatcher(c.Intake, c.Live, c.queue, c.timers, clock.Clock{Speed: s.SimSpeed})
	c.timeAgents(dispatcher)
	last, err := c.Log.Last(c.core.ctx)
	if err != nil {
		return err
	}
	for loop, watched := range map[string]interface{ WatchedBy(*liveness.Loop) }{
		"intake": c.Intake, "dispatcher": dispatcher, "clock": c.timers, "executor": c.queue, "command queue": c.waiting} {
		watched.WatchedBy(c.loops.Loop(loop))
	}
	c.run(&c.core, "fold", func(ctx context.Context) error { return c.Live.Follow(ctx, c.Log) })
	c.run(&c.core, "index of command ids", func(ctx context.Context) error {
		c.Intake.IndexIDs(ctx, filepath.Join(s.DataDir, "views", "ids"))
		return nil
	})
	c.run(&c.core, "snapshots", func(ctx context.Context) error { c.Views.Snapshots(ctx); return nil })
	if err := awaitReplay(c.core.ctx, c.Log, c.Live, last, stuckAfter); err != nil {
		return err
	}
	c.local.settle()
	c.run(&c.core, "the local token", c.local.follow)
	c.watchLog()
	c.run(&c.core, "the watch over the loops", c.watchLoops)
	c.run(&c.core, "intake", func(ctx context.Context) error { c.Intake.Run(ctx); return nil })
	c.run(&c.work, "dispatcher", func(ctx context.Context) error { dispatcher.Run(ctx); return nil })
	return nil
}

func (c *Control) startWorkers(Settings) error {
	if err := c.Intake.ServeReports(c.work.ctx, c.Conn); err != nil {
		return err
	}
	if err := c.Intake.Serve(c.doors.ctx, c.Conn, Semver()); err != nil {
		return err
	}
	if err := c.serveReads(); err != nil {
		return err
	}
	if err := c.serveAgents(); err != nil {
		return err
	}
	if c.NATS != nil {
		if err := c.Intake.RefuseStrays(c.doors.ctx, c.waiting); err != nil {
			return err
		}
	}
	c.run(&c.doors, "command queue", func(ctx context.Context) error { return c.Intake.TakeQueue(ctx, c.waiting) })
	if len(c.clouds) > 0 {
		c.run(&c.work, "work in the clouds", c.workInClouds)
	}
	return nil
}

// where says where a tenant would be put now.
func (c *Control) where(ctx context.Context, q *placement.Query) (placement.WouldBe, error) {
	return placement.Where(ctx, c.Live, q)
}

func (c *Control) startHTTP(s Settings) error {
	handler := sayingSpeed(s.SimSpeed, api.NewHandler(api.Config{
		Views: c.Views, Kinds: ev.Builtin, Metrics: c.counts, Fanout: c.Fanout, Authenticate: c.shown,
		Version: Semver(), Done: c.doors.ctx.Done(), Do: c.command, Waiting: c.listQueue, Drop: c.dropQueued, Orphans: c.orphans, Where: c.where,
		EnableLocal: c.enableLocal, EraseKey: c.keys.erase, Logins: c.offers, People: c.people, Erase: c.erase,
		Denied: c.attempts.refused, Read: c.noteRead, Ready: c.ready, Promise: c.kept, Callout: c.callout != nil, Keys: c.keys.list,
		Spend: c.budgets.Spend, Answered: c.budgets.Answered, OpenTail: c.budgets.OpenTail, RotateKeys: c.keys.rotate,
		Local: func(address string) { c.afar.used("http", address) }, OpenMetrics: s.OpenMetrics,
	}))
	trusted, err := readProxies(s.Proxies)
	if err != nil {
		return err
	}
	handler = trusted.believe(handler)
	listen := c.listen
	if c.tls != nil {
		config := c.tls.Clone()
		config.NextProtos = []string{"http/1.1"} // a stream of events is a connection of its own
		handler, listen = strict(handler), tls.NewListener(c.listen, config)
	}
	c.http = &http.Server{
		Handler:           handler,
		ConnContext:       api.WithConn,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	c.run(&c.doors, "http", func(context.Context) error { return c.http.Serve(listen) })
	return nil
}

// command hands a command that came over HTTP to the intake.
func (c *Control) command(ctx context.Context, r api.CommandRequest) (ev.Answer, error) {
	return c.Intake.Submit(ctx, command.Request{ID: r.ID, Owner: r.Owner, Kind: string(r.Kind),
		Name: r.Name, Verb: r.Verb, Body: r.Body,
		ExpectedSeq: r.ExpectedSeq, ExpectedUID: r.ExpectedUID, DryRun: r.DryRun, TraceParent: r.TraceParent, Caller: r.Caller})
}

// run keeps a part of the control plane running; one that ends by itself ends all.
func (c *Control) run(s *stage, part string, do func(context.Context) error) {
	s.running.Go(func() {
		err := do(s.ctx)
		if s.ctx.Err() == nil {
			c.failed <- fmt.Errorf("%s ended: %w", part, err)
		}
	})
}

// Wait returns when ctx ends, or with the error of a part that ended by itself.
func (c *Control) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-c.failed:
		return err
	}
}

// Sweeper is what looks through the clouds; nil if this replica works in none, or not yet.
func (c *Control) Sweeper() *reconcile.Sweeper { return c.sweeper.Load() }

// Handler serves commands and views over HTTP, on any listener.
func (c *Control) Handler() http.Handler { return c.http.Handler }

// APIURL is where HTTP is served.
func (c *Control) APIURL() string {
	if c.tls != nil {
		return "https://" + c.listen.Addr().String()
	}
	return "http://" + c.listen.Addr().String()
}

// NATSURL is where NATS listens.
func (c *Control) NATSURL() string {
	if c.NATS == nil {
		return c.Conn.ConnectedUrlRedacted()
	}
	return c.NATS.URL()
}

// StopTaking answers the requests under way and takes no more, over HTTP or NATS. What
// is owed is still worked off. Close does this first; it may be called before.
func (c *Control) StopTaking() error {
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
	return errors.Join(errs...)
}

// Close stops taking requests and answers those under way, then stops the work, then what decides and folds, and last the
// store. It waits for the goroutines of each.
func (c *Control) Close() error {
	errs := []error{c.StopTaking()}
	c.work.end()
	if c.Intake != nil {
		c.Intake.Answered()
	}
	c.core.end()
	if c.Conn != nil {
		c.Conn.Close()
	}
	if c.NATS != nil {
		c.NATS.Shutdown()
	}
	for _, s := range c.clouds {
		errs = append(errs, s.close())
	}
	if c.saved != nil {
		c.saved.Wait() // the directory is let go of
	}
	if c.guard != nil {
		errs = append(errs, c.guard.Release())
	}
	return errors.Join(errs...)
}

// heapFloor is memory that nobody writes, so no page of it is taken; the collector counts it as alive and waits for as much
// garbage more. A small control plane keeps little and allocates much: without this a tenth of the processor's time goes
// into looking (docs/performance.md, "Garbage"). A server's peak is at most this much higher. GOGC and GOMEMLIMIT hold too.
const heapFloor = 64 << 20
