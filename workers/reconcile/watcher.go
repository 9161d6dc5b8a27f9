package reconcile

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/release"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/dispatch"
	"github.com/aeriehq/aerie/workers/execute"
)

// Watcher watches the clusters of working dataplanes, and lets the inspector look at once at whoever's objects somebody
// else has touched. It only makes the inspector faster: what it misses is found in the next round.
type Watcher struct {
	inspector *Inspector
}

// How often the watcher lists the clusters, and its pause before each look at one entity: so a burst of changes costs one
// look. Both are real time, however fast the cloud is.
const (
	watchEvery = 5 * time.Second
	watchRest  = 500 * time.Millisecond
)

// NewWatcher makes a watcher; Run starts it.
func NewWatcher(i *Inspector) *Watcher { return &Watcher{i} }

// Run watches until ctx ends, with a goroutine for each cluster. That one ends with its cluster, or at once if the cluster can't
// be watched; Run waits for all of them.
func (w *Watcher) Run(ctx context.Context) error {
	running := map[Cluster]context.CancelFunc{}
	var all sync.WaitGroup
	defer all.Wait()
	return clock.Every(ctx, watchEvery, func(time.Time) {
		clusters, err := w.inspector.known.clusters(ctx)
		if err != nil {
			return // those that are watched are watched on
		}
		there := map[Cluster]bool{}
		for _, c := range clusters {
			there[c] = true
			if running[c] == nil {
				var of context.Context
				of, running[c] = context.WithCancel(ctx)
				all.Go(func() { w.watch(of, c) })
			}
		}
		for c, stop := range running {
			if !there[c] {
				stop()
				delete(running, c)
			}
		}
	})
}

// watch watches one cluster until ctx ends, if it can be watched: a simulated one can't. The goroutine that reads the watch ends
// with ctx too, and nobody waits for it: it only adds to an agenda that is then forgotten.
func (w *Watcher) watch(ctx context.Context, c Cluster) {
	there, ok := w.inspector.clouds[c.Site.Account.Cloud]
	if !ok {
		return
	}
	api, err := there.Kube(ctx, execute.ScopeOf(c.Site), c.Name)
	for err != nil && ctx.Err() == nil {
		clock.Pause(ctx, watchEvery)
		api, err = there.Kube(ctx, execute.ScopeOf(c.Site), c.Name)
	}
	real, ok := api.(*kube.Cluster)
	if !ok {
		return
	}
	touched := dispatch.NewAgenda()
	go real.Watch(ctx, func(t kube.ForeignChange) {
		if ref, ok := whose(ctx, real, t); ok {
			slog.Debug("touched by somebody else", "object", t.Object.String(), "entity", ref.String())
			touched.Add(ref, dispatch.Note{})
		}
	})
	for {
		ref, _, ok := touched.Next(ctx)
		if !ok {
			return
		}
		clock.Pause(ctx, watchRest)
		w.inspector.inspectNow(ctx, ref, map[string]kube.API{keyOf(c.Site, c.Name): real})
	}
}

// whose is for whom an object was made: its labels say so, or those of its namespace.
func whose(ctx context.Context, api kube.API, t kube.ForeignChange) (ref ev.Ref, ok bool) {
	l := t.Labels
	if l[kube.LabelTenant] == "" && l[kube.LabelAddon] == "" {
		ns, err := api.Get(ctx, "v1", "Namespace", "", t.Object.Namespace)
		if err != nil {
			return ref, false
		}
		application := l[kube.LabelApplication]
		if mark := ns.Annotations()[kube.AnnotationMark]; mark != "" { // of a cell
			return RefOf(release.Owned{Cell: mark, Application: application}), true
		}
		if l = ns.Labels(); l[kube.LabelAddon] == "" && application != "" {
			l[kube.LabelApplication] = application
		}
	}
	ref = RefOf(release.Owned{Customer: l[kube.LabelCustomer], Tenant: l[kube.LabelTenant], Application: l[kube.LabelApplication],
		Dataplane: l[kube.LabelDataplane], Addon: l[kube.LabelAddon]})
	return ref, cmp.Or(l[kube.LabelTenant], l[kube.LabelAddon]) != ""
}
