package memory

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Cordon implements API. Of a node that is not stored it stores that alone: Nodes puts it on those that somebody else knows.
func (m *Store) Cordon(ctx context.Context, node string, on bool) error {
	k := kube.Key{APIVersion: "v1", Kind: "Node", Name: node}
	o, err := kube.Find(ctx, m, k)
	if err != nil || o == nil && !on {
		return err
	}
	if o == nil {
		o = kube.NewObject("v1", "Node", "", node, nil)
	}
	_, err = m.Apply(ctx, cordoned(o, on))
	return err
}

// cordoned is a copy of a node off which new pods are kept, or not by us any more.
func cordoned(node kube.Object, on bool) kube.Object {
	o, metadata := node.Relabelled()
	if o.Cordoned() == on {
		return o
	}
	notes, spec := map[string]any{}, kube.CloneMap(kube.MapOf(o["spec"]))
	for k, v := range o.Annotations() {
		notes[k] = v
	}
	delete(notes, kube.NoteCordoned)
	delete(spec, "unschedulable")
	if on {
		notes[kube.NoteCordoned], spec["unschedulable"] = "true", true
	}
	metadata["annotations"], o["spec"] = notes, spec
	return o
}

// Nodes are nodes that somebody else knows, with what is stored of them: whether they are cordoned.
func Nodes(known, stored []kube.Object) []kube.Object {
	closed := map[string]bool{}
	for _, o := range stored {
		closed[o.Name()] = o.Cordoned()
	}
	all := make([]kube.Object, len(known))
	for i, n := range known {
		all[i] = cordoned(n, closed[n.Name()])
	}
	return all
}

// Evict implements API. Nothing makes the pod again here. Disruption budgets of its namespace hold.
func (m *Store) Evict(ctx context.Context, namespace, pod string) error {
	k := kube.Key{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: pod}
	p, err := kube.Find(ctx, m, k)
	if err != nil || p == nil {
		return err
	}
	budgets, err := m.List(ctx, kube.Selector{APIVersion: "policy/v1", Kind: "PodDisruptionBudget", Namespace: namespace})
	if err != nil {
		return err
	}
	for _, b := range budgets {
		spec := kube.MapOf(b["spec"])
		chosen := texts(kube.MapOf(kube.MapOf(spec["selector"])["matchLabels"]))
		if !Has(p.Labels(), chosen) {
			continue
		}
		pods, err := m.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Labels: chosen})
		if err != nil {
			return err
		}
		expected, _ := kube.MapOf(b["status"])["expectedPods"].(int64) // if somebody counts
		least, healthy := Healthy(spec, max(len(pods), int(expected))), 0
		for _, o := range pods {
			if IsReady(o) {
				healthy++
			}
		}
		if IsReady(p) && healthy <= least {
			return kube.Fail(kube.Held, "evict", k, fmt.Sprintf("The disruption budget %s needs %d healthy pods and has %d currently", b.Name(), least, healthy))
		}
	}
	return kube.Delete(ctx, m, k)
}

// IsReady tells whether a pod is ready. One that says nothing of that is.
func IsReady(p kube.Object) bool {
	for _, c := range kube.MapsOf(kube.MapOf(p["status"])["conditions"]) {
		if c["type"] == "Ready" {
			return c["status"] == "True"
		}
	}
	return true
}

// Healthy is how many of so many pods a budget wants to stay. Where nothing says how many there should be, there should be as
// many as there are.
func Healthy(spec map[string]any, pods int) int {
	if v, given := spec["maxUnavailable"]; given {
		return pods - count(v, pods)
	}
	return count(spec["minAvailable"], pods)
}

// count reads a number of pods, or a share of them, rounded up.
func count(v any, of int) int {
	switch v := v.(type) {
	case int64:
		return int(v)
	case float64:
		return int(v)
	case string:
		share, _ := strconv.Atoi(strings.TrimSuffix(v, "%")) // of what is no number nothing has to stay
		return (share*of + 99) / 100
	}
	return 0
}

func texts(m map[string]any) map[string]string {
	all := map[string]string{}
	for k, v := range m {
		all[k] = kube.StringOf(v)
	}
	return all
}

// Has tells whether labels are among others.
func Has(labels, wanted map[string]string) bool {
	for k, v := range wanted {
		if labels[k] != v {
			return false
		}
	}
	return true
}
