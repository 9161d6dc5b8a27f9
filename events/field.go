package events

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Field is one field of a spec, a body or an answer, as its tags describe it.
type Field struct {
	Path string // as JSON has it, such as systemPool.max or pools[].name
	Type reflect.Type
	Tag  reflect.StructTag
}

// Always tells whether the field is on the wire even if it is empty.
func (f Field) Always() bool {
	_, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
	return rest == ""
}

// Doc is what the field means.
func (f Field) Doc() string { return f.Tag.Get("doc") }

// Required tells whether the field must be given.
func (f Field) Required() bool { return f.Tag.Get("required") == "true" }

// Default is what the field is where nobody gives it; "" if that is its empty value.
func (f Field) Default() string { return f.Tag.Get("default") }

// Enum lists what the field may be; nil if that is no list.
func (f Field) Enum() []string {
	if enum := f.Tag.Get("enum"); enum != "" {
		return strings.Split(enum, ",")
	}
	return nil
}

// RefersTo is the kind of the entity that the field names; "" if it names none.
func (f Field) RefersTo() Kind { return Kind(f.Tag.Get("ref")) }

// TypeName says in words what the field holds.
func (f Field) TypeName() string { return typeName(f.Type) }

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Slice:
		return "list of " + plural(typeName(t.Elem()))
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return "any object"
		}
		return "map of " + plural(typeName(t.Elem()))
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "time"
		}
		return "object"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "whole number"
	}
	return "string"
}

func plural(name string) string {
	if name == "any object" {
		return "objects of any shape"
	}
	return name + "s"
}

// Bounds says in words what the field may hold; quote sets a value off from the words.
func (f Field) Bounds(quote func(string) string) string {
	var all []string
	for _, b := range []struct{ key, say string }{
		{"minimum", "at least %s"}, {"maximum", "at most %s"}, {"minItems", "entries: %s or more"},
		{"maxItems", "entries: %s at most"}, {"maxLength", "at most %s characters"},
	} {
		if v := f.Tag.Get(b.key); v != "" {
			all = append(all, fmt.Sprintf(b.say, v))
		}
	}
	if p := f.Tag.Get("pattern"); p != "" {
		all = append(all, quote(p))
	}
	if enum := f.Enum(); enum != nil {
		quoted := make([]string, len(enum))
		for i, v := range enum {
			quoted[i] = quote(v)
		}
		all = append(all, "one of "+strings.Join(quoted, ", "))
	}
	if ref := f.RefersTo(); ref != "" {
		all = append(all, "a reference to a "+quote(string(ref)))
	}
	return strings.Join(all, "; ")
}

// scalar tells whether the field is a string, a number or a yes or no, or a list of strings, and not in a list itself:
// one value of a command line.
func (f Field) scalar() bool {
	switch f.Type.Kind() {
	case reflect.String, reflect.Int, reflect.Bool:
	case reflect.Slice:
		if f.Type.Elem().Kind() != reflect.String {
			return false
		}
	default:
		return false
	}
	return !strings.Contains(f.Path, "[]")
}

// FieldsOf lists the fields of a struct the way JSON has them: embedded structs
// are flattened, structs within are walked.
func FieldsOf(t reflect.Type) []Field { return fieldsAt(t, "") }

func fieldsAt(t reflect.Type, path string) (all []Field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := fieldName(f)
		if f.Anonymous && name == "" {
			all = append(all, fieldsAt(f.Type, path)...)
			continue
		}
		at := join(path, name)
		all = append(all, Field{at, f.Type, f.Tag})
		within := f.Type
		if within.Kind() == reflect.Pointer {
			within = within.Elem()
		}
		switch {
		case within.Kind() == reflect.Struct && within != reflect.TypeFor[time.Time]():
			all = append(all, fieldsAt(within, at)...)
		case within.Kind() == reflect.Slice && within.Elem().Kind() == reflect.Struct:
			all = append(all, fieldsAt(within.Elem(), at+"[]")...)
		}
	}
	return all
}

// ScalarFields are the fields of the kind's spec that a command line can give one by one.
func (d Descriptor) ScalarFields() (fields []Field) {
	for _, f := range FieldsOf(reflect.TypeOf(d.Spec)) {
		if f.scalar() {
			fields = append(fields, f)
		}
	}
	return fields
}
