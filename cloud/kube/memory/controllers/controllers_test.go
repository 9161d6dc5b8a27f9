package controllers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/memory/controllers"
	"github.com/aeriehq/aerie/cloud/kube/move"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// play is a cluster in which time goes on when the test says so.
type play struct {
	*testing.T
	*memory.Store
	spec tenant.Spec
}

func newPlay(t *testing.T) *play {
	p := &play{t, kubetest.Store(t), tenant.Spec{Namespace: "acme--prod", Customer: "acme", Tenant: "prod", Owner: "01HA", Plan: "p", Stay: "01HSTAY", Infra: "small", Revision: 1}}
	for i, infra := range []string{"small", "small", "big", "big"} {
		node := kube.NewObject("v1", "Node", "", fmt.Sprintf("%s-%d", infra, i%2), map[string]any{
			"taints": []any{map[string]any{"key": kube.LabelTenantInfra, "value": infra, "effect": "NoSchedule"}}})
		p.apply(node.Marked("", map[string]string{kube.LabelTenantInfra: infra, "topology.kubernetes.io/zone": []string{"a", "b"}[i%2]}, nil))
	}
	_, err := tenant.EnsureBase(t.Context(), p, "-/dataplane/eu/1")
	kubetest.Must(t, err)
	p.turn("small")
	return p
}

func (p *play) apply(o kube.Object) {
	p.Helper()
	_, err := p.Apply(p.Context(), o)
	kubetest.Must(p, err)
}

func (p *play) turn(infra string) {
	p.Helper()
	p.spec.Infra = infra
	p.spec.Revision++
	_, err := tenant.Ensure(p.Context(), p, p.spec)
	kubetest.Must(p, err)
}

func (p *play) steps(n int) {
	p.Helper()
	for range n {
		kubetest.Must(p, controllers.Step(p.Context(), p))
	}
}

func (p *play) workload(kind, name string, replicas int64, more map[string]any) {
	p.Helper()
	spec := map[string]any{"replicas": replicas, "template": map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"app": name}}, "spec": map[string]any{"containers": []any{map[string]any{"name": "c"}}}}}
	for k, v := range more {
		spec[k] = v
	}
	p.apply(kube.NewObject("apps/v1", kind, p.spec.Namespace, name, spec))
}

func (p *play) budget(name string, spec map[string]any) {
	p.Helper()
	spec["selector"] = map[string]any{"matchLabels": map[string]any{"app": name}}
	p.apply(kube.NewObject("policy/v1", "PodDisruptionBudget", p.spec.Namespace, name, spec))
}

// pods are the pods of the tenant, each with its node, and whether it is ready.
func (p *play) pods() string {
	p.Helper()
	found, err := p.List(p.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: p.spec.Namespace})
	kubetest.Must(p, err)
	var all []string
	for _, o := range found {
		word := o.Name() + ":" + kube.StringOf(kube.MapOf(o["spec"])["nodeName"])
		if !memory.IsReady(o) {
			word += "?"
		}
		all = append(all, word)
	}
	return strings.Join(all, " ")
}

func (p *play) are(want string) {
	p.Helper()
	if got := p.pods(); got != want {
		p.Fatalf("the pods are %q, want %q", got, want)
	}
}

func (p *play) to(infra string) move.Spec {
	return move.Spec{Namespace: p.spec.Namespace, Owner: p.spec.Owner, Stay: "01HNEXT", To: infra}
}

// Pods come with their workload, get a node, are ready a step later, and go with scale, node and workload.
func TestPodsComeAndGo(t *testing.T) {
	p := newPlay(t)
	p.workload("Deployment", "web", 3, nil)
	p.steps(1)
	p.are("web-0:? web-1:? web-2:?")
	p.steps(1)
	p.are("web-0:small-0? web-1:small-1? web-2:small-0?")
	p.steps(1)
	p.are("web-0:small-0 web-1:small-1 web-2:small-0")
	p.workload("Deployment", "web", 1, nil)
	p.steps(3)
	p.are("web-0:small-0")
	kubetest.Must(t, p.Delete(t.Context(), "v1", "Node", "", "small-0"))
	p.steps(4)
	p.are("web-0:small-1")
	kubetest.Must(t, p.Cordon(t.Context(), "small-1", true))
	p.workload("Deployment", "web", 2, nil)
	p.steps(3)
	p.are("web-0:small-1 web-1:?")
	kubetest.Must(t, p.Delete(t.Context(), "apps/v1", "Deployment", p.spec.Namespace, "web"))
	p.steps(1)
	p.are("")
}

// A pod that nobody makes lands by its namespace too.
func TestABarePodLands(t *testing.T) {
	p := newPlay(t)
	p.turn("big")
	p.apply(kube.NewObject("v1", "Pod", p.spec.Namespace, "alone", map[string]any{"containers": []any{map[string]any{"name": "c"}}}))
	p.steps(2)
	if got := p.pods(); !strings.HasPrefix(got, "alone:big-") {
		t.Errorf("it is %q", got)
	}
}

