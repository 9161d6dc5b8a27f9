// Package cell is what a cell of a multi-tenant plan has in its cluster: a namespace with who installs there, and in it a
// record of each tenant, which the applications of the cell read. It is not those applications: they are in release.
//
// Begin with Ensure and EnsureRecord. Each may be called again and again, and for different cells and tenants at once: of two
// that work on the same the older revision is refused. After a crash the next call goes on from what is there: nothing is
// kept beside the cluster. What carries another owner's uid is never touched.
package cell

import (
	"context"
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// Spec is the namespace of a cell.
type Spec struct {
	Namespace string
	Label     string // the value of the label that names the cell
	Infra     string // on whose machines its pods run; empty: as older releases made it
	Customer  string // whose the dataplane is; empty: the platform's
	Owner     string // the cell's uid
	Mark      string // the cell's owner mark, which says its name
	Quota     policy.Quota
	// DefaultCPU and DefaultMemory are the limits and requests of containers that set none; empty: none.
	DefaultCPU, DefaultMemory string
	Revision                  uint64
}

// guardPolicy keeps the pods of other cells out.
const guardPolicy = "aerie-allow-cell"

// Ensure makes the cell's namespace, who may install there, and what keeps other cells out. A namespace that is there and not
// this cell's is a conflict and is not touched.
func Ensure(ctx context.Context, api kube.API, spec Spec) error {
	objects := spec.objects()
	if !kube.IsLabel(spec.Namespace) || spec.Owner == "" || !kube.IsLabelValue(spec.Owner) || !kube.IsLabelValue(spec.Label) {
		return kube.Fail(kube.Invalid, "ensure cell", objects[0].Key(), "the namespace must be an RFC 1123 label, owner and cell a label's value")
	}
	if _, _, err := kube.ApplyNamespace(ctx, api, "ensure cell", objects[0], spec.Owner, spec.Revision); err != nil {
		return err
	}
	for _, o := range objects[1:] {
		if _, err := kube.ApplyGuarded(ctx, api, o, spec.Revision); err != nil {
			return err
		}
	}
	return spec.unbind(ctx, api, objects)
}

// unbind takes away what bounded the namespace by an earlier wish, and no longer does by this one.
func (s Spec) unbind(ctx context.Context, api kube.API, wanted []kube.Object) error {
	for _, k := range policy.BoundKeys(s.Namespace) {
		if slices.ContainsFunc(wanted, func(o kube.Object) bool { return o.Key() == k }) {
			continue
		}
		err := kube.DeleteIf(ctx, api, k, func(there kube.Object) (bool, error) {
			return there.Labels()[kube.LabelOwner] == s.Owner && !kube.IsNewer(there, s.Revision), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Remove deletes the cell's namespace and all in it, if it is this owner's. It is gone when the namespace is; the absent is
// success.
func Remove(ctx context.Context, api kube.API, namespace, owner string) error {
	return kube.DeleteOwn(ctx, api, kube.NamespaceKey(namespace), owner)
}

// Drift says how the cell's namespace differs from what Ensure makes.
func Drift(ctx context.Context, api kube.API, spec Spec) ([]kube.Difference, error) {
	return kube.Drift(ctx, api, spec.objects())
}

// objects are all objects of a cell's own, the namespace first.
func (s Spec) objects() []kube.Object {
	level := map[string]string{kube.LabelPodSecurity: "baseline", kube.LabelPodWarn: "restricted", kube.LabelCell: s.Label}
	if s.Infra != "" {
		level[kube.LabelTenantInfra] = s.Infra
	}
	ns := kube.NewObject("v1", "Namespace", "", s.Namespace, nil).Marked("", level, map[string]string{kube.AnnotationMark: s.Mark})
	binding := policy.BindInstaller(kube.NewObject(kube.RBACAPI, "RoleBinding", s.Namespace, policy.InstallerAccount, nil), s.Namespace)
	bounds := policy.Bounds(s.Namespace, s.Quota.Hard(), s.DefaultCPU, s.DefaultMemory)
	objects := append([]kube.Object{ns}, bounds...) // first, so that nothing runs unbounded
	objects = append(objects, s.guard(), policy.ServiceAccount(s.Namespace, policy.InstallerAccount), binding)
	labels := map[string]string{kube.LabelManagedBy: kube.Manager, kube.LabelOwner: s.Owner}
	return kube.MarkAll(objects, labels, s.Customer, s.Revision)
}

// guard lets in the pods of this cell, and those of namespaces that are in none, such as an ingress controller's.
func (s Spec) guard() kube.Object {
	from := func(expression map[string]any) any {
		return map[string]any{"namespaceSelector": map[string]any{"matchExpressions": []any{expression}}}
	}
	return kube.NewObject(kube.NetworkingAPI, "NetworkPolicy", s.Namespace, guardPolicy, map[string]any{
		"podSelector": map[string]any{}, "policyTypes": []any{"Ingress"},
		"ingress": []any{map[string]any{"from": []any{
			from(map[string]any{"key": kube.LabelCell, "operator": "In", "values": []any{s.Label}}),
			from(map[string]any{"key": kube.LabelCell, "operator": "DoesNotExist"}),
		}}},
	})
}
