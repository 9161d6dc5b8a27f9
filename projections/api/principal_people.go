package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
)

// loginPath needs no token: who has none asks here where to get one.
const loginPath = "/v1/login"

// LoginOffer is an issuer at which people log in.
type LoginOffer struct {
	Name     string   `json:"name" required:"true" doc:"The issuer's name here"`
	Issuer   string   `json:"issuer" required:"true" doc:"Its URL; the discovery document is below it"`
	ClientID string   `json:"client_id" required:"true" doc:"The client id of a program that logs in there"`
	Scopes   []string `json:"scopes" required:"true" nullable:"false" doc:"What it asks for"`
}

// LoginOffers are all of them.
type LoginOffers struct {
	Items []LoginOffer `json:"items" required:"true" nullable:"false"`
}

// Person is somebody whom an issuer knows. The log has his principal alone.
type Person struct {
	Principal string    `json:"principal" required:"true" doc:"The id of his principal, which tells nothing of him"`
	Owner     string    `json:"owner" required:"true" doc:"The principal's owner"`
	Issuer    string    `json:"issuer" required:"true" doc:"The issuer's name"`
	Subject   string    `json:"subject" required:"true" doc:"As the issuer knows him"`
	Name      string    `json:"name" required:"true" doc:"As the issuer calls him; may be empty"`
	Email     string    `json:"email" required:"true" doc:"May be empty"`
	Seen      time.Time `json:"seen" required:"true" doc:"When the newest token was issued that he has shown"`
}

// PersonList is everybody in the directory of people.
type PersonList struct {
	Items []Person `json:"items" required:"true" nullable:"false"`
}

// PersonQuery names a person by his principal.
type PersonQuery struct {
	Owner string `path:"owner" maxLength:"40" doc:"The principal's owner"`
	ID    string `path:"id" maxLength:"100" doc:"The principal's id"`
}

type erasedAnswer struct {
	Body struct {
		Erased bool `json:"erased" required:"true"`
	}
}

// people are the routes of the directory of people, and of where they log in.
func (s *server) people(api huma.API) {
	route(api, open(get("list-logins", loginPath, "Where people log in; needs no token", "identity")),
		func(context.Context, *struct{}) (*struct{ Body LoginOffers }, error) {
			return &struct{ Body LoginOffers }{LoginOffers{s.Logins()}}, nil
		})
	route(api, get("list-people", "/v1/people", "Who has come in by an issuer, with the names that the log does not have", "identity"),
		func(ctx context.Context, _ *struct{}) (*struct{ Body PersonList }, error) {
			d, _ := s.Kinds.Of(events.Principal)
			if c := callerOf(ctx); d.May(c.Role, events.VerbRead) != events.OfAll {
				return nil, events.Refuse(events.Denied, "%s may not read the names of people", events.Kind(c.Role).A())
			}
			all, err := s.People(ctx)
			return &struct{ Body PersonList }{PersonList{all}}, err
		})
	route(api, huma.Operation{OperationID: "erase-person", Method: http.MethodDelete, Path: "/v1/people/{owner}/{id}", Tags: []string{"identity"},
		Summary: "Erase what is known of a person, and end his principal; the log keeps the id alone"},
		func(ctx context.Context, q *PersonQuery) (*erasedAnswer, error) {
			c := callerOf(ctx)
			if c.Role != events.RoleAdmin {
				return nil, events.Refuse(events.Denied, "%s may not erase people", events.Kind(c.Role).A())
			}
			err := s.Erase(ctx, events.Ref{Kind: events.Principal, Owner: q.Owner, ID: q.ID}, c.Actor)
			out := &erasedAnswer{}
			out.Body.Erased = true
			return out, err
		})
}
