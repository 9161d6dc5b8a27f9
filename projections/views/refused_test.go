package views_test

import (
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/apitest"
)

// TestARefusedCommandIsOfNoEntity: whether it is the log's first event or comes later, no entity is another for it.
func TestARefusedCommandIsOfNoEntity(t *testing.T) {
	s := apitest.New(t)
	refused := func(id string) {
		s.Happen(events.Ref{Kind: events.CommandKind, Owner: "acme", ID: id}, events.CommandRefused{Kind: events.Customer, ID: "acme", Verb: "update", Reason: events.Refuse(events.Invalid, "no")})
	}
	refused("01FIRST")
	s.Customer("acme", nil)
	refused("01SECOND")
	s.Customer("birch", nil)
	for _, order := range []string{"name", "seq", "-seq", "created"} {
		if got := s.Names("/v1/customers?phase=Active&sort=" + order); len(got) != len("acme/acme birch/birch") {
			t.Errorf("active by %s are %s", order, got)
		}
	}
	if got := s.Seqs("/v1/events?kind=customer"); got != "2 4" {
		t.Errorf("of customers are %s", got)
	}
	if got := s.Seqs("/v1/events?kind=command"); got != "1 3" {
		t.Errorf("of commands are %s", got)
	}
}
