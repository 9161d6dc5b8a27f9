package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/deploy"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
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
	kube  string // the kubeconfig of the cluster behind the simulated ones, if one is
	sim   *sim.Sim
}

func newSimLock(dir string, speed float64, kubeconfig string) *simLock {
	return &simLock{dir: dir, speed: speed, kube: kubeconfig, lock: flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))}
}

// try takes the lock if it is free, and opens the cloud.
func (k *simLock) try() (kept bool, err error) {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return false, fmt.Errorf("open the simulated cloud: %w", err)
	}
	if kept, err = k.lock.TryLock(); err != nil || !kept {
		return false, err
	}
	options := sim.Options{Dir: k.dir, Speed: k.speed}
	if k.kube != "" {
		options.Cluster, err = connect(k.kube)
	}
	if err == nil {
		k.sim, err = sim.Open(options)
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("open the simulated cloud: %w", err), k.lock.Unlock())
	}
	return true, nil
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

// openClouds opens the clouds that accounts can be in. Where there is a simulated
// one, whoever runs that works in the real ones too.
func (c *Control) openClouds(s Settings) error {
	c.clock = clock.Clock{Speed: s.SimSpeed}
	if !s.NoSim {
		if err := c.openSim(s); err != nil || c.cloud == nil {
			return err
		}
	}
	c.real = map[string]execute.Cloud{}
	o, err := aws.Load(context.Background())
	if err != nil {
		slog.Warn("AWS is not worked in", "err", err)
		return nil
	}
	o.Settle, o.Rates = c.clock.Real(aws.Settle), aws.Rates(s.SimSpeed)
	c.real["aws"] = execute.RealCloud(aws.New(o))
	return nil
}

// openSim opens the simulated cloud, unless another replica has it. A server with
// a NATS of its own is alone with its cloud.
func (c *Control) openSim(s Settings) (err error) {
	dir := s.CloudDir
	if dir == "" && s.NATSURL == "" {
		dir = filepath.Join(s.DataDir, "cloud")
	}
	if dir == "" {
		slog.Warn("no cloud is worked in by this replica: give --cloud-dir to those that should run the simulated one, or --no-sim to all")
		return nil
	}
	c.cloud = newSimLock(dir, s.SimSpeed, s.SimKubeconfig)
	kept, err := c.cloud.try()
	if err == nil && !kept && s.NATSURL == "" {
		err = fmt.Errorf("open the simulated cloud: another aerie uses %s: stop that one, or choose another directory with --cloud-dir", dir)
	}
	return err
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
	return nil
}

// workInClouds pays what is owed in the clouds, looks for drift in them, and sweeps them. What of it ends by itself ends
// all of it.
func (c *Control) workInClouds(ctx context.Context) error {
	clouds := maps.Clone(c.real)
	if c.cloud != nil {
		if err := c.cloud.wait(ctx); err != nil {
			return err
		}
		clouds["sim"] = execute.Cloud{Provider: c.cloud.sim, Kube: c.cloud.sim.Kube}
	}
	executor := execute.NewExecutor(c.Conn, c.Live, c.queue, clouds, c.clock)
	executor.Count(c.counts.Worked)
	executor.UseCharts(c.charts)
	sweeper := reconcile.NewSweeper(c.Intake, c.Live, clouds, c.clock)
	sweeper.UseCharts(c.charts)
	c.sweeper.Store(sweeper)
	inspector := reconcile.NewInspector(c.Intake, c.Live, clouds, c.clock)
	ctx, end := context.WithCancel(ctx)
	defer end()
	cataloguer := reconcile.NewCataloguer(c.Intake, c.Live, clouds, c.clock)
	parts := []func(context.Context) error{executor.Run, inspector.Run, cataloguer.Run, sweeper.Run, reconcile.NewWatcher(inspector).Run}
	errs := make([]error, len(parts))
	var all sync.WaitGroup
	for i, run := range parts {
		all.Go(func() {
			defer end()
			errs[i] = run(ctx)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
