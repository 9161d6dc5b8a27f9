package release

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/cell"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// Owned is something in a cluster that was made for somebody: a tenant's namespace, an application in it, or an addon with
// its namespace.
type Owned struct {
	Namespace   string
	Customer    string // empty: the platform
	Tenant      string
	Application string // empty: it is the tenant's namespace
	Dataplane   string // with Addon
	Addon       string // it is an addon
	Cell        string // the owner mark of the cell in whose namespace it is
	Record      string // of a tenant in a cell: its record, with the Jobs by which it came and goes, and what lets in those of its move
	Revision    string // of a record: by which it says what it does
	Owner       string // the uid of whom it was made for
	Stay        string // of a tenant's namespace: which of its stays it is; empty: it says none
}

// IsTenant says whether it is a tenant's namespace.
func (o Owned) IsTenant() bool { return o.Addon == "" && o.Application == "" && o.Cell == "" }

// ListOwned lists what tenants and addons have in a cluster, as far as it says for whom it was made. What is on its way
// out is left out.
func ListOwned(ctx context.Context, api kube.API) ([]Owned, error) {
	namespaces, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Namespace",
		Labels: map[string]string{kube.LabelManagedBy: kube.Manager}})
	if err != nil {
		return nil, err
	}
	var all []Owned
	tenants := map[string]Owned{}
	for _, n := range namespaces {
		l := n.Labels()
		o := Owned{Namespace: n.Name(), Customer: l[kube.LabelCustomer], Tenant: l[kube.LabelTenant],
			Dataplane: l[kube.LabelDataplane], Addon: l[kube.LabelAddon], Owner: l[kube.LabelOwner], Stay: l[kube.LabelStay]}
		if l[kube.LabelCell] != "" && o.Tenant == "" {
			o.Cell = n.Annotations()[kube.AnnotationMark]
		}
		if o.Owner == "" || n.Terminating() || o.Tenant == "" && o.Addon == "" && o.Cell == "" {
			continue
		}
		all = append(all, o)
		if o.Tenant != "" || o.Cell != "" {
			tenants[n.Name()] = o
		}
	}
	installed, err := listInstalled(ctx, api)
	if err != nil {
		return nil, err
	}
	for _, i := range installed {
		if o, ours := tenants[i.Namespace]; ours {
			o.Application, o.Owner, o.Stay = i.Application, i.Owner, ""
			all = append(all, o)
		}
	}
	records, err := listRecords(ctx, api, tenants)
	return append(all, records...), err
}

// IsMovePolicy tells whether it is the policy that lets the programs of a tenant's move into its cell.
func (o Owned) IsMovePolicy() bool { return strings.HasPrefix(o.Record, "NetworkPolicy/") }

