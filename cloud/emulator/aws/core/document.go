package core

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// Doc is a document in the words of the wire.
type Doc = emulator.Doc

// SortedKeys are the keys of a map in order.
func SortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Number is a whole number that is written as a string; 0 of what is none.
func Number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// Text is a field that is a string; empty if it is none.
func Text(d Doc, field string) string {
	s, _ := d[field].(string)
	return s
}

// List is a field that is a list; one value counts as a list of one.
func List(d Doc, field string) []any {
	switch v := d[field].(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// Texts is a field that is a list of strings.
func Texts(d Doc, field string) (all []string) {
	for _, v := range List(d, field) {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// Docs is a field that is a list of documents.
func Docs(d Doc, field string) (all []Doc) {
	for _, v := range List(d, field) {
		if one, ok := v.(Doc); ok {
			all = append(all, one)
		}
	}
	return all
}

// Sub is a field that is a document; never nil.
func Sub(d Doc, field string) Doc {
	if s, ok := d[field].(Doc); ok {
		return s
	}
	return Doc{}
}

// Whole is a field that is a whole number, as such or written as a string.
func Whole(d Doc, field string) (n int, there bool) {
	switch v := d[field].(type) {
	case float64:
		return int(v), true
	case string:
		n, err := strconv.Atoi(v)
		return n, err == nil
	}
	return 0, false
}

// Yes is a field that is a boolean, as such or written as a string.
func Yes(d Doc, field string) bool {
	return d[field] == true || Text(d, field) == "true"
}

// Anys is a list as documents have it.
func Anys[T any](list []T) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}

// Capital is a field's name as a parameter.
func Capital(field string) string { return strings.ToUpper(field[:1]) + field[1:] }

// Visible is the document of a thing without the fields that are our own, which begin with an underscore.
func Visible(t *emulator.Resource) Doc {
	d := emulator.Copy(t.Doc)
	for field := range d {
		if strings.HasPrefix(field, "_") {
			delete(d, field)
		}
	}
	return d
}

// WithoutToken is a request without its token.
func WithoutToken(in Doc, token string) Doc {
	bare := maps.Clone(in)
	delete(bare, token)
	return emulator.Copy(bare)
}

// Stamp is a time as the Query protocols write it.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Same compares two rules; what describes them does not count.
func Same(a, b any) bool {
	return reflect.DeepEqual(bare(a), bare(b))
}

func bare(v any) any {
	switch x := v.(type) {
	case Doc:
		out := Doc{}
		for k, e := range x {
			if k != "description" {
				out[k] = bare(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = bare(e)
		}
		return out
	}
	return v
}
