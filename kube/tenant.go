package kube

import (
	"context"
	"strconv"
)

// Labels and annotations of everything we make in a cluster.
const (
	LabelManagedBy     = "app.kubernetes.io/managed-by"
	LabelCustomer      = "aerie.io/customer"
	LabelTenant        = "aerie.io/tenant"
	LabelPlan          = "aerie.io/plan"
	LabelOwner         = "aerie.io/owner" // the uid of the entity it belongs to
	LabelApplication   = "aerie.io/application"
	AnnotationRevision = "aerie.io/revision" // the revision that applied it: an older one never overwrites it
	AnnotationMark     = "aerie.io/owner-mark"

	labelPodSecurity = "pod-security.kubernetes.io/enforce"
	labelPodWarn     = "pod-security.kubernetes.io/warn"
	manager          = "aerie"
)

// TenantSpec is what a tenant gets in its dataplane.
type TenantSpec struct {
	Namespace string
	Customer  string
	Tenant    string
	Owner     string // the tenant's uid; a namespace of another uid is never touched
	Plan      string
	Revision  uint64 // of the wish; a namespace of a newer revision refuses an older one

	Quota         Quota
	DefaultCPU    string // limit and request of a container that says none
	DefaultMemory string
	Priority      int // of its pods; see PriorityClass

	Isolation       bool     // deny ingress from other namespaces
	EgressDeny      bool     // with Isolation: egress only to DNS, its own namespace, AllowNamespaces and AllowRanges
	AllowNamespaces []string // namespaces that may talk with it in spite of Isolation
	AllowRanges     []string // address ranges that it may talk to in spite of EgressDeny
}

// Quota bounds a tenant's namespace. What is empty or zero is unbounded.
type Quota struct {
	CPU, Memory, Storage string
	Pods                 int
}

// EnsureTenant makes the tenant's namespace what the spec says and returns how many objects changed or went. A
// namespace of another uid, or of a newer revision, is a conflict and is not touched; one that is still terminating is
// unavailable: wait for its end. What the spec no longer wants (isolation switched off, a quota lifted) is deleted.
func EnsureTenant(ctx context.Context, api API, spec TenantSpec) (changed int, err error) {
	if err := spec.validate(); err != nil {
		return 0, err
	}
	wanted := TenantObjects(spec)
	did, err := applyNamespace(ctx, api, "ensure tenant", wanted[0], spec.Owner, spec.Revision)
	if err != nil {
		return 0, err
	}
	changed = count(did)
	if err := ensureClass(ctx, api, PriorityClass(spec.Priority)); err != nil { // after the namespace, which names it: see SweepClasses
		return changed, err
	}
	for _, o := range wanted[1:] {
		did, err := applyFenced(ctx, api, o, spec.Revision)
		if err != nil {
			return changed, err
		}
		changed += count(did)
	}
	gone, err := dropUnwanted(ctx, api, spec.Namespace, wanted)
	return changed + gone, err
}

// DeleteTenant deletes the tenant's namespace and all in it. It is gone when the namespace is: a Get says when. A
// namespace of another uid is a conflict and is not touched; the absent is success.
func DeleteTenant(ctx context.Context, api API, namespace, owner string) error {
	k := namespaceKey(namespace)
	there, err := find(ctx, api, k)
	if err != nil || there == nil {
		return err
	}
	if there.Labels()[LabelOwner] != owner {
		return taken("delete tenant", k, there)
	}
	return remove(ctx, api, k)
}

func (s TenantSpec) validate() error {
	k := namespaceKey(s.Namespace)
	if !isLabel(s.Namespace) {
		return fail(Invalid, "ensure tenant", k, "the namespace is no RFC 1123 label")
	}
	if s.Owner == "" {
		return fail(Invalid, "ensure tenant", k, "the owner is missing")
	}
	for _, v := range []string{s.Customer, s.Tenant, s.Owner, s.Plan} {
		if !isValue(v) {
			return fail(Invalid, "ensure tenant", k, v+" cannot be the value of a label")
		}
	}
	return nil
}

// applyNamespace makes a namespace, or writes over one that is ours to write.
func applyNamespace(ctx context.Context, api API, op string, ns Object, owner string, revision uint64) (changed bool, err error) {
	return fenced(func() (bool, error) {
		version, err := admitNamespace(ctx, api, op, ns.Name(), owner, revision)
		if err != nil {
			return false, err
		}
		return applyOver(ctx, api, ns, version)
	})
}

// admitNamespace decides whether the namespace is ours to write, and returns its resource version.
func admitNamespace(ctx context.Context, api API, op, namespace, owner string, revision uint64) (version string, err error) {
	k := namespaceKey(namespace)
	there, err := find(ctx, api, k)
	if err != nil || there == nil {
		return "", err
	}
	if there.Terminating() {
		return "", fail(Unavailable, op, k, "it is still terminating")
	}
	if there.Labels()[LabelOwner] != owner {
		return "", taken(op, k, there)
	}
	if newer(there, revision) {
		return "", fail(Conflict, op, k, "a newer revision was applied")
	}
	return text(there.metadata()["resourceVersion"]), nil
}

func dropUnwanted(ctx context.Context, api API, namespace string, wanted []Object) (gone int, err error) {
	extra, err := unwanted(ctx, api, namespace, wanted)
	if err != nil {
		return 0, err
	}
	for _, k := range extra {
		if err := remove(ctx, api, k); err != nil {
			return gone, err
		}
		gone++
	}
	return gone, nil
}

// unwanted are those of our objects that are there and that the spec does not want.
func unwanted(ctx context.Context, api API, namespace string, wanted []Object) (extra []Key, err error) {
	want := map[Key]bool{}
	for _, o := range wanted {
		want[o.Key()] = true
	}
	for _, k := range optional(namespace) {
		if want[k] {
			continue
		}
		there, err := find(ctx, api, k)
		if err != nil {
			return nil, err
		}
		if there != nil {
			extra = append(extra, k)
		}
	}
	return extra, nil
}

func taken(op string, k Key, there Object) error {
	owner := there.Labels()[LabelOwner]
	if owner == "" {
		owner = there.Annotations()[AnnotationMark]
	}
	return fail(Conflict, op, k, "it belongs to another: "+strconv.Quote(owner))
}

func namespaceKey(name string) Key { return Key{APIVersion: "v1", Kind: "Namespace", Name: name} }

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
