package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/views"
)

// PlanVersion is one version of a plan's terms.
type PlanVersion struct {
	Version int             `json:"version" required:"true" doc:"Its number, from 1"`
	Seq     uint64          `json:"seq" required:"true" doc:"The event that made it"`
	Time    time.Time       `json:"time" required:"true" doc:"When that was decided"`
	Actor   string          `json:"actor" required:"true" doc:"Who asked for it"`
	Spec    events.PlanSpec `json:"spec" required:"true"`
}

// versionsPattern is the route of a plan's versions.
const versionsPattern = "GET /v1/plans/{owner}/{id}/versions"

type versionsAnswer struct {
	Body views.List[PlanVersion]
}

// planVersions are the versions of a plan's present incarnation, the oldest first.
func (s *server) planVersions(api huma.API) {
	op := get("list-plan-versions", "/v1/plans/{owner}/{id}/versions", "The versions of a plan, oldest first", "plans")
	op.Description = "Each change of a plan's spec is a version. A tenant keeps the terms of the one it was placed by. The newest 500 are told. " +
		"A customer's people are not told the versions that a plan had while it was a draft."
	s.forCustomers(op)
	route(api, op, func(ctx context.Context, q *views.GetQuery) (*versionsAnswer, error) {
		ref, caller, opened := events.Ref{Kind: events.Plan, Owner: q.Owner, ID: q.ID}, callerOf(ctx), false
		if caller.Role.OfCustomer() {
			if err := s.mayRead(caller, ref); err != nil {
				return nil, err
			}
			shows := s.sight(caller, ref)
			if a, _, err := s.views.Get(ctx, ref, q); err != nil || !shows(a) {
				return nil, cmp.Or(blind(caller, ref, err), error(nothing(ref)))
			}
		}
		out := &versionsAnswer{views.List[PlanVersion]{Items: []PlanVersion{}}}
		for page := (&views.HistoryQuery{GetQuery: *q, Limit: 1000, Sort: "seq"}); ; {
			l, err := s.views.History(ctx, ref, page)
			if err != nil {
				return nil, err
			}
			out.Body.AsOf = l.AsOf
			for _, e := range l.Items {
				if out.Body.Items, err = withVersion(out.Body.Items, e); err != nil {
					return nil, err
				}
				switch e.Type {
				case events.Created[events.PlanSpec]{}.Type():
					opened = false
				case events.Released{}.Type():
					if caller.Role.OfCustomer() && !opened { // what it was as a draft is the platform's own affair
						out.Body.Items = out.Body.Items[len(out.Body.Items)-1:]
					}
					opened = true
				}
			}
			if l.Next == nil {
				return out, nil
			}
			page.Cursor = *l.Next
		}
	})
}

// withVersion adds what an event of the plan made: a first version, the next one, or none.
func withVersion(all []PlanVersion, e views.Event) ([]PlanVersion, error) {
	n := 1
	switch e.Type {
	case events.Created[events.PlanSpec]{}.Type():
		all = all[:0]
	case events.Updated[events.PlanSpec]{}.Type():
		n = all[len(all)-1].Version + 1
	default:
		return all, nil
	}
	var made struct {
		Spec events.PlanSpec `json:"spec"`
	}
	if err := json.Unmarshal(e.Data, &made); err != nil {
		return nil, fmt.Errorf("read version %d: %w", n, err)
	}
	all = append(all, PlanVersion{n, e.Seq, e.Time, e.Actor, made.Spec})
	return all[max(0, len(all)-fsm.MostVersions):], nil
}
