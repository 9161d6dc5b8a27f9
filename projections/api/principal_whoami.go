package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
)

// Whoami is who asks, as the server knows him.
type Whoami struct {
	Actor   string      `json:"actor" required:"true" doc:"As the events that he causes name him"`
	Role    events.Role `json:"role" required:"true" doc:"What he may do"`
	Owner   string      `json:"owner" required:"true" doc:"The customer whose things he sees; - sees those of all"`
	NATS    string      `json:"nats,omitempty" doc:"What his subjects begin with over NATS instead of aerie., on NATS servers that ask aerie who he is; absent where they begin with aerie."`
	Expires *time.Time  `json:"expires" required:"true" doc:"When what he showed ends; null if it does not"`
}

// CanI says whether something may be asked.
type CanI struct {
	Allowed bool   `json:"allowed" required:"true"`
	Reason  string `json:"reason" required:"true" doc:"Whose things it holds for, or why not"`
}

// CanIQuery is what may be asked, or not.
type CanIQuery struct {
	Verb  string `query:"verb" required:"true" maxLength:"40" doc:"What is asked; read for reading"`
	Kind  string `query:"kind" required:"true" maxLength:"40" doc:"Of which kind"`
	Owner string `query:"owner" maxLength:"40" doc:"Whose things; the caller's own if it is absent"`
}

// identity are the routes about who asks. They are for everybody who is let in.
func (s *server) identity(api huma.API) {
	me := get("whoami", "/v1/whoami", "Who asks, and what he may do", "identity")
	can := get("can-i", "/v1/can-i", "Whether the caller may ask something", "identity")
	s.forCustomers(me, can)
	route(api, me, func(ctx context.Context, _ *struct{}) (*struct{ Body Whoami }, error) {
		c := callerOf(ctx)
		w := Whoami{Actor: c.Actor, Role: c.Role, Owner: c.Owner}
		if !c.Until.IsZero() {
			w.Expires = &c.Until
		}
		if s.Callout {
			w.NATS = c.SubjectsOf()
		}
		return &struct{ Body Whoami }{w}, nil
	})
	route(api, can, func(ctx context.Context, q *CanIQuery) (*struct{ Body CanI }, error) {
		answer, err := s.canI(callerOf(ctx), q)
		return &struct{ Body CanI }{answer}, err
	})
}

// canI reads the table of rights. It says nothing of what is there.
func (s *server) canI(c events.Caller, q *CanIQuery) (CanI, error) {
	d, known := s.Kinds.Find(q.Kind)
	if !known {
		return CanI{}, events.RefuseFaults("can-i", []events.FieldError{{Field: "kind", Message: events.Truncate(q.Kind) + " is no kind" + events.Suggest(q.Kind, s.Kinds.Names())}})
	}
	if _, has := d.Verb(q.Verb); !has && q.Verb != events.VerbRead {
		return CanI{}, d.UnknownVerb(q.Verb)
	}
	owner := q.Owner
	if owner == "" {
		owner = c.Owner
	}
	reach := d.May(c.Role, q.Verb)
	role := events.Kind(c.Role).A()
	if !reach.Includes(owner, c.Owner) {
		return CanI{false, role + " may not " + q.Verb + " " + d.A() + " that " + events.Truncate(owner) + " owns"}, nil
	}
	return CanI{true, role + " may " + q.Verb + " " + d.Plural + ": " + reach.String()}, nil
}
