package projections

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
)

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

// kindRoutes are the routes of each kind. To add a kind, name here what is its own and what is observed of it.
var kindRoutes = map[events.Kind]func(*server, huma.API){
	events.Customer:    routesOf[events.CustomerSpec, *None](events.Customer),
	events.Account:     routesOf[events.AccountSpec, *None](events.Account),
	events.Plan:        routesOf[events.PlanSpec, *PlanObserved](events.Plan),
	events.Dataplane:   routesOf[events.DataplaneSpec, *DataplaneObserved](events.Dataplane),
	events.TenantInfra: routesOf[events.TenantInfraSpec, *TenantInfraObserved](events.TenantInfra),
	events.Tenant:      routesOf[events.TenantSpec, *None](events.Tenant),
	events.Application: routesOf[events.ApplicationSpec, *InstalledObserved](events.Application),
	events.Addon:       routesOf[events.AddonSpec, *InstalledObserved](events.Addon),
}

// routesOf are the routes of a kind: its list, one of it, and that one's history.
func routesOf[S events.Spec, O any](k events.Kind) func(*server, huma.API) {
	return func(s *server, api huma.API) {
		plural, path := k.Plural(), "/v1/"+k.Plural()+"/{owner}/{id}"
		route(api, get("list-"+plural, "/v1/"+plural, "List "+plural, plural), list[S, O](s, k))
		describeList(api.OpenAPI().Paths["/v1/"+plural].Get, k)
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
func describeList(op *huma.Operation, k events.Kind) {
	op.Parameters = slices.DeleteFunc(op.Parameters, func(p *huma.Param) bool {
		return p.In == "query" && !HasFilter(k, p.Name)
	})
	documentValues(op, "phase", Phases(k))
	documentValues(op, "sort", Sorts())
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
		found, err := s.views.List(ctx, k, q)
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
		a, as, err := s.views.Get(ctx, events.Ref{Kind: k, Owner: q.Owner, ID: q.ID}, q)
		if err != nil {
			return nil, err
		}
		return &oneAnswer[S, O]{as.Seq, as.Time.Format(time.RFC3339Nano), typed[S, O](a)}, nil
	}
}

// history lists the events of one entity.
func (s *server) history(k events.Kind) func(context.Context, *HistoryQuery) (*historyAnswer, error) {
	return func(ctx context.Context, q *HistoryQuery) (*historyAnswer, error) {
		l, err := s.views.History(ctx, events.Ref{Kind: k, Owner: q.Owner, ID: q.ID}, q)
		if err != nil {
			return nil, err
		}
		return &historyAnswer{l}, nil
	}
}

// typed gives an entity the types of its kind.
func typed[S events.Spec, O any](a Any) Entity[S, O] {
	observed, _ := a.Status.Observed.(O)
	return Entity[S, O]{
		Kind: a.Kind, Owner: a.Owner, ID: a.ID, UID: a.UID, Phase: a.Phase, Seq: a.Seq,
		Created: a.Created, Labels: a.Labels, Spec: a.Spec.(S),
		Status: Status[O]{a.Status.Conditions, a.Status.Reason, a.Status.Placement, a.Status.Owed, observed},
	}
}
