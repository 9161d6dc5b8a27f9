// Package controllers does in a cluster that only stores what the controllers of a real one do, as far as pods that move need
// it: pods of Deployments and StatefulSets come and go with their scale, land by the label of their namespace, find a node
// by selector, taints and the zone of their volumes, become ready a step later, and budgets are counted.
//
// Step brings a cluster one step further: whoever plays time calls it. It keeps nothing, all of it
// is in the cluster, so that it may stop anywhere; two steps of one cluster at once would be in each other's way. It has no
// ReplicaSets, Jobs, CronJobs or DaemonSets, no rollouts, no capacity of machines or preemption, no slow end of a pod, and no
// probes: what has a node runs.
//
// Storage plays snapshots of volumes beside it, one for all clusters of a region. It keeps what is on the volumes and on the snapshots,
// and its Step may be called from any goroutine.
package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// Step brings a cluster one step further. What changes under its hands is left to the next one.
func Step(ctx context.Context, api kube.API) error {
	c, err := read(ctx, api)
	if err != nil {
		return err
	}
	for _, p := range c.pods {
		if err := c.settle(ctx, p); err != nil {
			return err
		}
	}
	for _, w := range c.workloads {
		if err := c.scale(ctx, w); err != nil {
			return err
		}
	}
	return c.count(ctx)
}

// cluster is what a step has read.
type cluster struct {
	api        kube.API
	nodes      []kube.Object
	namespaces map[string]kube.Object
	workloads  []kube.Object
	pods       []kube.Object
	given      map[string]int // how many pods a node was given in this step
}

func read(ctx context.Context, api kube.API) (*cluster, error) {
	c := &cluster{api: api, namespaces: map[string]kube.Object{}, given: map[string]int{}}
	for _, list := range []struct {
		apiVersion, kind string
		into             *[]kube.Object
	}{{"v1", "Node", &c.nodes}, {"v1", "Pod", &c.pods}, {"apps/v1", "Deployment", &c.workloads}, {"apps/v1", "StatefulSet", &c.workloads}} {
		found, err := api.List(ctx, kube.Selector{APIVersion: list.apiVersion, Kind: list.kind})
		if err != nil {
			return nil, err
		}
		*list.into = append(*list.into, found...)
	}
	found, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Namespace"})
	for _, n := range found {
		c.namespaces[n.Name()] = n
	}
	return c, err
}

// put writes an object; what has changed or is gone meanwhile is left alone.
func (c *cluster) put(ctx context.Context, o kube.Object) error {
	_, err := c.api.Apply(ctx, o)
	return late(err)
}

func late(err error) error {
	if code := kube.CodeOf(err); code == kube.Conflict || code == kube.NotFound {
		return nil
	}
	return err
}

// of are the pods of a workload, by name.
func (c *cluster) of(w kube.Object) (pods []kube.Object) {
	for _, p := range c.pods {
		if kind, name := p.Controller(); kind == w.Kind() && name == w.Name() && p.Namespace() == w.Namespace() {
			pods = append(pods, p)
		}
	}
	return pods
}

func replicas(w kube.Object) int {
	if n, given := kube.MapOf(w["spec"])["replicas"].(int64); given {
		return int(n)
	}
	return 1
}

// scale makes the pods that a workload lacks, and ends those that are too many.
func (c *cluster) scale(ctx context.Context, w kube.Object) error {
	pods, taken := c.of(w), map[string]bool{}
	for _, p := range pods {
		taken[p.Name()] = true
	}
	for i := len(pods); i > replicas(w); i-- {
		if err := late(c.api.DeleteUnchanged(ctx, pods[i-1])); err != nil {
			return err
		}
	}
	for i, missing := 0, replicas(w)-len(pods); missing > 0; i++ {
		if taken[podName(w, i)] {
			continue
		}
		missing--
		if err := c.make(ctx, w, i); err != nil {
			return err
		}
	}
	return nil
}

func podName(w kube.Object, i int) string { return fmt.Sprintf("%s-%d", w.Name(), i) }

// make makes the i-th pod of a workload, with the volumes that it brings along.
func (c *cluster) make(ctx context.Context, w kube.Object, i int) error {
	template := kube.Nested(w.Clone(), "spec", "template")
	spec := kube.MapOf(template["spec"])
	volumes, _ := spec["volumes"].([]any)
	for _, t := range kube.MapsOf(kube.MapOf(w["spec"])["volumeClaimTemplates"]) {
		name := kube.StringOf(kube.MapOf(t["metadata"])["name"])
		claim := kube.NewObject("v1", "PersistentVolumeClaim", w.Namespace(), name+"-"+podName(w, i), kube.CloneMap(kube.MapOf(t["spec"])))
		if there, err := kube.Find(ctx, c.api, claim.Key()); err != nil {
			return err
		} else if there == nil {
			if err := c.put(ctx, claim); err != nil {
				return err
			}
		}
		volumes = append(volumes, map[string]any{"name": name, "persistentVolumeClaim": map[string]any{"claimName": claim.Name()}})
	}
	if len(volumes) > 0 {
		spec["volumes"] = volumes
	}
	c.land(w.Namespace(), spec)
	p := kube.NewObject("v1", "Pod", w.Namespace(), podName(w, i), spec)
	p = p.Marked("", texts(kube.Nested(template, "metadata", "labels")), nil)
	p.Metadata()["ownerReferences"] = []any{map[string]any{"apiVersion": w.APIVersion(), "kind": w.Kind(), "name": w.Name(), "controller": true}}
	p["status"] = status("Pending", "False", nil)
	return c.put(ctx, p)
}

