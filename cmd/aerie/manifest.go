package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aeriehq/aerie/events"
)

// maxInput is the most bytes one input of apply may have.
const maxInput = 4 << 20

// manifest is one document: what somebody wants of one entity.
type manifest struct {
	file   string
	n      int // its place in the file, from 1
	ref    events.Ref
	labels map[string]string
	spec   events.Spec     // with defaults; nil if there are faults
	given  json.RawMessage // the spec as it was written
}

// fault is what is wrong with a document, or with a file as a whole.
type fault struct {
	file string
	n    int        // the document's place, 0 for the file
	ref  events.Ref // as far as it could be read
	events.Fault
}

// where names the document as people find it again.
func (f fault) where() string {
	switch {
	case f.n == 0:
		return f.file
	case f.ref.Kind == "":
		return fmt.Sprintf("%s:document %d", f.file, f.n)
	}
	return fmt.Sprintf("%s:document %d (%s %s/%s)", f.file, f.n, f.ref.Kind, f.ref.Owner, f.ref.ID)
}

// at makes a fault of a document.
func (m manifest) at(field, format string, args ...any) fault {
	return fault{m.file, m.n, m.ref, events.Fault{Field: field, Message: fmt.Sprintf(format, args...)}}
}

// decodeManifests reads every document of an input with the server's own
// decoder. Documents with faults are among the manifests too, as far as they
// could be read: others may refer to them.
func decodeManifests(name string, data []byte) (all []manifest, faults []fault) {
	whole := func(format string, args ...any) []fault {
		return []fault{manifest{file: name}.at("input", format, args...)}
	}
	switch {
	case len(data) > maxInput:
		return nil, whole("more than %d MiB, the most an input may have: split it", maxInput>>20)
	case !utf8.Valid(data):
		return nil, whole("not UTF-8 text")
	}
	for i, doc := range splitDocuments(data) {
		m, found := decodeManifest(manifest{file: name, n: i + 1}, doc)
		if m.ref.Kind != "" {
			all = append(all, m)
		}
		faults = append(faults, found...)
	}
	return all, faults
}

func decodeManifest(m manifest, doc []byte) (manifest, []fault) {
	if len(doc) > events.MaxBody {
		return m, []fault{m.at("document", "%d bytes: at most %d", len(doc), events.MaxBody)}
	}
	if hidesMarker(doc) {
		return m, []fault{m.at("document", "a --- or ... follows an unusual line break: use plain line ends")}
	}
	raw, err := decodeYAML(doc)
	if err != nil {
		return m, []fault{m.at("document", "not YAML: %v", err)}
	}
	fields, ok := raw.(map[string]any)
	if !ok {
		return m, []fault{m.at("document", "want an object with kind, name and spec")}
	}
	return m.fill(fields)
}

// hidesMarker finds the document markers that splitDocuments does not see: YAML
// ends lines at three more characters than anybody's editor.
func hidesMarker(doc []byte) bool {
	for _, br := range []string{"\u0085", "\u2028", "\u2029"} {
		if bytes.Contains(doc, []byte(br+"---")) || bytes.Contains(doc, []byte(br+"...")) {
			return true
		}
	}
	return false
}

// fields are what a document may have.
var fields = []string{"kind", "name", "owner", "labels", "spec"}

// fill reads a document's fields.
func (m manifest) fill(raw map[string]any) (manifest, []fault) {
	var found []events.Fault
	for name := range raw {
		if !slices.Contains(fields, name) {
			found = append(found, events.Fault{Field: events.Clip(name), Message: "no such field" + events.Nearest(name, fields)})
		}
	}
	slices.SortFunc(found, func(a, b events.Fault) int { return strings.Compare(a.Field, b.Field) })
	ref, wrong := identity(raw)
	found = append(found, wrong...)
	if _, known := events.KindOf(string(ref.Kind)); !known {
		return m, m.all(found)
	}
	m.ref = ref
	body := map[string]any{}
	for _, name := range []string{"labels", "spec"} {
		if v, given := raw[name]; given {
			body[name] = v
		}
	}
	found = append(found, m.decode(body)...)
	if len(found) > 0 {
		m.spec = nil
	}
	return m, m.all(found)
}

func (m manifest) all(found []events.Fault) (faults []fault) {
	for _, f := range found {
		faults = append(faults, fault{m.file, m.n, m.ref, f})
	}
	return faults
}

// identity reads what a document is about. Its kind is empty if that is unclear.
func identity(raw map[string]any) (r events.Ref, faults []events.Fault) {
	text := func(name, absent string) string {
		v, given := raw[name]
		if s, ok := v.(string); ok && s != "" {
			return s
		}
		if given && v != nil && v != "" {
			faults = append(faults, events.Fault{Field: name, Message: "want a string"})
		} else if absent == "" {
			faults = append(faults, events.Fault{Field: name, Message: "is missing"})
		}
		return absent
	}
	kind, name := text("kind", ""), text("name", "")
	owner := events.Platform
	if kind == string(events.Customer) && name != "" {
		owner = name
	}
	r = events.Ref{Kind: events.Kind(kind), Owner: text("owner", owner), ID: name}
	if kind == "" {
		return r, faults
	}
	if k, known := events.KindOf(kind); known && string(k) != kind {
		return events.Ref{}, append(faults, events.Fault{Field: "kind", Message: fmt.Sprintf("%q: want the singular, %q", kind, k)})
	}
	for _, f := range r.Check() {
		if f.Field != "name" || name != "" { // a missing name was named already
			faults = append(faults, f)
		}
	}
	return r, faults
}

// decode fills in labels and spec.
func (m *manifest) decode(body map[string]any) []events.Fault {
	encoded, err := events.Encode(body)
	if err != nil {
		return []events.Fault{{Field: "document", Message: err.Error()}}
	}
	if len(encoded) > events.MaxBody {
		return []events.Fault{{Field: "document", Message: fmt.Sprintf("%d bytes as JSON: at most %d", len(encoded), events.MaxBody)}}
	}
	ask, err := events.DecodeBody(m.ref.Kind, events.VerbCreate, body)
	var refused *events.Refusal
	if errors.As(err, &refused) {
		return refused.Details
	}
	create := ask.(events.Create)
	m.labels, m.spec = create.Labels, create.Spec
	if body["spec"] == nil {
		body["spec"] = map[string]any{} // in an update, no spec would mean: leave it
	}
	m.given, err = events.Encode(body["spec"])
	if err != nil {
		return []events.Fault{{Field: "spec", Message: err.Error()}}
	}
	return nil
}
