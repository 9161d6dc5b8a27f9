package aws

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
)

type doc = emulator.Doc

// maxDepth is how deep a parameter's name may go: Filter.1.Value.2 has four parts, and none has more than eight.
const maxDepth = 8

// parseQuery makes a document of a Query protocol's form: Filter.1.Value.2 is the second value of the first filter.
// Lists of IAM and STS have a member in between, which goes.
func parseQuery(body string) (doc, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, fmt.Errorf("parse the form: %w", err)
	}
	root := doc{}
	for _, key := range sortedKeys(form) {
		if err := place(root, strings.Split(key, "."), form.Get(key)); err != nil {
			return nil, fmt.Errorf("parameter %q: %w", key, err)
		}
	}
	listed, _ := lists(root).(doc)
	if listed == nil {
		return doc{}, nil
	}
	return listed, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func place(into doc, parts []string, value string) error {
	if len(parts) > maxDepth {
		return fmt.Errorf("more than %d parts", maxDepth)
	}
	if slices.Contains(parts, "") {
		return errors.New("an empty part")
	}
	for _, part := range parts[:len(parts)-1] {
		next, ok := into[part].(doc)
		if !ok {
			if _, taken := into[part]; taken {
				return fmt.Errorf("%s has a value and parts", part)
			}
			next = doc{}
			into[part] = next
		}
		into = next
	}
	last := parts[len(parts)-1]
	if _, taken := into[last].(doc); taken {
		return fmt.Errorf("%s has a value and parts", last)
	}
	into[last] = value
	return nil
}

// lists makes a list of what is numbered.
func lists(v any) any {
	d, ok := v.(doc)
	if !ok {
		return v
	}
	numbered := len(d) > 0
	for k, e := range d {
		d[k] = lists(e)
		_, err := strconv.ParseUint(k, 10, 31)
		numbered = numbered && err == nil
	}
	if members, ok := d["member"].([]any); ok && len(d) == 1 {
		return members
	}
	if !numbered {
		return d
	}
	keys := sortedKeys(d)
	slices.SortFunc(keys, func(a, b string) int { return number(a) - number(b) })
	list := make([]any, 0, len(keys))
	for _, k := range keys {
		list = append(list, d[k])
	}
	return list
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// text is a field that is a string; empty if it is none.
func text(d doc, field string) string {
	s, _ := d[field].(string)
	return s
}

// list is a field that is a list; one value counts as a list of one.
func list(d doc, field string) []any {
	switch v := d[field].(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// texts is a field that is a list of strings.
func texts(d doc, field string) (all []string) {
	for _, v := range list(d, field) {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// docs is a field that is a list of documents.
func docs(d doc, field string) (all []doc) {
	for _, v := range list(d, field) {
		if one, ok := v.(doc); ok {
			all = append(all, one)
		}
	}
	return all
}

// sub is a field that is a document; never nil.
func sub(d doc, field string) doc {
	if s, ok := d[field].(doc); ok {
		return s
	}
	return doc{}
}

// whole is a field that is a whole number, as such or written as a string.
func whole(d doc, field string) (n int, there bool) {
	switch v := d[field].(type) {
	case float64:
		return int(v), true
	case string:
		n, err := strconv.Atoi(v)
		return n, err == nil
	}
	return 0, false
}

// yes is a field that is a boolean, as such or written as a string.
func yes(d doc, field string) bool {
	return d[field] == true || text(d, field) == "true"
}

// anys is a list as documents have it.
func anys[T any](list []T) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}
