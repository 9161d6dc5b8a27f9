package kubeapi

import (
	"cmp"
	"context"
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// withNodes is a store in which nodes can be read that nobody put there.
type withNodes struct {
	kube.API
	nodes []kube.Object
}

// WithNodes is a store in which some nodes can be read besides.
func WithNodes(api kube.API, nodes []kube.Object) kube.API { return &withNodes{api, nodes} }

func isNode(apiVersion, kind string) bool { return apiVersion == "v1" && kind == "Node" }

// all are the nodes, cordoned as is stored.
func (w *withNodes) all(ctx context.Context) ([]kube.Object, error) {
	stored, err := w.API.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Node"})
	return memory.Nodes(w.nodes, stored), err
}

// Get implements kube.API.
func (w *withNodes) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	if !isNode(apiVersion, kind) {
		return w.API.Get(ctx, apiVersion, kind, namespace, name)
	}
	nodes, err := w.all(ctx)
	if i := slices.IndexFunc(nodes, func(n kube.Object) bool { return n.Name() == name }); err == nil && i >= 0 {
		return nodes[i], nil
	}
	return nil, cmp.Or(err, kube.Fail(kube.NotFound, "get", kube.Key{APIVersion: apiVersion, Kind: kind, Name: name}, ""))
}

// List implements kube.API. Labels are the caller's to select by.
func (w *withNodes) List(ctx context.Context, s kube.Selector) ([]kube.Object, error) {
	if isNode(s.APIVersion, s.Kind) {
		return w.all(ctx)
	}
	return w.API.List(ctx, s)
}

// Cordon implements kube.API. What is stored of nodes that are gone goes too: another may get the name.
func (w *withNodes) Cordon(ctx context.Context, node string, on bool) error {
	stored, err := w.API.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Node"})
	if err != nil {
		return err
	}
	known := func(name string) bool {
		return slices.ContainsFunc(w.nodes, func(n kube.Object) bool { return n.Name() == name })
	}
	for _, o := range stored {
		if !known(o.Name()) {
			if err := kube.Delete(ctx, w.API, o.Key()); err != nil {
				return err
			}
		}
	}
	if !known(node) {
		return nil
	}
	return w.API.Cordon(ctx, node, on)
}
