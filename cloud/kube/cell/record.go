package cell

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Record is what the applications of a cell read of a tenant, in a ConfigMap.
type Record struct {
	Namespace string
	Name      string
	Customer  string
	Tenant    string
	Owner     string // the tenant's uid
	Revision  uint64
	Data      map[string]string
}

// EnsureRecord makes the record what it is to be. One of another tenant, or of a newer revision, is a conflict.
func EnsureRecord(ctx context.Context, api kube.API, r Record) error {
	return r.apply(ctx, api, kube.ApplyGuarded)
}

// ChangeRecord makes a record that is there what it is to be, as EnsureRecord does. One that is not there is NotFound and is not made.
func ChangeRecord(ctx context.Context, api kube.API, r Record) error {
	return r.apply(ctx, api, kube.ChangeGuarded)
}

func (r Record) apply(ctx context.Context, api kube.API, apply func(context.Context, kube.API, kube.Object, uint64) (bool, error)) error {
	there, err := kube.Find(ctx, api, r.key())
	if err == nil && there != nil && there.Labels()[kube.LabelOwner] != r.Owner {
		err = kube.Taken("ensure record", r.key(), there)
	}
	if err != nil {
		return err
	}
	_, err = apply(ctx, api, r.object(), r.Revision)
	return err
}

// FindRecord reads a record; nil if there is none. One of another tenant is a conflict.
func FindRecord(ctx context.Context, api kube.API, namespace, name, owner string) (kube.Object, error) {
	k := Record{Namespace: namespace, Name: name}.key()
	o, err := kube.Find(ctx, api, k)
	if err == nil && o != nil && o.Labels()[kube.LabelOwner] != owner {
		err = kube.Taken("read record", k, o)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// RecordState is what a record says of its state; empty if there is none. One of another tenant is a conflict.
func RecordState(ctx context.Context, api kube.API, namespace, name, owner string) (state string, err error) {
	o, err := FindRecord(ctx, api, namespace, name, owner)
	return kube.StringOf(kube.MapOf(o["data"])["state"]), err
}

// RemoveRecord deletes the record, if it is this owner's and no newer revision of it was applied: then it is that of a later stay.
// The absent is success.
func RemoveRecord(ctx context.Context, api kube.API, r Record) error {
	return kube.DeleteIf(ctx, api, r.key(), func(there kube.Object) (bool, error) {
		return there.Labels()[kube.LabelOwner] == r.Owner && !kube.IsNewer(there, r.Revision), nil
	})
}

// RecordDrift says how the record differs from what it is to be.
func RecordDrift(ctx context.Context, api kube.API, r Record) ([]kube.Difference, error) {
	return kube.Drift(ctx, api, []kube.Object{r.object()})
}

func (r Record) key() kube.Key {
	return kube.Key{APIVersion: "v1", Kind: "ConfigMap", Namespace: r.Namespace, Name: r.Name}
}

func (r Record) object() kube.Object {
	labels := map[string]string{kube.LabelManagedBy: kube.Manager, kube.LabelCustomer: r.Customer, kube.LabelTenant: r.Tenant,
		kube.LabelOwner: r.Owner}
	o := kube.NewObject("v1", "ConfigMap", r.Namespace, r.Name, nil).Marked("", labels,
		kube.AtRevision(r.Revision))
	o["data"] = kube.FieldsOf(r.Data)
	return o
}
