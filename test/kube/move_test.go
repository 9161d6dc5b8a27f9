package kube_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/move"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// moving is a tenant on the small machines of a cluster of its own.
type moving struct {
	*testing.T
	api   *kube.Cluster
	nodes []string // the small machine and the big one
	spec  tenant.Spec
}

func newMoving(t *testing.T) *moving {
	t.Helper()
	t.Parallel()
	_, api := newRig(t)
	m := &moving{T: t, api: api, nodes: twoPools(t, api), spec: tenantOf("moves", "one")}
	m.spec.Quota.Pods, m.spec.Stay, m.spec.Infra = 20, "01HSTAY", "small"
	if _, err := tenant.EnsureBase(t.Context(), api, ownedBy); err != nil {
		t.Fatal(err)
	}
	m.turn("small")
	kubetest.Eventually(t, "the policy holds", func() bool {
		apply(t, api, pod(m.spec.Namespace, "probe", nil))
		made, err := api.Get(t.Context(), "v1", "Pod", m.spec.Namespace, "probe")
		if err != nil {
			t.Fatal(err)
		}
		if err := api.Delete(t.Context(), "v1", "Pod", m.spec.Namespace, "probe"); err != nil {
			t.Fatal(err)
		}
		return kube.Nested(made, "spec", "nodeSelector")[kube.LabelTenantInfra] == "small"
	})
	return m
}

// turn has the namespace say where pods go.
func (m *moving) turn(infra string) {
	m.Helper()
	m.spec.Infra = infra
	m.spec.Revision++
	if _, err := tenant.Ensure(m.Context(), m.api, m.spec); err != nil {
		m.Fatal(err)
	}
}

func (m *moving) to(infra string) move.Spec {
	return move.Spec{Namespace: m.spec.Namespace, Owner: m.spec.Owner, Stay: "01HNEXT", To: infra}
}

// run makes a workload and waits until it runs on the small machine.
func (m *moving) run(kind, name string, replicas int64) {
	m.Helper()
	apply(m.T, m.api, workload(kind, m.spec.Namespace, name, replicas, map[string]any{}))
	kubetest.Eventually(m, name+" runs on the small machine", func() bool { return m.on(name, 0) == int(replicas) })
}

func (m *moving) on(name string, node int) int {
	return runningOn(m.T, m.api, m.spec.Namespace, name, m.nodes[node])
}

func (m *moving) budget(name string, spec map[string]any) {
	m.Helper()
	spec["selector"] = map[string]any{"matchLabels": map[string]any{"app": name}}
	apply(m.T, m.api, kube.NewObject("policy/v1", "PodDisruptionBudget", m.spec.Namespace, name, spec))
	kubetest.Eventually(m, "the budget has counted", func() bool {
		b, err := m.api.Get(m.Context(), "policy/v1", "PodDisruptionBudget", m.spec.Namespace, name)
		status := kube.MapOf(b["status"])
		return err == nil && status["expectedPods"] != int64(0) && status["currentHealthy"] == status["expectedPods"]
	})
}

func (m *moving) rooms() []kube.Object {
	m.Helper()
	found, err := m.api.List(m.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: kube.SystemNamespace})
	if err != nil {
		m.Fatal(err)
	}
	return found
}

// reserve holds room at a target until it is there.
func (m *moving) reserve(infra string) {
	m.Helper()
	kubetest.Eventually(m, "there is room", func() bool {
		waits, err := move.Reserve(m.Context(), m.api, m.to(infra))
		if err != nil {
			m.Fatal(err)
		}
		return waits == ""
	})
}

// evict has the pods leave until all have, and says what was ever in their way.
func (m *moving) evict(infra string) {
	m.Helper()
	kubetest.Eventually(m, "nothing is left at the source", func() bool {
		left, _, err := move.Evict(m.Context(), m.api, m.to(infra))
		if err != nil && kube.CodeOf(err) != kube.Held { // right after an eviction a budget lets nobody go
			m.Fatal(err)
		}
		return err == nil && left == 0
	})
}

