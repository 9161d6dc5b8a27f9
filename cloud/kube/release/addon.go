package release

import (
	"context"
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
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

// EnsureAddon makes the addon's namespace, and who installs it there: one who may all in the namespace, or where it is
// wide in the cluster. A namespace that is there and not this addon's is a conflict and is not touched.
func EnsureAddon(ctx context.Context, api kube.API, spec AddonSpec) error {
	objects := addonObjects(spec)
	if !kube.IsLabel(spec.Namespace) || spec.Owner == "" || !kube.IsLabelValue(spec.Owner) {
		return kube.Fail(kube.Invalid, "ensure addon", objects[0].Key(), "the namespace must be an RFC 1123 label, the owner a label's value")
	}
	if _, _, err := kube.ApplyNamespace(ctx, api, "ensure addon", objects[0], spec.Owner, spec.Revision); err != nil {
		return err
	}
	for _, o := range objects[1:] {
		there, err := kube.Find(ctx, api, o.Key())
		if err != nil {
			return err
		}
		if there != nil && there.Labels()[kube.LabelOwner] != spec.Owner {
			return kube.Taken("ensure addon", o.Key(), there)
		}
		if _, err := kube.ApplyGuarded(ctx, api, o, spec.Revision); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAddon deletes the addon's namespace with all in it, and what its installer was allowed. It is gone when the
// namespace is. What is another's is not touched; the absent is success.
func RemoveAddon(ctx context.Context, api kube.API, spec AddonSpec) error {
	for _, o := range slices.Backward(addonObjects(spec)) { // the namespace last: while it is there, it is asked again
		k := o.Key()
		if k.Namespace != "" { // it goes with the namespace
			continue
		}
		there, err := kube.Find(ctx, api, k)
		if err != nil {
			return err
		}
		if there == nil || there.Labels()[kube.LabelOwner] != spec.Owner {
			continue
		}
		if err := kube.Delete(ctx, api, k); err != nil {
			return err
		}
	}
	return nil
}

// AddonDrift says how the addon's namespace, and who installs there, differ from what EnsureAddon makes.
func AddonDrift(ctx context.Context, api kube.API, spec AddonSpec) ([]kube.Difference, error) {
	return kube.Drift(ctx, api, addonObjects(spec))
}

// addonObjects are all objects of an addon's own, the namespace first.
func addonObjects(spec AddonSpec) []kube.Object {
	level := "baseline"
	if spec.Wide { // it may be what networks and disks are made of
		level = "privileged"
	}
	ns := kube.NewObject("v1", "Namespace", "", spec.Namespace, nil).Marked("", map[string]string{kube.LabelPodSecurity: level}, nil)
	objects := []kube.Object{ns, policy.ServiceAccount(spec.Namespace, policy.InstallerAccount), spec.binding()}
	labels := map[string]string{kube.LabelManagedBy: kube.Manager, kube.LabelDataplane: spec.Dataplane,
		kube.LabelAddon: spec.Addon, kube.LabelOwner: spec.Owner}
	return kube.MarkAll(objects, labels, spec.Customer, spec.Revision)
}

// binding lets the installer do everything, where it may.
func (s AddonSpec) binding() kube.Object {
	o := kube.NewObject(kube.RBACAPI, "RoleBinding", s.Namespace, policy.InstallerAccount, nil)
	if s.Wide {
		o = kube.NewObject(kube.RBACAPI, "ClusterRoleBinding", "", "aerie:addon:"+s.Namespace, nil)
	}
	return policy.BindInstaller(o, s.Namespace)
}
