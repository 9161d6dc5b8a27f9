package events

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decode fills dst from decoded JSON (numbers as json.Number) and collects every
// fault with its path. It is strict: an unknown field is a fault that names the
// nearest known one. What a field may hold stands in its tags, the ones that the
// OpenAPI document is made from too: required, default, enum, minimum, maximum,
// minItems, maxItems, maxLength, pattern; `ref` names the kind that a reference
// points to.
func decode(path string, raw any, dst reflect.Value, tag reflect.StructTag) []FieldError {
	switch dst.Type() {
	case freeObject:
		return decodeFree(path, raw, dst, tag)
	case undecoded:
		return decodeLater(path, raw, dst)
	case secretSource:
		return decodeSource(path, raw, dst)
	}
	switch dst.Kind() {
	case reflect.Pointer: // of a part that may be left out as a whole, with its defaults
		dst.Set(reflect.New(dst.Type().Elem()))
		return decode(path, raw, dst.Elem(), tag)
	case reflect.Struct:
		return decodeStruct(path, raw, dst)
	case reflect.Slice:
		return decodeSlice(path, raw, dst, tag)
	case reflect.Map:
		return decodeStrings(path, raw, dst, tag)
	}
	return decodeScalar(path, raw, dst, tag)
}

var (
	// freeObject is a part of a spec whose shape belongs to somebody else.
	freeObject = reflect.TypeFor[map[string]any]()
	undecoded  = reflect.TypeFor[rawSpec]()

	secretSource = reflect.TypeFor[SecretSource]()
)

// rawSpec is a spec whose kind is not looked at yet.
type rawSpec map[string]any

func decodeLater(path string, raw any, dst reflect.Value) []FieldError {
	m, ok := raw.(map[string]any)
	if !ok {
		return wrongType(path, raw, "an object")
	}
	dst.Set(reflect.ValueOf(rawSpec(m)))
	return nil
}

func decodeFree(path string, raw any, dst reflect.Value, tag reflect.StructTag) []FieldError {
	m, ok := raw.(map[string]any)
	if !ok {
		return wrongType(path, raw, "an object")
	}
	if len(m) == 0 && leftOut(tag) {
		return nil
	}
	kept, faults := keep(path, m)
	dst.Set(reflect.ValueOf(kept))
	return faults
}

// keep copies a free value with its numbers as the log gives them back, so that
// what was stored and what is asked again are equal.
func keep(path string, v any) (any, []FieldError) {
	var faults []FieldError
	switch v := v.(type) {
	case string:
		return v, checkText(path, v)
	case json.Number:
		return keepNumber(path, v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			at := join(path, Truncate(k))
			kept, wrong := keep(at, v[k])
			out[k], faults = kept, append(append(faults, checkText(at, k)...), wrong...)
		}
		return out, faults
	case []any:
		out := make([]any, len(v))
		for i := range v {
			kept, wrong := keep(fmt.Sprintf("%s[%d]", path, i), v[i])
			out[i], faults = kept, append(faults, wrong...)
		}
		return out, faults
	}
	return v, nil
}

// maxExact is the first whole number about which JSON readers may disagree.
const maxExact = 1 << 53

func keepNumber(path string, n json.Number) (any, []FieldError) {
	f, err := n.Float64()
	if err != nil || math.Abs(f) >= maxExact {
		return f, []FieldError{{path, fmt.Sprintf("the number %s would not be kept exactly: write it as a string", Truncate(string(n)))}}
	}
	return f, nil
}

