package projections

import (
	"context"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

// OneQuery names one entity that is no customer.
type OneQuery struct {
	Owner  string `path:"owner" maxLength:"100" doc:"The customer it belongs to; - is the platform"`
	ID     string `path:"id" maxLength:"100" doc:"Its name"`
	MinSeq uint64 `query:"min_seq" doc:"Wait until the answer includes this sequence, ten seconds at most"`
	At     string `query:"at" maxLength:"40" doc:"As it was at a sequence or a time (RFC 3339)"`
}

// HistoryQuery names one entity and a page of its events.
type HistoryQuery struct {
	OneQuery
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many events at most"`
	Sort   string `query:"sort" enum:"seq,-seq" default:"seq" doc:"-seq: the newest first"`
	Cursor string `query:"cursor" maxLength:"400" doc:"The next of the page before"`
}

// CustomerQuery names one customer: it owns itself, so it has no owner in its path.
type CustomerQuery struct {
	ID     string `path:"id" maxLength:"100" doc:"Its name"`
	MinSeq uint64 `query:"min_seq" doc:"Wait until the answer includes this sequence, ten seconds at most"`
	At     string `query:"at" maxLength:"40" doc:"As it was at a sequence or a time (RFC 3339)"`
}

// CustomerHistoryQuery names one customer and a page of its events.
type CustomerHistoryQuery struct {
	CustomerQuery
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many events at most"`
	Sort   string `query:"sort" enum:"seq,-seq" default:"seq" doc:"-seq: the newest first"`
	Cursor string `query:"cursor" maxLength:"400" doc:"The next of the page before"`
}

func (q *CustomerQuery) one() *OneQuery { return &OneQuery{q.ID, q.ID, q.MinSeq, q.At} }

type listAnswer[S, O any] struct{ Body List[Entity[S, O]] }

type historyAnswer struct{ Body List[Event] }

// oneAnswer says in headers what it knows of the log: the body is the entity alone.
type oneAnswer[S, O any] struct {
	Seq  uint64 `header:"Aerie-As-Of-Seq" doc:"The last sequence that is included"`
	Time string `header:"Aerie-As-Of-Time" doc:"When that event was decided"`
	Body Entity[S, O]
}

// routesOf are the routes of a kind: its list, one of it, and that one's history.
func routesOf[S events.Spec, O any](k events.Kind) func(*server, huma.API) {
	return func(s *server, api huma.API) {
		plural, path := k.Plural(), "/v1/"+k.Plural()+"/{owner}/{id}"
		route(api, get("list-"+plural, "/v1/"+plural, "List "+plural, plural), list[S, O](s, k))
		describeList(api.OpenAPI().Paths["/v1/"+plural].Get, columns[k])
		look, past := one[S, O](s, k), s.history(k)
		opOne := get("get-"+string(k), path, "Read one "+string(k), plural)
		opPast := get("history-"+string(k), path+"/history", "The events of one "+string(k)+", oldest first", plural)
		if k != events.Customer {
			route(api, opOne, look)
			route(api, opPast, past)
			return
		}
		opOne.Path, opPast.Path = "/v1/customers/{id}", "/v1/customers/{id}/history"
		route(api, opOne, func(ctx context.Context, q *CustomerQuery) (*oneAnswer[S, O], error) { return look(ctx, q.one()) })
		route(api, opPast, func(ctx context.Context, q *CustomerHistoryQuery) (*historyAnswer, error) {
			return past(ctx, &HistoryQuery{*q.one(), q.Limit, q.Sort, q.Cursor})
		})
	}
}

func get(id, path, summary string, tags ...string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: tags}
}

// describeList says which phases there are, and takes away the filters that make
// no sense for the kind: then they are unknown parameters.
func describeList(op *huma.Operation, c column) {
	op.Parameters = slices.DeleteFunc(op.Parameters, func(p *huma.Param) bool {
		return p.Name == "dataplane" && c.dataplane == nil || p.Name == "plan" && c.plan == nil
	})
	documentValues(op, "phase", phases(c.kind))
	var sorts []string
	for _, by := range orders {
		sorts = append(sorts, by, "-"+by)
	}
	documentValues(op, "sort", sorts)
}

