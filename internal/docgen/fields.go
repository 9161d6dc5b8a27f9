package docgen

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// field is one line of a table of fields.
type field struct {
	path, typ string
	tag       reflect.StructTag
	always    bool // on the wire even if it is empty
}

// fieldsOf lists the fields of a struct the way JSON has them: embedded structs
// are flattened, structs within are walked.
func fieldsOf(t reflect.Type, path string) (all []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			all = append(all, fieldsOf(f.Type, path)...)
			continue
		}
		at := name
		if path != "" {
			at = path + "." + name
		}
		all = append(all, field{at, typeName(f.Type), f.Tag, rest == ""})
		all = append(all, within(f.Type, at)...)
	}
	return all
}

// within lists the fields of the struct that a field holds, if it holds one.
func within(t reflect.Type, at string) []field {
	switch {
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]():
		return fieldsOf(t, at)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return fieldsOf(t.Elem(), at+"[]")
	}
	return nil
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
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

// presence says whether a field must be given, and what it is if it is not.
func (f field) presence() string {
	if f.tag.Get("required") == "true" {
		return "required"
	}
	if def, ok := f.tag.Lookup("default"); ok {
		return code(def)
	}
	return ""
}

// bounds says what a field may hold.
func (f field) bounds() string {
	var all []string
	for _, b := range []struct{ key, say string }{
		{"minimum", "at least %s"}, {"maximum", "at most %s"}, {"minItems", "entries: %s or more"},
		{"maxItems", "entries: %s at most"}, {"maxLength", "at most %s characters"}, {"pattern", "`%s`"},
	} {
		if v := f.tag.Get(b.key); v != "" {
			all = append(all, fmt.Sprintf(b.say, v))
		}
	}
	if enum := f.tag.Get("enum"); enum != "" {
		all = append(all, "one of "+codes(strings.Split(enum, ",")))
	}
	if ref := f.tag.Get("ref"); ref != "" {
		all = append(all, "a reference to a "+code(ref))
	}
	return strings.Join(all, "; ")
}

// shapeOf says a struct's fields in one line: for events and effects.
func shapeOf(t reflect.Type) string {
	var all []string
	for _, f := range fieldsOf(t, "") {
		if strings.ContainsAny(f.path, ".") {
			continue // of a struct within, which has its own name and place
		}
		name := code(f.path)
		if !f.always {
			name += "?"
		}
		all = append(all, name+" "+f.typ)
	}
	return strings.Join(all, ", ")
}
