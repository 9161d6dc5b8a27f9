package events

import "strings"

// Kind names a sort of entity, in the singular. Its constant and its Descriptor are in the kind's own file.
type Kind string

// Plural is the kind's name in URLs.
func (k Kind) Plural() string {
	if d, ok := Builtin.Of(k); ok {
		return d.Plural
	}
	return string(k) + "s"
}

// A is the kind with its article, as in "a tenant" and "an account".
func (k Kind) A() string {
	if k != "" && strings.ContainsRune("aeiou", rune(k[0])) {
		return "an " + string(k)
	}
	return "a " + string(k)
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

// Parent is an id without its last label: the dataplane of a tenant infra or an addon, the tenant of an application, the
// tenant infra of a cell. For an id of one label it is the id itself.
func (r Ref) Parent() string {
	if i := strings.LastIndexByte(r.ID, '_'); i >= 0 {
		return r.ID[:i]
	}
	return r.ID
}

// Child is what stands on it under a name: an addon on a dataplane, an application of a tenant.
func (r Ref) Child(k Kind, name string) Ref { return Ref{k, r.Owner, r.ID + "_" + name} }

// Local is the last label of an id.
func (r Ref) Local() string { return r.ID[strings.LastIndexByte(r.ID, '_')+1:] }
