package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// inhabited is a dataplane with all that can stand on one.
func inhabited(r *rig, policy string) {
	r.t.Helper()
	for _, c := range []string{
		"create customer acme {}",
		`create account -/main {"cloud":"sim","number":"4711"}`,
		`create plan -/free {"deployment":"resource-shared","apps":[{"type":"postgres","size":"small"}],"quota":{"pods":3}}`,
		`create dataplane -/eu {"account":"main","region":"eu-central","drift":"` + policy + `"}`,
		`create tenantinfra -/eu_pg {"app":"postgres","size":"small","pools":[{"name":"data","machine":"s4"}]}`,
		`create tenant acme/prod {"plan":"free"}`,
		`create application acme/prod_pg {"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"k":"v"}}]}`,
		"build application acme/prod_pg Deployed",
	} {
		r.perform(c)
	}
}

var (
	fromEu   = ev.Ref{Kind: ev.Dataplane, Owner: ev.Platform, ID: "eu"}
	fromPg   = ev.Ref{Kind: ev.TenantInfra, Owner: ev.Platform, ID: "eu_pg"}
	fromProd = ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}
	fromApp  = ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_pg"}
)

// byHand is what can be done behind our back, whom it concerns, and what is said of it.
var byHand = []struct {
	name string
	hand sim.ManualChange
	who  ev.Ref
	says string
}{
	{"the network is deleted", sim.ManualChange{Delete: "network"}, fromEu, "network was deleted; cluster was deleted; system pool was deleted"},
	{"the cluster is deleted", sim.ManualChange{Delete: "cluster"}, fromEu, "cluster was deleted; system pool was deleted"},
	{"the system pool is deleted", sim.ManualChange{Delete: "pool", Match: "/dataplane/"}, fromEu, "system pool was deleted"},
	{"the system pool is wider", sim.ManualChange{Change: "pool", Match: "/dataplane/", Set: json.RawMessage(`{"max":9}`)}, fromEu, "system pool was changed: max is 9, wanted 3"},
	{"a cloud add-on is deleted", sim.ManualChange{Delete: "addon", Match: "dns"}, fromEu, "cloud add-ons was deleted: dns"},
	{"somebody is let in", sim.ManualChange{Change: "cluster", Set: json.RawMessage(`{"admits":[{"principal":"ops","policy":"view"}]}`)}, fromEu, "cluster was changed: access of ops is view, wanted nothing"},
	{"the base is deleted", sim.ManualChange{Delete: "object", Match: "Namespace aerie-system"}, fromEu, "base was deleted"},
	{"a pool is deleted", sim.ManualChange{Delete: "pool", Match: "/tenantinfra/"}, fromPg, "pool data was deleted"},
	{"a pool has other labels", sim.ManualChange{Change: "pool", Match: "/tenantinfra/", Set: json.RawMessage(`{"labels":{"a":"b"}}`)}, fromPg, "pool data was changed: its labels are others"},
	{"the namespace is deleted", sim.ManualChange{Delete: "object", Match: "Namespace acme--prod"}, fromProd, "Namespace acme--prod was deleted"},
	{"the wall is taken down", sim.ManualChange{Delete: "object", Match: "aerie-default-deny"}, fromProd, "NetworkPolicy acme--prod/aerie-default-deny was deleted"},
	{"the quota is wider", sim.ManualChange{Change: "object", Match: "ResourceQuota acme--prod", Set: json.RawMessage(`{"spec":{"hard":{"pods":"99"}}}`)}, fromProd, "ResourceQuota acme--prod/aerie-quota was changed: spec.hard.pods differs"},
	{"an object is deleted", sim.ManualChange{Delete: "object", Match: "acme--prod/settings"}, fromApp, "ConfigMap acme--prod/settings was deleted"},
	{"an object is changed", sim.ManualChange{Change: "object", Match: "acme--prod/settings", Set: json.RawMessage(`{"data":{"k":"by hand"}}`)}, fromApp, "ConfigMap acme--prod/settings was changed: data.k differs"},
}

func (r *rig) inspector() *reconcile.Inspector {
	return reconcile.NewInspector(r.intake, r.fold, map[string]execute.Cloud{"sim": {Provider: r.cloud, Kube: r.cloud.Kube}}, clock.Clock{Speed: 1})
}