// A move of a tenant's pods to other machines, step by step: with room first, within the budget, to the same zone as its volumes.
func TestMovesOfMachinesCanBePlayed(t *testing.T) {
	p := newPlay(t)
	p.workload("Deployment", "web", 3, nil)
	p.workload("StatefulSet", "db", 2, map[string]any{"volumeClaimTemplates": []any{map[string]any{"metadata": map[string]any{"name": "data"}, "spec": map[string]any{}}}})
	p.budget("web", map[string]any{"maxUnavailable": int64(1)})
	p.steps(4)
	zones := map[string]string{}
	for _, word := range strings.Fields(p.pods()) {
		name, node, _ := strings.Cut(word, ":")
		zones[name] = strings.TrimPrefix(node, "small")
	}
	found, err := move.Survey(t.Context(), p, p.to("big"))
	if kubetest.Must(t, err); found.Pods != 5 || found.Refusal(false) != "" {
		t.Fatalf("%+v", found)
	}
	waits := "not asked"
	for range 3 {
		waits, err = move.Reserve(t.Context(), p, p.to("big"))
		kubetest.Must(t, err)
		p.steps(1)
	}
	if waits != "" {
		t.Error(waits)
	}
	p.turn("big")
	left, rounds := 1, 0
	for ; left > 0 && rounds < 50; rounds++ {
		left, _, err = move.Evict(t.Context(), p, p.to("big"))
		if err != nil && kube.CodeOf(err) != kube.Held {
			t.Fatal(err)
		}
		b, err := p.Get(t.Context(), "policy/v1", "PodDisruptionBudget", p.spec.Namespace, "web")
		kubetest.Must(t, err)
		ready := strings.Count(p.pods(), "web-") - strings.Count(strings.Join(slices.DeleteFunc(strings.Fields(p.pods()), func(w string) bool { return !strings.HasPrefix(w, "web-") }), " "), "?")
		if ready < 2 {
			t.Errorf("%d pods are ready: %v", ready, b["status"])
		}
		p.steps(1)
	}
	if left > 0 {
		t.Fatalf("after %d rounds: %s", rounds, p.pods())
	}
	p.steps(2)
	for _, word := range strings.Fields(p.pods()) {
		name, node, _ := strings.Cut(word, ":")
		if !strings.HasPrefix(node, "big-") || strings.HasSuffix(node, "?") || strings.HasPrefix(name, "db") && strings.TrimPrefix(node, "big") != zones[name] {
			t.Errorf("%s; before it was in %s", word, zones[name])
		}
	}
	kubetest.Must(t, move.Release(t.Context(), p, p.to("big")))
	for _, o := range p.All() {
		if o.Kind() == "Pod" && o.Namespace() == kube.SystemNamespace {
			t.Error("left:", o.Name())
		}
	}
}

// What a budget keeps stays, is named, and the move can be given up.
func TestAHeldMoveIsPlayedBack(t *testing.T) {
	p := newPlay(t)
	p.workload("Deployment", "kept", 2, nil)
	p.workload("Deployment", "web", 1, nil)
	p.budget("kept", map[string]any{"minAvailable": "100%"})
	p.steps(4)
	p.are("kept-0:small-0 kept-1:small-1 web-0:small-0")
	p.turn("big")
	held := ""
	for range 6 {
		if _, _, err := move.Evict(t.Context(), p, p.to("big")); kube.CodeOf(err) == kube.Held {
			held = err.Error()
		}
		p.steps(1)
	}
	if !strings.Contains(held, "disruption budget kept needs 2 healthy pods and has 2") || !strings.Contains(p.pods(), "web-0:big-") {
		t.Errorf("%q; %s", held, p.pods())
	}
	p.turn("small")
	for left := 1; left > 0; {
		var err error
		left, _, err = move.Evict(t.Context(), p, p.to("small"))
		kubetest.Must(t, err)
		p.steps(3)
	}
	p.are("kept-0:small-0 kept-1:small-1 web-0:small-0")
}

// A volume keeps its pod in its zone; where the target has none there, that is said before.
func TestAVolumeOfAnotherZone(t *testing.T) {
	p := newPlay(t)
	p.workload("StatefulSet", "db", 1, map[string]any{"volumeClaimTemplates": []any{map[string]any{"metadata": map[string]any{"name": "data"}, "spec": map[string]any{}}}})
	p.steps(3)
	p.are("db-0:small-0")
	kubetest.Must(t, p.Delete(t.Context(), "v1", "Node", "", "big-0"))
	found, err := move.Survey(t.Context(), p, p.to("big"))
	if want := "volume pv-acme--prod-data-db-0 of claim data-db-0 is in zone a, the target in b"; err != nil || found.Refusal(false) != want {
		t.Errorf("%q, want %q: %v", found.Refusal(false), want, err)
	}
}
