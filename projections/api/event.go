package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/views"
)

const (
	eventStream   = "text/event-stream"
	eventsPattern = "GET /v1/events" // the one route that answers with a stream
)

// events is the route of the log: a list, or a stream for who accepts one.
func (s *server) events(api huma.API) {
	op := get("list-events", "/v1/events", "The log, oldest first, or live", "events")
	op.Description = "With Accept: text/event-stream the events live: from now on, unless after, since or Last-Event-ID says from where."
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A page of events whose next is the after of the next page; or a stream with the sequence as id, the type as event and an Event as data",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[views.List[views.Event]](), true, "")},
			eventStream:        {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	s.forCustomers(op)
	route(api, op, func(ctx context.Context, q *views.EventQuery) (*huma.StreamResponse, error) {
		caller := callerOf(ctx)
		if caller.Role.OfCustomer() {
			if q.Owner != "" && q.Owner != caller.Owner {
				return nil, events.Refuse(events.Denied, "%s may not read the events of %s", events.Kind(caller.Role).A(), events.Truncate(q.Owner))
			}
			q.Owner = caller.Owner
		}
		f, err := q.Filter(s.Kinds)
		if err != nil {
			return nil, err
		}
		for _, d := range s.Kinds.All() {
			if d.May(caller.Role, events.VerbRead) == events.OfNobody {
				f = f.Without(d.Kind)
			}
		}
		if strings.Contains(q.Accept, eventStream) {
			return s.live(ctx, *q, f)
		}
		page, err := s.views.Events(ctx, *q, f)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			_, w := humago.Unwrap(c)
			writeJSON(w, http.StatusOK, "application/json", page)
		}}, nil
	})
	documentValues(api.OpenAPI().Paths[op.Path].Get, "kind", s.Kinds.Names())
}

// live answers with a stream, once it is known where that begins.
func (s *server) live(ctx context.Context, q views.EventQuery, f views.EventFilter) (*huma.StreamResponse, error) {
	if q.At != "" {
		return nil, events.RefuseFaults("read the past", []events.FieldError{
			{Field: "at", Message: "a stream is of what comes: leave at out, or ask for JSON"}})
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
	if !s.Fanout.join() {
		return nil, events.Refuse(events.Unavailable, "%d streams of events are open, the most there may be: ask again later, or ask for pages of JSON with after", s.Fanout.limit)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) { s.stream(c, q, f) }}, nil
}

// limitOf is how many events a stream may send: -1 is any number.
func limitOf(given url.Values, q views.EventQuery) int {
	if given.Has("limit") {
		return q.Limit
	}
	return -1
}
