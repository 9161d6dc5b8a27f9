// Package release is what is installed in a cluster: applications in tenants' namespaces, addons in their own, and what of
// both differs from what was applied. It does not run Helm: that is in helm; it reads what Helm has left there.
//
// Begin with EnsureApplication, which also prunes, then ListOwned for what is there at all. Different applications may be
// worked on at once; of two that work on the same one the older revision is refused. What an application has applied stands
// in a ConfigMap beside it, written before the objects and again after the pruning: wherever a crash falls, the list
// names at least what is there, and the next call goes on from it.
package release

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// AppSpec is one application of a tenant, as plain manifests.
type AppSpec struct {
	Namespace string
	Name      string
	Owner     string // the application's uid
	Revision  uint64 // of the wish; what a newer one applied refuses an older one
	Objects   []kube.Object
	Pods      kube.PodDefaults
	Terms     policy.Terms
	Sealed    bool // each object says what it was applied as: nobody can make it again to compare, as of a chart in a cluster that only stores
}

// EnsureApplication makes the application's objects those of the spec and returns the names of what it applied, as
// kind/name. What an earlier revision applied and this one no longer has is deleted; with no objects all goes. Wrong
// objects are refused before anything is sent (see policy.CheckObjects). An object of that name that is not this
// application's is a conflict and is not touched. A tenant's objects are applied as its namespace's installer, who may
// not everything; what carries our marks is deleted with our own rights, so that a removal never lacks any.
//
// What it has applied is kept in a ConfigMap beside it, written before the objects and again after the pruning: it
// always names at least what is there, wherever a crash falls.
func EnsureApplication(ctx context.Context, api kube.API, spec AppSpec) ([]string, error) {
	spec = spec.asWish()
	if err := spec.validate(); err != nil {
		return nil, err
	}
	as, err := spec.installer(api)
	if err != nil {
		return nil, err
	}
	had, want := inventory{}, spec.keys()
	_, err = kube.Guarded(func() (changed bool, err error) {
		if had, err = readInventory(ctx, api, spec); err != nil || had.version == "" && len(want) == 0 {
			return false, err
		}
		return writeInventory(ctx, as, spec, union(want, had.keys), had.version)
	})
	if err != nil || had.version == "" && len(want) == 0 {
		return nil, err
	}
	applied, err := applyAll(ctx, as, spec)
	if err != nil {
		return applied, err
	}
	if err := prune(ctx, api, spec, had.keys, want); err != nil {
		return applied, err
	}
	if len(want) == 0 {
		return nil, kube.Delete(ctx, api, spec.inventoryKey())
	}
	_, err = writeInventory(ctx, api, spec, want, "")
	return applied, err
}

// RemoveApplication deletes what the application has applied: what the list beside it names, and, should somebody have
// deleted that, those of the spec's objects that are its own.
func RemoveApplication(ctx context.Context, api kube.API, spec AppSpec) error {
	known := spec.keys()
	spec.Objects = nil
	if _, err := EnsureApplication(ctx, api, spec); err != nil {
		return err
	}
	if err := removeSecretMark(ctx, api, spec); err != nil {
		return err
	}
	return prune(ctx, api, spec, known, nil)
}

// asWish is the spec with its objects as they are applied.
func (s AppSpec) asWish() AppSpec {
	objects := make([]kube.Object, len(s.Objects))
	for i, o := range s.Objects {
		objects[i] = o.AsWish()
	}
	s.Objects = objects
	return s
}

// installer is the API as who applies the spec's objects has it: a tenant's its namespace's installer.
func (s AppSpec) installer(api kube.API) (kube.API, error) {
	if len(s.Objects) == 0 {
		return api, nil
	}
	if s.Terms == policy.AsAddon {
		return policy.Installer(api, api, s.Namespace), nil
	}
	as, err := api.As(s.Namespace, policy.InstallerAccount)
	return policy.Installer(as, api, s.Namespace), err
}

