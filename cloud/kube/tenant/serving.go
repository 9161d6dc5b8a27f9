package tenant

import (
	"context"
	"fmt"

	"github.com/aeriehq/aerie/cloud/kube"
)

// closed are the policies of a namespace that lets in nobody from outside: its pods reach each other, so that they can become
// ready, and whatever their plan lets them reach. A policy ends no connection that is open.
func (p policyMaker) closed(spec Spec) []kube.Object {
	objects := []kube.Object{p.policy(denyPolicy, nil), p.policy(ownPolicy, []any{map[string]any{"podSelector": map[string]any{}}})}
	if p.egress {
		objects = append(objects, p.dns())
	}
	if p.egress && len(spec.AllowRanges) > 0 {
		objects = append(objects, p.ranges(spec.AllowRanges))
	}
	return objects
}

// Open opens a namespace that is there, as the spec says. One that is not there is made first, closed, and it says so: whoever is
// told to open it still opens it the next time, and a call that comes late opens nothing.
func Open(ctx context.Context, api kube.API, spec Spec) (open bool, err error) {
	there, err := kube.Find(ctx, api, kube.NamespaceKey(spec.Namespace))
	if err != nil {
		return false, err
	}
	is := there.Labels()[kube.LabelStay]
	if spec.Closed = there == nil || is != "" && is != spec.Stay; spec.Closed {
		_, err = Ensure(ctx, api, spec)
		return false, err
	}
	err = Change(ctx, api, spec) // and not made open, should it go meanwhile
	return err == nil, err
}

// Close closes a namespace, and reads back that it is. One that is not there is NotFound and is not made: there is nothing to close,
// and whoever is told so late would leave it there. Where a policy that is not ours lets somebody in all the same that is an error of
// the code kube.Held that names it.
func Close(ctx context.Context, api kube.API, spec Spec) error {
	spec.Closed = true
	if err := Change(ctx, api, spec); err != nil {
		return err
	}
	found, err := Drift(ctx, api, spec)
	if err != nil {
		return err
	}
	k := kube.NamespaceKey(spec.Namespace)
	if len(found) > 0 {
		return kube.Fail(kube.Held, "close", k, fmt.Sprintf("%s %s", found[0].Object, found[0].Detail))
	}
	by, err := letsIn(ctx, api, spec.Namespace)
	if err == nil && by != "" {
		err = kube.Fail(kube.Held, "close", k, by)
	}
	return err
}

// letsIn names a policy in a namespace that lets somebody in though it is closed; "" if none does.
func letsIn(ctx context.Context, api kube.API, namespace string) (by string, err error) {
	all, err := api.List(ctx, kube.Selector{APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy", Namespace: namespace})
	for _, o := range all {
		rules, _ := kube.MapOf(o["spec"])["ingress"].([]any)
		if o.Name() != ownPolicy && o.Name() != programsIn && len(rules) > 0 {
			return "the policy " + o.Name() + ", which aerie did not make, lets others in", nil
		}
	}
	return "", err
}

// IsOpen tells whether a namespace of a stay is there and lets in whom its plan lets in.
func IsOpen(ctx context.Context, api kube.API, stay Stay) (bool, error) {
	there, err := kube.Find(ctx, api, kube.NamespaceKey(stay.Namespace))
	l := there.Labels()
	return there != nil && l[kube.LabelOwner] == stay.Owner && l[kube.LabelStay] == stay.Name && l[kube.LabelServing] != "false", err
}

// IsClosed tells whether a namespace is there and lets in nobody from outside, whoever's it is.
func IsClosed(ctx context.Context, api kube.API, namespace string) (bool, error) {
	there, err := kube.Find(ctx, api, kube.NamespaceKey(namespace))
	return there != nil && there.Labels()[kube.LabelServing] == "false", err
}
