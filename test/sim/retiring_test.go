package sim

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/execute"
)

// pg asks for pools of the infra, each a name and a machine.
func (r *rig) pg(verb string, pools ...string) {
	r.t.Helper()
	var all []string
	for _, p := range pools {
		name, machine, _ := strings.Cut(p, " ")
		all = append(all, fmt.Sprintf(`{"name":%q,"machine":%q,"min":1,"max":3}`, name, machine))
	}
	if _, err := r.ask(ev.TenantInfra, "-/eu_pg", verb, `{"spec":{"app":"pg","size":"small","pools":[`+strings.Join(all, ",")+`]}}`); err != nil {
		r.t.Fatal(err)
	}
}

// withPod builds an infra and has a pod on its only node, which a budget holds. It returns what ends the budget.
func (r *rig) withPod() (free func()) {
	r.t.Helper()
	r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
	r.perform(`create dataplane -/eu {"account":"main","region":"eu-central"}`)
	r.pg("create", "main s4")
	d := r.phase(ev.TenantInfra, "-/eu_pg", 20*time.Second, fsm.Active).Data.(fsm.TenantInfraData)
	api := r.kube(d)
	nodes := r.nodes(d)
	if len(nodes) != 1 {
		r.t.Fatalf("%d nodes", len(nodes))
	}
	pod := kube.NewObject("v1", "Pod", "default", "pg-0", map[string]any{"nodeName": nodes[0].Name()}).Marked("", map[string]string{"app": "pg"}, nil)
	pod.Metadata()["ownerReferences"] = []any{map[string]any{"controller": true, "kind": "StatefulSet", "name": "pg"}}
	budget := kube.NewObject("policy/v1", "PodDisruptionBudget", "default", "always-one", map[string]any{"minAvailable": int64(1), "selector": map[string]any{"matchLabels": map[string]any{"app": "pg"}}})
	for _, o := range []kube.Object{pod, budget} {
		if _, err := api.Apply(r.t.Context(), o); err != nil {
			r.t.Fatal(err)
		}
	}
	return func() {
		if err := kube.Delete(r.t.Context(), r.kube(d), budget.Key()); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) kube(d fsm.TenantInfraData) kube.API {
	r.t.Helper()
	api, err := r.cloud.Kube(context.Background(), execute.ScopeOf(d.Site), d.Cluster)
	if err != nil {
		r.t.Fatal(err)
	}
	return api
}

// nodes are those of the infra, by its own label.
func (r *rig) nodes(d fsm.TenantInfraData) []kube.Object {
	r.t.Helper()
	nodes, err := r.kube(d).List(r.t.Context(), kube.Selector{APIVersion: "v1", Kind: "Node", Labels: map[string]string{"aerie.io/tenantinfra": "pg"}})
	if err != nil {
		r.t.Fatal(err)
	}
	return nodes
}

// machines are those of the nodes, and whether new pods are kept off them.
func (r *rig) machines(d fsm.TenantInfraData) string {
	var all []string
	for _, n := range r.nodes(d) {
		text := n.Labels()["node.kubernetes.io/instance-type"]
		if n.Closed() {
			text += " closed"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func held(e fsm.Entity[fsm.Data], why *fsm.Blocker) bool {
	return e.Phase() == fsm.Retiring && why != nil && strings.Contains(why.Message, "pool main (s4) is to go and can't be emptied") &&
		strings.Contains(why.Message, "pod default/pg-0 is held") && strings.Contains(why.Message, "always-one")
}

// A pool that gets other machines goes when a budget lets its pods leave: meanwhile it is said who is held by whom, also after a
// restart, and what is wanted is there and Ready.
func TestAPoolGoesWhenItsPodsMayLeave(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	free := r.withPod()
	r.pg("update", "main m4")
	e := r.until(ev.TenantInfra, "-/eu_pg", 20*time.Second, held)
	d := e.Data.(fsm.TenantInfraData)
	if got := r.machines(d); !e.Holds(fsm.ConditionReady) || e.Holds("InSync") || got != "s4 closed, m4" && got != "m4, s4 closed" {
		t.Errorf("while the old pool is held there are %s: %+v", got, e.Conditions)
	}
	r.now.Advance(48 * time.Hour)
	r.stop()
	r.start()
	r.until(ev.TenantInfra, "-/eu_pg", 20*time.Second, held)
	free()
	e = r.phase(ev.TenantInfra, "-/eu_pg", 20*time.Second, fsm.Active)
	if got := r.machines(d); got != "m4" || r.made("EnsurePool") != 2 || !e.Holds("InSync") {
		t.Errorf("in the end there are %s and %d pools: %+v", got, r.made("EnsurePool"), e.Conditions)
	}
}

// A pool that is asked back before it has gone is opened, even if something else of the wish is not to be had, and what came
// in its place goes when that is taken back.
func TestAPoolIsAskedBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withPod()
	r.pg("update", "main m4")
	d := r.until(ev.TenantInfra, "-/eu_pg", 20*time.Second, held).Data.(fsm.TenantInfraData)
	r.pg("update", "main s4", "more x99")
	e := r.until(ev.TenantInfra, "-/eu_pg", 20*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Unmet != nil && e.Phase() == fsm.Active })
	if got := r.machines(d); !e.Holds(fsm.ConditionReady) || got != "s4, m4" && got != "m4, s4" {
		t.Errorf("after a wish in vain there are %s: %+v", got, e.Conditions)
	}
	r.pg("update", "main s4")
	e = r.until(ev.TenantInfra, "-/eu_pg", 20*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Holds("InSync") })
	if got := r.machines(d); got != "s4" || r.made("EnsurePool") != 2 {
		t.Errorf("asked back there are %s, and %d pools", got, r.made("EnsurePool"))
	}
	pods, err := r.kube(d).List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: "default"})
	if err != nil || len(pods) != 1 {
		t.Errorf("%d pods, want the one that was there: %v", len(pods), err)
	}
}

