package emulator

import (
	"encoding/json"
	"maps"
	"time"
)

// Doc is what a cloud says of a thing, in the words of its wire.
type Doc = map[string]any

// Resource is one resource of an emulated cloud: a network, a role, a cluster, a tag set's bearer of any kind.
type Resource struct {
	N       int64             `json:"n"`              // its own for ever; what is made later has a higher one
	With    int64             `json:"with,omitempty"` // the thing that it goes with
	Kind    string            `json:"kind"`
	Account string            `json:"account"`
	Region  string            `json:"region,omitempty"` // empty: of the whole account
	Parent  string            `json:"parent,omitempty"` // the name of what it is in, where names are unique within that
	Name    string            `json:"name"`
	IsID    bool              `json:"is_id,omitempty"` // the name is an id that the cloud made up
	Made    time.Time         `json:"made"`
	Tags    map[string]string `json:"tags,omitempty"`
	Doc     Doc               `json:"doc"`
	Token   string            `json:"token,omitempty"`   // the client token of its creation
	Request Doc               `json:"request,omitempty"` // what was asked for then
	Due     *Scheduled        `json:"due,omitempty"`

	// Until Fresh, who only looks sees Before; nil is nothing.
	Fresh  time.Time `json:"fresh,omitzero"`
	Before *Resource `json:"before,omitempty"`
	Gone   bool      `json:"gone,omitempty"` // and only such lookers still see it
}

// Scheduled is what time will bring about.
type Scheduled struct {
	At   time.Time  `json:"at"`
	Set  Doc        `json:"set,omitempty"`
	Gone bool       `json:"gone,omitempty"`
	Then *Scheduled `json:"then,omitempty"` // what comes after it
}

// Text is a field of the document that is a string.
func (t *Resource) Text(field string) string {
	s, _ := t.Doc[field].(string)
	return s
}

// clone is a copy that shares nothing that is changed.
func (t *Resource) clone() *Resource {
	c := *t
	c.Tags, c.Doc = maps.Clone(t.Tags), Copy(t.Doc)
	return &c
}

// Copy is a deep copy of a document, as it would come back from JSON.
func Copy(d Doc) Doc {
	if d == nil {
		return nil
	}
	return copied(d).(Doc)
}

func copied(v any) any {
	switch x := v.(type) {
	case Doc:
		c := make(Doc, len(x))
		for k, e := range x {
			c[k] = copied(e)
		}
		return c
	case []any:
		c := make([]any, len(x))
		for i, e := range x {
			c[i] = copied(e)
		}
		return c
	case json.Number:
		f, _ := x.Float64()
		return f
	case int:
		return float64(x)
	case int64:
		return float64(x)
	case map[string]string:
		c := make(Doc, len(x))
		for k, e := range x {
			c[k] = e
		}
		return c
	case []string:
		c := make([]any, len(x))
		for i, e := range x {
			c[i] = e
		}
		return c
	}
	return v
}

// Merge is JSON Merge Patch, RFC 7386.
func Merge(into, patch Doc) {
	for k, v := range patch {
		sub, isDoc := v.(Doc)
		old, wasDoc := into[k].(Doc)
		switch {
		case v == nil:
			delete(into, k)
		case isDoc && wasDoc:
			Merge(old, sub)
		default:
			into[k] = v
		}
	}
}
