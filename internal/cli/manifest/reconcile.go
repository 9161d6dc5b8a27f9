package manifest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// Step is what apply does about one document.
type Step struct {
	Manifest
	Verb    string         // create, update, or empty: it is as wanted
	Present *client.Entity // as the server has it; nil if it has not
	Going   bool           // that is on its way to its end: it can be created again when it is gone
	local   bool           // the server can't be asked beforehand: it refers to what is not there yet
	moving  bool           // nor would its answer hold: what it refers to is changed too
}

// Reconcile compares documents with what the server has. Faults are of
// references that lead nowhere; with any, nothing may be sent. The steps are in
// the order of references.
func Reconcile(ctx context.Context, c *client.Client, docs []Manifest) ([]Step, []Fault, error) {
	seen, err := lookup(ctx, c, docs)
	if err != nil {
		return nil, nil, err
	}
	var steps []Step
	var faults, others []Fault
	given, created, changed := map[events.Ref]bool{}, map[events.Ref]bool{}, map[events.Ref]bool{}
	for _, m := range docs {
		given[m.Ref] = true
	}
	for _, m := range Ordered(docs) {
		if m.Spec == nil {
			continue
		}
		faults = append(faults, seen.unresolved(m, given)...)
		s := stepOf(m, seen[m.Ref])
		if other := seen[m.Ref]; other != nil && m.UID != "" && m.UID != other.UID {
			others = append(others, m.at("uid", "%s is another incarnation than the one there is, %s: leave uid out to apply to that",
				events.Truncate(m.UID), other.UID))
		}
		created[m.Ref], changed[m.Ref] = s.Verb == events.VerbCreate, s.Verb != ""
		for _, r := range m.kinds.RefsOf(m.Ref, m.Spec) {
			s.local, s.moving = s.local || created[r.Ref], s.moving || changed[r.Ref]
		}
		steps = append(steps, s)
	}
	if len(faults) == 0 && len(others) > 0 {
		return nil, nil, refuseAs(events.Conflict, others)
	}
	return steps, append(faults, others...), nil
}

// Ordered sorts documents so that what is referred to comes first, and else as
// they were given.
func Ordered(docs []Manifest) []Manifest {
	docs = slices.Clone(docs)
	slices.SortStableFunc(docs, func(a, b Manifest) int {
		return cmp.Compare(a.rank(), b.rank())
	})
	return docs
}

// rank is the place of a document's kind among all: what is referred to has a lower one.
func (m Manifest) rank() int { return slices.Index(m.kinds.Kinds(), m.Ref.Kind) }

// found is what the server has of what was looked up; nil where it has nothing.
type found map[events.Ref]*client.Entity

// lookup reads the documents' entities and everything they refer to.
func lookup(ctx context.Context, c *client.Client, docs []Manifest) (found, error) {
	seen := found{}
	var refs []events.Ref
	add := func(r events.Ref) {
		if _, known := seen[r]; !known && len(r.Check()) == 0 {
			seen[r] = nil
			refs = append(refs, r)
		}
	}
	for _, m := range docs {
		add(m.Ref)
		if m.Spec != nil {
			for _, r := range m.kinds.RefsOf(m.Ref, m.Spec) {
				add(r.Ref)
			}
		}
	}
	all := make([]*client.Entity, len(refs))
	err := client.Each(len(refs), func(i int) (err error) {
		all[i], err = present(ctx, c, refs[i])
		return err
	})
	for i, r := range refs {
		seen[r] = all[i]
	}
	return seen, client.FirstError(err)
}

// present reads an entity; nil if there is none, or no longer one.
func present(ctx context.Context, c *client.Client, r events.Ref) (*client.Entity, error) {
	var e client.Entity
	err := c.Retry(ctx, "read "+r.String(), func(ctx context.Context) (err error) {
		e, err = c.Entity(ctx, r, 0)
		return err
	})
	var refused *events.Refusal
	if errors.As(err, &refused) && refused.Code == events.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if client.Gone[e.Phase] {
		return nil, nil
	}
	return &e, nil
}

// unresolved finds references to what is neither in the set nor on the server.
func (seen found) unresolved(m Manifest, given map[events.Ref]bool) (faults []Fault) {
	for _, r := range m.kinds.RefsOf(m.Ref, m.Spec) {
		if !given[r.Ref] && seen[r.Ref] == nil {
			faults = append(faults, m.at(r.Field, "there is no %s, neither here nor on the server", r.Ref))
		}
	}
	return faults
}

// stepOf says what a document asks for beyond what is there.
func stepOf(m Manifest, present *client.Entity) Step {
	s := Step{Manifest: m, Present: present}
	switch {
	case present == nil:
		s.Verb = events.VerbCreate
	case client.IsGoing(*present):
		s.Verb, s.Going = events.VerbCreate, true
	case !sameLabels(m.Labels, present.Labels) || !bytes.Equal(Canonical(m.Spec), m.PresentSpec(present)):
		s.Verb = events.VerbUpdate
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

// PresentSpec is the spec the server has, brought into the same form as the
// document's. One that this program can't decode is compared as it stands.
func (m Manifest) PresentSpec(e *client.Entity) []byte {
	if spec := m.presentSpec(e); spec != nil {
		return Canonical(spec)
	}
	return Canonical(e.Spec)
}

// presentSpec is the spec the server has; nil if this program can't decode it.
func (m Manifest) presentSpec(e *client.Entity) events.Spec {
	raw, err := client.DecodeJSON(e.Spec)
	if err != nil {
		return nil
	}
	ask, err := m.kinds.DecodeBody(m.Ref.Kind, events.VerbCreate, map[string]any{"spec": raw})
	create, ok := ask.(events.Create)
	if !ok || err != nil {
		return nil
	}
	return create.Spec
}

// Canonical writes a value so that equal ones are equal bytes: keys sorted, and
// numbers as the log keeps them.
func Canonical(v any) []byte {
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

// command is the command that takes the step. An update replaces labels and
// spec whole: what the document leaves out is gone.
func (s Step) command(dryRun bool) (client.Command, error) {
	labels := s.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	body, err := events.Encode(map[string]any{"labels": labels, "spec": s.given})
	if err != nil {
		return client.Command{}, fmt.Errorf("encode %s: %w", s.Ref, err)
	}
	c := client.Command{Ref: s.Ref, Verb: s.Verb, Body: body, DryRun: dryRun}
	if s.Verb == events.VerbUpdate {
		c.UID, c.Seq = s.UID, s.Seq
	}
	return c, nil
}
