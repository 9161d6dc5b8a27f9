package kube

import (
	"context"
	"math"
	"strings"
)

// Owned is something of a tenant's in a cluster: its namespace, or one of its applications.
type Owned struct {
	Namespace   string
	Customer    string
	Tenant      string
	Application string // empty: it is the namespace
	Owner       string // the uid of whom it was made for
}

// ListOwned lists the namespaces that tenants have in a cluster and the applications in them, as far as they say for whom
// they were made. What is on its way out is left out.
func ListOwned(ctx context.Context, api API) ([]Owned, error) {
	ours := map[string]string{LabelManagedBy: manager}
	namespaces, err := api.List(ctx, Selector{APIVersion: "v1", Kind: "Namespace", Labels: ours})
	if err != nil {
		return nil, err
	}
	lists, err := api.List(ctx, Selector{APIVersion: "v1", Kind: "ConfigMap", Labels: ours})
	if err != nil {
		return nil, err
	}
	var all []Owned
	of := map[string]Owned{}
	for _, n := range namespaces {
		l := n.Labels()
		if o := (Owned{Namespace: n.Name(), Customer: l[LabelCustomer], Tenant: l[LabelTenant], Owner: l[LabelOwner]}); o.Tenant != "" && o.Owner != "" && !n.Terminating() {
			of[n.Name()] = o
			all = append(all, o)
		}
	}
	for _, c := range lists {
		o, ours := of[c.Namespace()]
		l := c.Labels()
		if o.Application, o.Owner = l[LabelApplication], l[LabelOwner]; ours && o.Owner != "" && strings.HasPrefix(c.Name(), inventoryPrefix) {
			all = append(all, o)
		}
	}
	return all, nil
}

// Remove deletes it and all in it.
func (o Owned) Remove(ctx context.Context, api API) error {
	if o.Application == "" {
		return DeleteTenant(ctx, api, o.Namespace, o.Owner)
	}
	_, err := EnsureApplication(ctx, api, AppSpec{Namespace: o.Namespace, Name: o.Application, Owner: o.Owner, Revision: math.MaxUint64})
	return err
}

// String is what it is, in words.
func (o Owned) String() string {
	if o.Application == "" {
		return "namespace " + o.Namespace
	}
	return "application " + o.Namespace + "/" + o.Application
}
