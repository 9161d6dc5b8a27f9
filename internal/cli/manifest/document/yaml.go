package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/aeriehq/aerie/events"
)

// maxFollowed is how large a document may grow when its aliases are followed: a few lines can mean gigabytes.
const maxFollowed = 4 * events.MaxBody

// yamlReader makes of a document's nodes what kubectl and helm would: plain words are read as YAML 1.1 has them, merge
// keys are followed, and explicit keys win over merged ones. Where these would lose something without a word, as with a
// key that is there twice or is no string, it has a fault.
type yamlReader struct {
	doc    Document
	room   int
	within map[*yaml.Node]bool // the nodes with anchors that it is in
	faults []Fault
	ended  bool  // it is too large or too deep to go on
	lines  Lines // if anybody asks for it
}

func newYAMLReader(d Document) *yamlReader {
	return &yamlReader{doc: d, room: maxFollowed, within: map[*yaml.Node]bool{}}
}

func (r *yamlReader) fault(n *yaml.Node, path, format string, args ...any) {
	if path == "" {
		path = "document"
	}
	r.faults = append(r.faults, faultAt(r.lineOf(n), path, format, args...))
}

func (r *yamlReader) lineOf(n *yaml.Node) int { return r.doc.line + n.Line - 1 }

// document reads the one document there is.
func (r *yamlReader) document() any {
	var root, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(r.doc.text))
	switch err := d.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	switch err := d.Decode(&more); {
	case err == nil:
		r.fault(&more, "", "not YAML: something follows it: put --- between documents")
		return nil
	case !errors.Is(err, io.EOF):
		r.syntax(err)
		return nil
	}
	return r.value("", root.Content[0], 0)
}

// syntaxError is the library's message: its name, the line if it knows it, and what is wrong.
var syntaxError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// hints say what to do about messages that do not.
var hints = []struct{ message, hint string }{
	{"did not find expected <document start>", ": put --- between documents"},
	{"unknown anchor", ": an anchor is known in its own document only, after its line"},
	{"cannot start any token", ": indent with spaces, and put what begins with @ or ` in quotes"},
	{"invalid Unicode character escape", ": half of a surrogate pair is no character"},
}

// countedFromZero are the messages whose line the library counts from 0, and leaves out if it is that.
var countedFromZero = regexp.MustCompile(`^did not find expected (<|node content|'-' indicator|key|',' or)|^found (duplicate|incompatible|undefined) `)

func (r *yamlReader) syntax(err error) {
	line, message := 0, err.Error()
	if m := syntaxError.FindStringSubmatch(strings.ReplaceAll(message, "\n", " ")); m != nil {
		message = m[2]
		n, err := strconv.Atoi(m[1])
		switch {
		case countedFromZero.MatchString(message):
			line = r.doc.line + n
		case err == nil:
			line = r.doc.line + n - 1
		}
	}
	line = min(line, r.doc.lineAt(len(bytes.TrimRight(r.doc.text, "\n")))) // the end is in the last line
	for _, h := range hints {
		if strings.Contains(message, h.message) {
			message += h.hint
			break
		}
	}
	r.faults = append(r.faults, faultAt(line, "document", "not YAML: %s", message))
}

// value reads a node. What is wrong with it is a fault, and nil.
func (r *yamlReader) value(path string, n *yaml.Node, depth int) any {
	r.room -= 8 + len(n.Value)
	switch {
	case r.ended:
		return nil
	case r.room < 0:
		r.ended = true
		r.fault(n, "", "more than %d KiB once its aliases are followed", maxFollowed>>10)
		return nil
	case depth > events.MaxDepth:
		r.ended = true
		r.fault(n, "", "nested deeper than %d", events.MaxDepth)
		return nil
	}
	r.note(path, n)
	if n.Anchor != "" && !r.within[n] {
		r.within[n] = true
		defer delete(r.within, n)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.resolve(n, path, func(to *yaml.Node) any { return r.value(path, to, depth) })
	case yaml.MappingNode:
		r.noTag(path, n, "!!map")
		return r.mapping(path, n, depth)
	case yaml.SequenceNode:
		r.noTag(path, n, "!!seq")
		return r.list(path, n, depth)
	}
	return r.scalar(path, n)
}