// settled waits until all four rest again; one round may bring the next drift to light.
func (r *rig) settled(i *reconcile.Inspector) {
	r.t.Helper()
	for range 4 { // network, pools, namespace, objects
		i.Inspect(r.t.Context())
		for _, ref := range []ev.Ref{fromEu, fromPg, fromProd, fromApp} {
			r.until(ref.Kind, ref.Path(), time.Minute, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool {
				return fsm.Machines[ref.Kind].AtRest(e.Phase())
			})
		}
	}
}

func (r *rig) seq() (seq uint64) {
	r.fold.View(func(w *state.Entities) { seq = w.Seq })
	return seq
}

func (r *rig) why(ref ev.Ref) (why *fsm.Blocker) {
	r.fold.View(func(w *state.Entities) {
		e, _ := w.Get(ref)
		why = w.Blocker(e)
	})
	return why
}

// What somebody else changes or deletes is noticed in one round and brought back.
func TestDriftIsRepaired(t *testing.T) {
	t.Parallel()
	for _, row := range byHand {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t) // of its own: what drifts again and again is left alone for a while
			inhabited(r, ev.DriftRepair)
			i := r.inspector()
			quiet := r.seq()
			i.Inspect(t.Context())
			if r.seq() != quiet {
				t.Fatalf("where nothing has drifted there are events: %v", r.history(fromEu))
			}
			r.hand(t, row.hand)
			before := len(r.history(row.who))
			i.Inspect(t.Context())
			if h := r.history(row.who); !slices.ContainsFunc(h[before:], func(s string) bool { return strings.HasPrefix(s, "drifted ") }) {
				t.Fatalf("not noticed: %v", h)
			}
			r.settled(i)
			seq := r.seq()
			i.Inspect(t.Context())
			if r.seq() != seq {
				t.Errorf("it is not repaired: %v", r.history(row.who))
			}
		})
	}
}

func (r *rig) hand(t *testing.T, h sim.ManualChange) {
	t.Helper()
	if n, err := r.cloud.ByHand(h); err != nil || n == 0 {
		t.Fatalf("by hand: %d things, %v", n, err)
	}
}

// Where the policy is to report, it is told once and nothing is done until somebody retries.
func TestDriftIsReported(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inhabited(r, ev.DriftReport)
	i := r.inspector()
	for _, row := range byHand {
		t.Run(row.name, func(t *testing.T) {
			r.hand(t, row.hand)
			i.Inspect(t.Context())
			why := r.why(row.who)
			if why == nil || why.Code != ev.DriftedReason || why.Retried || !strings.Contains(why.Message, row.says) {
				t.Fatalf("the reason is %+v, want %q", why, row.says)
			}
			seq := r.seq()
			i.Inspect(t.Context())
			if r.seq() != seq {
				t.Errorf("told again, or repaired: %v", r.history(row.who))
			}
			for range 4 {
				r.retryDrifted()
				r.settled(i)
			}
			if why := r.why(row.who); why != nil {
				t.Errorf("after a retry it is %+v", why)
			}
		})
	}
}

func (r *rig) retryDrifted() {
	r.t.Helper()
	for _, ref := range []ev.Ref{fromEu, fromPg, fromProd, fromApp} {
		if r.why(ref) == nil {
			continue
		}
		if _, err := r.ask(ref.Kind, ref.Path(), ev.VerbRetry, ""); err != nil {
			r.t.Fatal(err)
		}
	}
}

// What somebody else puts right is no drift any more.
func TestADriftThatEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inhabited(r, ev.DriftReport)
	i := r.inspector()
	r.hand(t, sim.ManualChange{Change: "object", Match: "acme--prod/settings", Set: json.RawMessage(`{"data":{"k":"by hand"}}`)})
	i.Inspect(t.Context())
	r.hand(t, sim.ManualChange{Change: "object", Match: "acme--prod/settings", Set: json.RawMessage(`{"data":{"k":"v"}}`)})
	i.Inspect(t.Context())
	if h := r.history(fromApp); !strings.HasPrefix(h[len(h)-1], "drift_ended ") || r.why(fromApp) != nil {
		t.Errorf("history: %v", h)
	}
}
