package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/views"
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

func (q *CustomerQuery) one() *views.GetQuery {
	return &views.GetQuery{Owner: q.ID, ID: q.ID, MinSeq: q.MinSeq, At: q.At}
}

type listAnswer[S, O any] struct {
	Body views.List[views.Entity[S, O]]
}

type historyAnswer struct{ Body views.List[views.Event] }

// oneAnswer says in headers what it knows of the log: the body is the entity alone.
type oneAnswer[S, O any] struct {
	Seq  uint64 `header:"Aerie-As-Of-Seq" doc:"The last sequence that is included"`
	Time string `header:"Aerie-As-Of-Time" doc:"When that event was decided"`
	Body views.Entity[S, O]
}

// kindRoutes are the routes of each kind. To add a kind, name here what is its own and what is observed of it.
var kindRoutes = map[events.Kind]func(*server, huma.API){
	events.Customer:        routesOf[events.CustomerSpec, *views.None](events.Customer),
	events.Account:         routesOf[events.AccountSpec, *views.None](events.Account),
	events.Plan:            routesOf[events.PlanSpec, *views.PlanObserved](events.Plan),
	events.Dataplane:       routesOf[events.DataplaneSpec, *views.DataplaneObserved](events.Dataplane),
	events.TenantInfra:     routesOf[events.TenantInfraSpec, *views.TenantInfraObserved](events.TenantInfra),
	events.Tenant:          routesOf[events.TenantSpec, *views.TenantObserved](events.Tenant),
	events.Application:     routesOf[events.ApplicationSpec, *views.InstalledObserved](events.Application),
	events.Addon:           routesOf[events.AddonSpec, *views.InstalledObserved](events.Addon),
	events.Principal:       routesOf[events.PrincipalSpec, *views.None](events.Principal),
	events.Token:           routesOf[events.TokenSpec, *views.None](events.Token),
	events.Agent:           routesOf[events.AgentSpec, *views.AgentObserved](events.Agent),
	events.Cell:            routesOf[events.CellSpec, *views.CellObserved](events.Cell),
	events.CellApplication: routesOf[events.CellApplicationSpec, *views.InstalledObserved](events.CellApplication),
	events.Repository:      routesOf[events.RepositorySpec, *views.None](events.Repository),
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
			s.forCustomers(get("", "/v1/"+plural, ""), opOne, opPast)
			route(api, opOne, look)
			route(api, opPast, past)
			return
		}
		opOne.Path, opPast.Path = "/v1/customers/{id}", "/v1/customers/{id}/history"
		s.forCustomers(get("", "/v1/"+plural, ""), opOne, opPast)
		route(api, opOne, func(ctx context.Context, q *CustomerQuery) (*oneAnswer[S, O], error) { return look(ctx, q.one()) })
		route(api, opPast, func(ctx context.Context, q *CustomerHistoryQuery) (*historyAnswer, error) {
			return past(ctx, &views.HistoryQuery{GetQuery: *q.one(), Limit: q.Limit, Sort: q.Sort, Cursor: q.Cursor})
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
		return p.In == "query" && !views.HasFilter(k, p.Name)
	})
	documentValues(op, "phase", views.Phases(k))
	documentValues(op, "sort", views.Sorts())
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

func list[S events.Spec, O any](s *server, k events.Kind) func(context.Context, *views.ListQuery) (*listAnswer[S, O], error) {
	return func(ctx context.Context, q *views.ListQuery) (*listAnswer[S, O], error) {
		if err := s.narrow(callerOf(ctx), k, q); err != nil {
			return nil, err
		}
		caller := callerOf(ctx)
		found, err := s.views.ListShown(ctx, k, q, !caller.Role.OfCustomer(), s.shownOf(caller, k))
		if err != nil {
			return nil, err
		}
		out := &listAnswer[S, O]{views.List[views.Entity[S, O]]{AsOf: found.AsOf, Items: []views.Entity[S, O]{}, Next: found.Next}}
		for _, a := range found.Items {
			out.Body.Items = append(out.Body.Items, typed[S, O](a))
		}
		return out, nil
	}
}

func one[S events.Spec, O any](s *server, k events.Kind) func(context.Context, *views.GetQuery) (*oneAnswer[S, O], error) {
	return func(ctx context.Context, q *views.GetQuery) (*oneAnswer[S, O], error) {
		caller, ref := callerOf(ctx), events.Ref{Kind: k, Owner: q.Owner, ID: q.ID}
		if err := s.mayRead(caller, ref); err != nil {
			return nil, err
		}
		shows := s.sight(caller, ref)
		a, as, err := s.views.Get(ctx, ref, q)
		if err != nil {
			return nil, blind(caller, ref, err)
		}
		if !shows(a) {
			return nil, nothing(ref)
		}
		return &oneAnswer[S, O]{as.Seq, as.Time.Format(time.RFC3339Nano), typed[S, O](a)}, nil
	}
}

// history lists the events of one entity.
func (s *server) history(k events.Kind) func(context.Context, *views.HistoryQuery) (*historyAnswer, error) {
	return func(ctx context.Context, q *views.HistoryQuery) (*historyAnswer, error) {
		caller, ref := callerOf(ctx), events.Ref{Kind: k, Owner: q.Owner, ID: q.ID}
		if err := s.mayRead(caller, ref); err != nil {
			return nil, err
		}
		if caller.Role.OfCustomer() && ref.Owner == events.Platform { // what is shown of it is how it is
			return nil, nothing(ref)
		}
		l, err := s.views.History(ctx, ref, q)
		if err != nil {
			return nil, blind(caller, ref, err)
		}
		return &historyAnswer{l}, nil
	}
}

// typed gives an entity the types of its kind.
func typed[S events.Spec, O any](a views.Any) views.Entity[S, O] {
	observed, _ := a.Status.Observed.(O)
	return views.Entity[S, O]{
		Kind: a.Kind, Owner: a.Owner, ID: a.ID, UID: a.UID, Phase: a.Phase, Seq: a.Seq,
		Created: a.Created, Labels: a.Labels, Spec: a.Spec.(S),
		Status: views.Status[O]{
			Conditions: a.Status.Conditions, Reason: a.Status.Reason, Placement: a.Status.Placement,
			Owed: a.Status.Owed, Observed: observed,
		},
	}
}
