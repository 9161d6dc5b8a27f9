package operations

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

// Query is what a list of operations can be asked.
type Query struct {
	Owner  string `query:"owner" maxLength:"40" doc:"Only what is done to what belongs to this customer, which must be known; - is the platform"`
	Kind   string `query:"kind" maxLength:"40" doc:"Only what is done to this kind of entity"`
	Entity string `query:"entity" maxLength:"100" doc:"Only what is done to entities of this owner and name, such as acme/prod"`
	State  string `query:"state" maxLength:"20" doc:"Only what is in this state: running, done, failed or superseded"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many items at most"`
	Cursor string `query:"cursor" maxLength:"20" pattern:"^[0-9]+$" doc:"The next of the page before"`
	MinSeq uint64 `query:"min_seq" doc:"Wait until the answer includes this sequence, ten seconds at most"`
	At     string `query:"at" maxLength:"40" doc:"As it was at a sequence or a time (RFC 3339)"`
}

// Filter is a Query that was understood.
type Filter struct {
	kinds         *ev.Registry
	owner, entity string
	kind          ev.Kind
	state         State
	before        uint64 // the list goes on with operations that began before this sequence
	limit         int
}

// Filter understands the query, or names every fault in a Refusal.
func (q Query) Filter(kinds *ev.Registry) (Filter, error) {
	f := Filter{kinds: kinds, owner: q.Owner, entity: q.Entity, state: State(q.State), limit: q.Limit, before: 1<<64 - 1}
	var faults []ev.FieldError
	if q.Owner != "" && q.Owner != ev.Platform && !ev.IsLabel(q.Owner) {
		faults = append(faults, ev.FieldError{Field: "owner", Message: fmt.Sprintf("%q is not an owner: want a customer's id (%s) or '-'", ev.Truncate(q.Owner), ev.LabelRule)})
	}
	if d, known := kinds.Find(q.Kind); known {
		f.kind = d.Kind
	} else if q.Kind != "" {
		faults = append(faults, ev.FieldError{Field: "kind", Message: fmt.Sprintf("%q is not a kind%s", ev.Truncate(q.Kind), ev.Suggest(q.Kind, kinds.Names()))})
	}
	if f.kind != "" && q.Entity != "" {
		ref, wrong := kinds.ParseRef(f.kind, q.Entity)
		for _, w := range wrong {
			faults = append(faults, ev.FieldError{Field: "entity", Message: w.Message})
		}
		f.entity = ref.Path()
	}
	if q.State != "" && !slices.Contains(States, f.state) {
		var known []string
		for _, s := range States {
			known = append(known, string(s))
		}
		faults = append(faults, ev.FieldError{Field: "state", Message: fmt.Sprintf("%q is not a state of an operation%s", ev.Truncate(q.State), ev.Suggest(q.State, known))})
	}
	if q.Cursor != "" {
		var err error
		if f.before, err = strconv.ParseUint(q.Cursor, 10, 64); err != nil {
			faults = append(faults, ev.FieldError{Field: "cursor", Message: "is not a cursor of this list: take next from its last answer, or leave it out"})
		}
	}
	return f, ev.RefuseFaults("list operations", faults)
}

// List makes one page of the operations, the last begun first, as they read at a time. A customer that there never was is
// refused. next is the cursor of the next page; nil on the last one.
func (b *Book) List(w *state.Entities, f Filter, now time.Time) (items []Operation, next *string, err error) {
	if f.owner != "" && f.owner != ev.Platform {
		if _, known := w.Get(ev.Ref{Kind: ev.Customer, Owner: f.owner, ID: f.owner}); !known {
			return nil, nil, ev.RefuseFaults("list operations", []ev.FieldError{{Field: "owner", Message: fmt.Sprintf("there is no customer %s", f.owner)}})
		}
	}
	items = []Operation{}
	b.all.Descend(f.before, func(seq uint64, o *operation) bool {
		if seq == f.before || !f.matches(o, w, now) {
			return true
		}
		if len(items) == f.limit {
			last := strconv.FormatUint(items[f.limit-1].Seq, 10)
			next = &last
			return false
		}
		items = append(items, o.read(w, f.kinds, now))
		return true
	})
	return items, next, nil
}

func (f Filter) matches(o *operation, w *state.Entities, now time.Time) bool {
	if f.state != "" && o.State != f.state || o.State != Running && now.Sub(o.Ended) >= kept {
		return false
	}
	ref := w.Named(o.Number)
	return (f.owner == "" || ref.Owner == f.owner) && (f.kind == "" || ref.Kind == f.kind) && (f.entity == "" || ref.Path() == f.entity)
}
