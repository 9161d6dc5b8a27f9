package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/operations"
	"github.com/aeriehq/aerie/projections/placement"
	"github.com/aeriehq/aerie/projections/views"
)

// OrphansQuery says where to look for orphans.
type OrphansQuery struct {
	Account string `query:"account" maxLength:"100" doc:"The account to look in, such as -/main; all, if it is absent"`
	Region  string `query:"region" maxLength:"100" doc:"The region of that account; where dataplanes are or were, if it is absent"`
}

// orphans is what the clouds and clusters hold that the log does not know. It is no view: they are looked at now.
func (s *server) orphans(api huma.API) {
	op := get("list-orphans", "/v1/orphans", "What carries the mark of an incarnation that the log does not know", "orphans")
	op.Description = "The clouds and the clusters of working dataplanes are looked at now. What is found is of a log that was lost, or of another installation in the same account; adopt and disown are the commands about it."
	route(api, op, func(ctx context.Context, q *OrphansQuery) (*struct{ Body events.Orphans }, error) {
		found, err := s.Orphans(ctx, events.OrphanQuery{Account: q.Account, Region: q.Region})
		if err != nil {
			return nil, err
		}
		return &struct{ Body events.Orphans }{found}, nil
	})
}

// placement says where a tenant would be put now. It is no command: nothing is claimed.
func (s *server) placement(api huma.API) {
	op := get("place-tenant", "/v1/tenants/{owner}/{id}/place", "Where a tenant would be put now, and why nowhere else", "tenants")
	op.Description = "The tenant need not be there. Nothing is claimed: another may be there first."
	route(api, op, func(ctx context.Context, q *placement.Query) (*struct{ Body placement.WouldBe }, error) {
		would, err := s.Where(ctx, q)
		if err != nil {
			return nil, err
		}
		return &struct{ Body placement.WouldBe }{would}, nil
	})
}

type operationsAnswer struct {
	Body views.List[operations.Operation]
}

// operations is what is under way.
func (s *server) operations(api huma.API) {
	op := get("list-operations", "/v1/operations", "What is under way, and what has ended in the last day", "operations")
	op.Description = "What was asked of entities and takes its time, the last begun first. Of what has ended the newest 10,000 are told, for a day."
	s.forCustomers(op)
	route(api, op, func(ctx context.Context, q *operations.Query) (*operationsAnswer, error) {
		if c := callerOf(ctx); c.Role.OfCustomer() {
			if err := ownedBy(c, c.Owner, &q.Owner); err != nil {
				return nil, err
			}
		}
		l, err := s.views.Operations(ctx, s.Kinds, q)
		return &operationsAnswer{l}, err
	})
}
