package events

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Descriptor says what there is to know of a kind before any entity of it lives. Each is in its kind's own file.
// Whoever lists kinds, verbs or fields reads descriptors: subjects, HTTP, both API documents, the command line, docs.
type Descriptor struct {
	Kind   Kind
	Plural string    // its name in URLs
	Doc    string    // what an entity of the kind is, for people
	Owner  Ownership // who may own one
	Parent Kind      // whose id comes before the last label of its id; "": its id is one label
	Above  []Kind    // whose ids the parent's begins with, the nearest first; none: the parent's is one label
	Spec   Spec      // an empty one, to look at its type
	Verbs  []Verb    // what can be asked, in the order in which people read it
	Marked bool      // whether what is made for an entity carries its mark, in a cloud or a cluster
	Access Access    // what the table of rights has of it
}

// Ownership says who may own an entity of a kind.
type Ownership int

// The ownerships.
const (
	ByAnybody Ownership = iota // a customer, or the platform
	ByItself                   // it owns itself, as a customer does
	ByThePlatform
	ByCustomers
)

// A is the kind with its article.
func (d Descriptor) A() string { return d.Kind.A() }

// Owners says in words who may own an entity of the kind.
func (d Descriptor) Owners() string {
	switch {
	case d.Owner == ByItself:
		return "itself"
	case d.Owner == ByThePlatform:
		return "-"
	case d.Owner == ByCustomers && d.Parent != "":
		return "the customer of its " + string(d.Parent)
	case d.Owner == ByCustomers:
		return "a customer"
	case d.Parent != "":
		return "as its " + string(d.Parent)
	}
	return "- or a customer"
}

// Verb finds one of the kind's verbs.
func (d *Descriptor) Verb(name string) (Verb, bool) {
	for i := range d.Verbs {
		if d.Verbs[i].Name == name {
			return d.Verbs[i], true
		}
	}
	return Verb{}, false
}

// has tells whether the kind has a verb.
func (d *Descriptor) has(verb string) bool {
	_, has := d.Verb(verb)
	return has
}

// VerbNames lists the kind's verbs.
func (d Descriptor) VerbNames() (names []string) {
	for _, v := range d.Verbs {
		names = append(names, v.Name)
	}
	return names
}

// IDForm is what an id of the kind looks like, in a few characters.
func (d Descriptor) IDForm() string {
	form := "<name>"
	for _, k := range append([]Kind{d.Parent}, d.Above...) {
		if k != "" {
			form = "<" + string(k) + ">_" + form
		}
	}
	return form
}

// IDRule says in words what an id of the kind looks like, for messages.
func (d Descriptor) IDRule() string {
	if d.Parent != "" {
		return d.IDForm() + ", each " + LabelRule
	}
	return LabelRule
}

// labels is how many labels an id of the kind has.
func (d *Descriptor) labels() int {
	if d.Parent == "" {
		return 1
	}
	return 2 + len(d.Above)
}

// Registry is the kinds that a program knows. It is never changed, so it may be read from any goroutine.
type Registry struct{ kinds []Descriptor }

// NewRegistry makes a registry. It panics where a kind or a verb of a kind is there twice, or a verb's body is neither a
// payload nor a form of one.
func NewRegistry(kinds ...Descriptor) *Registry {
	for i, d := range kinds {
		if slices.ContainsFunc(kinds[:i], func(o Descriptor) bool { return o.Kind == d.Kind || o.Plural == d.Plural }) {
			panic(fmt.Sprintf("events: kind %s is there twice", d.Kind))
		}
		for j, v := range d.Verbs {
			if slices.ContainsFunc(d.Verbs[:j], func(o Verb) bool { return o.Name == v.Name }) || !v.isBody() {
				panic(fmt.Sprintf("events: verb %s of kind %s is there twice, or has no body that can be decoded", v.Name, d.Kind))
			}
		}
	}
	return &Registry{kinds}
}

// With is the registry with one more kind, the last.
func (r *Registry) With(d Descriptor) *Registry {
	return NewRegistry(append(slices.Clone(r.kinds), d)...)
}

// All lists the descriptors in the order of references: what is referred to stands before what refers to it.
func (r *Registry) All() []Descriptor { return slices.Clone(r.kinds) }

