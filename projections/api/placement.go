package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/projections/placement"
)

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
