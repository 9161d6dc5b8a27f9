package tenant

import (
	"context"
	"errors"

	"github.com/aeriehq/aerie/cloud/kube"
)

// The policy that brings tenants' pods to their machines.
const (
	admissionAPI  = "admissionregistration.k8s.io/v1" // with these kinds it is served from Kubernetes 1.36 on
	policyKind    = "MutatingAdmissionPolicy"
	bindingKind   = "MutatingAdmissionPolicyBinding"
	landingPolicy = "aerie-landing"
)

// landing is what the policy does to a pod, in CEL: the selector and the toleration of its namespace's label. A selector of
// another tenant infra that the pod names itself is overwritten.
const landing = `[
  has(object.spec.nodeSelector)
    ? JSONPatch{op: "add", path: "/spec/nodeSelector/" + jsonpatch.escapeKey(variables.key), value: variables.infra}
    : JSONPatch{op: "add", path: "/spec/nodeSelector", value: {variables.key: variables.infra}},
  has(object.spec.tolerations) && size(object.spec.tolerations) > 0
    ? JSONPatch{op: "add", path: "/spec/tolerations/-", value: Object.spec.tolerations{key: variables.key, operator: "Equal", value: variables.infra}}
    : JSONPatch{op: "add", path: "/spec/tolerations", value: [Object.spec.tolerations{key: variables.key, operator: "Equal", value: variables.infra}]}
]`

// PlaceholderClass is the priority class of the pods that hold room for a tenant that comes: below all others, and none that
// pushes anybody out.
const PlaceholderClass = "aerie-placeholder"

// placeholderPriority is not below what a cluster adds machines for.
const placeholderPriority = int64(-5)

// landingObjects are the policy and its binding, and the class of the placeholders of moves, which stand on it. A pod of a tenant
// that it can't be asked about is refused: anywhere else it would be in others' way.
func landingObjects() []kube.Object {
	key := `"` + kube.LabelTenantInfra + `"`
	variable := func(name, expression string) any { return map[string]any{"name": name, "expression": expression} }
	of := classKey(PlaceholderClass)
	class := kube.NewObject(of.APIVersion, of.Kind, "", of.Name, nil)
	class["value"], class["preemptionPolicy"] = placeholderPriority, "Never"
	return []kube.Object{
		kube.NewObject(admissionAPI, policyKind, "", landingPolicy, map[string]any{
			"failurePolicy":      "Fail",
			"reinvocationPolicy": "Never",
			"matchConstraints": map[string]any{
				"namespaceSelector": selectsNamespaces(kube.LabelTenantInfra),
				"resourceRules": []any{map[string]any{"apiGroups": []any{""}, "apiVersions": []any{"v1"},
					"operations": []any{"CREATE"}, "resources": []any{"pods"}}},
			},
			"variables": []any{variable("key", key), variable("infra", "namespaceObject.metadata.labels["+key+"]")},
			"mutations": []any{map[string]any{"patchType": "JSONPatch", "jsonPatch": map[string]any{"expression": landing}}},
		}),
		kube.NewObject(admissionAPI, bindingKind, "", landingPolicy, map[string]any{"policyName": landingPolicy}),
		class,
	}
}

func selectsNamespaces(label string) map[string]any {
	return map[string]any{"matchExpressions": []any{map[string]any{"key": label, "operator": "Exists"}}}
}

// servesLanding tells whether the cluster has such policies.
func servesLanding(ctx context.Context, api kube.API) (bool, error) {
	_, err := api.Get(ctx, admissionAPI, policyKind, "", landingPolicy)
	switch {
	case errors.Is(err, kube.ErrUnserved):
		return false, nil
	case kube.CodeOf(err) == kube.NotFound:
		return true, nil
	}
	return err == nil, err
}

// LandsByPolicy tells whether the cluster was given the policy. One of a dataplane of before was not.
func LandsByPolicy(ctx context.Context, api kube.API) (bool, error) {
	ns, err := kube.Find(ctx, api, kube.NamespaceKey(kube.SystemNamespace))
	return ns.Annotations()[kube.AnnotationLanding] != "", err
}

// PodDefaults are what the pods in a namespace get that they do not say themselves, as its labels say. Their machines are
// among it where no policy sees to that.
func PodDefaults(ctx context.Context, api kube.API, namespace string) (kube.PodDefaults, error) {
	ns, err := kube.Find(ctx, api, kube.NamespaceKey(namespace))
	d := kube.PodDefaults{Class: ns.Labels()[LabelPriority], Pool: ns.Labels()[kube.LabelTenantInfra]}
	if err != nil || d.Pool == "" {
		return d, err
	}
	by, err := LandsByPolicy(ctx, api)
	if by {
		d.Pool = ""
	}
	return d, err
}
