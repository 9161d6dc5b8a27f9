// Package sim is the simulated cloud: several accounts and regions worked on at once, in this process. It is the cloud
// that aerie has when it is given no other, for trying, for developing and for tests: networks, clusters and pools take
// their time, cost their price, meet quotas and faults, and are all back after a restart.
//
// It runs nothing: clusters store objects, no pod starts, and Jobs come to their end by the clock alone. Begin
// with Sim. Its methods may be called at once. It has no goroutine and no timer: what time has brought about is worked out
// when somebody looks. Every change is in a journal before the call that made it is answered: a kill loses nothing, a power
// cut may, since nothing is synced.
package sim

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/journal"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/script"
)

// Options say what cloud to simulate. The zero value, but for Dir, is a cloud without limits that does all at once.
type Options struct {
	Dir    string           // where its state, ledger and faults.json are; nobody else may run a cloud on it meanwhile
	Now    func() time.Time // its clock; nil: the wall's
	Speed  float64          // 1 is lifelike, 60 a minute a second, 0 at once
	Times  Times
	Quota  Quota            // of each account and region
	Quotas map[string]Quota // instead of Quota, by "account/region"
	Faults []Fault
	Logger *slog.Logger  // nil: slog's default
	Count  cloud.Counter // is told of each call; nil: nobody is
	// Clusters is the Kubernetes API behind every cluster of a region, or of all others under ""; where there is none each has
	// a store of its own. A real one is shared by all that is simulated on it, so it serves one dataplane.
	Clusters map[string]kube.API
}

// Times are how long things take at speed 1. What is zero has its lifelike default.
type Times struct {
	Network, Cluster, Pool, Addon, Update, Delete, Job time.Duration
}

// Quota bounds one account in one region. Zero is no bound. Nodes are counted by the pools' Min.
type Quota struct {
	Networks, Clusters, Nodes int
}

// lifelike are the times that the real clouds take, roughly.
var lifelike = Times{
	Network: 45 * time.Second,
	Cluster: 8 * time.Minute,
	Pool:    150 * time.Second,
	Addon:   40 * time.Second,
	Update:  time.Minute,
	Delete:  3 * time.Minute,
	Job:     20 * time.Second,
}

// Sim is a simulated cloud. It is a cloud.Provider.
type Sim struct {
	mu      sync.Mutex // held through a whole call, journal lines and all: calls are short
	options Options
	journal *journal.Journal[line]
	state   *state
	faults  faults
	offers  Catalogue
	scripts *script.Files
	kubes   map[string]*memory.Store // by a cluster's ID
	current *call                    // the call that holds mu; the kubes' records belong to it

	closed bool
}

var _ cloud.Provider = (*Sim)(nil)

// Open starts the cloud that lives in a directory, or a new one. What was cut short by a kill is as if the kill had come
// just before or just after it. A journal that is damaged elsewhere than at its end is an error.
func Open(o Options) (*Sim, error) {
	o = o.defaults()
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	j, lines, err := openJournal(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Sim{options: o, offers: Catalogue{}.or(), journal: j, state: lines.state, kubes: map[string]*memory.Store{}}
	s.faults.Inject(o.Faults...)
	s.scripts = script.Watch(o.Dir, o.Logger, script.File{Name: "faults.json", Read: s.readFaults}, script.File{Name: handsFile, Read: s.readHands},
		script.File{Name: catalogueFile, Read: s.readCatalogue})
	for id, objects := range lines.objects {
		if err := s.openKube(id, objects.all()); err != nil {
			return nil, errors.Join(err, j.Close())
		}
	}
	return s, nil
}

// Close lets go of the directory. Calls after it fail as retryable.
func (s *Sim) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.journal.Close()
}

// Inject adds faults, after those that are there. They last until they are used up or the process ends.
func (s *Sim) Inject(f ...Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range f {
		if err := one.validate(); err != nil {
			return err
		}
	}
	s.faults.Inject(f...)
	return nil
}

// SetQuota sets the quota of one account and region from now on, for this process.
func (s *Sim) SetQuota(account, region string, q Quota) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Quotas[account+"/"+region] = q
}

// Check implements cloud.Provider. Any account exists, unless a fault says otherwise.
func (s *Sim) Check(ctx context.Context, a cloud.Account) error {
	return s.do(ctx, request{op: "Check", scope: cloud.Scope{Account: a}, name: a.ID}, func(*call) (cloud.Phase, error) {
		return "", nil
	})
}

// ListOwned implements cloud.Provider.
func (s *Sim) ListOwned(ctx context.Context, sc cloud.Scope, ownerPrefix string) (refs []cloud.Ref, err error) {
	err = s.do(ctx, request{op: "ListOwned", scope: sc, name: ownerPrefix}, func(c *call) (cloud.Phase, error) {
		var err error
		refs, err = c.list(ownerPrefix)
		return "", err
	})
	if err != nil {
		return nil, err
	}
	return refs, nil
}

func (o Options) defaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	quotas := map[string]Quota{}
	for k, q := range o.Quotas {
		quotas[k] = q
	}
	o.Quotas = quotas
	o.Times = o.Times.or(lifelike)
	return o
}

func (t Times) or(d Times) Times {
	pick := func(a, b time.Duration) time.Duration {
		if a == 0 {
			return b
		}
		return a
	}
	return Times{
		Network: pick(t.Network, d.Network), Cluster: pick(t.Cluster, d.Cluster), Pool: pick(t.Pool, d.Pool),
		Addon: pick(t.Addon, d.Addon), Update: pick(t.Update, d.Update), Delete: pick(t.Delete, d.Delete),
		Job: pick(t.Job, d.Job),
	}
}

// at is the time at which something that takes d at speed 1 is done.
func (c *call) at(d time.Duration) time.Time {
	if c.sim.options.Speed <= 0 {
		return c.now
	}
	return c.now.Add(time.Duration(float64(d) / c.sim.options.Speed))
}
