package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aeriehq/aerie/events"
)

// step is what apply does about one document.
type step struct {
	manifest
	verb    string  // create, update, or empty: it is as wanted
	present *entity // as the server has it; nil if it has not
	local   bool    // the server can't be asked beforehand: it refers to what is not there yet
	moving  bool    // nor would its answer hold: what it refers to is changed too
}

// reconcile compares documents with what the server has. Faults are of
// references that lead nowhere; with any, nothing may be sent. The steps are in
// the order of references.
func (c *client) reconcile(ctx context.Context, docs []manifest) ([]step, []fault, error) {
	seen, err := c.lookup(ctx, docs)
	if err != nil {
		return nil, nil, err
	}
	var steps []step
	var faults []fault
	given, created, changed := map[events.Ref]bool{}, map[events.Ref]bool{}, map[events.Ref]bool{}
	for _, m := range docs {
		given[m.ref] = true
	}
	for _, m := range ordered(docs) {
		if m.spec == nil {
			continue
		}
		faults = append(faults, seen.unresolved(m, given)...)
		s := stepOf(m, seen[m.ref])
		created[m.ref], changed[m.ref] = s.verb == events.VerbCreate, s.verb != ""
		for _, r := range events.RefsOf(m.ref, m.spec) {
			s.local, s.moving = s.local || created[r.Ref], s.moving || changed[r.Ref]
		}
		steps = append(steps, s)
	}
	return steps, faults, nil
}

// ordered sorts documents so that what is referred to comes first, and else as
// they were given.
func ordered(docs []manifest) []manifest {
	docs = slices.Clone(docs)
	slices.SortStableFunc(docs, func(a, b manifest) int {
		return cmp.Compare(slices.Index(events.Kinds, a.ref.Kind), slices.Index(events.Kinds, b.ref.Kind))
	})
	return docs
}

// found is what the server has of what was looked up; nil where it has nothing.
type found map[events.Ref]*entity

// lookup reads the documents' entities and everything they refer to.
func (c *client) lookup(ctx context.Context, docs []manifest) (found, error) {
	seen := found{}
	var refs []events.Ref
	add := func(r events.Ref) {
		if _, known := seen[r]; !known && len(r.Check()) == 0 {
			seen[r] = nil
			refs = append(refs, r)
		}
	}
	for _, m := range docs {
		add(m.ref)
		if m.spec != nil {
			for _, r := range events.RefsOf(m.ref, m.spec) {
				add(r.Ref)
			}
		}
	}
	all := make([]*entity, len(refs))
	err := each(len(refs), func(i int) (err error) {
		all[i], err = c.present(ctx, refs[i])
		return err
	})
	for i, r := range refs {
		seen[r] = all[i]
	}
	return seen, first(err)
}

// first keeps one of several errors that say the same: the server is not there.
func first(err error) error {
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		return all.Unwrap()[0]
	}
	return err
}

// present reads an entity; nil if there is none, or no more.
func (c *client) present(ctx context.Context, r events.Ref) (*entity, error) {
	var e entity
	err := c.patiently(ctx, "read "+r.String(), func(ctx context.Context) (err error) {
		e, err = c.entity(ctx, r, 0)
		return err
	})
	var refused *events.Refusal
	if errors.As(err, &refused) && refused.Code == events.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if gone[e.Phase] {
		return nil, nil
	}
	return &e, nil
}

// unresolved finds references to what is neither in the set nor on the server.
func (seen found) unresolved(m manifest, given map[events.Ref]bool) (faults []fault) {
	for _, r := range events.RefsOf(m.ref, m.spec) {
		if !given[r.Ref] && seen[r.Ref] == nil {
			faults = append(faults, m.at(r.Field, "there is no %s, neither here nor on the server", r.Ref))
		}
	}
	return faults
}

// stepOf says what a document asks for beyond what is there.
func stepOf(m manifest, present *entity) step {
	s := step{manifest: m, present: present}
	switch {
	case present == nil:
		s.verb = events.VerbCreate
	case !sameLabels(m.labels, present.Labels) || !bytes.Equal(canonical(m.spec), m.presentSpec(present)):
		s.verb = events.VerbUpdate
	}
	return s
}

func sameLabels(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// presentSpec is the spec the server has, brought into the same form as the
// document's. One that this program can't decode is compared as it stands.
func (m manifest) presentSpec(e *entity) []byte {
	raw, err := decodeJSON(e.Spec)
	if err == nil {
		ask, err := events.DecodeBody(m.ref.Kind, events.VerbCreate, map[string]any{"spec": raw})
		if create, ok := ask.(events.Create); ok && err == nil {
			return canonical(create.Spec)
		}
	}
	return canonical(e.Spec)
}

// canonical writes a value so that equal ones are equal bytes: keys sorted, and
// numbers as the log keeps them.
func canonical(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var plain any
	if json.Unmarshal(data, &plain) != nil {
		return data
	}
	data, err = json.Marshal(plain)
	if err != nil {
		return nil
	}
	return data
}

func decodeJSON(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// command is the command that takes the step. An update replaces labels and
// spec whole: what the document leaves out is gone.
func (s step) command(dryRun bool) (command, error) {
	labels := s.labels
	if labels == nil {
		labels = map[string]string{}
	}
	body, err := events.Encode(map[string]any{"labels": labels, "spec": s.given})
	if err != nil {
		return command{}, fmt.Errorf("encode %s: %w", s.ref, err)
	}
	return command{ref: s.ref, verb: s.verb, body: body, dryRun: dryRun}, nil
}
