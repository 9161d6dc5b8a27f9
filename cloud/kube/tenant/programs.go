package tenant

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// Names of what is there only while a tenant moves to another cluster.
const (
	programsIn     = "aerie-move-ingress"  // in its namespace: lets its programs in
	programsOut    = "aerie-move-egress"   // in its namespace, of a move that a release before began: its programs ran there
	programsPolicy = "aerie-move-programs" // in that of its programs: what they reach
	roleName       = "aerie-role"
)

// programsSuffix ends the name of the namespace of a move's programs. No tenant's id has "--".
const programsSuffix = "--move"

// ProgramsNamespace names the namespace in which the programs of a tenant's move run, beside the tenant's own. The tenant's quota
// does not count them there, and nothing that the tenant can make is taken for one of them. Those of a suspension, which customers
// name, have a quota of their own there.
func ProgramsNamespace(namespace string) string {
	const longest = 63 - len(programsSuffix)
	if len(namespace) > longest {
		sum := sha256.Sum256([]byte(namespace))
		namespace = namespace[:longest-9] + "-" + hex.EncodeToString(sum[:4])
	}
	return namespace + programsSuffix
}

// Programs are those that are run while a tenant moves.
type Programs struct {
	Egress  []string // address ranges that they may connect to
	Ingress []string // from which those of the other cluster come
	Cell    string   // the namespace of the cell in this cluster that it comes from or goes to; empty: it does not
	Secrets []string // of the tenant's namespace, which they are given
	Bounded bool     // they get no more together than the tenant's quota, beside it
}

// StandBy has those in a namespace read that it is not the one that serves: the ConfigMap aerie-role says aerie.role: standby.
// Where there is none, it is the one.
func StandBy(ctx context.Context, api kube.API, spec Spec) error {
	o := kube.NewObject("v1", "ConfigMap", spec.Namespace, roleName, nil)
	o["data"] = map[string]any{"aerie.role": "standby"}
	return spec.apply(ctx, api, o)
}

// Allow makes the namespace of a tenant's programs, with what they are given. They reach each other, the tenant, names, and the
// ranges and the cell that are given, and nothing else; the tenant lets them in, and while it is closed those that come from the
// other side.
func Allow(ctx context.Context, api kube.API, spec Spec, p Programs) error {
	if err := spec.current(ctx, api); err != nil {
		return err
	}
	ns, within := spec.programsObjects(p)
	if spec.Closed || spec.Isolation { // first: what has run says so, also if its namespace is deleted by hand
		from := append([]any{selecting(named([]string{ns.Name()}))}, blocks(p.Ingress)...)
		if p.Cell != "" && spec.Closed {
			in := selecting(named([]string{p.Cell}))
			in["podSelector"] = map[string]any{"matchLabels": map[string]any{kube.LabelOwner: spec.Owner}}
			from = append(from, in)
		}
		if err := spec.apply(ctx, api, policyMaker{namespace: spec.Namespace}.policy(programsIn, from)); err != nil {
			return err
		}
	}
	if _, _, err := kube.ApplyNamespace(ctx, api, "allow programs", spec.marked(ns), spec.Owner, spec.Revision); err != nil {
		return err
	}
	if err := spec.current(ctx, api); err != nil {
		return errors.Join(err, spec.withdraw(ctx, api)) // the programs were stopped since it was asked
	}
	for _, o := range within {
		if err := spec.apply(ctx, api, o); err != nil {
			return err
		}
	}
	for _, name := range p.Secrets {
		if err := spec.give(ctx, api, ns.Name(), name); err != nil {
			return err
		}
	}
	return nil
}

// current refuses what is of another stay of the tenant, or late: a newer revision was applied.
func (s Spec) current(ctx context.Context, api kube.API) error {
	k := kube.NamespaceKey(s.Namespace)
	there, err := kube.Find(ctx, api, k)
	switch {
	case err != nil:
		return err
	case there.Labels()[kube.LabelOwner] != s.Owner, there.Labels()[kube.LabelStay] != s.Stay: // or none is there
		return kube.Fail(kube.Unavailable, "allow programs", k, "it is not of this stay of the tenant")
	case kube.IsNewer(there, s.Revision):
		return kube.Fail(kube.Conflict, "allow programs", k, "a newer revision was applied")
	}
	return nil
}

// withdraw deletes the namespace of programs that a late call has made, unless it is that of a newer revision.
func (s Spec) withdraw(ctx context.Context, api kube.API) error {
	return kube.DeleteIf(ctx, api, kube.NamespaceKey(ProgramsNamespace(s.Namespace)), func(there kube.Object) (bool, error) {
		return there.Labels()[kube.LabelOwner] == s.Owner && !kube.IsNewer(there, s.Revision), nil
	})
}

