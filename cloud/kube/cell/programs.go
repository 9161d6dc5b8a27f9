package cell

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Programs are those of a tenant's move in the cell that it goes to, which reach the applications of the cell that it leaves.
type Programs struct {
	Namespace string // the cell's that lets them in
	Name      string // of the policy by which it does
	Customer  string
	Tenant    string
	Owner     string // the tenant's uid, which their pods say
	From      string // the namespace that they run in, in the same cluster
	Ranges    []string
	Revision  uint64
}

// LetIn lets the programs of a move into a cell, beside whom that lets in anyway. That it was called says later that they may have begun,
// so the policy does not go with the tenant's record, which somebody may delete. What a late call leaves of it the sweeper removes: see
// release.ListOwned.
func LetIn(ctx context.Context, api kube.API, p Programs) error {
	from := []any{map[string]any{
		"namespaceSelector": map[string]any{"matchLabels": map[string]any{kube.LabelNamespaceName: p.From}},
		"podSelector":       map[string]any{"matchLabels": map[string]any{kube.LabelOwner: p.Owner}},
	}}
	for _, r := range p.Ranges {
		from = append(from, map[string]any{"ipBlock": map[string]any{"cidr": r}})
	}
	o := kube.NewObject(kube.NetworkingAPI, "NetworkPolicy", p.Namespace, p.Name, map[string]any{
		"podSelector": map[string]any{}, "policyTypes": []any{"Ingress"}, "ingress": []any{map[string]any{"from": from}},
	}).Marked("", map[string]string{kube.LabelManagedBy: kube.Manager, kube.LabelCustomer: p.Customer, kube.LabelTenant: p.Tenant,
		kube.LabelOwner: p.Owner}, kube.AtRevision(p.Revision))
	_, err := kube.ApplyGuarded(ctx, api, o, p.Revision)
	return err
}

// LetsIn tells whether LetIn was called for the programs of a move, and KeepOut was not since.
func LetsIn(ctx context.Context, api kube.API, namespace, name string) (bool, error) {
	there, err := kube.Find(ctx, api, programsKey(namespace, name))
	return there != nil, err
}

// KeepOut takes away what LetIn has made for an owner, unless that was of a newer revision; the absent is success.
func KeepOut(ctx context.Context, api kube.API, namespace, name, owner string, revision uint64) error {
	return kube.DeleteIf(ctx, api, programsKey(namespace, name), func(there kube.Object) (bool, error) {
		return there.Labels()[kube.LabelOwner] == owner && !kube.IsNewer(there, revision), nil
	})
}

func programsKey(namespace, name string) kube.Key {
	return kube.Key{APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy", Namespace: namespace, Name: name}
}