// Kinds lists the kinds in that order.
func (r *Registry) Kinds() (kinds []Kind) {
	for _, d := range r.kinds {
		kinds = append(kinds, d.Kind)
	}
	return kinds
}

// Names lists the names of the kinds, in the singular.
func (r *Registry) Names() (names []string) {
	for _, d := range r.kinds {
		names = append(names, string(d.Kind))
	}
	return names
}

// VerbsInWords says which verbs there are: those of all kinds, then those that a kind has besides.
func (r *Registry) VerbsInWords() string {
	everywhere := slices.DeleteFunc(r.kinds[0].VerbNames(), func(name string) bool {
		return slices.ContainsFunc(r.kinds, func(d Descriptor) bool { _, has := d.Verb(name); return !has })
	})
	words := strings.Join(everywhere, ", ")
	for _, d := range r.kinds {
		own := slices.DeleteFunc(d.VerbNames(), func(name string) bool { return slices.Contains(everywhere, name) })
		if len(own) > 0 {
			words += "; of " + d.A() + " also " + strings.Join(own, ", ")
		}
	}
	return words
}

// Of is the descriptor of a kind; false if there is no such kind.
func (r *Registry) Of(k Kind) (Descriptor, bool) {
	if d := r.of(k); d != nil {
		return *d, true
	}
	return Descriptor{Kind: k}, false
}

func (r *Registry) of(k Kind) *Descriptor {
	for i := range r.kinds {
		if r.kinds[i].Kind == k {
			return &r.kinds[i]
		}
	}
	return nil
}

// Find finds a kind by its name in the singular or the plural.
func (r *Registry) Find(name string) (Descriptor, bool) {
	for _, d := range r.kinds {
		if name == string(d.Kind) || name == d.Plural {
			return d, true
		}
	}
	return Descriptor{}, false
}

// Check says what is wrong with a reference, naming the field; nil if nothing is.
func (r *Registry) Check(ref Ref) []FieldError {
	d := r.of(ref.Kind)
	if d == nil {
		return []FieldError{{"kind", fmt.Sprintf("%q is not a kind%s", Truncate(string(ref.Kind)), Suggest(string(ref.Kind), r.Names()))}}
	}
	var faults []FieldError
	if ref.Owner != Platform && !IsLabel(ref.Owner) {
		faults = append(faults, FieldError{"owner", fmt.Sprintf("%q is not an owner: a customer's id (%s) or '-'", Truncate(ref.Owner), LabelRule)})
	}
	labels, ok := 0, true
	for l := range strings.SplitSeq(ref.ID, "_") {
		labels, ok = labels+1, ok && IsLabel(l)
	}
	if !ok || labels != d.labels() {
		faults = append(faults, FieldError{"name", fmt.Sprintf("%q is not a name for %s: %s", Truncate(ref.ID), d.A(), d.IDRule())})
	}
	return append(faults, d.checkOwner(ref)...)
}

// checkOwner says who may own a thing of the kind.
func (d *Descriptor) checkOwner(ref Ref) []FieldError {
	switch {
	case d.Owner == ByItself && ref.Owner != ref.ID:
		return []FieldError{{"owner", fmt.Sprintf("%s owns itself: want %q, got %q", d.A(), Truncate(ref.ID), Truncate(ref.Owner))}}
	case d.Owner == ByThePlatform && ref.Owner != Platform:
		return []FieldError{{"owner", fmt.Sprintf("%s belongs to the platform: want '-', got %q", d.A(), Truncate(ref.Owner))}}
	case d.Owner == ByCustomers && ref.Owner == Platform:
		return []FieldError{{"owner", fmt.Sprintf("%s belongs to a customer: give the customer's id", d.A())}}
	}
	return nil
}

// ParseRef reads what a person types for an entity of a kind: "acme/prod",
// "acme/prod/pg" for a two-part id, "-/free" or just "free" for the platform's,
// "eu/pg" for a two-part id of the platform's, "eu/pg/c1" for one of three parts, "acme" for a customer.
func (r *Registry) ParseRef(k Kind, s string) (Ref, []FieldError) {
	ref := Ref{Kind: k, Owner: Platform, ID: s}
	d := r.of(k)
	if d == nil {
		return ref, r.Check(ref)
	}
	if owner, id, ok := strings.Cut(s, "/"); ok {
		ref.Owner, ref.ID = owner, strings.Replace(id, "/", "_", d.labels()-1)
		if tooFew := strings.Count(ref.ID, "_") == d.labels()-2; tooFew && d.Owner != ByCustomers && owner != Platform {
			ref.Owner, ref.ID = Platform, owner+"_"+ref.ID
		}
	} else if d.Owner == ByItself {
		ref.Owner = s
	}
	return ref, r.Check(ref)
}