// watch counts how many of a workload's pods are ready, all the time, and returns the fewest when it is asked.
func (m *moving) watch(name string) (fewest func() int) {
	ctx, cancel := context.WithCancel(m.Context())
	least := 1 << 30
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for tick := time.NewTicker(10 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			pods, err := m.api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: m.spec.Namespace, Labels: map[string]string{"app": name}})
			if err != nil {
				continue
			}
			ready := 0
			for _, p := range pods {
				for _, c := range kube.MapsOf(kube.MapOf(p["status"])["conditions"]) {
					if c["type"] == "Ready" && c["status"] == "True" && !p.Terminating() {
						ready++
					}
				}
			}
			least = min(least, ready)
		}
	})
	return func() int { cancel(); watcher.Wait(); return least }
}

// Pods go to other machines of the same cluster: there is room first, then each workload goes one by one, and never has fewer
// pods than its budget says.
func TestPodsChangeMachinesWithinTheirBudget(t *testing.T) {
	m := newMoving(t)
	m.run("Deployment", "web", 3)
	m.run("StatefulSet", "db", 2)
	m.budget("web", map[string]any{"minAvailable": int64(2)})
	m.budget("db", map[string]any{"maxUnavailable": int64(1)})
	found, err := move.Survey(t.Context(), m.api, m.to("big"))
	if err != nil || found.Pods != 5 || found.Refusal(false) != "" || len(found.Budgets) > 0 {
		t.Fatalf("%+v: %v", found, err)
	}
	m.reserve("big")
	m.reserve("big")
	if rooms := m.rooms(); len(rooms) != 5 {
		t.Errorf("%d placeholders", len(rooms))
	}
	for _, p := range m.rooms() {
		spec := kube.MapOf(p["spec"])
		requests := kube.Nested(kube.MapsOf(spec["containers"])[0], "resources", "requests")
		if spec["nodeName"] != m.nodes[1] || requests["cpu"] != "100m" || spec["priority"] != int64(-5) {
			t.Errorf("%s is on %v with %v and priority %v", p.Name(), spec["nodeName"], requests, spec["priority"])
		}
	}
	m.turn("big")
	web, db := m.watch("web"), m.watch("db")
	m.evict("big")
	kubetest.Eventually(t, "all run on the big machine", func() bool { return m.on("web", 1) == 3 && m.on("db", 1) == 2 })
	if n := web(); n < 2 {
		t.Errorf("web had %d ready pods, its budget wants 2", n)
	}
	if n := db(); n < 1 {
		t.Errorf("db had %d ready pods, its budget wants 1", n)
	}
	for range 2 {
		if err := move.Release(t.Context(), m.api, m.to("big")); err != nil {
			t.Fatal(err)
		}
	}
	kubetest.Eventually(t, "no placeholder is left", func() bool { return len(m.rooms()) == 0 })
}