// A dataplane's own machines become others by a pool beside the old one, which goes when a budget lets its pods leave: also
// after a restart the dataplane says who is held, and is Ready meanwhile.
func TestADataplaneGetsOtherMachines(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withPod()
	pg := r.phase(ev.TenantInfra, "-/eu_pg", 20*time.Second, fsm.Active).Data.(fsm.TenantInfraData)
	api := r.kube(pg)
	own := kube.Selector{APIVersion: "v1", Kind: "Node", Labels: map[string]string{"aerie.io/pool": "system"}}
	nodes, err := api.List(t.Context(), own)
	if err != nil || len(nodes) != 1 {
		t.Fatalf("%d nodes: %v", len(nodes), err)
	}
	pod := kube.NewObject("v1", "Pod", "default", "pg-1", map[string]any{"nodeName": nodes[0].Name()}).Marked("", map[string]string{"app": "pg"}, nil)
	pod.Metadata()["ownerReferences"] = []any{map[string]any{"controller": true, "kind": "StatefulSet", "name": "pg"}}
	budget := kube.NewObject("policy/v1", "PodDisruptionBudget", "default", "always-one", map[string]any{"maxUnavailable": int64(0), "selector": map[string]any{"matchLabels": map[string]any{"app": "pg"}}})
	for _, o := range []kube.Object{pod, budget} {
		if _, err := api.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	r.perform(`update dataplane -/eu {"account":"main","region":"eu-central","systemPool":{"machine":"s4"}}`)
	held := func(e fsm.Entity[fsm.Data], why *fsm.Blocker) bool {
		return e.Phase() == fsm.Retiring && why != nil && strings.Contains(why.Message, "pool system (s2) is to go and can't be emptied") && strings.Contains(why.Message, "pod default/pg-1 is held")
	}
	r.until(ev.Dataplane, "-/eu", 20*time.Second, held)
	r.now.Advance(48 * time.Hour)
	r.stop()
	r.start()
	e := r.until(ev.Dataplane, "-/eu", 20*time.Second, held)
	if !e.Holds(fsm.ConditionReady) || e.Holds("InSync") {
		t.Errorf("while its old machines are held: %+v", e.Conditions)
	}
	api = r.kube(pg)
	if err := kube.Delete(t.Context(), api, budget.Key()); err != nil {
		t.Fatal(err)
	}
	e = r.phase(ev.Dataplane, "-/eu", 20*time.Second, fsm.Active)
	if nodes, err = api.List(t.Context(), own); err != nil || len(nodes) != 1 || nodes[0].Labels()["node.kubernetes.io/instance-type"] != "s4" || !e.Holds("InSync") {
		t.Errorf("in the end it has %v: %v, %+v", nodes, err, e.Conditions)
	}
}

// What a round has changed that was not the last of its work is told: there is an event with each call that made something.
func TestEveryChangeIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withPod()
	told := map[string]bool{}
	last, err := r.log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = r.log.Replay(t.Context(), 0, last, func(batch []ev.Recorded) error {
		for _, rec := range batch {
			for _, c := range ev.CallsOf(rec.Event) {
				for _, change := range c.Changes {
					told[change] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"EnsureNetwork", "EnsureCluster", "EnsurePool", "EnsureAddon"} {
		if !told["sim:"+op] {
			t.Errorf("%s made something, and no event tells it: %v", op, told)
		}
	}
}