// SpecRef is a reference that an entity's spec, owner or id makes to another.
type SpecRef struct {
	Field string // where it stands, such as "spec.plan"
	Ref   Ref
}

// RefsOf lists what an entity refers to: its owner, the thing its id is part of,
// and the references in its spec. The spec must have been decoded without faults.
func (r *Registry) RefsOf(ref Ref, spec Spec) (refs []SpecRef) {
	d := r.of(ref.Kind)
	if ref.Owner != Platform && d.Owner != ByItself {
		refs = append(refs, SpecRef{"owner", Ref{Customer, ref.Owner, ref.Owner}})
	}
	if d.Parent != "" {
		refs = append(refs, SpecRef{"name", Ref{d.Parent, ref.Owner, ref.Parent()}})
	}
	v := reflect.ValueOf(spec)
	for _, f := range refFieldsOf(v.Type()) {
		if path := v.Field(f.index).String(); path != "" {
			to, _ := r.ParseRef(f.kind, path)
			refs = append(refs, SpecRef{f.field, to})
		}
	}
	if more, refers := spec.(interface{ Refers() []SpecRef }); refers {
		refs = append(refs, more.Refers()...)
	}
	return refs
}

// refsIn lists what the fields of a payload itself refer to, but for its spec.
func (r *Registry) refsIn(p Payload) (refs []SpecRef) {
	v := reflect.ValueOf(p)
	for _, f := range refFieldsOf(v.Type()) {
		if path := v.Field(f.index).String(); path != "" {
			to, _ := r.ParseRef(f.kind, path)
			refs = append(refs, SpecRef{strings.TrimPrefix(f.field, "spec."), to})
		}
	}
	return refs
}

// refField is a field of a spec that refers to an entity of a kind.
type refField struct {
	index int
	kind  Kind
	field string
}

// refFields are those of each spec's type, read from its tags once: a fold asks for
// every birth.
var refFields sync.Map // reflect.Type -> []refField

func refFieldsOf(t reflect.Type) (fields []refField) {
	if known, ok := refFields.Load(t); ok {
		fields, _ = known.([]refField)
		return fields
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if kind := f.Tag.Get("ref"); kind != "" {
			fields = append(fields, refField{i, Kind(kind), "spec." + fieldName(f)})
		}
	}
	refFields.Store(t, fields)
	return fields
}

// Builtin is what this program knows. A new kind comes last, whatever it refers to: snapshots on disk have the
// places of the kinds in this list.
var Builtin = NewRegistry(customerKind, accountKind, planKind, dataplaneKind, tenantInfraKind, tenantKind, applicationKind, addonKind,
	principalKind, tokenKind, cellKind, agentKind, cellApplicationKind, repositoryKind)

// Kinds are the kinds of Builtin.
var Kinds = Builtin.Kinds()

// KindOf finds a kind of Builtin by its name in the singular or the plural.
func KindOf(s string) (Kind, bool) {
	d, ok := Builtin.Find(s)
	return d.Kind, ok
}

// Check says what is wrong with the reference, naming the field; nil if nothing is.
func (r Ref) Check() []FieldError { return Builtin.Check(r) }

// ParseRef is ParseRef of Builtin.
func ParseRef(k Kind, s string) (Ref, []FieldError) { return Builtin.ParseRef(k, s) }

// RefsOf is RefsOf of Builtin.
func RefsOf(r Ref, spec Spec) []SpecRef { return Builtin.RefsOf(r, spec) }

// Verbs lists the verbs of a kind of Builtin.
func Verbs(k Kind) []string {
	d, _ := Builtin.Of(k)
	return d.VerbNames()
}

// Marked tells whether what is made for an entity of a kind carries its mark.
func Marked(k Kind) bool {
	d, _ := Builtin.Of(k)
	return d.Marked
}

// ZeroSpec is an empty spec of a kind, to look at its type.
func ZeroSpec(k Kind) Spec {
	d, _ := Builtin.Of(k)
	return d.Spec
}
