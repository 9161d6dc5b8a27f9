package views

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// Event is one event as it reads over HTTP.
type Event struct {
	Seq           uint64          `json:"seq" required:"true" doc:"Its place in the log"`
	ID            string          `json:"id" required:"true" doc:"Its own id, a ULID"`
	Type          string          `json:"type" required:"true" doc:"What happened, such as activated"`
	CEType        string          `json:"ce_type" required:"true" doc:"The same as CloudEvents say it, such as io.aerie.tenant.activated.v1"`
	Time          time.Time       `json:"time" required:"true" doc:"When it was decided"`
	Actor         string          `json:"actor" required:"true" doc:"Who caused it"`
	Owner         string          `json:"owner" required:"true" doc:"The customer its entity belongs to; - is the platform"`
	Kind          events.Kind     `json:"kind" required:"true" doc:"The kind of its entity"`
	Entity        string          `json:"entity" required:"true" doc:"The id of its entity"`
	CommandID     string          `json:"command_id" required:"true" doc:"The command, or report, that caused it"`
	CausationID   string          `json:"causation_id" required:"true" doc:"The event or command right before it in the chain"`
	CorrelationID string          `json:"correlation_id" required:"true" doc:"The command a person gave, however long ago"`
	Data          json.RawMessage `json:"data" required:"true" doc:"What the event itself says"`
}

// EventOf writes an event down the way it is read.
func EventOf(r events.Recorded) (Event, error) {
	data, err := json.Marshal(r.Event)
	if err != nil {
		return Event{}, fmt.Errorf("write event %d: %w", r.Seq, err)
	}
	typ := r.Event.Type()
	return Event{
		Seq: r.Seq, ID: r.EventID, Type: typ, CEType: events.CEType(r.Ref.Kind, r.Event), Time: r.Time,
		Actor: r.Actor, Owner: r.Ref.Owner, Kind: r.Ref.Kind, Entity: r.Ref.ID,
		CommandID: r.CommandID, CausationID: r.CausationID, CorrelationID: r.CorrelationID, Data: data,
	}, nil
}

