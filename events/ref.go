package events

import (
	"fmt"
	"slices"
	"strings"
)

// Kind names a sort of entity, in the singular.
type Kind string

// The kinds that can be commanded.
const (
	Customer    Kind = "customer"
	Account     Kind = "account"
	Plan        Kind = "plan"
	Dataplane   Kind = "dataplane"
	TenantInfra Kind = "tenantinfra"
	Tenant      Kind = "tenant"
	Application Kind = "application"
	Addon       Kind = "addon"
)

// Kinds lists every kind in the order of references: what is referred to stands
// before what refers to it.
var Kinds = []Kind{Customer, Account, Plan, Dataplane, TenantInfra, Tenant, Application, Addon}

// Plural is the kind's name in URLs.
func (k Kind) Plural() string { return string(k) + "s" }

// KindOf finds a kind by its name in the singular or the plural.
func KindOf(s string) (Kind, bool) {
	for _, k := range Kinds {
		if s == string(k) || s == k.Plural() {
			return k, true
		}
	}
	return "", false
}

// Platform is the owner of what belongs to no customer.
const Platform = "-"

// MaxLabel is the most characters a label (one part of an id) may have.
const MaxLabel = 40

// LabelRule says in words what a label is, for messages.
const LabelRule = "lower-case letters, digits and single '-', starting with a letter, at most 40 characters"

// IsLabel tells whether s may be one part of an id. It is asked for each event: a
// regular expression would take longer than all the rest.
func IsLabel(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z':
		case i > 0 && '0' <= c && c <= '9':
		case i > 0 && c == '-' && s[i-1] != '-' && i < len(s)-1:
		default:
			return false
		}
	}
	return len(s) > 0 && len(s) <= MaxLabel
}

// parts is how many labels an id of the kind has.
func (k Kind) parts() int {
	switch k {
	case TenantInfra, Application, Addon:
		return 2
	}
	return 1
}

// IDRule says in words what an id of the kind looks like, for messages.
func (k Kind) IDRule() string {
	switch k {
	case TenantInfra, Addon:
		return "<dataplane>_<name>, each " + LabelRule
	case Application:
		return "<tenant>_<name>, each " + LabelRule
	}
	return LabelRule
}

// Ref names one entity: in subjects, URLs, manifests and specs alike.
type Ref struct {
	Kind  Kind
	Owner string // a customer's id, or Platform
	ID    string
}

// String writes the reference as it is typed: "tenant acme/prod".
func (r Ref) String() string { return string(r.Kind) + " " + r.Path() }

// Path is the reference without its kind, as it stands in specs and on the
// command line: "acme/prod", "-/free", and for a customer "acme".
func (r Ref) Path() string {
	if r.Kind == Customer {
		return r.ID
	}
	return r.Owner + "/" + r.ID
}

// Tokens are the three middle tokens of the entity's subjects.
func (r Ref) Tokens() string { return r.Owner + "." + string(r.Kind) + "." + r.ID }

// Parent is the first label of a two-part id: the dataplane of a tenant infra
// or an addon, the tenant of an application. For other kinds it is the id itself.
func (r Ref) Parent() string {
	p, _, _ := strings.Cut(r.ID, "_")
	return p
}

// Child is what stands on it under a name: an addon on a dataplane, an application of a tenant.
func (r Ref) Child(k Kind, name string) Ref { return Ref{k, r.Owner, r.ID + "_" + name} }

// Local is the last label of an id.
func (r Ref) Local() string {
	if _, l, ok := strings.Cut(r.ID, "_"); ok {
		return l
	}
	return r.ID
}

// Check says what is wrong with the reference, naming the field; nil if nothing is.
func (r Ref) Check() []FieldError {
	var faults []FieldError
	if !slices.Contains(Kinds, r.Kind) {
		return []FieldError{{"kind", fmt.Sprintf("%q is not a kind%s", Truncate(string(r.Kind)), Suggest(string(r.Kind), kindNames()))}}
	}
	if r.Owner != Platform && !IsLabel(r.Owner) {
		faults = append(faults, FieldError{"owner", fmt.Sprintf("%q is not an owner: a customer's id (%s) or '-'", Truncate(r.Owner), LabelRule)})
	}
	labels, ok := 0, true
	for l := range strings.SplitSeq(r.ID, "_") {
		labels, ok = labels+1, ok && IsLabel(l)
	}
	if !ok || labels != r.Kind.parts() {
		faults = append(faults, FieldError{"name", fmt.Sprintf("%q is not a name for a %s: %s", Truncate(r.ID), r.Kind, r.Kind.IDRule())})
	}
	return append(faults, r.checkOwner()...)
}

// checkOwner says who may own a thing of the kind.
func (r Ref) checkOwner() []FieldError {
	switch r.Kind {
	case Customer:
		if r.Owner != r.ID {
			return []FieldError{{"owner", fmt.Sprintf("a customer owns itself: want %q, got %q", Truncate(r.ID), Truncate(r.Owner))}}
		}
	case Plan:
		if r.Owner != Platform {
			return []FieldError{{"owner", fmt.Sprintf("a plan belongs to the platform: want '-', got %q", Truncate(r.Owner))}}
		}
	case Tenant, Application:
		if r.Owner == Platform {
			return []FieldError{{"owner", fmt.Sprintf("a %s belongs to a customer: give the customer's id", r.Kind)}}
		}
	}
	return nil
}

// ParseRef reads what a person types for an entity of a kind: "acme/prod",
// "acme/prod/pg" for a two-part id, "-/free" or just "free" for the platform's,
// "eu/pg" for a two-part id of the platform's, "acme" for a customer.
func ParseRef(k Kind, s string) (Ref, []FieldError) {
	r := Ref{Kind: k, Owner: Platform, ID: s}
	if owner, id, ok := strings.Cut(s, "/"); ok {
		r.Owner, r.ID = owner, id
		switch {
		case k.parts() < 2:
		case k != Application && owner != Platform && IsLabel(id): // one label is no id of the kind
			r.Owner, r.ID = Platform, owner+"_"+id
		default:
			r.ID = strings.Replace(id, "/", "_", 1)
		}
	} else if k == Customer {
		r.Owner = s
	}
	return r, r.Check()
}

func kindNames() (names []string) {
	for _, k := range Kinds {
		names = append(names, string(k))
	}
	return names
}
