package kube

import (
	"context"
	"math"
	"strings"
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
	Owner       string // the uid of whom it was made for
}

// ListOwned lists what tenants and addons have in a cluster, as far as it says for whom it was made. What is on its way
// out is left out.
func ListOwned(ctx context.Context, api API) ([]Owned, error) {
	namespaces, err := api.List(ctx, Selector{APIVersion: "v1", Kind: "Namespace", Labels: map[string]string{LabelManagedBy: manager}})
	if err != nil {
		return nil, err
	}
	var all []Owned
	tenants := map[string]Owned{}
	for _, n := range namespaces {
		l := n.Labels()
		o := Owned{Namespace: n.Name(), Customer: l[LabelCustomer], Tenant: l[LabelTenant], Dataplane: l[LabelDataplane], Addon: l[LabelAddon], Owner: l[LabelOwner]}
		if o.Owner == "" || n.Terminating() || o.Tenant == "" && o.Addon == "" {
			continue
		}
		all = append(all, o)
		if o.Tenant != "" {
			tenants[n.Name()] = o
		}
	}
	installed, err := listInstalled(ctx, api)
	if err != nil {
		return nil, err
	}
	for _, i := range installed {
		if o, ours := tenants[i.Namespace]; ours {
			o.Application, o.Owner = i.Application, i.Owner
			all = append(all, o)
		}
	}
	return all, nil
}

// listInstalled lists what is installed anywhere: by the lists of what was applied, and by Helm's releases.
func listInstalled(ctx context.Context, api API) (all []Owned, err error) {
	seen := map[Owned]bool{}
	for _, s := range []Selector{
		{APIVersion: "v1", Kind: "ConfigMap", Labels: map[string]string{LabelManagedBy: manager}, Brief: true},
		{APIVersion: "v1", Kind: "Secret", Labels: map[string]string{"owner": "helm"}, Brief: true},
	} {
		found, err := api.List(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			l := f.Labels()
			o := Owned{Namespace: f.Namespace(), Application: l[LabelApplication], Owner: l[LabelOwner]}
			names := s.Kind == "Secret" || strings.HasPrefix(f.Name(), inventoryPrefix)
			if o.Application != "" && o.Owner != "" && names && !seen[o] {
				seen[o] = true
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// Remove deletes it and all in it, but for Helm's releases: those go before.
func (o Owned) Remove(ctx context.Context, api API) error {
	switch {
	case o.Addon != "":
		spec := AddonSpec{Namespace: o.Namespace, Dataplane: o.Dataplane, Addon: o.Addon, Customer: o.Customer, Owner: o.Owner, Wide: o.Customer == ""}
		if err := o.prune(ctx, api, o.Addon, AsAddon); err != nil {
			return err
		}
		return RemoveAddon(ctx, api, spec)
	case o.Application == "":
		return DeleteTenant(ctx, api, o.Namespace, o.Owner)
	}
	return o.prune(ctx, api, o.Application, AsTenant)
}

func (o Owned) prune(ctx context.Context, api API, name string, terms Terms) error {
	_, err := EnsureApplication(ctx, api, AppSpec{Namespace: o.Namespace, Name: name, Owner: o.Owner, Revision: math.MaxUint64, Terms: terms})
	return err
}

// String is what it is, in words.
func (o Owned) String() string {
	switch {
	case o.Addon != "":
		return "addon " + o.Namespace
	case o.Application == "":
		return "namespace " + o.Namespace
	}
	return "application " + o.Namespace + "/" + o.Application
}
