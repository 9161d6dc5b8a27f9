package tenant

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// lastApplied is the annotation in which kubectl keeps a whole Secret once more.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Follows tells whether an object is a Secret that follows its tenant to another cluster: it is labelled aerie.io/follow, other than
// "false". What an application brings along by itself does not, nor what Kubernetes or Helm keep for themselves.
func Follows(o kube.Object) bool {
	l := o.Labels()
	says, labelled := l[kube.LabelFollow]
	switch {
	case o.Kind() != "Secret", !labelled, says == "false", l[kube.LabelApplication] != "", l["owner"] == "helm":
		return false
	case o["type"] == "kubernetes.io/service-account-token", strings.HasPrefix(o.Name(), kube.InventoryPrefix):
		return false
	}
	return true
}

// Following reads the Secrets of a namespace that follow their tenant, by name.
func Following(ctx context.Context, api kube.API, namespace string) (all []kube.Object, err error) {
	named, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Brief: true}) // Helm's may be large
	if err != nil {
		return nil, err
	}
	for _, o := range named {
		if _, labelled := o.Labels()[kube.LabelFollow]; !labelled {
			continue
		}
		whole, err := kube.Find(ctx, api, kube.Key{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: o.Name()})
		if err != nil {
			return nil, err
		}
		if whole != nil && Follows(whole) && !whole.Terminating() {
			all = append(all, whole)
		}
	}
	slices.SortFunc(all, func(a, b kube.Object) int { return strings.Compare(a.Name(), b.Name()) })
	return all, nil
}

// Follow makes the Secrets that have followed a tenant into a place what they are where it was, and removes those that are there no
// more. The place is one that stands by: in one that has opened, or that is another stay's, a call that comes late changes nothing.
func Follow(ctx context.Context, api kube.API, spec Spec, secrets []kube.Object) error {
	if err := spec.current(ctx, api); err != nil {
		return err
	}
	if err := StandBy(ctx, api, spec); err != nil { // its revision refuses those who come late
		return err
	}
	here := map[string]bool{}
	for _, o := range secrets {
		here[o.Name()] = true
		if err := spec.carry(ctx, api, spec.carried(o)); err != nil {
			return err
		}
	}
	came, err := Following(ctx, api, spec.Namespace)
	for _, o := range came {
		if err == nil && !here[o.Name()] {
			err = kube.DeleteIf(ctx, api, o.Key(), func(there kube.Object) (bool, error) { return spec.brought(there), spec.current(ctx, api) })
		}
	}
	return err
}

// carried is a Secret as it is to be where its tenant goes: the tenant's own still. It says by which wish it came.
func (s Spec) carried(o kube.Object) kube.Object {
	annotations := o.Annotations()
	delete(annotations, lastApplied)
	c := kube.NewObject("v1", "Secret", s.Namespace, o.Name(), nil).Marked("", o.Labels(), annotations).
		Marked("", nil, kube.AtRevision(s.Revision))
	for _, field := range []string{"type", "data", "immutable"} {
		if v, has := o[field]; has {
			c[field] = v
		}
	}
	return c
}

// carry applies a Secret over what is there of it. One that can't be changed in place is made anew.
func (s Spec) carry(ctx context.Context, api kube.API, o kube.Object) error {
	_, err := kube.Guarded(func() (bool, error) {
		there, err := kube.Find(ctx, api, o.Key())
		if err != nil {
			return false, err
		}
		if kube.IsNewer(there, s.Revision) {
			return false, kube.Fail(kube.Conflict, "follow", o.Key(), "a newer revision was applied")
		}
		if err := s.current(ctx, api); err != nil { // after it was read: what is written over is what was there before it was open
			return false, err
		}
		if fixed(there, o) {
			if err := api.DeleteUnchanged(ctx, there); err != nil && kube.CodeOf(err) != kube.NotFound {
				return false, err
			}
			there = nil
		}
		return kube.ApplyOver(ctx, api, o, kube.StringOf(there.Metadata()["resourceVersion"]))
	})
	return err
}

// fixed tells whether Kubernetes would not let a Secret become what it is to be.
func fixed(there, o kube.Object) bool {
	const plain = "Opaque"
	typeOf := func(s kube.Object) string {
		if t := kube.StringOf(s["type"]); t != "" {
			return t
		}
		return plain
	}
	return there != nil && (typeOf(there) != typeOf(o) || there["immutable"] == true &&
		(o["immutable"] != true || !reflect.DeepEqual(there["data"], o["data"])))
}

// brought tells whether a Secret has followed its tenant into a place by this wish or one before.
func (s Spec) brought(o kube.Object) bool {
	return Follows(o) && o.Annotations()[kube.AnnotationRevision] != "" && !kube.IsNewer(o, s.Revision)
}
