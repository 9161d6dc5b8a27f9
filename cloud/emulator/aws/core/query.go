package core

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how deep a parameter's name may go: Filter.1.Value.2 has four parts, and none has more than eight.
const maxDepth = 8

// ParseQuery makes a document of a Query protocol's form: Filter.1.Value.2 is the second value of the first filter.
// Lists of IAM and STS have a member in between, which goes.
func ParseQuery(body string) (Doc, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, fmt.Errorf("parse the form: %w", err)
	}
	root := Doc{}
	for _, key := range SortedKeys(form) {
		if err := place(root, strings.Split(key, "."), form.Get(key)); err != nil {
			return nil, fmt.Errorf("parameter %q: %w", key, err)
		}
	}
	listed, _ := lists(root).(Doc)
	if listed == nil {
		return Doc{}, nil
	}
	return listed, nil
}

func place(into Doc, parts []string, value string) error {
	if len(parts) > maxDepth {
		return fmt.Errorf("more than %d parts", maxDepth)
	}
	if slices.Contains(parts, "") {
		return errors.New("an empty part")
	}
	for _, part := range parts[:len(parts)-1] {
		next, ok := into[part].(Doc)
		if !ok {
			if _, taken := into[part]; taken {
				return fmt.Errorf("%s has a value and parts", part)
			}
			next = Doc{}
			into[part] = next
		}
		into = next
	}
	last := parts[len(parts)-1]
	if _, taken := into[last].(Doc); taken {
		return fmt.Errorf("%s has a value and parts", last)
	}
	into[last] = value
	return nil
}

// lists makes a list of what is numbered.
func lists(v any) any {
	d, ok := v.(Doc)
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
	keys := SortedKeys(d)
	slices.SortFunc(keys, func(a, b string) int { return Number(a) - Number(b) })
	list := make([]any, 0, len(keys))
	for _, k := range keys {
		list = append(list, d[k])
	}
	return list
}