// readEvents reads events from the log.
func (v *Views) readEvents(ctx context.Context, seqs []uint64) ([]Event, error) {
	all := make([]Event, 0, len(seqs))
	for _, seq := range seqs {
		r, err := v.ReadEvent(ctx, seq)
		if err != nil {
			return nil, err
		}
		e, err := EventOf(r)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// EventQuery is what the log can be asked, as a list and as a stream.
type EventQuery struct {
	Owner     string `query:"owner" maxLength:"40" doc:"Only events of this customer; - is the platform"`
	Kind      string `query:"kind" maxLength:"40" doc:"Only events of this kind of entity"`
	ID        string `query:"id" maxLength:"100" doc:"Only events of entities with this id"`
	Type      string `query:"type" maxLength:"100" doc:"Only events of this type, such as activated"`
	Actor     string `query:"actor" maxLength:"200" doc:"Only events this actor caused"`
	After     uint64 `query:"after" doc:"Only events after this sequence"`
	Since     string `query:"since" format:"date-time" doc:"Only events of this time or later"`
	Until     string `query:"until" format:"date-time" doc:"Only events before this time"`
	Limit     int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many events at most; a stream has no limit unless one is given, and ends there"`
	At        string `query:"at" maxLength:"40" doc:"The log as it was at a sequence or a time (RFC 3339); not with text/event-stream"`
	Accept    string `header:"Accept" hidden:"true"` // OpenAPI says it by the types of the answer
	LastEvent string `header:"Last-Event-ID" doc:"Only with text/event-stream: go on after this sequence"`
}

// Filter understands the query, or names every fault in a Refusal.
func (q EventQuery) Filter(kinds *events.Registry) (EventFilter, error) {
	f := EventFilter{owner: q.Owner, id: q.ID, typ: q.Type, actor: q.Actor}
	faults := checkOwner(q.Owner)
	if k, known := kinds.EventKindOf(q.Kind); known {
		f.kind = k
	} else if q.Kind != "" {
		faults = append(faults, unknownKind(kinds, q.Kind))
	}
	if known := eventTypes(f.kind); q.Type != "" && !slices.Contains(known, q.Type) {
		faults = append(faults, events.FieldError{Field: "type", Message: fmt.Sprintf("%q is not a type of event%s", events.Truncate(q.Type), events.Suggest(q.Type, known))})
	}
	f.since, faults = parseTime("since", q.Since, faults)
	f.until, faults = parseTime("until", q.Until, faults)
	return f, events.RefuseFaults("events", faults)
}

// unknownKind is the fault of a word that is no kind.
func unknownKind(kinds *events.Registry, kind string) events.FieldError {
	return events.FieldError{Field: "kind", Message: fmt.Sprintf("%q is not a kind%s", events.Truncate(kind), events.Suggest(kind, kinds.Names()))}
}

// eventTypes lists the types a kind's events can have, or any if it is empty.
func eventTypes(k events.Kind) (types []string) {
	for kind, all := range fsm.Vocabulary() {
		for _, e := range all {
			if k == "" || k == kind {
				types = append(types, e.Type())
			}
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

func parseTime(field, value string, faults []events.FieldError) (time.Time, []events.FieldError) {
	if value == "" {
		return time.Time{}, faults
	}
	t, err := time.Parse(time.RFC3339, value)
	if y := t.Year(); err != nil || y < 1970 || y > 2200 { // beyond, there are no nanoseconds
		faults = append(faults, events.FieldError{Field: field, Message: fmt.Sprintf("%q is not a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z", events.Truncate(value))})
	}
	return t, faults
}

// EventFilter says which events are looked for; what is zero does not matter.
type EventFilter struct {
	owner, id, typ, actor string
	kind                  events.Kind
	since, until          time.Time // from, and before
	without               []events.Kind
}

// Matches tells whether an event is looked for.
func (f *EventFilter) Matches(r events.Recorded) bool {
	return f.matches(r.Ref, r.Event.Type(), r.Actor, r.Time.UnixNano())
}

// matches tells whether an event is looked for: its entity, type and actor, and when it was.
func (f *EventFilter) matches(r events.Ref, typ, actor string, at int64) bool {
	return (f.owner == "" || r.Owner == f.owner) && (f.kind == "" || r.Kind == f.kind) && (f.id == "" || r.ID == f.id) &&
		(f.typ == "" || typ == f.typ) && (f.actor == "" || actor == f.actor) &&
		(f.since.IsZero() || at >= f.since.UnixNano()) && (f.until.IsZero() || at < f.until.UnixNano()) && !slices.Contains(f.without, r.Kind)
}

// Events makes one page of the log; its next is the after of the next page.
func (v *Views) Events(ctx context.Context, q EventQuery, f EventFilter) (List[Event], error) {
	m, err := v.moment(ctx, q.At, 0)
	if err != nil {
		return List[Event]{}, err
	}
	seqs, _, as := v.find(f, q.After, m.end(), q.Limit+1)
	l := List[Event]{AsOf: as}
	if m.past {
		l.AsOf = v.asOf(m)
	}
	if len(seqs) > q.Limit {
		seqs = seqs[:q.Limit]
		next := strconv.FormatUint(seqs[q.Limit-1], 10)
		l.Next = &next
	}
	l.Items, err = v.readEvents(ctx, seqs)
	return l, err
}

// searched is how many events are searched before others get the lock.
const searched = 100_000

// find lists the first sequences after one that match, at most limit of them, up
// to a sequence. It says how far it looked: up to reached,
// nothing else matches.
func (v *Views) find(f EventFilter, after, upTo uint64, limit int) (seqs []uint64, reached uint64, as AsOf) {
	reached = after
	for more := true; more; {
		v.fold.View(func(w *state.Entities) {
			as = asOf(w)
			end := min(as.Seq, upTo)
			stop := min(end, reached+searched)
			for reached < stop && len(seqs) < limit {
				reached++
				if v.events.matches(w, &f, v.events.entries[reached-1]) {
					seqs = append(seqs, reached)
				}
			}
			more = reached < end && len(seqs) < limit
		})
	}
	return seqs, reached, as
}

// Search lists the first sequences after one that match, limit of them at most; up to reached nothing else matches. It lets others at the
// fold after each 100,000 events.
func (v *Views) Search(f EventFilter, after uint64, limit int) (seqs []uint64, reached uint64) {
	seqs, reached, _ = v.find(f, after, moment{}.end(), limit)
	return seqs, reached
}