// land does what the policy of a real cluster does, if the cluster was given it.
func (c *cluster) land(namespace string, spec map[string]any) {
	infra := c.namespaces[namespace].Labels()[kube.LabelTenantInfra]
	if infra == "" || c.namespaces[kube.SystemNamespace].Annotations()[kube.AnnotationLanding] == "" {
		return
	}
	selector := kube.CloneMap(kube.MapOf(spec["nodeSelector"]))
	delete(selector, kube.LabelTenantInfra)
	spec["nodeSelector"] = selector
	kube.OnPool(spec, infra)
}

func status(phase, ready string, more map[string]any) map[string]any {
	conditions := []any{map[string]any{"type": "Ready", "status": ready}}
	if more != nil {
		conditions = append(conditions, more)
	}
	return map[string]any{"phase": phase, "conditions": conditions}
}

// settle brings a pod further: to a node, to readiness, or to its end where its workload or its node has gone.
func (c *cluster) settle(ctx context.Context, p kube.Object) error {
	kind, name := p.Controller()
	node := kube.StringOf(kube.MapOf(p["spec"])["nodeName"])
	has := func(all []kube.Object, is func(kube.Object) bool) bool { return slices.ContainsFunc(all, is) }
	ours := kind == "Deployment" || kind == "StatefulSet"
	switch {
	case p.Ended():
		return nil
	case ours && !has(c.workloads, func(w kube.Object) bool {
		return w.Kind() == kind && w.Name() == name && w.Namespace() == p.Namespace()
	}), ours && node != "" && !has(c.nodes, func(n kube.Object) bool { return n.Name() == node }):
		c.forget(p)
		return late(c.api.DeleteUnchanged(ctx, p))
	case node == "":
		o := p.Clone()
		if kind == "" && o["spec"] != nil {
			c.land(p.Namespace(), kube.MapOf(o["spec"]))
		}
		return c.bind(ctx, o)
	case p["status"] != nil && !memory.IsReady(p):
		return c.write(ctx, p, node, status("Running", "True", nil))
	}
	return nil
}

func (c *cluster) forget(p kube.Object) {
	c.pods = slices.DeleteFunc(slices.Clone(c.pods), func(o kube.Object) bool { return o.Key() == p.Key() })
}

// write puts a pod with another node and status.
func (c *cluster) write(ctx context.Context, p kube.Object, node string, status map[string]any) error {
	o := p.Clone()
	o["status"] = status
	if node != "" {
		kube.MapOf(o["spec"])["nodeName"] = node
	}
	return c.put(ctx, o)
}

// bind gives a pod the node with the fewest pods of those that it may run on.
func (c *cluster) bind(ctx context.Context, p kube.Object) error {
	zone, err := c.zone(ctx, p)
	if err != nil {
		return err
	}
	var best kube.Object
	for _, n := range c.nodes {
		if fits(p, n) && (zone == "" || n.Labels()[labelZone] == zone) && (best == nil || cmp.Compare(c.load(n), c.load(best)) < 0) {
			best = n
		}
	}
	if best == nil {
		why := map[string]any{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
			"message": fmt.Sprintf("0/%d nodes are available", len(c.nodes))}
		return c.write(ctx, p, "", status("Pending", "False", why))
	}
	if err := c.provision(ctx, p, best.Labels()[labelZone]); err != nil {
		return err
	}
	c.given[best.Name()]++
	return c.write(ctx, p, best.Name(), status("Running", "False", nil))
}

func (c *cluster) load(node kube.Object) int {
	n := c.given[node.Name()]
	for _, p := range c.pods {
		if kube.MapOf(p["spec"])["nodeName"] == node.Name() {
			n++
		}
	}
	return n
}

// fits tells whether a pod may come to a node.
func fits(p, node kube.Object) bool {
	spec := kube.MapOf(p["spec"])
	for k, v := range kube.MapOf(spec["nodeSelector"]) {
		if node.Labels()[k] != v {
			return false
		}
	}
	for _, taint := range kube.MapsOf(kube.MapOf(node["spec"])["taints"]) {
		tolerated := slices.ContainsFunc(kube.MapsOf(spec["tolerations"]), func(t map[string]any) bool {
			return (t["key"] == nil || t["key"] == taint["key"]) && (t["operator"] == "Exists" || t["value"] == taint["value"])
		})
		if taint["effect"] != "PreferNoSchedule" && !tolerated {
			return false
		}
	}
	return !node.Closed()
}

func texts(m map[string]any) map[string]string {
	all := map[string]string{}
	for k, v := range m {
		all[k] = kube.StringOf(v)
	}
	return all
}
