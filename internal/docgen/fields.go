package docgen

import (
	"reflect"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// presence says whether a field must be given, and what it is if it is not.
func presence(f ev.Field) string {
	if f.Required() {
		return "required"
	}
	return code(f.Default())
}

// shapeOf says a struct's fields in one line: for events and effects.
func shapeOf(t reflect.Type) string {
	var all []string
	for _, f := range ev.FieldsOf(t) {
		if strings.ContainsAny(f.Path, ".") {
			continue // of a struct within, which has its own name and place
		}
		name := code(f.Path)
		if !f.Always() {
			name += "?"
		}
		all = append(all, name+" "+f.TypeName())
	}
	return strings.Join(all, ", ")
}
