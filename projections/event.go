package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
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

func eventOf(r events.Recorded) (Event, error) {
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
func (s *server) readEvents(ctx context.Context, seqs []uint64) ([]Event, error) {
	all := make([]Event, 0, len(seqs))
	for _, seq := range seqs {
		r, err := s.views.readEvent(ctx, seq)
		if err != nil {
			return nil, err
		}
		e, err := eventOf(r)
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

func (q EventQuery) filter() (eventFilter, error) {
	f := eventFilter{owner: q.Owner, id: q.ID, typ: q.Type, actor: q.Actor}
	faults := checkOwner(q.Owner)
	if k, known := events.EventKindOf(q.Kind); known {
		f.kind = k
	} else if q.Kind != "" {
		faults = append(faults, unknownKind(q.Kind))
	}
	if known := eventTypes(f.kind); q.Type != "" && !slices.Contains(known, q.Type) {
		faults = append(faults, events.FieldError{Field: "type", Message: fmt.Sprintf("%q is not a type of event%s", events.Truncate(q.Type), events.Suggest(q.Type, known))})
	}
	f.since, faults = parseTime("since", q.Since, faults)
	f.until, faults = parseTime("until", q.Until, faults)
	return f, events.RefuseFaults("events", faults)
}

func unknownKind(kind string) events.FieldError {
	return events.FieldError{Field: "kind", Message: fmt.Sprintf("%q is not a kind%s", events.Truncate(kind), events.Suggest(kind, events.Builtin.Names()))}
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

// listEvents is one page of the log; its next is the after of the next page.
func (s *server) listEvents(ctx context.Context, q EventQuery, f eventFilter) (List[Event], error) {
	m, err := s.views.moment(ctx, q.At, 0)
	if err != nil {
		return List[Event]{}, err
	}
	seqs, _, as := s.views.find(f, q.After, m.end(), q.Limit+1)
	l := List[Event]{AsOf: as}
	if m.past {
		l.AsOf = s.views.asOf(m)
	}
	if len(seqs) > q.Limit {
		seqs = seqs[:q.Limit]
		next := strconv.FormatUint(seqs[q.Limit-1], 10)
		l.Next = &next
	}
	l.Items, err = s.readEvents(ctx, seqs)
	return l, err
}

const eventStream = "text/event-stream"

// events is the route of the log: a list, or a stream for who accepts one.
func (s *server) events(api huma.API) {
	op := get("list-events", "/v1/events", "The log, oldest first, or live", "events")
	op.Description = "With Accept: text/event-stream the events live: from now on, unless after, since or Last-Event-ID says from where."
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A page of events whose next is the after of the next page; or a stream with the sequence as id, the type as event and an Event as data",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[List[Event]](), true, "")},
			eventStream:        {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	route(api, op, func(ctx context.Context, q *EventQuery) (*huma.StreamResponse, error) {
		f, err := q.filter()
		if err != nil {
			return nil, err
		}
		if strings.Contains(q.Accept, eventStream) {
			return s.live(ctx, *q, f)
		}
		page, err := s.listEvents(ctx, *q, f)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			_, w := humago.Unwrap(c)
			writeJSON(w, http.StatusOK, "application/json", page)
		}}, nil
	})
	documentValues(api.OpenAPI().Paths[op.Path].Get, "kind", events.Builtin.Names())
}

// live answers with a stream, once it is known where that begins.
func (s *server) live(ctx context.Context, q EventQuery, f eventFilter) (*huma.StreamResponse, error) {
	if q.At != "" {
		return nil, refuseField("at", "a stream is of what comes: leave at out, or ask for JSON")
	}
	if q.LastEvent != "" {
		after, err := strconv.ParseUint(q.LastEvent, 10, 64)
		if err != nil {
			return nil, events.RefuseFaults("events", []events.FieldError{{Field: "Last-Event-ID", Message: fmt.Sprintf("%q is not a sequence: want a whole number", events.Truncate(q.LastEvent))}})
		}
		q.After = after
	}
	if err := s.views.Await(ctx, q.After); err != nil {
		return nil, err
	}
	if !s.views.join() {
		return nil, events.Refuse(events.Unavailable, "%d streams of events are open, the most there may be: ask again later, or ask for pages of JSON with after", s.views.fanout.limit)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) { s.stream(c, q, f) }}, nil
}

// limitOf is how many events a stream may send: -1 is any number.
func limitOf(given url.Values, q EventQuery) int {
	if given.Has("limit") {
		return q.Limit
	}
	return -1
}
