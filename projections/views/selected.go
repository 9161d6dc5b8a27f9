package views

import (
	"fmt"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/views/bitmap"
	"github.com/aeriehq/aerie/projections/views/selector"
)

// selected finds the sets that an entity must be in, and what must hold of it besides.
func (x *index) selected(f *filter) (in []*bitmap.Set, holds func(uint32) bool) {
	var out []*bitmap.Set
	var tests []selector.Requirement
	k := f.view.kind
	for _, r := range f.labels {
		switch r.Op {
		case selection.Equals, selection.DoubleEquals, selection.In:
			in = append(in, union(x.valued(f, r)))
		case selection.NotEquals, selection.NotIn:
			out = append(out, x.valued(f, r)...)
		case selection.DoesNotExist:
			out = append(out, x.keyed(facet{kind: k, what: withKey}, x.words, r.Key))
		default:
			in = append(in, x.keyed(facet{kind: k, what: withKey}, x.words, r.Key))
		}
		if r.Test != nil {
			tests = append(tests, r)
		}
	}
	return in, func(n uint32) bool {
		for _, s := range out {
			if s.Has(n) {
				return false
			}
		}
		for _, r := range tests {
			if !r.Test(rowLabels{x, n}) {
				return false
			}
		}
		return true
	}
}

// valued are the sets of what has the label with each of the values.
func (x *index) valued(f *filter, r selector.Requirement) (all []*bitmap.Set) {
	for _, v := range r.Values {
		all = append(all, x.keyed(facet{kind: f.view.kind, what: withLabel}, x.labels, r.Key+"="+v))
	}
	return all
}

// keyed is the set of a facet by its word; nil if nobody has it.
func (x *index) keyed(f facet, in names[string], word string) *bitmap.Set {
	n, known := in.number[word]
	if !known {
		return nil
	}
	f.word = n
	return x.bitmaps[f]
}

// union is what is in any of the sets.
func union(all []*bitmap.Set) *bitmap.Set {
	if len(all) == 1 {
		return all[0]
	}
	var many []*roaring.Bitmap
	for _, s := range all {
		many = append(many, s.Roaring())
	}
	return bitmap.OfRoaring(roaring.FastOr(many...))
}

// rowLabels are the labels of an entity as Kubernetes reads labels.
type rowLabels struct {
	index  *index
	number uint32
}

// Lookup finds the value of a label.
func (l rowLabels) Lookup(key string) (value string, has bool) {
	for _, word := range l.index.rows[l.number].labels {
		if value, has := strings.CutPrefix(l.index.labels.all[word], key+"="); has {
			return value, true
		}
	}
	return "", false
}

// Has tells whether a label is there.
func (l rowLabels) Has(key string) bool { _, has := l.Lookup(key); return has }

// Get is the value of a label; "" if it is not there.
func (l rowLabels) Get(key string) string { value, _ := l.Lookup(key); return value }

// unknown refuses a filter that names what was never there: an empty list would hide the slip.
func (s *indexedState) unknown(f *filter) error {
	var faults []events.FieldError
	look := func(field string, what aspect, word string, ref events.Ref) {
		if word == "" || ref.ID == events.Platform || s.index.keyed(facet{kind: f.view.kind, what: what}, s.index.words, word) != nil {
			return
		}
		if _, there := s.World.Get(ref); !there {
			hint := ""
			if f.hints {
				hint = s.index.nearest(ref)
			}
			faults = append(faults, events.FieldError{Field: field, Message: fmt.Sprintf("there is no %s %s%s", ref.Kind, events.Truncate(nameOf(ref)), hint)})
		}
	}
	look("owner", ofOwner, f.owner, events.Ref{Kind: events.Customer, Owner: f.owner, ID: f.owner})
	dataplane, _ := events.ParseRef(events.Dataplane, f.dataplane)
	look("dataplane", onDataplane, f.dataplane, dataplane)
	plan, _ := events.ParseRef(events.Plan, f.plan)
	look("plan", onPlan, f.plan, plan)
	return events.RefuseFaults("list "+f.view.kind.Plural(), faults)
}

// nameOf is how people name an entity: a customer by its id alone.
func nameOf(r events.Ref) string {
	if r.Kind == events.Customer {
		return r.ID
	}
	return r.Path()
}
