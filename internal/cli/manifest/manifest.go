// Package manifest reads manifests and makes a server want what they say. A Manifest is one document of an input; Read
// reads inputs and finds every fault before anything is sent, Reconcile compares with the server, and Apply sends what
// differs, in the order of references. It deletes nothing, and it prints no tables. Begin reading at Read and Apply;
// package document below it reads YAML and JSON. Nothing here is shared: all functions may be called at once. After a
// crash in the middle of Apply some documents are applied; applying again sends the rest.
package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest/document"
	"github.com/aeriehq/aerie/workers/command"
)

// maxInput is the most bytes one input of apply may have.
const maxInput = 4 << 20

// Manifest is one document: what somebody wants of one entity.
type Manifest struct {
	file   string
	n      int    // the place of its document in the file, from 1
	item   string // its place in that, if it is one of a list: items[3]
	lines  func() document.Lines
	kinds  *events.Registry  // of which it is one
	Ref    events.Ref        // what it is about
	Labels map[string]string // all that the entity is to have
	Spec   events.Spec       // with defaults; nil if there are faults
	UID    string            // the incarnation that is meant; empty: whichever there is
	Seq    uint64            // the last event that may have happened to it; 0: any
	given  json.RawMessage   // the spec as it was written
}

// Of is the document of an entity of one of the given kinds that says only what it is about.
func Of(kinds *events.Registry, ref events.Ref) Manifest { return Manifest{kinds: kinds, Ref: ref} }

// Fault is what is wrong with a document, or with a file as a whole.
type Fault struct {
	file string
	n    int        // the document's place, 0 for the file
	item string     // of which item of the document
	ref  events.Ref // as far as it could be read
	document.Fault
}

// where names the document as people find it again.
func (f Fault) where() string {
	if f.n == 0 {
		return f.file
	}
	place := fmt.Sprintf("%s:document %d", f.file, f.n)
	if f.item != "" {
		place += " " + f.item
	}
	if f.ref.Kind == "" {
		return place
	}
	return fmt.Sprintf("%s (%s %s/%s)", place, f.ref.Kind, f.ref.Owner, f.ref.ID)
}

// at makes a fault of a field of a document.
func (m Manifest) at(field, format string, args ...any) Fault {
	f := document.Fault{FieldError: events.FieldError{Field: field, Message: fmt.Sprintf(format, args...)}}
	if m.n > 0 {
		f.Line = m.lineOf(field)
	}
	return m.fault(f)
}

func (m Manifest) fault(f document.Fault) Fault { return Fault{m.file, m.n, m.item, m.Ref, f} }

// lineOf is the line of the input in which a field is.
func (m Manifest) lineOf(field string) int {
	if m.item != "" {
		field = m.item + "." + field
	}
	return m.lines().Of(field)
}

// Decode reads every document of an input, of one of the given kinds, with the server's own
// decoder. Documents with faults are among the manifests too, as far as they
// could be read: others may refer to them.
func Decode(kinds *events.Registry, name string, data []byte) (all []Manifest, faults []Fault) {
	if len(data) > maxInput {
		return nil, []Fault{Manifest{file: name}.at("input", "more than %d MiB, the most an input may have: split it", maxInput>>20)}
	}
	docs, wrong := document.Split(data)
	for _, f := range wrong {
		faults = append(faults, Fault{file: name, Fault: f})
	}
	for i, doc := range docs {
		some, found := decodeDocument(Manifest{file: name, n: i + 1, kinds: kinds, lines: sync.OnceValue(doc.Lines)}, doc)
		for _, m := range some {
			if m.Ref.Kind != "" {
				all = append(all, m)
			}
		}
		faults = append(faults, found...)
	}
	return all, faults
}

// decodeDocument reads a document, or a list of them as the server answers one.
func decodeDocument(m Manifest, doc document.Document) ([]Manifest, []Fault) {
	raw, wrong := doc.Decode()
	if len(wrong) > 0 {
		return []Manifest{m}, m.all(wrong)
	}
	fields, _ := raw.(map[string]any)
	items, isList := fields["items"].([]any)
	if !isList || fields["kind"] != nil {
		one, faults := decodeManifest(m, raw)
		return []Manifest{one}, faults
	}
	var all []Manifest
	var faults []Fault
	for i, item := range items {
		m.item = fmt.Sprintf("items[%d]", i)
		one, wrong := decodeManifest(m, item)
		all, faults = append(all, one), append(faults, wrong...)
	}
	return all, faults
}

func decodeManifest(m Manifest, raw any) (Manifest, []Fault) {
	fields, ok := raw.(map[string]any)
	if !ok {
		return m, []Fault{m.at("document", "want an object with kind, name and spec")}
	}
	m, found := m.fill(fields)
	var wrong []document.Fault
	for _, f := range found {
		wrong = append(wrong, document.Fault{Line: m.lineOf(f.Field), FieldError: f})
	}
	return m, m.all(wrong)
}

