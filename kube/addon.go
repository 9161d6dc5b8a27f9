package kube

import (
	"context"
	"slices"
	"strconv"
)

// AddonSpec is the namespace that an addon gets.
type AddonSpec struct {
	Namespace string
	Dataplane string
	Addon     string
	Customer  string // whose the dataplane is; empty: the platform's
	Owner     string // the addon's uid; a namespace of another uid is never touched
	Revision  uint64
	Wide      bool // it may make what is of the whole cluster
}

// Labels of an addon's namespace.
const (
	LabelDataplane = "aerie.io/dataplane"
	LabelAddon     = "aerie.io/addon"
)

// EnsureAddon makes the addon's namespace, and who installs it there: one who may all in the namespace, or where it is
// wide in the cluster. A namespace that is there and not this addon's is a conflict and is not touched.
func EnsureAddon(ctx context.Context, api API, spec AddonSpec) error {
	objects := addonObjects(spec)
	if !isLabel(spec.Namespace) || spec.Owner == "" || !isValue(spec.Owner) {
		return fail(Invalid, "ensure addon", objects[0].Key(), "the namespace must be an RFC 1123 label, the owner a label's value")
	}
	if _, err := applyNamespace(ctx, api, "ensure addon", objects[0], spec.Owner, spec.Revision); err != nil {
		return err
	}
	for _, o := range objects[1:] {
		there, err := find(ctx, api, o.Key())
		if err != nil {
			return err
		}
		if there != nil && there.Labels()[LabelOwner] != spec.Owner {
			return taken("ensure addon", o.Key(), there)
		}
		if _, err := applyFenced(ctx, api, o, spec.Revision); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAddon deletes the addon's namespace with all in it, and what its installer was allowed. It is gone when the
// namespace is. What is another's is not touched; the absent is success.
func RemoveAddon(ctx context.Context, api API, spec AddonSpec) error {
	for _, o := range slices.Backward(addonObjects(spec)) { // the namespace last: while it is there, it is asked again
		k := o.Key()
		if k.Namespace != "" { // it goes with the namespace
			continue
		}
		there, err := find(ctx, api, k)
		if err != nil {
			return err
		}
		if there == nil || there.Labels()[LabelOwner] != spec.Owner {
			continue
		}
		if err := remove(ctx, api, k); err != nil {
			return err
		}
	}
	return nil
}

// AddonDrift says how the addon's namespace, and who installs there, differ from what EnsureAddon makes.
func AddonDrift(ctx context.Context, api API, spec AddonSpec) ([]Difference, error) {
	return drift(ctx, api, addonObjects(spec))
}

// addonObjects are all objects of an addon's own, the namespace first.
func addonObjects(spec AddonSpec) []Object {
	level := "baseline"
	if spec.Wide { // it may be what networks and disks are made of
		level = "privileged"
	}
	ns := object("v1", "Namespace", "", spec.Namespace, nil).marked("", map[string]string{labelPodSecurity: level}, nil)
	objects := []Object{ns, account(spec.Namespace, InstallerAccount), spec.binding()}
	labels := map[string]string{LabelManagedBy: manager, LabelDataplane: spec.Dataplane, LabelAddon: spec.Addon, LabelOwner: spec.Owner}
	if spec.Customer != "" {
		labels[LabelCustomer] = spec.Customer
	}
	for i, o := range objects {
		objects[i] = o.marked(o.Namespace(), labels, map[string]string{AnnotationRevision: strconv.FormatUint(spec.Revision, 10)})
	}
	return objects
}

// binding lets the installer do everything, where it may.
func (s AddonSpec) binding() Object {
	o := object(rbacAPI, "RoleBinding", s.Namespace, InstallerAccount, nil)
	if s.Wide {
		o = object(rbacAPI, "ClusterRoleBinding", "", "aerie:addon:"+s.Namespace, nil)
	}
	o["roleRef"] = map[string]any{"apiGroup": Group(rbacAPI), "kind": "ClusterRole", "name": "cluster-admin"}
	o["subjects"] = []any{accountSubject(s.Namespace, InstallerAccount)}
	return o
}
