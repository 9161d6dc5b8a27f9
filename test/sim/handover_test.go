package sim

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
)

// counted counts what the control plane's executor makes and removes in the cloud.
type counted struct {
	cloud.Provider
	n *atomic.Int64
}

func (c counted) EnsureNetwork(ctx context.Context, s cloud.Scope, spec cloud.NetworkSpec) (cloud.Observation, error) {
	c.n.Add(1)
	return c.Provider.EnsureNetwork(ctx, s, spec)
}

func (c counted) EnsureCluster(ctx context.Context, s cloud.Scope, spec cloud.ClusterSpec) (cloud.Observation, error) {
	c.n.Add(1)
	return c.Provider.EnsureCluster(ctx, s, spec)
}

func (c counted) EnsurePool(ctx context.Context, s cloud.Scope, spec cloud.PoolSpec) (cloud.Observation, error) {
	c.n.Add(1)
	return c.Provider.EnsurePool(ctx, s, spec)
}

// A dataplane goes from the control plane to an agent while its cluster is made, and back with a tenant on it that is being
// changed. Nobody else works meanwhile, nothing is made twice, and nothing is left.
func TestADataplaneIsHandedOver(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	r := &inside{rig: newRigWith(t, func(p cloud.Provider) cloud.Provider { return counted{p, &calls} })}
	r.clouds = map[string]execute.Cloud{"sim": {Provider: r.cloud, Kube: r.cloud.Kube}}
	r.places = []execute.Channel{{Conn: r.nc, Place: queue.Partition{Owner: "acme", Dataplane: "edge"}}}
	for _, c := range []string{
		"create customer acme {}",
		`create account acme/theirs {"cloud":"sim","number":"lab","hosting":"customer","role":"r","externalId":"x"}`,
		`create dataplane acme/edge {"account":"acme/theirs","region":"eu-central","type":"dedicated"}`,
	} {
		r.perform(c)
	}
	r.phase(ev.Dataplane, "acme/edge", time.Second, fsm.ClusterCreating)
	r.handOver("pull")
	made := calls.Load()
	r.perform(`create agent acme/edge {"dataplanes":["edge"]}`)
	r.work()
	r.phase(ev.Dataplane, "acme/edge", time.Minute, fsm.Active)
	r.tenanted()
	if n := calls.Load(); n != made {
		t.Errorf("the control plane has made %d calls where an agent works", n-made)
	}
	r.perform(`update application acme/prod_site {"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"page"},"data":{"a":"c"}}]}`)
	r.perform(`update tenantinfra acme/edge_web {"app":"web","size":"small","pools":[{"name":"main","machine":"s4","min":1,"max":5}]}`)
	r.handOver("push")
	r.phase(ev.Application, "acme/prod_site", time.Minute, fsm.Deployed)
	r.phase(ev.TenantInfra, "acme/edge_web", time.Minute, fsm.Active)
	if calls.Load() == made {
		t.Error("the control plane does nothing where it works again")
	}
	for _, gone := range []ev.Ref{{Kind: ev.Application, Owner: "acme", ID: "prod_site"}, {Kind: ev.Tenant, Owner: "acme", ID: "prod"}, {Kind: ev.TenantInfra, Owner: "acme", ID: "edge_web"}, edge} {
		r.perform("delete " + gone.String())
		r.until(gone.Kind, gone.Path(), time.Minute, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return fsm.Ended(e) })
	}
	r.now.Advance(time.Hour)
	r.owned(edgeSite)
	ledger, err := sim.ReadLedger(filepath.Join(r.dir, "cloud"))
	if err != nil || len(ledger.Live()) > 0 || len(ledger.Twice()) > 0 {
		t.Errorf("left: %+v, twice: %+v, %v", ledger.Live(), ledger.Twice(), err)
	}
}

// handOver has the others work on the dataplane, when the time of what was begun before is over.
func (r *inside) handOver(mode string) {
	r.t.Helper()
	if said := r.perform(`update dataplane acme/edge {"account":"acme/theirs","region":"eu-central","type":"dedicated","mode":"` + mode + `"}`); strings.Contains(said[0], "fault") {
		r.t.Fatal(said)
	}
	h := fsm.HandoverOf(r.entity(edge))
	if h == nil {
		r.t.Fatalf("%v", r.history(edge))
	}
	a, err := r.intake.SubmitCommand(r.t.Context(), command.Internal(edge, ev.ActorAerie, ev.Expire{Since: h.Since}))
	if err == nil {
		err = r.fold.Wait(r.t.Context(), a.Seq)
	}
	if err != nil || fsm.HandoverOf(r.entity(edge)) != nil {
		r.t.Fatalf("%v: %v", err, r.history(edge))
	}
}
