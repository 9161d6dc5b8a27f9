package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// Kube is the Kubernetes API of a simulated cluster: the one that the options name, else a memory.Store whose objects
// are in the journal, besides the nodes of its pools, which can be read. A cluster that is not ready is Conflict, an
// absent one NotFound. Faults strike its calls too, under the ops Apply, Get, List and Delete. What changes nothing
// leaves no line in the ledger. When the cluster is gone, so is what was handed out: its calls are unavailable.
func (s *Sim) Kube(ctx context.Context, sc cloud.Scope, cluster string) (kube.API, error) {
	var id string
	err := s.do(ctx, request{op: "Kube", scope: sc, name: cluster, quiet: true}, func(c *call) (cloud.Phase, error) {
		r, err := c.reachable(cluster)
		if err != nil {
			return "", err
		}
		id = r.ID
		return "", s.openKube(id, nil)
	})
	if err != nil {
		return nil, err
	}
	if real := cmp.Or(s.options.Clusters[sc.Region], s.options.Clusters[""]); real != nil {
		return real, nil
	}
	return &clusterAPI{sim: s, scope: sc, cluster: cluster, id: id}, nil
}

// StepControllers runs one step of a controller in every cluster, without faults. Clusters that are gone or being changed are skipped.
func (s *Sim) StepControllers(ctx context.Context, step func(context.Context, kube.API) error) error {
	for _, api := range s.open() {
		if err := step(ctx, api); err != nil && cloud.ClassOf(err) != cloud.NotFound && cloud.ClassOf(err) != cloud.Conflict {
			return fmt.Errorf("step the controllers of cluster %s: %w", api.cluster, err)
		}
	}
	return nil
}

// open are the clusters that have a store, as their own controllers see them.
func (s *Sim) open() (all []*clusterAPI) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.state.sorted(s.everything()) {
		if r.Kind == cloud.KindCluster && s.kubes[r.ID] != nil {
			all = append(all, &clusterAPI{s, cloud.Scope{Account: cloud.Account{ID: r.Account}, Region: r.Region}, r.Name, r.ID, true})
		}
	}
	return all
}

// openKube makes a cluster's store, if it has none yet.
func (s *Sim) openKube(id string, objects []kube.Object) error {
	if s.kubes[id] != nil {
		return nil
	}
	m, err := memory.New(objects, func(put kube.Object, del kube.Key) error {
		if put != nil {
			if err := s.current.provision(id, put); err != nil {
				return err
			}
			return s.current.effect(line{Cluster: id, Object: put})
		}
		return s.current.effect(line{Cluster: id, Key: &del})
	})
	if err != nil {
		return fmt.Errorf("objects of cluster %s: %w", id, err)
	}
	s.kubes[id] = m
	return nil
}

// clusterAPI is one cluster's API as handed out.
type clusterAPI struct {
	sim     *Sim
	scope   cloud.Scope
	cluster string
	id      string
	within  bool // it is used by the cluster's own controllers
}

// Apply implements kube.API.
func (a *clusterAPI) Apply(ctx context.Context, o kube.Object) (changed bool, err error) {
	err = a.do(ctx, "Apply", o.Key(), func(c *call, m *memory.Store) (err error) {
		c.single = c.single && o.Metadata()["ownerReferences"] == nil // what goes with something that is gone goes at once
		changed, err = c.running(m).Apply(ctx, o)
		return err
	})
	return changed && err == nil, err
}

