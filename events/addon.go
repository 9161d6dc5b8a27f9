package events

import (
	"cmp"
	"fmt"
	"strings"
)

// AddonSpec is what is installed on a dataplane itself, in a namespace of its own: what its tenants' applications stand
// on, such as a database's operator.
type AddonSpec struct {
	Namespace string           `json:"namespace,omitempty" maxLength:"63" pattern:"^[a-z]([a-z0-9-]*[a-z0-9])?$" doc:"its namespace, which must be nobody else's; empty: its own name. Not allowed are the cluster's own (kube-…, default), aerie-system, and names with '--', as tenants have"`
	Chart     Chart            `json:"chart,omitzero" doc:"The Helm chart to install; instead of manifests"`
	Values    map[string]any   `json:"values,omitempty" doc:"What the chart is given. ${aerie:cluster}, ${aerie:region} and ${aerie:autoscaler} in it become the cloud's names of the cluster, its region and the role that its autoscaler runs as"`
	Manifests []map[string]any `json:"manifests,omitempty" maxItems:"50" doc:"Kubernetes objects as they are; on the platform's own dataplanes also objects of the whole cluster, and in other namespaces that are no tenant's"`
	Plain     []string         `json:"plain,omitempty" maxItems:"100" maxLength:"400" doc:"Paths of texts that are no secrets, though they stand under keys that name one, or beside references in a Secret; as the refusal writes them, such as values.auth.password"`
}

// Addon is the kind of what is installed on a dataplane.
const Addon Kind = "addon"

var addonKind = Descriptor{
	Kind: Addon, Plural: "addons", Doc: "what is installed on a dataplane itself, in a namespace of its own",
	Parent: Dataplane, Spec: AddonSpec{}, Verbs: CommonVerbs(rollbackVerb, adoptVerb, disownVerb), Marked: true,
	Access: Access{ForCustomers: true},
}

// Kind is Addon.
func (AddonSpec) Kind() Kind { return Addon }

// Content is what is installed.
func (s AddonSpec) Content() Content { return Content{s.Chart, s.Values, s.Manifests, s.Plain} }

// Check wants either a chart or manifests, a namespace that can be its own, and no placeholder that nobody fills.
func (s AddonSpec) Check() []FieldError {
	return append(append(s.Content().check(), checkNamespace(s.Namespace)...), checkPlaceholders(s.Values)...)
}

// In is the namespace that the addon of a reference gets.
func (s AddonSpec) In(ref Ref) string { return cmp.Or(s.Namespace, ref.Local()) }

// Fits refuses a namespace that is not given to addons, also where it follows from the name.
func (s AddonSpec) Fits(ref Ref) []FieldError { return checkNamespace(s.In(ref)) }

func checkNamespace(n string) []FieldError {
	if n == "default" || n == "aerie-system" || strings.HasPrefix(n, "kube-") || strings.Contains(n, "--") {
		return []FieldError{{"spec.namespace", fmt.Sprintf("%q is not allowed for an addon: it is the cluster's, the platform's or a tenant's", n)}}
	}
	return nil
}

// EnsureAddon owes an addon's objects, in a namespace of its own.
type EnsureAddon struct{ EnsureApplication }

// RemoveAddon owes the end of an addon's objects and of its namespace.
type RemoveAddon struct{ RemoveApplication }

// Effect names the work on the wire.
func (EnsureAddon) Effect() string { return "ensure_addon" }

// Effect names the work on the wire.
func (RemoveAddon) Effect() string { return "remove_addon" }
