package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest/document"
	"github.com/aeriehq/aerie/internal/cli/setting"
)

// writtenIn is YAML or JSON that a flag gives, or its file.
type writtenIn struct {
	flag string // with the file, as people are told
	root string // where in the body it is put, with a dot behind; empty: it is the body
	text []byte
}

// blame adds to each fault of a body from which flag it came, and for YAML and JSON in which line. The field stays as it is.
func (f *verbFlags) blame(err error) error {
	var r *events.Refusal
	if !errors.As(err, &r) {
		return err
	}
	for i := range r.Details {
		if from := f.cameFrom(r.Details[i].Field); from != "" {
			r.Details[i].Message += " (" + from + ")"
		}
	}
	return err
}

// cameFrom says what gave a field: the flag that wins. A field that is missing came from what it would have been in.
func (f *verbFlags) cameFrom(field string) string {
	for root, flags := range map[string]*fieldFlags{"": &f.fields, "spec.": &f.parts} {
		for name, of := range flags.fields {
			if flags.flags.Changed(name) && inField(field, root+of.Path) {
				return "--" + name
			}
		}
	}
	if len(f.labels) > 0 && inField(field, "labels") {
		return "--label"
	}
	for _, text := range slices.Backward(f.values.set) {
		for _, path := range setPaths(text) {
			if inField(field, "spec.values."+path) {
				return "--set"
			}
		}
	}
	return lineOf(f.written(), field)
}

// written is what flags give as YAML or JSON, what wins first.
func (f *verbFlags) written() (all []writtenIn) {
	for _, file := range slices.Backward(f.values.files) {
		all = append(all, writtenIn{"--values " + file, "spec.values.", f.values.read[file]})
	}
	if f.spec != "" {
		all = append(all, writtenIn{"--spec", "spec.", []byte(f.spec)})
	}
	if f.body != "" {
		all = append(all, writtenIn{"--body " + f.body, "", f.bodyText})
	}
	return all
}

// lineOf is the line in which a field stands, or what it would be in, in the text that comes nearest to it.
func lineOf(all []writtenIn, field string) (where string) {
	nearest := -1
	for _, w := range all {
		docs, _ := document.Split(w.text)
		path, inside := strings.CutPrefix(field, w.root)
		if !inside || len(docs) != 1 {
			continue
		}
		lines := docs[0].Lines()
		for lines[path] == 0 && path != "" {
			path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		}
		if near := len(w.root) + len(path); near > nearest {
			nearest, where = near, fmt.Sprintf("line %d of %s", lines[path], w.flag)
		}
	}
	return where
}

// inField tells whether a field is at a path or below.
func inField(field, path string) bool {
	rest, ok := strings.CutPrefix(field, path)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// setPaths are the paths that a text of --set gives values.
func setPaths(text string) (paths []string) {
	values := map[string]any{}
	if setting.Set(values, text) != nil {
		return nil
	}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(strings.TrimPrefix(at+"."+name, "."), inner)
			}
		case []any:
			for i, inner := range v {
				if inner != nil { // those before the one that is named
					walk(fmt.Sprintf("%s[%d]", at, i), inner)
				}
			}
		default:
			paths = append(paths, at)
		}
	}
	walk("", values)
	return paths
}