func decodeStruct(path string, raw any, dst reflect.Value) (faults []FieldError) {
	m, ok := raw.(map[string]any)
	if !ok {
		return wrongType(path, raw, "an object")
	}
	var known []string
	for i := range dst.NumField() {
		f := dst.Type().Field(i)
		name := fieldName(f)
		known = append(known, name)
		if v := m[name]; v != nil && !(v == "" && f.Type.Kind() == reflect.String && f.Tag.Get("default") != "") {
			faults = append(faults, decode(join(path, name), v, dst.Field(i), f.Tag)...)
		} else {
			faults = append(faults, decodeAbsent(join(path, name), dst.Field(i), f.Tag)...)
		}
	}
	for name := range m {
		if !slices.Contains(known, name) {
			faults = append(faults, FieldError{join(path, Truncate(name)), "no such field" + Suggest(name, known)})
		}
	}
	slices.SortStableFunc(faults, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	return faults
}

func decodeAbsent(path string, dst reflect.Value, tag reflect.StructTag) []FieldError {
	if def, ok := tag.Lookup("default"); ok {
		return decodeScalar(path, defaultOf(def, dst.Kind()), dst, tag)
	}
	if tag.Get("required") == "true" {
		return []FieldError{{path, "is missing" + wanted(tag)}}
	}
	if dst.Kind() == reflect.Struct { // its own fields may have defaults
		return decodeStruct(path, map[string]any{}, dst)
	}
	return nil
}

func defaultOf(def string, kind reflect.Kind) any {
	switch kind {
	case reflect.Int:
		return json.Number(def)
	case reflect.Bool:
		return def == "true"
	}
	return def
}

func decodeSlice(path string, raw any, dst reflect.Value, tag reflect.StructTag) (faults []FieldError) {
	list, ok := raw.([]any)
	if !ok {
		return wrongType(path, raw, "a list")
	}
	if n, ok := bound(tag, "maxItems"); ok && len(list) > n {
		return []FieldError{{path, fmt.Sprintf("%d entries: at most %d", len(list), n)}}
	}
	if n, ok := bound(tag, "minItems"); ok && len(list) < n {
		faults = append(faults, FieldError{path, fmt.Sprintf("%d entries: at least %d", len(list), n)})
	}
	out := reflect.MakeSlice(dst.Type(), len(list), len(list))
	for i, v := range list {
		faults = append(faults, decode(fmt.Sprintf("%s[%d]", path, i), v, out.Index(i), entryTag(tag))...)
	}
	if len(list) > 0 || !leftOut(tag) {
		dst.Set(out)
	}
	return faults
}

// entryTag is the tag of a list's entries: an empty field is an absent one, an
// empty entry is not.
func entryTag(tag reflect.StructTag) reflect.StructTag {
	return `required:"true" ` + tag
}

// leftOut tells whether an empty value does not reach the log: then it must be
// nil here too, so that what was stored and what is asked again are equal.
func leftOut(tag reflect.StructTag) bool {
	return strings.HasSuffix(tag.Get("json"), ",omitempty")
}

func decodeStrings(path string, raw any, dst reflect.Value, tag reflect.StructTag) (faults []FieldError) {
	m, ok := raw.(map[string]any)
	if !ok {
		return wrongType(path, raw, "an object of strings")
	}
	out := map[string]string{}
	for k, v := range m {
		s, ok := v.(string)
		if !ok {
			faults = append(faults, wrongType(join(path, Truncate(k)), v, "a string")...)
			continue
		}
		out[k] = s
	}
	if len(out) > 0 || !leftOut(tag) {
		dst.Set(reflect.ValueOf(out))
	}
	return append(faults, checkLabels(path, out)...)
}

func decodeScalar(path string, raw any, dst reflect.Value, tag reflect.StructTag) []FieldError {
	switch dst.Kind() {
	case reflect.String:
		s, ok := raw.(string)
		if !ok {
			return wrongType(path, raw, "a string")
		}
		if faults := checkLine(path, s); faults != nil {
			return faults
		}
		if s == "" && tag.Get("required") == "true" && tag.Get("ref") != "" {
			return []FieldError{{path, "is missing" + wanted(tag)}}
		}
		if kind := tag.Get("ref"); kind != "" && s != "" {
			return decodeRef(path, s, dst, Kind(kind))
		}
		dst.SetString(s)
		return checkString(path, s, tag)
	case reflect.Int:
		n, ok := raw.(json.Number)
		i, err := strconv.ParseInt(string(n), 10, 32)
		if !ok || err != nil {
			return wrongType(path, raw, "a whole number")
		}
		dst.SetInt(i)
		return checkInt(path, int(i), tag)
	case reflect.Bool:
		b, ok := raw.(bool)
		if !ok {
			return wrongType(path, raw, "true or false")
		}
		dst.SetBool(b)
	}
	return nil
}

// wanted says what a field is for and looks like, as the end of a sentence.
func wanted(tag reflect.StructTag) string {
	if enum := tag.Get("enum"); enum != "" {
		return ": one of " + strings.ReplaceAll(enum, ",", ", ")
	}
	if doc := tag.Get("doc"); doc != "" {
		return ": " + doc
	}
	return ""
}

// decodeRef keeps a reference in the one form it has in the log: "free" is "-/free".
func decodeRef(path, s string, dst reflect.Value, k Kind) []FieldError {
	ref, faults := ParseRef(k, s)
	if len(faults) > 0 {
		return []FieldError{{path, faults[0].Message}}
	}
	dst.SetString(ref.Path())
	return nil
}

func wrongType(path string, got any, want string) []FieldError {
	message := fmt.Sprintf("want %s, got %s", want, describe(got))
	switch got.(type) {
	case json.Number, bool:
		if want == "a string" {
			message += ": put it in quotes"
		}
	}
	return []FieldError{{path, message}}
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return fmt.Sprintf("the string %q", Truncate(v))
	case json.Number:
		return "the number " + Truncate(string(v))
	case bool:
		return fmt.Sprint(v)
	case []any:
		return "a list"
	}
	return "an object"
}

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
