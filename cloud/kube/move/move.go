// Package move changes the machines under a tenant's pods within one cluster, and brings its volumes to another. For the first it looks
// what that means, holds room at the target by placeholders of low priority, and has the pods leave by the Eviction API, one of a
// workload at a time. What
// brings new pods to the target is no part of it: that is the namespace's label, which tenant.Ensure writes, and the
// policy of the cluster that reads it.
//
// Read Survey first, then Reserve, Evict and Release, in the order in which a move calls them. To bring all back is the same
// with the source as the target. It keeps nothing: each call looks at what is there and may be repeated, so that after a
// crash the next one goes on. Calls for different tenants may run at once.
//
// Snapshots bring volumes to another cluster, in the same way: read TakeOver, then Restored and Drop.
package move

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/drain"
)

// Spec is a tenant and where its pods go.
type Spec struct {
	Namespace string
	Owner     string   // the tenant's uid
	Stay      string   // the stay that it goes to: its placeholders say it
	To        string   // the tenant infra, as its machines are labelled
	Zones     []string // in which it may have machines, beside those where it has some
	Force     bool     // also what nobody makes again, and Jobs that run
}

// tenantPods are the pods of a namespace that have not ended and do not belong to their node, and those of them that are not
// at the target.
func tenantPods(ctx context.Context, api kube.API, s Spec) (all, away []kube.Object, err error) {
	pods, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: s.Namespace})
	if err != nil {
		return nil, nil, err
	}
	machines, err := s.machines(ctx, api)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range pods {
		if drain.Stays(p) {
			continue
		}
		if all = append(all, p); !s.there(p, machines) && !nowhere(p) {
			away = append(away, p)
		}
	}
	return all, away, nil
}

// nowhere tells whether a pod that nobody would make again has no machine yet: there is none that it could leave.
func nowhere(p kube.Object) bool {
	kind, _ := p.Controller()
	return kind == "" && kube.StringOf(kube.MapOf(p["spec"])["nodeName"]) == ""
}

// machines are the nodes of the target.
func (s Spec) machines(ctx context.Context, api kube.API) ([]kube.Object, error) {
	return api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Node", Labels: map[string]string{kube.LabelTenantInfra: s.To}})
}

// there tells whether a pod is the target's: it says so itself, or, made before there was a policy, it is on one of its machines.
func (s Spec) there(p kube.Object, machines []kube.Object) bool {
	spec := kube.MapOf(p["spec"])
	if says := kube.StringOf(kube.MapOf(spec["nodeSelector"])[kube.LabelTenantInfra]); says != "" {
		return says == s.To
	}
	return slices.ContainsFunc(machines, func(n kube.Object) bool { return n.Name() == spec["nodeName"] })
}

// Release lets go of the room that Reserve has held. The pods that have it push its placeholders out; what is left of them
// goes here.
func Release(ctx context.Context, api kube.API, s Spec) error {
	held, err := s.placeholders(ctx, api)
	return deleteAll(ctx, api, held, err)
}

// deleteAll deletes pods that were listed, unless that has failed.
func deleteAll(ctx context.Context, api kube.API, pods []kube.Object, err error) error {
	for _, p := range pods {
		if err != nil {
			break
		}
		err = kube.Delete(ctx, api, p.Key())
	}
	return err
}

// Forget lets go of all room that is held for a tenant, whichever of its moves has held it: it is going.
func Forget(ctx context.Context, api kube.API, owner string) error {
	held, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: kube.SystemNamespace,
		Labels: map[string]string{labelPlaceholder: "true", kube.LabelOwner: owner}})
	return deleteAll(ctx, api, held, err)
}

// names are the first of a few, in words.
func names(all []string) string {
	const most = 5
	slices.Sort(all)
	if more := len(all) - most; more > 0 {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(all, ", ")
}
