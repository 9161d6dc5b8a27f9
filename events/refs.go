package events

import "reflect"

// SpecRef is a reference that an entity's spec, owner or id makes to another.
type SpecRef struct {
	Field string // where it stands, such as "spec.plan"
	Ref   Ref
}

// RefsOf lists what an entity refers to: its owner, the thing its id is part of,
// and the references in its spec. The spec must have been decoded without faults.
func RefsOf(r Ref, spec Spec) (refs []SpecRef) {
	if r.Owner != Platform && r.Kind != Customer {
		refs = append(refs, SpecRef{"owner", Ref{Customer, r.Owner, r.Owner}})
	}
	switch r.Kind {
	case TenantInfra, Addon:
		refs = append(refs, SpecRef{"name", Ref{Dataplane, r.Owner, r.Parent()}})
	case Application:
		refs = append(refs, SpecRef{"name", Ref{Tenant, r.Owner, r.Parent()}})
	}
	v := reflect.ValueOf(spec)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		kind := f.Tag.Get("ref")
		if kind == "" || v.Field(i).String() == "" {
			continue
		}
		to, _ := ParseRef(Kind(kind), v.Field(i).String())
		refs = append(refs, SpecRef{"spec." + fieldName(f), to})
	}
	return refs
}