// programsObjects are the namespace of programs, and what bounds them in it.
func (s Spec) programsObjects(p Programs) (ns kube.Object, within []kube.Object) {
	at := ProgramsNamespace(s.Namespace)
	ns = kube.NewObject("v1", "Namespace", "", at, nil).Marked("", map[string]string{kube.LabelStay: s.Stay, kube.LabelPodSecurity: "baseline", kube.LabelPodWarn: "restricted"}, nil)
	each := []any{map[string]any{"podSelector": map[string]any{}}}
	names := kube.MapsOf(kube.MapOf(policyMaker{namespace: at}.dns()["spec"])["egress"])
	egress := []any{map[string]any{"to": append(each, selecting(named([]string{s.Namespace})))}, names[0]}
	if p.Cell != "" {
		egress = append(egress, map[string]any{"to": []any{selecting(named([]string{p.Cell}))}})
	}
	if len(p.Egress) > 0 {
		egress = append(egress, map[string]any{"to": blocks(p.Egress)})
	}
	within = []kube.Object{kube.NewObject(kube.NetworkingAPI, "NetworkPolicy", at, programsPolicy, map[string]any{
		"podSelector": map[string]any{}, "policyTypes": []any{"Ingress", "Egress"}, "ingress": []any{map[string]any{"from": each}}, "egress": egress})}
	if limit := s.programLimit(); limit != nil {
		within = append(within, kube.NewObject("v1", "LimitRange", at, policy.LimitsName, map[string]any{"limits": []any{limit}}))
	}
	if hard := s.Quota.Hard(); p.Bounded && len(hard) > 0 {
		within = append(within, kube.NewObject("v1", "ResourceQuota", at, policy.QuotaName, map[string]any{"hard": hard}))
	}
	return ns, within
}

// programLimit bounds a program that says nothing of itself: by what each of the tenant's containers gets, or else by the tenant's
// quota; nil if there is no bound.
func (s Spec) programLimit() map[string]any {
	most, asks := map[string]any{}, map[string]any{}
	for resource, bounds := range map[string][2]string{"cpu": {s.DefaultCPU, s.Quota.CPU}, "memory": {s.DefaultMemory, s.Quota.Memory}} {
		if bound := cmp.Or(bounds[0], bounds[1]); bound != "" {
			most[resource], asks[resource] = bound, cmp.Or(bounds[0], "0")
		}
	}
	if len(most) == 0 {
		return nil
	}
	return map[string]any{"type": "Container", "default": most, "defaultRequest": asks}
}

// give copies a Secret of the tenant's to its programs.
func (s Spec) give(ctx context.Context, api kube.API, at, name string) error {
	k := kube.Key{APIVersion: "v1", Kind: "Secret", Namespace: s.Namespace, Name: name}
	there, err := kube.Find(ctx, api, k)
	if err != nil {
		return err
	}
	if there == nil {
		return kube.Fail(kube.Unready, "allow programs", k, "a program of the move names this Secret, and it is not there")
	}
	o := kube.NewObject(k.APIVersion, k.Kind, at, name, nil)
	o["data"] = there["data"]
	return s.apply(ctx, api, o)
}

// HadPrograms tells whether a program may have run in a place that is closed since a move began.
func HadPrograms(ctx context.Context, api kube.API, spec Spec) (bool, error) {
	ns := kube.NamespaceKey(ProgramsNamespace(spec.Namespace))
	for _, k := range []kube.Key{ns, spec.policyKey(programsIn), spec.policyKey(programsOut)} {
		there, err := kube.Find(ctx, api, k)
		if err != nil || there.Labels()[kube.LabelOwner] == spec.Owner {
			return err == nil, err
		}
	}
	return false, nil
}

func (s Spec) policyKey(name string) kube.Key {
	return kube.Key{APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy", Namespace: s.Namespace, Name: name}
}

// StopPrograms deletes the programs of a place that is closed, and all that they are given. They have ended when their namespace is
// gone. A call that comes late, from before, starts none again: the place says that this is later, and where there is none they are
// not started. A namespace of that name that is another's is a conflict.
func StopPrograms(ctx context.Context, api kube.API, spec Spec) error {
	spec.Closed = true
	if err := kube.IgnoreNotFound(Change(ctx, api, spec)); err != nil {
		return err
	}
	return kube.DeleteIf(ctx, api, kube.NamespaceKey(ProgramsNamespace(spec.Namespace)), func(there kube.Object) (bool, error) {
		if there.Labels()[kube.LabelOwner] != spec.Owner {
			return false, kube.Taken("stop programs", there.Key(), there)
		}
		return true, nil
	})
}

// EndMove takes away what is there only while a tenant moves, or for programs of a suspension. A call that comes late leaves what is of a
// newer revision.
func EndMove(ctx context.Context, api kube.API, spec Spec) error {
	for _, k := range []kube.Key{
		{APIVersion: "v1", Kind: "ConfigMap", Namespace: spec.Namespace, Name: roleName},
		kube.NamespaceKey(ProgramsNamespace(spec.Namespace)),
		spec.policyKey(programsIn),
		spec.policyKey(programsOut),
	} {
		err := kube.DeleteIf(ctx, api, k, func(there kube.Object) (bool, error) {
			return there.Labels()[kube.LabelOwner] == spec.Owner && !kube.IsNewer(there, spec.Revision), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// apply applies one of the tenant's objects.
func (s Spec) apply(ctx context.Context, api kube.API, o kube.Object) error {
	_, err := kube.ApplyGuarded(ctx, api, s.marked(o), s.Revision)
	return err
}

// marked is an object that says whose it is, and of which wish.
func (s Spec) marked(o kube.Object) kube.Object {
	labels := map[string]string{kube.LabelManagedBy: kube.Manager, kube.LabelOwner: s.Owner,
		kube.LabelCustomer: s.Customer, kube.LabelTenant: s.Tenant}
	return o.Marked("", labels, kube.AtRevision(s.Revision))
}
