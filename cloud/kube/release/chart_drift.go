package release

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
)

// ChartDrift says how what a release consists of differs from what is there. It asks the server what applying it again
// would change, and changes nothing. A cluster that only stores has no release: what was applied is compared with its seal.
func ChartDrift(ctx context.Context, api kube.API, spec AppSpec) ([]kube.Difference, error) {
	c, err := kube.Running(ctx, api)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return sealedDrift(ctx, api, spec)
	}
	wanted, err := releaseObjects(ctx, c, spec)
	if err != nil {
		return nil, err
	}
	if wanted == nil {
		k := kube.Key{APIVersion: "v1", Kind: "Secret", Namespace: spec.Namespace, Name: "of release " + spec.Name}
		return []kube.Difference{{Object: k, Gone: true}}, nil
	}
	var found []kube.Difference
	for _, o := range wanted {
		d, err := reapplied(ctx, c, o)
		if err != nil {
			return nil, err
		}
		if d != nil {
			found = append(found, *d)
		}
	}
	return found, nil
}

// releaseObjects are the objects of the deployed revision, as Helm applies them; nil if there is none.
func releaseObjects(ctx context.Context, c *kube.Cluster, spec AppSpec) ([]kube.Object, error) {
	found, err := c.List(ctx, spec.revisions(map[string]string{"status": deployedRevision}))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return objectsOf(found[len(found)-1], spec)
}

// asHelm is an object as Helm applies it, with what it says of the release.
func asHelm(o kube.Object, spec AppSpec) kube.Object {
	namespace := o.Namespace()
	if namespace == "" && !kube.ClusterScoped(o.APIVersion(), o.Kind()) {
		namespace = spec.Namespace
	}
	return o.Marked(namespace, map[string]string{kube.LabelManagedBy: "Helm"},
		map[string]string{"meta.helm.sh/release-name": spec.Name, "meta.helm.sh/release-namespace": spec.Namespace})
}

// reapplied is what applying an object once more would change; nil if nothing.
func reapplied(ctx context.Context, c *kube.Cluster, o kube.Object) (*kube.Difference, error) {
	k := o.Key()
	is, wouldBe, err := c.TryAs(ctx, kube.HelmManager, o)
	if gone := kube.GoneBy(k, err); gone != nil {
		return gone, nil
	}
	switch code := kube.CodeOf(err); {
	case err == nil && is == nil:
		return &kube.Difference{Object: k, Gone: true}, nil
	case code == kube.Invalid || code == kube.Conflict: // it was changed in what can't be changed back
		return &kube.Difference{Object: k, Detail: err.(*kube.Error).Message}, nil
	case code == kube.Unavailable || is == nil:
		return nil, err
	}
	detail := kube.DescribeChange(is, wouldBe)
	if err != nil { // by a policy, or for the quota: it may be as it was all the same
		if detail = kube.Lacks(is, o); detail != "" {
			detail += ", and to apply it again is refused: " + err.Error()
		}
	}
	if detail != "" {
		return &kube.Difference{Object: k, Detail: detail}, nil
	}
	return nil, nil
}
