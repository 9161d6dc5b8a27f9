package print

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	kubejson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// path finds something in an answer, by a JSONPath as kubectl has it.
type path struct{ *jsonpath.JSONPath }

// newPath reads a template such as {.items[*].id}.
func newPath(flag, template string) (path, error) {
	p := jsonpath.New(flag).AllowMissingKeys(true)
	if err := p.Parse(template); err != nil {
		return path{}, client.Invalid(flag, "%q is no JSONPath: %v; want one such as {.items[*].id}", events.Truncate(template), err)
	}
	return path{p}, nil
}

// newFieldPath reads the path of one field: {.spec.plan}, .spec.plan or spec.plan.
func newFieldPath(flag, text string) (path, error) {
	field := strings.TrimSpace(text)
	if inner, braced := strings.CutPrefix(field, "{"); braced {
		field = strings.TrimSuffix(inner, "}")
	}
	if strings.Trim(field, ". ") == "" {
		return path{}, client.Invalid(flag, "%q is no path: want one such as .spec.plan", events.Truncate(text))
	}
	return newPath(flag, "{."+strings.TrimPrefix(field, ".")+"}")
}

// values are what the path finds in a JSON text.
func (p path) values(raw json.RawMessage) ([]any, error) {
	var v any
	if err := kubejson.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("read an answer: %w", err)
	}
	found, err := p.FindResults(v)
	if err != nil {
		return nil, client.Invalid("-o", "%v", err)
	}
	var all []any
	for _, r := range slices.Concat(found...) {
		if r.IsValid() && r.CanInterface() && !isNil(r) {
			all = append(all, r.Interface())
		}
	}
	return all, nil
}

func isNil(v reflect.Value) bool {
	return (v.Kind() == reflect.Interface || v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.IsNil()
}

// cell is what the path finds, as a cell of a table.
func (p path) cell(raw json.RawMessage) (string, error) {
	found, err := p.values(raw)
	if err != nil {
		return "", err
	}
	var all []string
	for _, v := range found {
		text, isText := v.(string)
		if !isText {
			data, err := json.Marshal(v)
			if err != nil {
				return "", fmt.Errorf("write a cell: %w", err)
			}
			text = string(data)
		}
		all = append(all, text)
	}
	return strings.Join(all, ","), nil
}

// write writes what a template makes of a JSON text. What hides itself is escaped, but for line ends and tabs, which the
// template may have.
func (p path) write(raw json.RawMessage) ([]byte, error) {
	var v any
	if err := kubejson.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("read an answer: %w", err)
	}
	var b bytes.Buffer
	if err := p.Execute(&b, v); err != nil {
		return nil, client.Invalid("-o", "%v", err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		words := strings.Split(line, "\t")
		for j := range words {
			words[j] = client.Plain(words[j])
		}
		lines[i] = strings.Join(words, "\t")
	}
	return []byte(strings.Join(lines, "\n")), nil
}

// customColumn is a column that a user has made.
type customColumn struct {
	head string
	path path
}

// parseColumns reads HEAD:PATH,HEAD:PATH.
func parseColumns(spec string) (all []customColumn, err error) {
	for _, part := range splitColumns(spec) {
		head, field, ok := strings.Cut(part, ":")
		if !ok || head == "" {
			return nil, client.Invalid("-o", "%q is no column: want custom-columns=HEAD:PATH,HEAD:PATH such as custom-columns=NAME:.id,PLAN:.spec.plan", events.Truncate(part))
		}
		p, err := newFieldPath("-o", field)
		if err != nil {
			return nil, err
		}
		all = append(all, customColumn{head, p})
	}
	return all, nil
}

// splitColumns cuts at the commas that are in no brackets.
func splitColumns(spec string) []string {
	var parts []string
	depth, from := 0, 0
	for i, r := range spec {
		switch r {
		case '[', '(', '{':
			depth++
		case ']', ')', '}':
			depth--
		case ',':
			if depth == 0 {
				parts, from = append(parts, spec[from:i]), i+1
			}
		}
	}
	return append(parts, spec[from:])
}

// sortBy puts entities in the order of what a path finds in each: numbers as numbers, and what has nothing first.
func sortBy(p path, all []json.RawMessage) error {
	type keyed struct {
		raw json.RawMessage
		key any
	}
	var keys []keyed
	for _, raw := range all {
		found, err := p.values(raw)
		if err != nil {
			return err
		}
		k := keyed{raw: raw}
		if len(found) > 0 {
			k.key = found[0]
		}
		keys = append(keys, k)
	}
	slices.SortStableFunc(keys, func(a, b keyed) int { return compareValues(a.key, b.key) })
	for i := range keys {
		all[i] = keys[i].raw
	}
	return nil
}

func compareValues(a, b any) int {
	x, isNumber := number(a)
	y, areNumbers := number(b)
	switch {
	case a == nil || b == nil:
		return cmp.Compare(there(a), there(b))
	case isNumber && areNumbers:
		return cmp.Compare(x, y)
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func there(v any) int {
	if v == nil {
		return 0
	}
	return 1
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
