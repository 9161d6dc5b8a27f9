// Package setting reads values the way `helm --set` does: a.b=c,d[0]=e. It is a parser of our own because Helm's comes with
// all of Helm; cmd/aerie-helm has a test that holds it against Helm's. It reads no files and knows no charts: what the
// values mean is the chart's. Begin reading at Set; reader.path and reader.value are the grammar.
// Set changes the map that it is given, so one map is set by one goroutine at a time; nothing else is shared.
// Nothing is kept, so a crash leaves nothing.
package setting

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds of what is set.
const (
	maxIndex = 1024 // of a list
	maxDepth = 30   // of names in names
)

// Set sets in values what a text says: assignments with commas between them. Names have dots between them, an index
// stands in brackets, {a,b} is a list; a backslash takes the meaning from any of these. A value is a whole number, true,
// false, null, or else a string. What is there already and not named stays.
func Set(values map[string]any, text string) error {
	r := &reader{text: []rune(text)}
	for !r.done() {
		path, err := r.path()
		if err != nil {
			return err
		}
		value, err := r.value()
		if err != nil {
			return err
		}
		if _, err := put(values, path, value); err != nil {
			return err
		}
	}
	return nil
}

// step is one step into a value: a name, or with none an index.
type step struct {
	name  string
	index int
}

// String is the step as it is written.
func (s step) String() string {
	if s.name == "" {
		return fmt.Sprintf("[%d]", s.index)
	}
	return s.name
}

// put sets what is at a path and returns the whole.
func put(at any, path []step, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	s := path[0]
	if s.name == "" {
		return putIndex(at, s, path[1:], value)
	}
	m, ok := at.(map[string]any)
	if !ok && at != nil {
		return nil, fmt.Errorf("%s: what it would be in is no object", s)
	}
	if m == nil {
		m = map[string]any{}
	}
	inner, err := put(m[s.name], path[1:], value)
	if err != nil {
		return nil, err
	}
	m[s.name] = inner
	return m, nil
}

func putIndex(at any, s step, path []step, value any) (any, error) {
	list, ok := at.([]any)
	if !ok && at != nil {
		return nil, fmt.Errorf("%s: what it would be in is no list", s)
	}
	for len(list) <= s.index {
		list = append(list, nil)
	}
	inner, err := put(list[s.index], path, value)
	if err != nil {
		return nil, err
	}
	list[s.index] = inner
	return list, nil
}

// reader reads a text from its beginning.
type reader struct {
	text []rune
	at   int
}

func (r *reader) done() bool { return r.at >= len(r.text) }

// until reads to one of the stops, which is read too, or to the end, which is 0.
func (r *reader) until(stops string) (word string, stop rune) {
	var b strings.Builder
	for !r.done() {
		c := r.text[r.at]
		r.at++
		switch {
		case c == '\\':
			if !r.done() {
				b.WriteRune(r.text[r.at])
				r.at++
			}
		case strings.ContainsRune(stops, c):
			return b.String(), c
		default:
			b.WriteRune(c)
		}
	}
	return b.String(), 0
}

// path reads names and indexes to the sign of equality.
func (r *reader) path() (path []step, err error) {
	for {
		name, stop := r.until(".[=,")
		if name == "" {
			return nil, fmt.Errorf("a name is missing: want name=value")
		}
		path = append(path, step{name: name})
		for stop == '[' {
			index, err := r.index()
			if err != nil {
				return nil, err
			}
			path = append(path, step{index: index})
			if name, stop = r.until(".[=,"); name != "" {
				return nil, fmt.Errorf("%q follows an index: want a dot before it", name)
			}
		}
		switch {
		case stop == '=':
			return path, nil
		case stop != '.':
			return nil, fmt.Errorf("%v has no value: want name=value", path[len(path)-1])
		case len(path) > maxDepth:
			return nil, fmt.Errorf("more than %d names in names", maxDepth)
		}
	}
}

func (r *reader) index() (int, error) {
	digits, stop := r.until("]")
	n, err := strconv.Atoi(digits)
	if stop != ']' || err != nil || n < 0 || n > maxIndex {
		return 0, fmt.Errorf("[%s is no index: want a number to %d in brackets", digits, maxIndex)
	}
	return n, nil
}

// value reads a value to its comma.
func (r *reader) value() (any, error) {
	if r.done() || r.text[r.at] != '{' {
		word, _ := r.until(",")
		return typed(word), nil
	}
	r.at++
	list := []any{}
	for {
		word, stop := r.until(",}")
		if stop == 0 {
			return nil, fmt.Errorf("a list has no end: want {a,b}")
		}
		list = append(list, typed(word))
		if stop == '}' {
			break
		}
	}
	if !r.done() {
		if r.text[r.at] != ',' {
			return nil, fmt.Errorf("something follows a list: want a comma")
		}
		r.at++
	}
	return list, nil
}

// typed is what a word means. A number that begins with 0 is a string: it is somebody's code.
func typed(word string) any {
	switch {
	case strings.EqualFold(word, "true"):
		return true
	case strings.EqualFold(word, "false"):
		return false
	case strings.EqualFold(word, "null"):
		return nil
	case strings.EqualFold(word, "0"):
		return int64(0)
	}
	if !strings.HasPrefix(word, "0") {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil {
			return n
		}
	}
	return word
}
