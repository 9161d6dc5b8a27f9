// Package tenant is what a tenant has in its dataplane: its namespace with its quota, limits, network policies, rights and
// priority class, and what the dataplane has first for all of them. It is not what runs there: that is in release.
//
// Begin with Ensure and Objects. Different namespaces may be worked on at once; two that work on the same one do not
// harm each other, for the older revision is refused. After a crash Ensure, Delete and SweepClasses are called again and
// go on from what is there: nothing is kept beside the cluster.
package tenant

import (
	"context"
	"errors"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// Spec is what a tenant gets in its dataplane.
type Spec struct {
	Namespace string
	Customer  string
	Tenant    string
	Owner     string // the tenant's uid; a namespace of another uid is never touched
	Plan      string
	Cell      string // the value of its label; empty: it is in none
	Infra     string // the tenant infra on whose machines its pods run; empty: they say that themselves
	Stay      string // which stay of the tenant it is; empty: it began before stays had names
	Revision  uint64 // of the wish; a namespace of a newer revision refuses an older one
	Closed    bool   // nobody outside of it is let in
	Asleep    bool   // no pod may begin in it

	Quota         Quota
	DefaultCPU    string // limit and request of a container that says none
	DefaultMemory string
	Priority      int // of its pods; see PriorityClass

	Isolation       bool     // deny ingress from other namespaces
	EgressDeny      bool     // with Isolation: egress only to DNS, its own namespace, AllowNamespaces and AllowRanges
	AllowNamespaces []string // namespaces that may talk with it in spite of Isolation, if they are of no other cell
	AllowRanges     []string // address ranges that it may talk to in spite of EgressDeny
}

// Quota bounds a tenant's namespace.
type Quota = policy.Quota

// Ensure makes the tenant's namespace what the spec says and returns how many objects changed or went. A
// namespace of another uid, or of a newer revision, is a conflict and is not touched; one that is still terminating is
// unavailable: wait for its end. What the spec no longer wants (isolation switched off, a quota lifted) is deleted. A
// namespace of an older stay of the same tenant becomes that of this one: its revision says that this is the later.
func Ensure(ctx context.Context, api kube.API, spec Spec) (changed int, err error) {
	return spec.ensure(ctx, api, kube.ApplyNamespace)
}

// Change makes a namespace that is there what the spec says, as Ensure does. One that is not there is NotFound, and nothing is made:
// it is for what a call that comes late, when the tenant has left, must not make again.
func Change(ctx context.Context, api kube.API, spec Spec) error {
	_, err := spec.ensure(ctx, api, kube.ChangeNamespace)
	return err
}

// applyNamespace is kube.ApplyNamespace, or kube.ChangeNamespace.
type applyNamespace func(ctx context.Context, api kube.API, op string, ns kube.Object, owner string, revision uint64) (
	changed, made bool, err error)

func (s Spec) ensure(ctx context.Context, api kube.API, apply applyNamespace) (changed int, err error) {
	if err := s.validate(); err != nil {
		return 0, err
	}
	wanted := Objects(s)
	did, made, err := apply(ctx, api, "ensure tenant", wanted[0], s.Owner, s.Revision)
	if err != nil {
		return 0, err
	}
	changed = count(did)
	if err := ensureClass(ctx, api, PriorityClass(s.Priority)); err != nil { // after the namespace, which names it: see SweepClasses
		return changed, err
	}
	for _, o := range wanted[1:] {
		did, err := kube.ApplyGuarded(ctx, api, o, s.Revision)
		if err != nil {
			return changed, err
		}
		changed += count(did)
	}
	if made {
		return changed, nil
	}
	gone, err := dropUnwanted(ctx, api, s.Namespace, wanted)
	return changed + gone, err
}

// Stay is one stay of a tenant in a cluster, as who ends it knows it.
type Stay struct {
	Namespace string
	Owner     string // the tenant's uid
	Name      string // empty: it began before stays had names
	Revision  uint64 // of the wish that it ends
}

// ErrOtherStay says that the namespace is of another stay of the same tenant, or newer: nothing of what was meant is there.
var ErrOtherStay = errors.New("it is of another stay of the tenant")

// Delete deletes the namespace of a stay, that of its move's programs, and all in them. They are gone when a Get says so. The absent is
// success. A namespace of another uid is a conflict and is not touched, nor is that of another stay, or one to which a newer
// revision was applied: these are ErrOtherStay. Where somebody changes it meanwhile all of that is asked again, so that a
// call that comes late never takes what was made since.
func Delete(ctx context.Context, api kube.API, stay Stay) error {
	programs, k := kube.NamespaceKey(ProgramsNamespace(stay.Namespace)), kube.NamespaceKey(stay.Namespace)
	err := kube.DeleteIf(ctx, api, programs, func(there kube.Object) (bool, error) { return stay.owns(programs, there) == nil, nil })
	if err != nil {
		return err
	}
	return kube.DeleteIf(ctx, api, k, func(there kube.Object) (bool, error) {
		err := stay.owns(k, there)
		return err == nil, err
	})
}

// owns refuses a namespace that is not this stay's to delete. One that says no stay is of any.
func (s Stay) owns(k kube.Key, there kube.Object) error {
	switch is := there.Labels()[kube.LabelStay]; {
	case there.Labels()[kube.LabelOwner] != s.Owner:
		return kube.Taken("delete tenant", k, there)
	case is != "" && is != s.Name:
		return otherStay(k, "it is of another stay of the tenant, "+is)
	case kube.IsNewer(there, s.Revision):
		return otherStay(k, "a newer revision was applied")
	}
	return nil
}

func otherStay(k kube.Key, why string) error {
	return &kube.Error{Code: kube.Conflict, Op: "delete tenant", Object: k.String(), Message: why, Err: ErrOtherStay}
}

func (s Spec) validate() error {
	k := kube.NamespaceKey(s.Namespace)
	if !kube.IsLabel(s.Namespace) {
		return kube.Fail(kube.Invalid, "ensure tenant", k, "the namespace is no RFC 1123 label")
	}
	if s.Owner == "" {
		return kube.Fail(kube.Invalid, "ensure tenant", k, "the owner is missing")
	}
	for _, v := range []string{s.Customer, s.Tenant, s.Owner, s.Plan, s.Cell, s.Stay, s.Infra} {
		if !kube.IsLabelValue(v) {
			return kube.Fail(kube.Invalid, "ensure tenant", k, v+" cannot be the value of a label")
		}
	}
	return nil
}

func dropUnwanted(ctx context.Context, api kube.API, namespace string, wanted []kube.Object) (gone int, err error) {
	extra, err := unwanted(ctx, api, namespace, wanted)
	if err != nil {
		return 0, err
	}
	for _, k := range extra {
		if err := kube.Delete(ctx, api, k); err != nil {
			return gone, err
		}
		gone++
	}
	return gone, nil
}

// unwanted are those of our objects that are there and that the spec does not want.
func unwanted(ctx context.Context, api kube.API, namespace string, wanted []kube.Object) (extra []kube.Key, err error) {
	want := map[kube.Key]bool{}
	for _, o := range wanted {
		want[o.Key()] = true
	}
	for _, k := range optional(namespace) {
		if want[k] {
			continue
		}
		there, err := kube.Find(ctx, api, k)
		if err != nil {
			return nil, err
		}
		if there != nil {
			extra = append(extra, k)
		}
	}
	return extra, nil
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
