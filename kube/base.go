package kube

import (
	"context"
	"slices"
)

// SystemNamespace holds what belongs to the dataplane itself.
const SystemNamespace = "aerie-system"

const (
	// installerKinds is the role of the whole cluster that every tenant's installer has in its own namespace, beside its
	// own one: that of the kinds which addons bring along. The cluster puts it together from the roles with the label.
	installerKinds = "aerie:installer"
	// LabelInstaller is "true" on the cluster roles of an addon that says what tenants may make of its kinds.
	LabelInstaller = "aerie.io/aggregate-to-installer"
)

// EnsureBase gives a new dataplane what each has first: the namespace aerie-system with the owner's mark, by which
// another aerie, or the same dataplane under another uid, is kept out, and the role of the kinds that addons bring along.
// Changed says whether any of it was new.
func EnsureBase(ctx context.Context, api API, owner string) (changed bool, err error) {
	for _, o := range baseObjects(owner) {
		k := o.Key()
		there, err := find(ctx, api, k)
		switch {
		case err != nil:
			return changed, err
		case there.Terminating():
			return changed, fail(Unavailable, "ensure base", k, "it is still terminating")
		case there != nil && there.Annotations()[AnnotationMark] != owner:
			return changed, taken("ensure base", k, there)
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
func RemoveBase(ctx context.Context, api API, owner string) error {
	there, err := find(ctx, api, namespaceKey(SystemNamespace))
	if err != nil || there == nil || there.Annotations()[AnnotationMark] != owner {
		return err
	}
	keys, err := classes(ctx, api)
	if err != nil {
		return err
	}
	for _, o := range slices.Backward(baseObjects(owner)) { // the namespace last: while it is there, we are asked again
		keys = append(keys, o.Key())
	}
	for _, k := range keys {
		if err := remove(ctx, api, k); err != nil {
			return err
		}
	}
	return nil
}

// baseObjects are all objects of a dataplane's own, the namespace first.
func baseObjects(owner string) []Object {
	ns := object("v1", "Namespace", "", SystemNamespace, nil)
	role := object(rbacAPI, "ClusterRole", "", installerKinds, nil)
	role["aggregationRule"] = map[string]any{"clusterRoleSelectors": []any{
		map[string]any{"matchLabels": map[string]any{LabelInstaller: "true"}}}}
	objects := []Object{ns, role}
	for i, o := range objects {
		objects[i] = o.marked("", map[string]string{LabelManagedBy: manager}, map[string]string{AnnotationMark: owner})
	}
	return objects
}
