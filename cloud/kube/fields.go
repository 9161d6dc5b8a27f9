package kube

import (
	"fmt"
	"maps"

	quantity "k8s.io/apimachinery/pkg/api/resource"
)

func merged(base, over map[string]string) map[string]any {
	maps.Copy(base, over)
	return FieldsOf(base)
}

// FieldsOf has strings as the fields of an object.
func FieldsOf(m map[string]string) map[string]any {
	fields := make(map[string]any, len(m))
	for k, v := range m {
		fields[k] = v
	}
	return fields
}

// StringOf is a value that is a string; empty if it is none.
func StringOf(v any) string {
	s, _ := v.(string)
	return s
}

// MapOf is a value that is a map of fields, itself and no copy; nil if it is none.
func MapOf(v any) map[string]any {
	switch m := v.(type) {
	case map[string]any:
		return m
	case Object:
		return m
	}
	return nil
}

func texts(v any) map[string]string {
	out := map[string]string{}
	if m, ok := v.(map[string]string); ok {
		maps.Copy(out, m)
	}
	for k, e := range MapOf(v) {
		if s, ok := e.(string); ok {
			out[k] = s
		}
	}
	return out
}

// CloneMap is a deep copy of a map of fields.
func CloneMap(m map[string]any) map[string]any {
	c := make(map[string]any, len(m))
	for k, v := range m {
		c[k] = cloneValue(v)
	}
	return c
}

func cloneValue(v any) any {
	switch x := v.(type) {
	case map[string]any:
		return CloneMap(x)
	case Object:
		return CloneMap(x)
	case map[string]string:
		return maps.Clone(x)
	case []any:
		c := make([]any, len(x))
		for i, e := range x {
			c[i] = cloneValue(e)
		}
		return c
	case []string:
		return append([]string(nil), x...)
	}
	return v
}

// Nested is the map of fields at a path in an object, itself and no copy; nil if there is none.
func Nested(o map[string]any, path ...string) map[string]any {
	for _, field := range path {
		o = MapOf(o[field])
	}
	return o
}

// MapsOf are the entries of a value that is a list; one that is no map is nil.
func MapsOf(v any) (all []map[string]any) {
	list, _ := v.([]any)
	for _, e := range list {
		all = append(all, MapOf(e))
	}
	return all
}

// Quantity is a value of a resource as an object has it, such as 500m or 4Gi, in thousandths and rounded up to whole ones;
// nothing if it is none.
func Quantity(v any) (milli, whole int64) {
	switch v.(type) {
	case string, int64, float64:
	default:
		return 0, 0
	}
	q, err := quantity.ParseQuantity(fmt.Sprint(v))
	if err != nil {
		return 0, 0
	}
	return q.MilliValue(), q.Value()
}
