package views

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/views/cursor"
	"github.com/aeriehq/aerie/projections/views/selector"
)

// List is one page of a list.
type List[T any] struct {
	AsOf  AsOf    `json:"as_of" required:"true" doc:"What the answer knows of the log"`
	Items []T     `json:"items" required:"true" nullable:"false"`
	Next  *string `json:"next" required:"true" doc:"Where the next page begins; null on the last one"`
}

// ListQuery is what a list of entities can be asked.
type ListQuery struct {
	Owner     string   `query:"owner" maxLength:"40" doc:"Only what belongs to this customer, which must be known; - is the platform"`
	Phase     string   `query:"phase" maxLength:"40" doc:"Only what is in this phase"`
	Label     []string `query:"label,explode" maxItems:"32" nullable:"false" doc:"Only what this label selector matches, written as in Kubernetes: key=value, key!=value, key in (a,b), key notin (a,b), key, !key, key>1, key<1, with commas between several; may be repeated, then all must hold"`
	Dataplane string   `query:"dataplane" maxLength:"100" doc:"Only what stands on this dataplane, which must be known, such as -/eu"`
	Plan      string   `query:"plan" maxLength:"100" doc:"Only what is on this plan, which must be known, such as free"`
	Q         string   `query:"q" maxLength:"200" doc:"Only what has this text in its id, owner or labels; upper and lower case are one"`
	Limit     int      `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many items at most"`
	Cursor    string   `query:"cursor" maxLength:"400" doc:"The next of the page before"`
	Sort      string   `query:"sort" maxLength:"20" doc:"In which order: name (owner, then id), created, phase or seq (the last event); with - before it the last first"`
	MinSeq    uint64   `query:"min_seq" doc:"Wait until the answer includes this sequence, ten seconds at most"`
	At        string   `query:"at" maxLength:"40" doc:"As it was at a sequence or a time (RFC 3339)"`
}

// filter is a ListQuery that was understood.
type filter struct {
	view            kindView
	owner, phase, q string
	labels          selector.Selector
	dataplane, plan string
	order           order
	after           *standing         // where the list goes on; nil: it begins
	hints           bool              // a refusal may name other things than are asked for
	shown           func(Any) bool    // nil: all are
	visible         func(uint32) bool // shown of a number of the index, while a page is made; nil: all are
}

// filter understands the query, or names every fault.
func (q ListQuery) filter(c kindView) (filter, error) {
	f := filter{view: c, owner: q.Owner, phase: q.Phase, q: strings.ToLower(q.Q)}
	faults := append(checkOwner(q.Owner), checkPhase(c.kind, q.Phase)...)
	for _, l := range q.Label {
		some, wrong := selector.Parse(l)
		if wrong != nil {
			faults = append(faults, *wrong)
		}
		f.labels = append(f.labels, some...)
	}
	f.dataplane, faults = pathOf(events.Dataplane, "dataplane", q.Dataplane, faults)
	f.plan, faults = pathOf(events.Plan, "plan", q.Plan, faults)
	var wrong []events.FieldError
	f.order, wrong = parseOrder(q.Sort)
	faults = append(faults, wrong...)
	if q.Cursor != "" {
		at, ok := cursor.Parse(q.Cursor)
		if !ok || at.Ref.Kind != c.kind || at.Order != f.order.String() || q.Owner != "" && at.Ref.Owner != q.Owner {
			faults = append(faults, cursor.Broken)
		}
		f.after = &standing{name: at.Ref, phase: at.Phase, seq: at.Seq}
	}
	return f, events.RefuseFaults("list "+c.kind.Plural(), faults)
}

func checkOwner(owner string) []events.FieldError {
	if owner == "" || owner == events.Platform || events.IsLabel(owner) {
		return nil
	}
	return []events.FieldError{{Field: "owner", Message: fmt.Sprintf("%q is not an owner: want a customer's id (%s) or '-'", events.Truncate(owner), events.LabelRule)}}
}

func checkPhase(k events.Kind, phase string) []events.FieldError {
	if known := Phases(k); phase != "" && !slices.Contains(known, phase) {
		return []events.FieldError{{Field: "phase", Message: fmt.Sprintf("%q is not a phase of %s%s", events.Truncate(phase), k.A(), events.Suggest(phase, known))}}
	}
	return nil
}

// Phases lists the phases a living entity of a kind can be in.
func Phases(k events.Kind) (names []string) {
	for _, p := range fsm.Machines[k].Phases() {
		if p != fsm.Unborn {
			names = append(names, string(p))
		}
	}
	return names
}

// HasFilter tells whether lists of a kind have a parameter: not every kind stands on a dataplane or is on a plan.
func HasFilter(k events.Kind, param string) bool {
	switch param {
	case "dataplane":
		return kindViews[k].dataplane != nil
	case "plan":
		return kindViews[k].plan != nil
	}
	return true
}

// pathOf understands a parameter that names another entity.
func pathOf(k events.Kind, field, value string, faults []events.FieldError) (string, []events.FieldError) {
	if value == "" {
		return "", faults
	}
	ref, wrong := events.ParseRef(k, value)
	for _, f := range wrong {
		faults = append(faults, events.FieldError{Field: field, Message: f.Message})
	}
	return ref.Path(), faults
}

// list makes one page of a state's entities, as they read at a time.
func (s *indexedState) list(f filter, limit int, now time.Time) List[Any] {
	one := func(n uint32) Any {
		e, _ := s.World.Get(s.World.Named(n))
		return read(s.World, e, now)
	}
	if f.shown != nil { // before the page is cut: neither its length nor its cursor tells of what is not shown
		f.visible = func(n uint32) bool { return f.shown(one(n)) }
	}
	found := s.index.page(&f, s.entries, limit+1)
	l := List[Any]{AsOf: asOf(s.World), Items: []Any{}}
	if len(found) > limit {
		last := s.index.standing(f.order, found[limit-1])
		next := cursor.Cursor{Ref: last.name, Seq: last.seq, Order: f.order.String(), Phase: last.phase}.String()
		found, l.Next = found[:limit], &next
	}
	for _, n := range found {
		l.Items = append(l.Items, one(n))
	}
	return l
}