// Get implements kube.API.
func (a *clusterAPI) Get(ctx context.Context, apiVersion, kind, namespace, name string) (o kube.Object, err error) {
	k := kube.Key{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	err = a.do(ctx, "Get", k, func(c *call, m *memory.Store) (err error) {
		nodes, err := a.nodes(ctx, c, m, k)
		for _, node := range nodes {
			if node.Name() == name {
				o = node
				return nil
			}
		}
		if err == nil {
			o, err = c.running(m).Get(ctx, apiVersion, kind, namespace, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Try implements kube.API. To a fault it is a Get.
func (a *clusterAPI) Try(ctx context.Context, o kube.Object) (is, wouldBe kube.Object, err error) {
	err = a.do(ctx, "Get", o.Key(), func(c *call, m *memory.Store) (err error) {
		is, wouldBe, err = c.running(m).Try(ctx, o)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return is, wouldBe, nil
}

// ChangedBy implements kube.API. To a fault it is a Get.
func (a *clusterAPI) ChangedBy(ctx context.Context, k kube.Key) (who string, err error) {
	err = a.do(ctx, "Get", k, func(_ *call, m *memory.Store) (err error) {
		who, err = m.ChangedBy(ctx, k)
		return err
	})
	return who, err
}

// List implements kube.API.
func (a *clusterAPI) List(ctx context.Context, sel kube.Selector) (found []kube.Object, err error) {
	k := kube.Key{APIVersion: sel.APIVersion, Kind: sel.Kind, Namespace: sel.Namespace}
	err = a.do(ctx, "List", k, func(c *call, m *memory.Store) (err error) {
		if !isNode(k) {
			found, err = c.running(m).List(ctx, sel)
			return err
		}
		nodes, err := a.nodes(ctx, c, m, k)
		for _, node := range nodes {
			if memory.Has(node.Labels(), sel.Labels) {
				found = append(found, node)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Delete implements kube.API.
func (a *clusterAPI) Delete(ctx context.Context, apiVersion, kind, namespace, name string) error {
	k := kube.Key{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	return a.do(ctx, "Delete", k, func(_ *call, m *memory.Store) error {
		return m.Delete(ctx, apiVersion, kind, namespace, name)
	})
}

// DeleteUnchanged implements kube.API.
func (a *clusterAPI) DeleteUnchanged(ctx context.Context, read kube.Object) error {
	return a.do(ctx, "Delete", read.Key(), func(_ *call, m *memory.Store) error { return m.DeleteUnchanged(ctx, read) })
}

// Cordon implements kube.API.
func (a *clusterAPI) Cordon(ctx context.Context, node string, on bool) error {
	k := kube.Key{APIVersion: "v1", Kind: "Node", Name: node}
	return a.do(ctx, "Cordon", k, func(c *call, m *memory.Store) error {
		nodes, err := a.nodes(ctx, c, m, k)
		for _, n := range nodes {
			if n.Name() == node {
				return m.Cordon(ctx, node, on)
			}
		}
		return err
	})
}

// Evict implements kube.API.
func (a *clusterAPI) Evict(ctx context.Context, namespace, pod string) error {
	k := kube.Key{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: pod}
	return a.do(ctx, "Evict", k, func(_ *call, m *memory.Store) error { return m.Evict(ctx, namespace, pod) })
}

// As implements kube.API.
func (a *clusterAPI) As(string, string) (kube.API, error) { return a, nil }

func (a *clusterAPI) do(ctx context.Context, op string, k kube.Key, f func(*call, *memory.Store) error) error {
	r := request{op: op, scope: a.scope, cluster: a.cluster, name: k.String(), quiet: true, within: a.within, single: op == "Apply" && k.Kind != persistentVolume}
	err := a.sim.do(ctx, r, func(c *call) (cloud.Phase, error) {
		there, err := c.reachable(a.cluster)
		if err != nil {
			return "", err
		}
		if there.ID != a.id {
			return "", c.fail(cloud.NotFound, "NoCluster", "that cluster is gone; another has its name")
		}
		return "", f(c, a.sim.kubes[a.id])
	})
	return kubeError(err, op, k)
}

// kubeError makes an API's error of a cloud's: what strikes the cloud strikes the API.
func kubeError(err error, op string, k kube.Key) error {
	ce, ok := err.(*cloud.Error)
	if !ok {
		return err
	}
	codes := map[cloud.Class]kube.Code{cloud.Denied: kube.Forbidden, cloud.Invalid: kube.Invalid, cloud.Taken: kube.Conflict}
	code, known := codes[ce.Class]
	if !known {
		code = kube.Unavailable
	}
	return &kube.Error{Code: code, Op: op, Object: k.String(), Message: ce.Message, Err: err}
}

func isNode(k kube.Key) bool { return k.APIVersion == "v1" && k.Kind == "Node" }

// nodes are the ready nodes of the cluster's pools as objects, spread over the pools' zones, if a key is of such. In the
// store is of them only whether they are cordoned.
func (a *clusterAPI) nodes(ctx context.Context, c *call, m *memory.Store, k kube.Key) (nodes []kube.Object, err error) {
	if !isNode(k) {
		return nil, nil
	}
	state := c.sim.state
	for _, r := range state.sorted(state.on[state.byID[a.id].place()]) {
		if r.Pool == nil {
			continue
		}
		for i := range r.nodes(c.now) {
			nodes = append(nodes, node(r, i))
		}
	}
	stored, err := m.List(ctx, kube.Selector{APIVersion: k.APIVersion, Kind: k.Kind})
	return memory.Nodes(nodes, stored), err
}

// running is a cluster's store in which Jobs come to their end. One is struck by a fault of its Apply that is an issue, with
// whose message it fails, or stuck: then its deadline ends it.
func (c *call) running(m *memory.Store) kube.API {
	return memory.RunJobs(m, c.now, func() memory.Course {
		course := memory.Course{Ends: c.at(c.sim.options.Times.Job)}
		if struck, ok := c.strike(creating); ok {
			course.Stuck = struck.Stuck
			if struck.Issue {
				course.Fails = cmp.Or(struck.Message, struck.code())
			}
		}
		return course
	})
}

// forgetNodes drops what is stored of the nodes of a pool that goes.
func (c *call) forgetNodes(r *resource) error {
	clusters := c.sim.state.byName[r.ground()]
	if len(clusters) == 0 || c.sim.kubes[clusters[0]] == nil {
		return nil
	}
	m := c.sim.kubes[clusters[0]]
	for _, o := range m.All() {
		if isNode(o.Key()) && strings.HasPrefix(o.Name(), r.ID+"-") {
			if err := kube.Delete(context.Background(), m, o.Key()); err != nil {
				return err
			}
		}
	}
	return nil
}

// labelPool is what a node has by the name of its pool, whatever other labels that has.
const labelPool = "sim.aerie.io/pool"

func node(r *resource, i int) kube.Object {
	labels := map[string]any{
		"topology.kubernetes.io/region":    r.Region,
		"topology.kubernetes.io/zone":      r.Pool.Zones[i%len(r.Pool.Zones)],
		"node.kubernetes.io/instance-type": r.Pool.Machine,
		labelPool:                          r.Name,
	}
	for k, v := range maps.All(r.Pool.Labels) {
		labels[k] = v
	}
	var taints []any
	for _, t := range r.Pool.Taints {
		taints = append(taints, map[string]any{"key": t.Key, "value": t.Value, "effect": t.Effect})
	}
	return kube.Object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": fmt.Sprintf("%s-%d", r.ID, i), "labels": labels},
		"spec":     map[string]any{"taints": taints},
		"status":   map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True"}}},
	}
}
