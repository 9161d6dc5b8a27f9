package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/deploy"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
	"github.com/aeriehq/aerie/workers/secrets"
)

// cloudRetry is how often a replica looks whether the lock of the simulated cloud is free.
const cloudRetry = time.Second

// simLock is the lock of the simulated cloud, and the cloud itself while the lock is held. A cloud
// lives in one directory, and in one process: of the replicas that are told of the directory, the
// one that has its lock.
type simLock struct {
	dir   string
	lock  *flock.Flock
	speed float64
	kubes []string // kubeconfigs of the clusters behind the simulated ones, each [REGION=]FILE
	sim   *sim.Sim
	count cloud.Counter
}

func newSimLock(dir string, speed float64, kubeconfigs []string) *simLock {
	return &simLock{dir: dir, speed: speed, kubes: kubeconfigs, lock: flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))}
}

// try takes the lock if it is free, and opens the cloud.
func (k *simLock) try() (kept bool, err error) {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return false, fmt.Errorf("open the simulated cloud: %w", err)
	}
	if kept, err = k.lock.TryLock(); err != nil || !kept {
		return false, err
	}
	options := sim.Options{Dir: k.dir, Speed: k.speed, Count: k.count}
	if options.Clusters, err = connectAll(k.kubes); err == nil {
		k.sim, err = sim.Open(options)
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("open the simulated cloud: %w", err), k.lock.Unlock())
	}
	return true, nil
}

// connectAll reaches the clusters behind the simulated ones, by region; that of all others has none.
func connectAll(kubeconfigs []string) (map[string]kube.API, error) {
	all := map[string]kube.API{}
	for _, of := range kubeconfigs {
		region, file, found := strings.Cut(of, "=")
		if !found {
			region, file = "", of
		}
		api, err := connect(file)
		if err != nil {
			return nil, err
		}
		all[region] = api
	}
	return all, nil
}

// connect reaches the cluster that a kubeconfig names.
func connect(kubeconfig string) (kube.API, error) {
	config, err := kube.ReadConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	return kube.NewCluster(config)
}

// wait takes the lock as soon as it is free.
func (k *simLock) wait(ctx context.Context) error {
	if k.sim != nil {
		return nil
	}
	slog.Info("another replica runs the simulated cloud", "dir", k.dir)
	for {
		client.Sleep(ctx, cloudRetry)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		kept, err := k.try()
		if err != nil {
			return err
		}
		if kept {
			slog.Info("this replica runs the simulated cloud now", "dir", k.dir)
			return nil
		}
	}
}

func (k *simLock) close() error {
	if k.sim == nil {
		return nil
	}
	return errors.Join(k.sim.Close(), k.lock.Unlock())
}

// A site is one cloud that accounts can be in. A cloud that lives in one process is worked in by the replica that has it.
type site struct {
	wait  func(context.Context) error // until this replica may work in it; nil: it may at once
	cloud func() execute.Cloud        // from then on
	close func() error
}

// openClouds opens the clouds that accounts can be in, by the name that accounts give. None
// needs another: a replica works in those that it can reach.
func (c *Control) openClouds(s Settings) error {
	c.clock = clock.Clock{Speed: s.SimSpeed}
	c.clouds = map[string]site{}
	for name, open := range map[string]func(Settings) (*site, error){"sim": c.openSim, "aws": c.openAWS} {
		opened, err := open(s)
		if err != nil {
			return err
		}
		if opened != nil {
			c.clouds[name] = *opened
		}
	}
	return nil
}

func (c *Control) openAWS(s Settings) (*site, error) {
	o, err := aws.Load(context.Background())
	if err != nil {
		slog.Warn("AWS is not worked in", "err", err)
		return nil, nil
	}
	o.Count = c.counted("aws")
	o.ConsistencyDelay, o.Speed = c.clock.Real(aws.ConsistencyDelay), s.SimSpeed
	if s.SimSpeed > 0 {
		o.Rates = aws.Rates()
	}
	real := execute.RealCloud(aws.New(o))
	return &site{
		cloud: func() execute.Cloud { return real },
		close: func() error { return nil },
	}, nil
}

// openSim opens the simulated cloud, unless another replica has it. A server with
// a NATS of its own is alone with its cloud.
func (c *Control) openSim(s Settings) (*site, error) {
	dir := s.CloudDir
	if dir == "" && s.NATSURL == "" {
		dir = filepath.Join(s.DataDir, "cloud")
	}
	if s.NoSim || dir == "" {
		return nil, nil
	}
	k := newSimLock(dir, s.SimSpeed, s.SimKubeconfigs)
	k.count = c.counted("sim")
	kept, err := k.try()
	if err == nil && !kept && s.NATSURL == "" {
		err = fmt.Errorf("open the simulated cloud: another aerie uses %s: stop that one, or choose another directory with --cloud-dir", dir)
	}
	opened := &site{
		cloud: func() execute.Cloud { return execute.Cloud{Provider: k.sim, Kube: k.sim.Kube} },
		close: k.close,
	}
	if !kept {
		opened.wait = k.wait
	}
	return opened, err
}

