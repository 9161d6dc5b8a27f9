package kube

import "context"

// HelmManager is the field manager of what Helm applies.
const HelmManager = "aerie-helm"

// ReleaseDrift says how what a release consists of differs from what is there. It asks the server what applying it again
// would change, and changes nothing. A cluster that only stores has no release: what was applied is compared with its seal.
func ReleaseDrift(ctx context.Context, api API, spec AppSpec) ([]Difference, error) {
	c, err := Running(ctx, api)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return sealedDrift(ctx, api, spec)
	}
	wanted, err := c.releaseObjects(ctx, spec)
	if err != nil {
		return nil, err
	}
	if wanted == nil {
		k := Key{APIVersion: "v1", Kind: "Secret", Namespace: spec.Namespace, Name: "of release " + spec.Name}
		return []Difference{{Object: k, Gone: true}}, nil
	}
	var found []Difference
	for _, o := range wanted {
		d, err := c.again(ctx, o)
		if err != nil {
			return nil, err
		}
		if d != nil {
			found = append(found, *d)
		}
	}
	return found, nil
}

// Running is the cluster behind an API, past a list of it: what Helm applies is not labelled as ours. It is nil where
// things are only stored.
func Running(ctx context.Context, api API) (*Cluster, error) {
	if l, ok := api.(*listed); ok {
		api = l.API
	}
	c, ok := api.(*Cluster)
	if !ok {
		return nil, nil
	}
	if stores, err := c.OnlyStores(ctx); err != nil || stores {
		return nil, err
	}
	return c, nil
}

// releaseObjects are the objects of the deployed revision, as Helm applies them; nil if there is none.
func (c *Cluster) releaseObjects(ctx context.Context, spec AppSpec) ([]Object, error) {
	found, err := c.List(ctx, spec.revisions(map[string]string{"status": deployedRevision}))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return objectsOf(found[len(found)-1], spec)
}

// asHelm is an object as Helm applies it, with what it says of the release.
func asHelm(o Object, spec AppSpec) Object {
	namespace := o.Namespace()
	if namespace == "" && !ClusterScoped(o.APIVersion(), o.Kind()) {
		namespace = spec.Namespace
	}
	return o.marked(namespace, map[string]string{LabelManagedBy: "Helm"},
		map[string]string{"meta.helm.sh/release-name": spec.Name, "meta.helm.sh/release-namespace": spec.Namespace})
}

// again is what applying an object once more would change; nil if nothing.
func (c *Cluster) again(ctx context.Context, o Object) (*Difference, error) {
	k := o.Key()
	is, wouldBe, err := c.tryAs(ctx, HelmManager, o)
	if gone := goneBy(k, err); gone != nil {
		return gone, nil
	}
	switch code := CodeOf(err); {
	case err == nil && is == nil:
		return &Difference{Object: k, Gone: true}, nil
	case code == Invalid || code == Conflict: // it was changed in what can't be changed back
		return &Difference{Object: k, Detail: err.(*Error).Message}, nil
	case code == Unavailable || is == nil:
		return nil, err
	}
	detail := change(is, wouldBe)
	if err != nil { // by a policy, or for the quota: it may be as it was all the same
		if detail = lacks(is, o); detail != "" {
			detail += ", and to apply it again is refused: " + err.Error()
		}
	}
	if detail != "" {
		return &Difference{Object: k, Detail: detail}, nil
	}
	return nil, nil
}