// documentValues says which values a parameter may have. huma goes on to check
// by the schema without them: our own checks name the nearest one.
func documentValues(op *huma.Operation, name string, values []string) {
	for _, p := range op.Parameters {
		if p.Name == name {
			documented := *p.Schema
			for _, v := range values {
				documented.Enum = append(documented.Enum, v)
			}
			p.Schema = &documented
		}
	}
}

func list[S events.Spec, O any](s *server, k events.Kind) func(context.Context, *ListQuery) (*listAnswer[S, O], error) {
	return func(ctx context.Context, q *ListQuery) (*listAnswer[S, O], error) {
		f, err := q.filter(columns[k])
		if err != nil {
			return nil, err
		}
		found, err := s.views.List(ctx, f, q)
		if err != nil {
			return nil, err
		}
		out := &listAnswer[S, O]{List[Entity[S, O]]{found.AsOf, []Entity[S, O]{}, found.Next}}
		for _, a := range found.Items {
			out.Body.Items = append(out.Body.Items, typed[S, O](a))
		}
		return out, nil
	}
}

func one[S events.Spec, O any](s *server, k events.Kind) func(context.Context, *OneQuery) (*oneAnswer[S, O], error) {
	return func(ctx context.Context, q *OneQuery) (*oneAnswer[S, O], error) {
		m, err := s.views.moment(ctx, q.At, q.MinSeq)
		if err != nil {
			return nil, err
		}
		a, as, err := s.views.read(ctx, events.Ref{Kind: k, Owner: q.Owner, ID: q.ID}, m)
		if err != nil {
			return nil, err
		}
		return &oneAnswer[S, O]{as.Seq, as.Time.Format(time.RFC3339Nano), typed[S, O](a)}, nil
	}
}

// history lists the events of one entity, read from the log by its sequences.
func (s *server) history(k events.Kind) func(context.Context, *HistoryQuery) (*historyAnswer, error) {
	return func(ctx context.Context, q *HistoryQuery) (*historyAnswer, error) {
		ref := events.Ref{Kind: k, Owner: q.Owner, ID: q.ID}
		first := cursor{ref: ref}
		if q.Sort == newestFirst {
			first = cursor{ref: ref, order: newestFirst, seq: math.MaxUint64}
		}
		at := first
		if q.Cursor != "" {
			var ok bool
			if at, ok = parseCursor(q.Cursor); !ok || at.ref != ref || at.order != first.order {
				return nil, events.RefuseFaults("history of "+ref.String(), []events.FieldError{brokenCursor})
			}
		}
		m, err := s.views.moment(ctx, q.At, q.MinSeq)
		if err != nil {
			return nil, err
		}
		e, as, err := s.views.get(ref, func(*state.Entities, entity) {})
		if m.past {
			as = s.views.asOf(m)
			if e.History.UpTo(m.cut) == 0 && err == nil {
				err = s.views.unborn(ref, m)
			}
		}
		if err != nil {
			return nil, err
		}
		return s.past(ctx, e, m, as, at, q.Limit)
	}
}

// newestFirst is the order of a history that begins with its end.
const newestFirst = "-seq"

// past is a page of an entity's events.
func (s *server) past(ctx context.Context, e entity, m moment, as AsOf, at cursor, limit int) (*historyAnswer, error) {
	l := List[Event]{AsOf: as}
	from, end := e.History.UpTo(at.seq), e.History.UpTo(m.end())
	if at.order == newestFirst {
		from, end = 0, min(end, e.History.UpTo(at.seq-1))
	}
	more := end-from > limit
	if more && at.order == newestFirst {
		from = end - limit
	} else if more {
		end = from + limit
	}
	seqs := e.History.Between(from, max(from, end))
	if at.order == newestFirst {
		slices.Reverse(seqs)
	}
	if more {
		at.seq = seqs[limit-1]
		next := at.String()
		l.Next = &next
	}
	var err error
	l.Items, err = s.readEvents(ctx, seqs)
	return &historyAnswer{l}, err
}
