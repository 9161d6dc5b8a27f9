package tenant

import (
	"context"
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// EnsureBase gives a new dataplane what each has first: the namespace aerie-system with the owner's mark, by which
// another aerie, or the same dataplane under another uid, is kept out, the role of the kinds that addons bring along, and,
// where the cluster serves such, the policy that brings tenants' pods to their machines. Changed says whether any of it was
// new.
func EnsureBase(ctx context.Context, api kube.API, owner string) (changed bool, err error) {
	landing, err := servesLanding(ctx, api)
	if err != nil {
		return false, err
	}
	for _, o := range baseObjects(owner, landing) {
		k := o.Key()
		there, err := kube.Find(ctx, api, k)
		switch {
		case err != nil:
			return changed, err
		case there.Terminating():
			return changed, kube.Fail(kube.Unavailable, "ensure base", k, "it is still terminating")
		case there != nil && there.Annotations()[kube.AnnotationMark] != owner:
			return changed, kube.Taken("ensure base", k, there)
		}
		did, err := api.Apply(ctx, o)
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	return changed, nil
}

// RemoveBase takes away what EnsureBase gave, and the priority classes, if it was given to this owner: of a cluster that
// stays when the dataplane goes. It does not wait until it is gone.
func RemoveBase(ctx context.Context, api kube.API, owner string) error {
	there, err := kube.Find(ctx, api, kube.NamespaceKey(kube.SystemNamespace))
	if err != nil || there == nil || there.Annotations()[kube.AnnotationMark] != owner {
		return err
	}
	keys, err := classes(ctx, api)
	if err != nil {
		return err
	}
	for _, o := range slices.Backward(baseObjects(owner, true)) { // the namespace last: while it is there, we are asked again
		keys = append(keys, o.Key())
	}
	for _, k := range keys {
		if err := kube.Delete(ctx, api, k); err != nil {
			return err
		}
	}
	return nil
}

// baseObjects are all objects of a dataplane's own, the namespace first; it says whether there is the policy.
func baseObjects(owner string, landing bool) []kube.Object {
	ns := kube.NewObject("v1", "Namespace", "", kube.SystemNamespace, nil)
	role := kube.NewObject(kube.RBACAPI, "ClusterRole", "", policy.InstallerKinds, nil)
	role["aggregationRule"] = map[string]any{"clusterRoleSelectors": []any{
		map[string]any{"matchLabels": map[string]any{kube.LabelInstaller: "true"}}}}
	objects := []kube.Object{ns, role}
	if landing {
		objects[0] = ns.Marked("", nil, map[string]string{kube.AnnotationLanding: landingPolicy})
		objects = append(objects, landingObjects()...)
	}
	for i, o := range objects {
		objects[i] = o.Marked("", map[string]string{kube.LabelManagedBy: kube.Manager}, map[string]string{kube.AnnotationMark: owner})
	}
	return objects
}

// BaseDrift says how what every dataplane has first differs from what EnsureBase makes.
// Where it has never made the policy, as for a dataplane of before, that is missed by nobody.
func BaseDrift(ctx context.Context, api kube.API, owner string) ([]kube.Difference, error) {
	landing, err := LandsByPolicy(ctx, api)
	if err != nil {
		return nil, err
	}
	return kube.Drift(ctx, api, baseObjects(owner, landing))
}
