package events

import (
	"reflect"
	"sync"
)

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
	for _, f := range refFieldsOf(v.Type()) {
		if path := v.Field(f.index).String(); path != "" {
			to, _ := ParseRef(f.kind, path)
			refs = append(refs, SpecRef{f.field, to})
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
