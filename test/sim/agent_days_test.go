package sim

import (
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// ownCloud is a rig beside a customer's cloud, which stays when the control plane goes. What is in its clusters can't be reached
// while the agent's credentials have expired.
func ownCloud(t *testing.T) (r *inside, theirs *sim.Sim, expired *atomic.Bool) {
	r, expired = &inside{rig: newRig(t)}, &atomic.Bool{}
	theirs, err := sim.Open(sim.Options{Dir: filepath.Join(t.TempDir(), "theirs"), Now: r.now.Now, Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = theirs.Close() })
	r.clouds = map[string]execute.Cloud{"sim": {Provider: theirs, Kube: func(ctx context.Context, s cloud.Scope, cluster string) (kube.API, error) {
		if expired.Load() {
			return nil, &cloud.Error{Class: cloud.Denied, Code: "ExpiredToken", Message: "the credentials have expired"}
		}
		return theirs.Kube(ctx, s, cluster)
	}}}
	r.furnish()
	return r, theirs, expired
}

// lostByHand is what somebody deletes in the customer's clusters, in turn.
var lostByHand = []struct{ match, version, kind, namespace, name string }{
	{"acme--prod/page", "v1", "ConfigMap", "acme--prod", "page"},
	{"NetworkPolicy acme--prod/aerie-default-deny", "networking.k8s.io/v1", "NetworkPolicy", "acme--prod", "aerie-default-deny"},
	{"Namespace acme--prod", "v1", "Namespace", "", "acme--prod"},
	{"Namespace aerie-system", "v1", "Namespace", "", "aerie-system"},
}

// For three days there is no control plane. What somebody deletes in the customer's clusters is back within the hour, but for hours in
// which the agent's credentials have expired: then nothing is done. In the cloud nothing is made, and nothing is removed. When the
// control plane is back, what was asked before is done and what was lost at last is made again, within a minute of simulated time from the
// return, the 40 s among it over which agents come back; and nobody has failed.
func TestThreeDaysWithoutAControlPlane(t *testing.T) {
	r, cloudOf, expired := ownCloud(t)
	api := r.tenanted()
	dir := t.TempDir()
	kept, err := reconcile.OpenKept(dir, []byte("seed"))
	if err != nil {
		t.Fatal(err)
	}
	inspector, _, _ := reconcile.ForAgent(r.places, r.clouds, nil, clock.Clock{Speed: 1}, kept)
	inspector.Inspect(t.Context()) // it is told what stands
	r.ends()
	r.perform(`update application acme/prod_site {"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"page"},"data":{"a":"c"}}]}`)
	r.stop()
	inCloud := func() (names []string) {
		all, err := cloudOf.ListOwned(t.Context(), execute.ScopeOf(edgeSite), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			names = append(names, string(one.Kind)+" "+one.Name)
		}
		slices.Sort(names)
		return names
	}
	stood, lost := inCloud(), 0
	ofEdge := []ev.Ref{theirs, edge, {Kind: ev.TenantInfra, Owner: "acme", ID: "edge_web"}, inEdge, site}
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		inspector, sweeper, cataloguer := reconcile.ForAgent(r.places, r.clouds, nil, clock.Clock{Speed: 1}, kept)
		for _, run := range []func(context.Context) error{inspector.Run, sweeper.Run, cataloguer.Run} {
			go func() { _ = run(ctx) }()
		}
		for hour := range 72 {
			gone := lostByHand[hour/4%len(lostByHand)]
			expired.Store(hour >= 68)
			if hour%4 == 0 {
				if n, err := cloudOf.ByHand(sim.ManualChange{Delete: "object", Match: gone.match}); err != nil || n == 0 {
					t.Fatalf("%s is not deleted: %v", gone.match, err)
				}
				lost++
			}
			r.now.Advance(time.Hour)
			time.Sleep(time.Hour)
			synctest.Wait()
			_, err := api.Get(t.Context(), gone.version, gone.kind, gone.namespace, gone.name)
			if back := err == nil; back == expired.Load() {
				t.Errorf("hour %d: %s is back: %t (%v)", hour, gone.match, back, err)
			}
		}
		end()
		synctest.Wait()
	})
	if now := inCloud(); !slices.Equal(now, stood) {
		t.Errorf("there were %v in the cloud, and now there are %v", stood, now)
	}
	if repairs, err := kept.Repairs(); err != nil || len(repairs) < lost-1 || slices.ContainsFunc(repairs, func(d ev.Repair) bool { return d.Failed != "" }) {
		t.Errorf("%d things were lost, and of repairs it knows %+v %v", lost, repairs, err)
	}

	expired.Store(false)
	last := lostByHand[68/4%len(lostByHand)]
	ats.Register() // the clock of all stores of a process, which must not wait in a bubble
	t.Cleanup(ats.Unregister)
	forgetTimers()
	var took time.Duration
	synctest.Test(t, func(t *testing.T) { // the whole control plane is in it, and each wait of it, so what it takes is in its own time
		r.start()
		r.come(r.nc)
		ends := r.work()
		inspector, _, _ := reconcile.ForAgent(r.places, r.clouds, nil, clock.Clock{Speed: 1}, kept)
		began := time.Now()
		inspector.Inspect(t.Context())
		for converged := false; !converged && took <= time.Hour; took = time.Since(began) {
			r.now.Advance(time.Second)
			time.Sleep(time.Second)
			synctest.Wait()
			o, err := api.Get(t.Context(), "v1", "ConfigMap", "acme--prod", "page")
			_, lost := api.Get(t.Context(), last.version, last.kind, last.namespace, last.name)
			converged = lost == nil && err == nil && kube.MapOf(o["data"])["a"] == "c" && r.entity(site).Phase() == fsm.Deployed
			r.fold.View(func(w *state.Entities) {
				for _, ref := range ofEdge {
					e, _ := w.Get(ref)
					converged = converged && w.Blocker(e) == nil
				}
			})
		}
		ends()
		r.stop()
	})
	forgetTimers()
	const comesBack = 40 * time.Second // over which agents connect again: here it is there at once
	if t.Log("all has converged after", took); took+comesBack > time.Minute {
		t.Errorf("all has converged %s after the agent came back", took)
	}
	r.start()
	for _, ref := range ofEdge {
		r.until(ref.Kind, ref.Path(), 0, func(_ fsm.Entity[fsm.Data], why *fsm.Blocker) bool { return why == nil })
		if h := r.history(ref); slices.ContainsFunc(h, func(l string) bool {
			return strings.HasPrefix(l, "failed ") || strings.HasPrefix(l, "degraded ") || strings.HasPrefix(l, "update_failed ")
		}) {
			t.Errorf("%s: %v", ref, h)
		}
	}
	if _, err := api.Get(t.Context(), last.version, last.kind, last.namespace, last.name); err != nil {
		t.Errorf("what was lost at last: %v", err)
	}
	ledger, err := sim.ReadLedger(filepath.Join(r.dir, "cloud"))
	if err != nil || len(ledger.Live()) > 0 {
		t.Errorf("the control plane has been there itself: %+v %v", ledger.Live(), err)
	}
}

// forgetTimers empties the pools of the process. nats.go has timers in one, and those of a bubble are of no use outside.
func forgetTimers() {
	runtime.GC()
	runtime.GC() // what a pool had before the first is kept until the second
}
