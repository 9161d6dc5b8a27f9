package tenant

import (
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// Names of what a tenant's namespace holds.
const (
	priorityName = "aerie-priority"
	denyPolicy   = "aerie-default-deny"
	ownPolicy    = "aerie-allow-own"
	dnsPolicy    = "aerie-allow-dns"
	listedPolicy = "aerie-allow-listed"
	rangesPolicy = "aerie-allow-ranges"
	cellPolicy   = "aerie-allow-cell"
)

// Objects are all objects of a tenant, the namespace first, in the order in which they are applied: bounds before
// rights, so that nothing runs unbounded. What they have in common they share.
func Objects(spec Spec) []kube.Object {
	objects := []kube.Object{kube.NewObject("v1", "Namespace", "", spec.Namespace, nil)}
	objects = append(objects, bounds(spec)...)
	objects = append(objects, policies(spec)...)
	objects = append(objects, policy.TenantRights(spec.Namespace, spec.Customer)...)
	labels := map[string]any{
		kube.LabelManagedBy: kube.Manager, kube.LabelCustomer: spec.Customer, kube.LabelTenant: spec.Tenant,
		kube.LabelPlan: spec.Plan, kube.LabelOwner: spec.Owner,
	}
	revision := kube.FieldsOf(kube.AtRevision(spec.Revision))
	for _, o := range objects {
		m := o.Metadata()
		m["labels"], m["annotations"] = labels, revision
	}
	own := map[string]string{kube.LabelPodSecurity: "baseline", kube.LabelPodWarn: "restricted"}
	if spec.Priority > 0 {
		own[LabelPriority] = PriorityClass(spec.Priority)
	}
	if spec.Cell != "" {
		own[kube.LabelCell] = spec.Cell
	}
	if spec.Stay != "" {
		own[kube.LabelStay] = spec.Stay
	}
	if spec.Infra != "" {
		own[kube.LabelTenantInfra] = spec.Infra
	}
	if spec.Closed {
		own[kube.LabelServing] = "false"
	}
	objects[0] = objects[0].Marked("", own, nil)
	return objects
}

// optional are the keys of the objects that a spec may want or not.
func optional(namespace string) []kube.Key {
	keys := policy.BoundKeys(namespace)
	names := []string{ownPolicy, dnsPolicy, listedPolicy, rangesPolicy, cellPolicy, denyPolicy}
	for _, name := range names { // what allows goes before what denies
		keys = append(keys, kube.Key{APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy", Namespace: namespace, Name: name})
	}
	return keys
}

func bounds(spec Spec) []kube.Object {
	hard := spec.Quota.Hard()
	if spec.Asleep {
		hard["pods"] = "0"
	}
	return append([]kube.Object{spec.priorities()}, policy.Bounds(spec.Namespace, hard, spec.DefaultCPU, spec.DefaultMemory)...)
}

// policies isolate the namespace. A policy of type Egress closes all egress that none allows, so there is none of that
// type unless egress is to be closed. No cell gets into another: where tenants are not isolated from each other, those of
// other cells are kept out all the same. What comes into the cluster from outside must come by a pod in a namespace of no cell.
func policies(spec Spec) []kube.Object {
	p := policyMaker{namespace: spec.Namespace, cell: spec.Cell, egress: spec.Isolation && spec.EgressDeny}
	switch {
	case spec.Closed:
		return p.closed(spec)
	case !spec.Isolation && spec.Cell == "":
		return nil
	case !spec.Isolation:
		return []kube.Object{p.policy(cellPolicy, p.withinCell())}
	}
	objects := []kube.Object{p.policy(denyPolicy, nil), p.policy(ownPolicy, []any{map[string]any{"podSelector": map[string]any{}}})}
	if spec.EgressDeny {
		objects = append(objects, p.dns())
	}
	if spec.EgressDeny && len(spec.AllowRanges) > 0 {
		objects = append(objects, p.ranges(spec.AllowRanges))
	}
	if len(spec.AllowNamespaces) > 0 {
		objects = append(objects, p.policy(listedPolicy, p.withinCell(named(spec.AllowNamespaces))))
	}
	return objects
}

type policyMaker struct {
	namespace, cell string
	egress          bool
}

// withinCell are the namespaces for which something holds, but for those of other cells.
func (p policyMaker) withinCell(holds ...any) []any {
	if p.cell == "" {
		return []any{selecting(holds...)}
	}
	ours := map[string]any{"key": kube.LabelCell, "operator": "In", "values": []any{p.cell}}
	none := map[string]any{"key": kube.LabelCell, "operator": "DoesNotExist"}
	return []any{selecting(append(slices.Clone(holds), ours)...), selecting(append(slices.Clone(holds), none)...)}
}

func selecting(expressions ...any) map[string]any {
	return map[string]any{"namespaceSelector": map[string]any{"matchExpressions": expressions}}
}

// policy allows traffic with the peers, in both directions where egress is closed too; no peers allow nothing.
func (p policyMaker) policy(name string, peers []any) kube.Object {
	spec := map[string]any{"podSelector": map[string]any{}, "policyTypes": []any{"Ingress"}}
	if peers != nil {
		spec["ingress"] = []any{map[string]any{"from": peers}}
	}
	if p.egress {
		spec["policyTypes"] = []any{"Ingress", "Egress"}
		if peers != nil {
			spec["egress"] = []any{map[string]any{"to": peers}}
		}
	}
	return kube.NewObject(kube.NetworkingAPI, "NetworkPolicy", p.namespace, name, spec)
}

func (p policyMaker) dns() kube.Object {
	rule := map[string]any{
		"to": []any{selecting(named([]string{"kube-system"}))},
		"ports": []any{
			map[string]any{"protocol": "UDP", "port": int64(53)},
			map[string]any{"protocol": "TCP", "port": int64(53)},
		},
	}
	return kube.NewObject(kube.NetworkingAPI, "NetworkPolicy", p.namespace, dnsPolicy, map[string]any{
		"podSelector": map[string]any{}, "policyTypes": []any{"Egress"}, "egress": []any{rule},
	})
}

// ranges allows egress to addresses outside of the cluster.
func (p policyMaker) ranges(allowed []string) kube.Object {
	to := blocks(allowed)
	return kube.NewObject(kube.NetworkingAPI, "NetworkPolicy", p.namespace, rangesPolicy, map[string]any{
		"podSelector": map[string]any{}, "policyTypes": []any{"Egress"}, "egress": []any{map[string]any{"to": to}},
	})
}

// blocks are address ranges as peers; in another order they are the same.
func blocks(ranges []string) (peers []any) {
	for _, r := range slices.Sorted(slices.Values(ranges)) {
		peers = append(peers, map[string]any{"ipBlock": map[string]any{"cidr": r}})
	}
	return peers
}

func named(names []string) map[string]any {
	sorted := slices.Sorted(slices.Values(names)) // the same wish in another order is no change
	values := make([]any, len(sorted))
	for i, n := range sorted {
		values[i] = n
	}
	return map[string]any{"key": kube.LabelNamespaceName, "operator": "In", "values": values}
}