// fields are what a document may have.
var fields = []string{"kind", "name", "owner", "labels", "spec"}

// readFields are what a document may have besides, because the server answers it so: id is the name, and uid must be that
// of the incarnation there is. What the server alone sets is left aside.
var readFields = []string{"id", "uid", "phase", "seq", "created", "status"}

// fill reads a document's fields.
func (m Manifest) fill(raw map[string]any) (Manifest, []events.FieldError) {
	var found []events.FieldError
	kind, _ := raw["kind"].(string)
	if _, ours := m.kinds.Find(kind); !ours && raw["apiVersion"] != nil {
		return m, []events.FieldError{{Field: "apiVersion", Message: "this is a Kubernetes object: it goes into spec.manifests of an application or addon"}}
	}
	for name := range raw {
		if !slices.Contains(fields, name) && !slices.Contains(readFields, name) {
			found = append(found, events.FieldError{Field: events.Truncate(name), Message: "no such field" + events.Suggest(name, fields)})
		}
	}
	slices.SortFunc(found, func(a, b events.FieldError) int { return strings.Compare(a.Field, b.Field) })
	ref, wrong := identity(m.kinds, raw)
	found = append(found, wrong...)
	if _, known := m.kinds.Find(string(ref.Kind)); !known {
		return m, found
	}
	m.Ref = ref
	uid, isText := raw["uid"].(string)
	if raw["uid"] != nil && !isText {
		found = append(found, events.FieldError{Field: "uid", Message: wantString(raw["uid"])})
	}
	m.UID = uid
	body := map[string]any{}
	for _, name := range []string{"labels", "spec"} {
		if v, given := raw[name]; given {
			body[name] = v
		}
	}
	found = append(found, m.decode(body)...)
	if len(found) > 0 {
		m.Spec = nil
	}
	return m, found
}

func (m Manifest) all(found []document.Fault) (faults []Fault) {
	for _, f := range found {
		faults = append(faults, m.fault(f))
	}
	return faults
}

// identity reads what a document is about. Its kind is empty if that is unclear.
func identity(kinds *events.Registry, raw map[string]any) (r events.Ref, faults []events.FieldError) {
	text := func(name, absent string) string {
		v, given := raw[name]
		if s, ok := v.(string); ok && s != "" {
			return s
		}
		if given && v != nil && v != "" {
			faults = append(faults, events.FieldError{Field: name, Message: wantString(v)})
		} else if absent == "" {
			faults = append(faults, events.FieldError{Field: name, Message: "is missing"})
		}
		return absent
	}
	kind, name := text("kind", ""), ""
	if id := raw["id"]; id == nil {
		name = text("name", "")
	} else if name = text("id", ""); raw["name"] != nil && raw["name"] != id {
		faults = append(faults, events.FieldError{Field: "name", Message: fmt.Sprintf("is not the id, %q: give one of them", events.Truncate(name))})
	}
	owner := events.Platform
	if kind == string(events.Customer) && name != "" {
		owner = name
	}
	r = events.Ref{Kind: events.Kind(kind), Owner: text("owner", owner), ID: name}
	if kind == "" {
		return r, faults
	}
	if d, known := kinds.Find(kind); known && string(d.Kind) != kind {
		return events.Ref{}, append(faults, events.FieldError{Field: "kind", Message: fmt.Sprintf("%q: want the singular, %q", kind, d.Kind)})
	}
	for _, f := range kinds.Check(r) {
		if name != "" || f.Field != "name" && r.Kind != events.Customer { // a missing name was named already
			faults = append(faults, f)
		}
	}
	return r, faults
}

func wantString(v any) string {
	switch v.(type) {
	case json.Number, bool:
		return fmt.Sprintf("want a string, got %v: put it in quotes", v)
	}
	return "want a string"
}

// decode fills in labels and spec, and finds what the server would refuse of them whatever there is beside them.
func (m *Manifest) decode(body map[string]any) []events.FieldError {
	encoded, err := events.Encode(body)
	if err != nil {
		return []events.FieldError{{Field: "document", Message: err.Error()}}
	}
	if len(encoded) > events.MaxBody {
		return []events.FieldError{{Field: "document", Message: fmt.Sprintf("%d bytes as JSON: at most %d", len(encoded), events.MaxBody)}}
	}
	ask, err := m.kinds.DecodeBody(m.Ref.Kind, events.VerbCreate, body)
	var refused *events.Refusal
	if errors.As(err, &refused) {
		return refused.Details
	}
	if faults := command.CheckAsk(m.Ref, ask); len(faults) > 0 {
		return faults
	}
	create := ask.(events.Create)
	m.Labels, m.Spec = create.Labels, create.Spec
	if body["spec"] == nil {
		body["spec"] = map[string]any{} // in an update, no spec would mean: leave it
	}
	m.given, err = events.Encode(body["spec"])
	if err != nil {
		return []events.FieldError{{Field: "spec", Message: err.Error()}}
	}
	return nil
}