// A budget that lets nobody go is told by name. Until it does the move can be given up: what has moved comes back.
func TestAMoveThatABudgetHoldsComesBack(t *testing.T) {
	m := newMoving(t)
	m.run("Deployment", "web", 2)
	m.run("Deployment", "kept", 2)
	m.budget("kept", map[string]any{"maxUnavailable": int64(0)})
	found, err := move.Survey(t.Context(), m.api, m.to("big"))
	if want := "kept needs 2 healthy pods and has 2"; err != nil || len(found.Budgets) != 1 || found.Budgets[0] != want || found.Refusal(false) != "" {
		t.Errorf("%+v: %v", found, err)
	}
	m.reserve("big")
	m.turn("big")
	kept := m.watch("kept")
	kubetest.Eventually(t, "web has moved, and kept is held", func() bool {
		_, _, err = move.Evict(t.Context(), m.api, m.to("big"))
		if err != nil && kube.CodeOf(err) != kube.Held {
			t.Fatal(err)
		}
		return err != nil && m.on("web", 1) == 2
	})
	if !strings.Contains(err.Error(), "pod kept-") || !strings.Contains(err.Error(), "disruption budget kept needs 2 healthy pods and has 2 currently") {
		t.Error(err)
	}
	m.turn("small")
	m.evict("small")
	if err := move.Release(t.Context(), m.api, m.to("big")); err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "all is where it was", func() bool { return m.on("web", 0) == 2 && m.on("kept", 0) == 2 })
	if n := kept(); n != 2 || m.on("web", 1)+m.on("kept", 1) != 0 {
		t.Errorf("kept had %d ready pods; on the big machine are %d and %d", n, m.on("web", 1), m.on("kept", 1))
	}
	kubetest.Eventually(t, "no placeholder is left", func() bool { return len(m.rooms()) == 0 })
}

// What a move would break off is listed, and waits; so does a volume that the target can't have.
func TestWhatAMoveWouldBreakIsListed(t *testing.T) {
	m := newMoving(t)
	apply(t, m.api, pod(m.spec.Namespace, "bare", nil))
	apply(t, m.api, kube.NewObject("batch/v1", "Job", m.spec.Namespace, "report", map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"kuberig.test/pod": "hold"}},
		"spec": map[string]any{"restartPolicy": "Never", "containers": []any{map[string]any{"name": "c", "image": "example.test/app:1"}}}}}))
	zone := func(name, zone string) {
		one := []any{"ReadWriteOnce"}
		apply(t, m.api, kube.NewObject("v1", "PersistentVolume", "", name, map[string]any{"capacity": map[string]any{"storage": "1Gi"}, "accessModes": one,
			"storageClassName": "by-hand", "csi": map[string]any{"driver": "example.test", "volumeHandle": name},
			"claimRef": map[string]any{"namespace": m.spec.Namespace, "name": name},
			"nodeAffinity": map[string]any{"required": map[string]any{"nodeSelectorTerms": []any{map[string]any{"matchExpressions": []any{
				map[string]any{"key": "topology.kubernetes.io/zone", "operator": "In", "values": []any{zone}}}}}}}}))
		apply(t, m.api, kube.NewObject("v1", "PersistentVolumeClaim", m.spec.Namespace, name, map[string]any{"accessModes": one, "storageClassName": "by-hand", "volumeName": name,
			"resources": map[string]any{"requests": map[string]any{"storage": "1Gi"}}}))
	}
	zone("here", "zone-small")
	zone("there", "zone-big")
	zone("elsewhere", "zone-more")
	kubetest.Eventually(t, "both pods are there", func() bool {
		pods, err := m.api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: m.spec.Namespace})
		return err == nil && len(pods) == 2
	})
	spec := m.to("big")
	spec.Zones = []string{"zone-more"}
	found, err := move.Survey(t.Context(), m.api, spec)
	want := "nobody would make these pods again: bare; these Jobs run and would be interrupted: report; " +
		"volume here of claim here is in zone zone-small, the target in zone-big, zone-more"
	if got := found.Refusal(false); err != nil || got != want {
		t.Errorf("%q, want %q: %v", got, want, err)
	}
	if got := found.Refusal(true); strings.Contains(got, "bare") || !strings.Contains(got, "volume here") {
		t.Error(got)
	}
	m.turn("big")
	_, _, err = move.Evict(t.Context(), m.api, spec)
	if kube.CodeOf(err) != kube.Held || !strings.Contains(err.Error(), "pod bare has no controller") || !strings.Contains(err.Error(), "Job report runs") {
		t.Error(err)
	}
	spec.Force = true
	kubetest.Eventually(t, "nothing is left at the source", func() bool {
		left, _, err := move.Evict(t.Context(), m.api, spec)
		return err == nil && left == 0
	})
}