func (s AppSpec) validate() error {
	k := kube.Key{Kind: "application", Namespace: s.Namespace, Name: s.Name}
	if !kube.IsLabel(s.Namespace) || !kube.IsLabel(s.Name) || !kube.IsLabelValue(s.Owner) || s.Owner == "" {
		return kube.Fail(kube.Invalid, "ensure application", k, "namespace and name must be RFC 1123 labels, owner a label's value")
	}
	if faults := policy.CheckObjectsIn(s.Objects, s.Namespace, s.Terms); len(faults) > 0 {
		return kube.Fail(kube.Invalid, "ensure application", k, faults[0].String())
	}
	return nil
}

func (s AppSpec) keys() []kube.Key {
	keys := make([]kube.Key, len(s.Objects))
	for i, o := range s.Objects {
		keys[i] = o.Key()
		keys[i].Namespace = s.home(o)
	}
	return keys
}

// home is the namespace of one of the objects; none, if it is of the whole cluster.
func (s AppSpec) home(o kube.Object) string {
	if s.Terms != policy.AsAddon {
		return s.Namespace
	}
	if kube.ClusterScoped(o.APIVersion(), o.Kind()) {
		return ""
	}
	return cmp.Or(o.Namespace(), s.Namespace)
}

// reaches tells whether the application may have something in a namespace, or, where that is empty, of the whole cluster.
func (s AppSpec) reaches(namespace string) bool {
	return namespace == s.Namespace || s.Terms == policy.AsAddon && policy.OutsideFault(namespace) == ""
}

func applyAll(ctx context.Context, api kube.API, spec AppSpec) (applied []string, err error) {
	for i, k := range spec.keys() {
		there, err := kube.Find(ctx, api, k)
		if err != nil {
			return applied, err
		}
		if there != nil && there.Labels()[kube.LabelApplication] != spec.Name {
			return applied, kube.Fail(kube.Conflict, "apply", k, "it is there and not of application "+spec.Name)
		}
		o := spec.Pods.In(spec.Objects[i]).Marked(k.Namespace, spec.labels(), spec.annotations())
		if spec.Sealed {
			if o, err = sealed(o); err != nil {
				return applied, kube.Fail(kube.Invalid, "apply", k, err.Error())
			}
		}
		if _, err := kube.ApplyGuarded(ctx, api, o, spec.Revision); err != nil {
			return applied, err
		}
		applied = append(applied, k.Kind+"/"+k.Name)
	}
	return applied, nil
}

// prune deletes what the application had and no longer wants, last applied first, but for what says that it stays. The
// label is asked again: who edits the inventory by hand cannot make us delete another's objects.
func prune(ctx context.Context, api kube.API, spec AppSpec, had, want []kube.Key) error {
	for _, k := range slices.Backward(had) {
		if !spec.reaches(k.Namespace) || contains(want, k) {
			continue
		}
		there, err := kube.Find(ctx, api, k)
		if err != nil {
			return err
		}
		if there == nil || there.Labels()[kube.LabelApplication] != spec.Name || there.Labels()[kube.LabelOwner] != spec.Owner || kept(there) {
			continue
		}
		if err := kube.Delete(ctx, api, k); err != nil {
			return err
		}
	}
	return nil
}

func (s AppSpec) labels() map[string]string {
	return map[string]string{kube.LabelManagedBy: kube.Manager, kube.LabelApplication: s.Name, kube.LabelOwner: s.Owner}
}

func (s AppSpec) annotations() map[string]string {
	return kube.AtRevision(s.Revision)
}

func union(a, b []kube.Key) []kube.Key {
	all := slices.Clone(a)
	for _, k := range b {
		if !contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

func contains(keys []kube.Key, k kube.Key) bool {
	return slices.ContainsFunc(keys, func(other kube.Key) bool { return other.Identity() == k.Identity() })
}

// annotationPolicy is Helm's annotation of what stays when its release no longer has it or is removed.
const annotationPolicy = "helm.sh/resource-policy"

// kept says whether an object stays though nobody wants it any more. Whoever installs under its application's name again
// gets it back.
func kept(o kube.Object) bool {
	return strings.ToLower(strings.TrimSpace(o.Annotations()[annotationPolicy])) == "keep"
}
