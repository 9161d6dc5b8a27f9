// Package kube is the seam to one cluster's Kubernetes API: what an object is, what its errors mean, and how an object is
// applied so that an older revision never overwrites a newer one. It is not what aerie makes in a cluster: that is below,
// in tenant, release and policy, which use nothing of a cluster but API; memory is an API that only stores. It knows
// nothing of the rest of aerie, and no cloud needs it.
//
// Read API first, then Cluster, which is a real one, then Guarded in revision_guard.go. An API may be called by many at
// once; an Object is not changed after it was applied. After a crash every call may be repeated: nothing is kept here.
package kube

import (
	"context"
	"errors"
)

// API is one cluster's Kubernetes API, as little of it as we need. Every call may be repeated; every error is an *Error.
type API interface {
	// Apply makes the object what is given, replacing what this manager applied before under its key, and says whether
	// anything changed. A metadata.resourceVersion is a precondition: another version there is a conflict. What was given
	// may be kept as it is, so nobody changes it afterwards.
	Apply(ctx context.Context, o Object) (changed bool, err error)
	// Try says what an object is and what it would be if it were applied, both nil if it is not there, and changes nothing.
	// In both is left out what no wish is about: status, versions, and who set what.
	Try(ctx context.Context, o Object) (is, wouldBe Object, err error)
	// Get reads one object. The absent is not_found.
	Get(ctx context.Context, apiVersion, kind, namespace, name string) (Object, error)
	// ChangedBy is the name under which somebody else than aerie was the last to write to an object; "" if the cluster knows none.
	ChangedBy(ctx context.Context, k Key) (string, error)
	// List reads the objects of one kind, ordered by namespace and name.
	List(ctx context.Context, s Selector) ([]Object, error)
	// Delete removes one object; a namespace goes with all that is in it. Deleting the absent is success.
	Delete(ctx context.Context, apiVersion, kind, namespace, name string) error
	// DeleteUnchanged removes an object as Delete does if it is still the one that was read, at its resource version; any
	// other is a conflict.
	DeleteUnchanged(ctx context.Context, read Object) error
	// Cordon keeps new pods off a node, and notes there that we did; false takes back what we did, and only that. Cordoning the
	// absent is success.
	Cordon(ctx context.Context, node string, on bool) error
	// Evict asks for the end of a pod as the Eviction API does: what a disruption budget does not allow is Held. The absent
	// is success.
	Evict(ctx context.Context, namespace, pod string) error
	// As is the same API with the rights of a service account, and no others. One that knows no rights is itself.
	As(namespace, account string) (API, error)
}

// Selector says what List reads: one kind (both its fields are needed, as in Kubernetes), in one namespace or in all,
// with all the given labels.
type Selector struct {
	APIVersion string
	Kind       string
	Namespace  string
	Labels     map[string]string
	Node       string // of pods: only those on that node
	Brief      bool   // only the metadata are wanted: a real server sends no more
}

// Find is Get with the absent as nil. Of a kind that the cluster does not serve there is nothing.
func Find(ctx context.Context, api API, k Key) (Object, error) {
	o, err := api.Get(ctx, k.APIVersion, k.Kind, k.Namespace, k.Name)
	if CodeOf(err) == NotFound || errors.Is(err, ErrUnserved) {
		return nil, nil
	}
	return o, err
}

// Delete deletes the object of a key; the absent is success.
func Delete(ctx context.Context, api API, k Key) error {
	return api.Delete(ctx, k.APIVersion, k.Kind, k.Namespace, k.Name)
}