// listRecords lists what tenants have in the namespaces of cells: records, Jobs without one, and what lets in the programs of a move.
func listRecords(ctx context.Context, api kube.API, in map[string]Owned) (all []Owned, err error) {
	if !slices.ContainsFunc(slices.Collect(maps.Values(in)), func(o Owned) bool { return o.Cell != "" }) {
		return nil, nil
	}
	seen := map[Owned]bool{}
	for _, s := range []kube.Selector{{APIVersion: "v1", Kind: "ConfigMap"}, {APIVersion: job.API, Kind: "Job"}, {APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy"}} {
		s.Labels, s.Brief = map[string]string{kube.LabelManagedBy: kube.Manager}, true
		found, err := api.List(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			l := f.Labels()
			cell := in[f.Namespace()].Cell
			o := Owned{Namespace: f.Namespace(), Cell: cell, Customer: l[kube.LabelCustomer], Tenant: l[kube.LabelTenant],
				Owner: l[kube.LabelOwner], Record: f.Kind() + "/" + f.Name(), Revision: f.Annotations()[kube.AnnotationRevision]}
			if cell != "" && o.Tenant != "" && o.Owner != "" && l[kube.LabelApplication] == "" && !seen[o] {
				seen[o] = true
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// listInstalled lists what is installed anywhere: by the lists of what was applied, and by Helm's releases.
func listInstalled(ctx context.Context, api kube.API) (all []Owned, err error) {
	seen := map[Owned]bool{}
	for _, s := range []kube.Selector{
		{APIVersion: "v1", Kind: "ConfigMap", Labels: map[string]string{kube.LabelManagedBy: kube.Manager}, Brief: true},
		{APIVersion: "v1", Kind: "Secret", Labels: map[string]string{"owner": "helm"}, Brief: true},
	} {
		found, err := api.List(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			l := f.Labels()
			o := Owned{Namespace: f.Namespace(), Application: l[kube.LabelApplication], Owner: l[kube.LabelOwner]}
			names := s.Kind == "Secret" || strings.HasPrefix(f.Name(), kube.InventoryPrefix)
			if o.Application != "" && o.Owner != "" && names && !seen[o] {
				seen[o] = true
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// Remove deletes it and all in it, but for Helm's releases: those go before.
func (o Owned) Remove(ctx context.Context, api kube.API) error {
	switch {
	case o.Record != "":
		kind, name, _ := strings.Cut(o.Record, "/")
		k := kube.Key{APIVersion: "v1", Kind: kind, Namespace: o.Namespace, Name: name}
		switch {
		case kind == "Job":
			k.APIVersion = job.API
		case o.IsMovePolicy():
			k.APIVersion = kube.NetworkingAPI
		}
		return kube.DeleteIf(ctx, api, k, func(there kube.Object) (bool, error) { // not that of a later stay
			return there.Labels()[kube.LabelOwner] == o.Owner && there.Annotations()[kube.AnnotationRevision] == o.Revision, nil
		})
	case o.Cell != "" && o.Application == "":
		return cell.Remove(ctx, api, o.Namespace, o.Owner)
	case o.Addon != "":
		spec := AddonSpec{Namespace: o.Namespace, Dataplane: o.Dataplane, Addon: o.Addon,
			Customer: o.Customer, Owner: o.Owner, Wide: o.Customer == ""}
		if err := o.prune(ctx, api, o.Addon, policy.AsAddon); err != nil {
			return err
		}
		return RemoveAddon(ctx, api, spec)
	case o.Application == "":
		return tenant.Delete(ctx, api, tenant.Stay{Namespace: o.Namespace, Owner: o.Owner, Name: o.Stay, Revision: math.MaxUint64})
	}
	return o.prune(ctx, api, o.Application, policy.AsTenant)
}

func (o Owned) prune(ctx context.Context, api kube.API, name string, terms policy.Terms) error {
	_, err := EnsureApplication(ctx, api, AppSpec{Namespace: o.Namespace, Name: name, Owner: o.Owner, Revision: math.MaxUint64, Terms: terms})
	return err
}

// String is what it is, in words.
func (o Owned) String() string {
	switch {
	case o.Record != "":
		return o.Record + " in " + o.Namespace
	case o.Addon != "":
		return "addon " + o.Namespace
	case o.Application == "":
		return "namespace " + o.Namespace
	}
	return "application " + o.Namespace + "/" + o.Application
}

// inventory is what an application has applied. A version means that there is one.
type inventory struct {
	keys    []kube.Key
	version string
}

func (s AppSpec) inventoryKey() kube.Key {
	return kube.Key{APIVersion: "v1", Kind: "ConfigMap", Namespace: s.Namespace, Name: kube.InventoryPrefix + s.Name}
}

// readInventory reads the list to write over it: a list of a newer revision is a conflict.
func readInventory(ctx context.Context, api kube.API, spec AppSpec) (inventory, error) {
	there, err := spec.inventory(ctx, api)
	if err == nil && kube.IsNewer(there, spec.Revision) {
		err = kube.Fail(kube.Conflict, "ensure application", spec.inventoryKey(), "a newer revision was applied")
	}
	if err != nil || there == nil {
		return inventory{}, err
	}
	return decodeInventory(there)
}

// inventory is the list as it is there, whatever revision wrote it; nil if there is none. Another's is a conflict.
func (s AppSpec) inventory(ctx context.Context, api kube.API) (kube.Object, error) {
	k := s.inventoryKey()
	there, err := kube.Find(ctx, api, k)
	if err == nil && there != nil && there.Labels()[kube.LabelOwner] != s.Owner {
		err = kube.Taken("ensure application", k, there)
	}
	return there, err
}

func decodeInventory(o kube.Object) (inventory, error) {
	have := inventory{version: kube.StringOf(o.Metadata()["resourceVersion"])}
	if err := json.Unmarshal([]byte(kube.StringOf(kube.MapOf(o["data"])["objects"])), &have.keys); err != nil {
		return inventory{}, kube.Fail(kube.Invalid, "ensure application", o.Key(), "its inventory cannot be read: "+err.Error())
	}
	return have, nil
}

func writeInventory(ctx context.Context, api kube.API, spec AppSpec, keys []kube.Key, version string) (changed bool, err error) {
	encoded, err := json.Marshal(keys)
	if err != nil {
		return false, kube.Fail(kube.Invalid, "ensure application", spec.inventoryKey(), err.Error())
	}
	k := spec.inventoryKey()
	o := kube.NewObject(k.APIVersion, k.Kind, k.Namespace, k.Name, nil)
	o["data"] = map[string]any{"objects": string(encoded)}
	return kube.ApplyOver(ctx, api, o.Marked("", spec.labels(), spec.annotations()), version)
}