// counted counts the calls to a cloud. Clouds are opened before anybody counts, and asked after.
func (c *Control) counted(name string) cloud.Counter {
	return func(op, class string, took time.Duration) {
		if c.counts != nil { // an agent has no metrics
			c.counts.Called(name, op, class, took)
		}
	}
}

// openCharts says where charts come from: the server's own are in it, others in
// repositories, for which logins are in the data directory. What Helm's processes left
// there when a server was killed goes: the directory is ours alone by now.
func (c *Control) openCharts(s Settings) error {
	own, err := deploy.Charts()
	dir := filepath.Join(s.DataDir, "helm")
	c.charts = &execute.Charts{Runner: helm.NewRunner(helm.Program(), dir), Own: own, Logins: filepath.Join(s.DataDir, "logins")}
	if err = errors.Join(err, os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return fmt.Errorf("open the charts: %w", err)
	}
	if s.SecretStores != "" {
		c.charts.Secrets, err = secrets.Load(s.SecretStores)
	}
	return err
}

// workInClouds works in the clouds: in each from when this replica may, and first in all in which it may at once. Who has been
// working in some begins again with one more; what was cut short is looked at again. What of it ends by itself ends all of it.
func (c *Control) workInClouds(ctx context.Context) error {
	type opened struct {
		name string
		err  error
	}
	next := make(chan opened)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	ctx, end := context.WithCancel(ctx)
	defer end()
	clouds, stop := map[string]execute.Cloud{}, func() {}
	ended := make(chan error, 1)
	work := func() {
		worked := maps.Clone(clouds)
		c.worked.Store(&worked)
		stop = c.workIn(ctx, worked, ended)
	}
	for name, s := range c.clouds {
		if s.wait == nil {
			clouds[name] = s.cloud()
			continue
		}
		waiting.Go(func() {
			o := opened{name, s.wait(ctx)}
			select {
			case next <- o:
			case <-ctx.Done():
			}
		})
	}
	if len(clouds) > 0 {
		work()
	}
	for {
		select {
		case o := <-next:
			stop()
			if o.err != nil {
				return o.err
			}
			clouds[o.name] = c.clouds[o.name].cloud()
			work()
		case err := <-ended:
			stop()
			return err
		case <-ctx.Done():
			stop()
			return ctx.Err()
		}
	}
}

// survey looks what a tenant uses of its quota, in a cloud that this replica works in, or has the agent look that works there.
func (c *Control) survey(ctx context.Context, of ev.TenantSurvey) (ev.TenantUse, error) {
	clouds := c.worked.Load()
	by := fsm.ByServer
	c.Live.View(func(w *state.Entities) { by = fsm.DoneBy(of.EnsureTenant, w.Get) })
	if by == fsm.ByAgent && c.agents != nil {
		return c.agents.Survey(ctx, c.Conn, of)
	}
	if clouds == nil || by != fsm.ByServer {
		return ev.TenantUse{}, errors.New("this replica does not reach its cluster")
	}
	return execute.SurveyTenant(ctx, *clouds, of)
}

// workIn pays what is owed in some clouds, looks for drift in them, and sweeps them, until it is stopped. What of it ends by
// itself is told.
func (c *Control) workIn(ctx context.Context, clouds map[string]execute.Cloud, ended chan<- error) (stop func()) {
	executor := execute.NewExecutor(c.Conn, c.Live, c.queue, clouds, c.clock)
	executor.Count(c.counts.Worked)
	executor.WatchedBy(c.loops.Loop("executor"))
	executor.UseCharts(c.charts)
	if c.NATS == nil {
		executor.PassOn()
	}
	sweeper := reconcile.NewSweeper(c.Intake, c.Live, clouds, c.clock)
	sweeper.UseCharts(c.charts)
	sweeper.WatchedBy(c.loops.Loop("sweeper"))
	c.sweeper.Store(sweeper)
	inspector := reconcile.NewInspector(c.Intake, c.Live, clouds, c.clock)
	inspector.UseCharts(c.charts)
	inspector.WatchedBy(c.loops.Loop("inspector"))
	ctx, end := context.WithCancel(ctx)
	cataloguer := reconcile.NewCataloguer(c.Intake, c.Live, clouds, c.clock)
	var all sync.WaitGroup
	watcher := reconcile.NewWatcher(inspector)
	for _, run := range []func(context.Context) error{executor.Run, inspector.Run, cataloguer.Run, sweeper.Run, watcher.Run} {
		all.Go(func() {
			err := run(ctx)
			if ctx.Err() == nil {
				select {
				case ended <- err:
				default: // another was first
				}
			}
		})
	}
	return func() {
		end()
		all.Wait()
	}
}

// orphans looks through the clouds for what the log does not know, and has what agents have found.
func (c *Control) orphans(ctx context.Context, q ev.OrphanQuery) (ev.Orphans, error) {
	sweeper := c.Sweeper()
	if sweeper == nil {
		return ev.Orphans{}, ev.Refuse(ev.Unavailable, "this replica works in no cloud yet: ask again, or ask another replica")
	}
	found, err := sweeper.Orphans(ctx, q)
	if err == nil && c.agents != nil { // on NATS servers of others no agent comes in
		c.agents.Orphans(q, &found)
	}
	return found, err
}
