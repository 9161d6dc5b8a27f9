package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// List is one page of a list.
type List[T any] struct {
	AsOf  AsOf    `json:"as_of" required:"true" doc:"What the answer knows of the log"`
	Items []T     `json:"items" required:"true" nullable:"false"`
	Next  *string `json:"next" required:"true" doc:"Where the next page begins; null on the last one"`
}

// ListQuery is what a list of entities can be asked.
type ListQuery struct {
	Owner     string   `query:"owner" maxLength:"40" doc:"Only what belongs to this customer; - is the platform"`
	Phase     string   `query:"phase" maxLength:"40" doc:"Only what is in this phase"`
	Label     []string `query:"label,explode" maxItems:"32" nullable:"false" doc:"Only what has this label: key=value, or key for any value; may be repeated, then all must hold"`
	Dataplane string   `query:"dataplane" maxLength:"100" doc:"Only what stands on this dataplane, such as -/eu"`
	Plan      string   `query:"plan" maxLength:"100" doc:"Only what is on this plan, such as free"`
	Q         string   `query:"q" maxLength:"200" doc:"Only what has this text in its id, owner or labels; upper and lower case are one"`
	Limit     int      `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many items at most"`
	Cursor    string   `query:"cursor" maxLength:"400" doc:"The next of the page before"`
	MinSeq    uint64   `query:"min_seq" doc:"Wait until the answer includes this sequence, ten seconds at most"`
}

// filter is a ListQuery that was understood.
type filter struct {
	column          column
	owner, phase, q string
	labels          [][]string // key, or key and value
	dataplane, plan string
	place           events.Ref // the list goes on after it
}

// filter understands the query, or names every fault.
func (q ListQuery) filter(c column) (filter, error) {
	f := filter{column: c, owner: q.Owner, phase: q.Phase, q: strings.ToLower(q.Q)}
	faults := append(checkOwner(q.Owner), checkPhase(c.kind, q.Phase)...)
	for _, l := range q.Label {
		if l == "" || l[0] == '=' {
			faults = append(faults, events.Fault{Field: "label", Message: fmt.Sprintf("%q: want key=value, or key", events.Clip(l))})
		}
		f.labels = append(f.labels, strings.SplitN(l, "=", 2))
	}
	f.dataplane, faults = pathOf(events.Dataplane, "dataplane", q.Dataplane, faults)
	f.plan, faults = pathOf(events.Plan, "plan", q.Plan, faults)
	f.place = events.Ref{Kind: c.kind, Owner: q.Owner}
	if q.Cursor != "" {
		at, ok := parseCursor(q.Cursor)
		if !ok || at.ref.Kind != c.kind || at.seq != 0 || q.Owner != "" && at.ref.Owner != q.Owner {
			faults = append(faults, brokenCursor)
		}
		f.place = at.ref
	}
	return f, events.RefuseFaults("list "+c.kind.Plural(), faults)
}

func checkOwner(owner string) []events.Fault {
	if owner == "" || owner == events.Platform || events.IsLabel(owner) {
		return nil
	}
	return []events.Fault{{Field: "owner", Message: fmt.Sprintf("%q is not an owner: want a customer's id (%s) or '-'", events.Clip(owner), events.LabelRule)}}
}

func checkPhase(k events.Kind, phase string) []events.Fault {
	if known := phases(k); phase != "" && !slices.Contains(known, phase) {
		return []events.Fault{{Field: "phase", Message: fmt.Sprintf("%q is not a phase of a %s%s", events.Clip(phase), k, events.Nearest(phase, known))}}
	}
	return nil
}

// phases lists the phases a living entity of a kind can be in.
func phases(k events.Kind) (names []string) {
	for _, p := range fsm.Machines[k].Phases() {
		if p != fsm.Unborn {
			names = append(names, string(p))
		}
	}
	return names
}

// pathOf understands a parameter that names another entity.
func pathOf(k events.Kind, field, value string, faults []events.Fault) (string, []events.Fault) {
	if value == "" {
		return "", faults
	}
	ref, wrong := events.ParseRef(k, value)
	for _, f := range wrong {
		faults = append(faults, events.Fault{Field: field, Message: f.Message})
	}
	return ref.Path(), faults
}

func (f filter) matches(w *fsm.World, e entity) bool {
	if f.phase == "" && fsm.Machines[e.Ref.Kind].Ended(e.Phase()) {
		return false // what is gone is listed only when asked for by its phase
	}
	return (f.phase == "" || f.phase == string(e.Phase())) &&
		(f.dataplane == "" || f.dataplane == f.column.dataplane(w, e)) &&
		(f.plan == "" || f.plan == f.column.plan(w, e)) &&
		hasLabels(e.Labels, f.labels) && (f.q == "" || hasText(e, f.q))
}

func hasLabels(labels map[string]string, want [][]string) bool {
	for _, l := range want {
		if v, there := labels[l[0]]; !there || len(l) == 2 && v != l[1] {
			return false
		}
	}
	return true
}

func hasText(e entity, q string) bool {
	if strings.Contains(e.Ref.ID, q) || strings.Contains(e.Ref.Owner, q) {
		return true // both are lower-case
	}
	for k, v := range e.Labels {
		if strings.Contains(strings.ToLower(k+"="+v), q) {
			return true
		}
	}
	return false
}

// stretch is how many entities are looked at before others get the fold's lock.
const stretch = 5000

// page is a list that is being made.
type page struct {
	filter
	limit int
	items []Any
	more  bool // there are more items than limit
	done  bool
}

// list makes one page. It knows at least what its as_of says: entities that
// change while a long list is searched may be seen as they became.
func (v *Views) list(ctx context.Context, f filter, limit int) (List[Any], error) {
	p := page{filter: f, limit: limit, items: []Any{}}
	l := List[Any]{AsOf: v.AsOf()}
	for !p.done {
		if err := ctx.Err(); err != nil {
			return l, fmt.Errorf("list %s: %w", f.column.kind.Plural(), err)
		}
		v.fold.View(func(w *fsm.World) { p.look(w, v.index[f.column.kind]) })
	}
	l.Items = p.items
	if p.more {
		last := p.items[limit-1]
		next := cursor{ref: events.Ref{Kind: last.Kind, Owner: last.Owner, ID: last.ID}}.String()
		l.Next = &next
	}
	return l, nil
}

// look goes on with the page for one stretch.
func (p *page) look(w *fsm.World, index *btree.BTreeG[events.Ref]) {
	left := stretch
	p.done = true
	index.Ascend(p.place, func(r events.Ref) bool {
		if r == p.place {
			return true
		}
		if p.owner != "" && r.Owner != p.owner {
			return false
		}
		if left == 0 {
			p.done = false
			return false
		}
		left--
		p.place = r
		return p.take(w, r)
	})
}

// take adds an entity that matches; false if the page is full.
func (p *page) take(w *fsm.World, r events.Ref) bool {
	e, _ := w.Get(r)
	if !p.matches(w, e) {
		return true
	}
	if len(p.items) == p.limit {
		p.more = true
		return false
	}
	p.items = append(p.items, read(w, e))
	return true
}