// note keeps the first line that a path was seen in: an alias', not its anchor's.
func (r *yamlReader) note(path string, n *yaml.Node) {
	if _, seen := r.lines[path]; r.lines != nil && (!seen || path == "") {
		r.lines[path] = r.lineOf(n)
	}
}

// resolve reads what an alias stands for.
func (r *yamlReader) resolve(alias *yaml.Node, path string, read func(*yaml.Node) any) any {
	to := alias.Alias
	if r.within[to] {
		r.fault(alias, path, "*%s stands within what it stands for", events.Truncate(alias.Value))
		return nil
	}
	r.within[to] = true
	defer delete(r.within, to)
	return read(to)
}

func (r *yamlReader) noTag(path string, n *yaml.Node, plain string) {
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != plain {
		r.fault(n, path, "the tag %s says nothing here: leave it out", events.Truncate(n.Tag))
	}
}

func (r *yamlReader) list(path string, n *yaml.Node, depth int) any {
	list := make([]any, len(n.Content))
	for i, entry := range n.Content {
		list[i] = r.value(fmt.Sprintf("%s[%d]", path, i), entry, depth+1)
	}
	return list
}

func (r *yamlReader) mapping(path string, n *yaml.Node, depth int) any {
	out := map[string]any{}
	first := map[string]int{} // the lines of the keys that stand here
	var merged *yaml.Node
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind == yaml.ScalarNode && k.Tag == "!!merge" {
			if merged != nil {
				r.fault(k, path, "<< is there twice: give it a list")
			}
			merged = v
			continue
		}
		name, ok := r.key(path, k)
		if !ok {
			continue
		}
		at := under(path, name)
		if line, twice := first[name]; twice {
			r.fault(k, at, "this key is there twice, first in line %d", line)
			continue
		}
		first[name] = r.lineOf(k)
		r.note(at, k)
		out[name] = r.value(at, v, depth+1)
	}
	if merged != nil {
		r.merge(path, merged, out, depth)
	}
	return out
}

// merge fills in the keys of a merge that are not there; of several objects the first that has a key wins.
func (r *yamlReader) merge(path string, n *yaml.Node, into map[string]any, depth int) {
	switch {
	case r.ended:
	case n.Kind == yaml.AliasNode:
		r.resolve(n, path, func(to *yaml.Node) any {
			r.merge(path, to, into, depth)
			return nil
		})
	case n.Kind == yaml.SequenceNode && depth <= events.MaxDepth:
		for _, entry := range n.Content {
			r.merge(path, entry, into, depth+1)
		}
	default:
		from, ok := r.value(path, n, depth+1).(map[string]any)
		if !ok && !r.ended {
			r.fault(n, path, "<< wants an object, or a list of objects")
		}
		for k, v := range from {
			if _, there := into[k]; !there {
				into[k] = v
			}
		}
	}
}

// under is the path of a key, as events writes it.
func under(path, key string) string {
	if path == "" {
		return events.Truncate(key)
	}
	return path + "." + events.Truncate(key)
}

// ownNumber is a number that is written as any program would write it.
var ownNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$`)

// key reads a key: a string, or a number that reads as it is written. YAML takes yes, no, y, n, on and off for true and
// false, and 012 for 10; nobody means that, so it is a fault.
func (r *yamlReader) key(path string, n *yaml.Node) (name string, ok bool) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	r.room -= len(n.Value)
	if n.Kind != yaml.ScalarNode {
		r.fault(n, path, "a key must be a string")
		return "", false
	}
	at := under(path, n.Value)
	before := len(r.faults)
	v := r.scalar(at, n)
	if len(r.faults) > before {
		return "", false
	}
	switch v := v.(type) {
	case string:
		switch {
		case v == "":
			r.fault(n, at, "a key is empty")
		case strings.HasPrefix(v, byteOrderMark):
			r.fault(n, at, "begins with a byte order mark: where files were joined, put --- between them")
		}
		return v, len(r.faults) == before
	case json.Number:
		if ownNumber.MatchString(n.Value) {
			return n.Value, true
		}
	}
	r.fault(n, at, "the key %s is read as %s: put it in quotes", events.Truncate(n.Value), spoken(v))
	return "", false
}

func spoken(v any) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(v)
}
