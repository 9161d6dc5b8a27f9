package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
)

// SealedKey is a key of the installation's own, of which nobody is told more than this.
type SealedKey struct {
	Name   string    `json:"name" required:"true" doc:"What it is for, such as ca"`
	Made   time.Time `json:"made" required:"true" doc:"When it was taken in"`
	Seal   string    `json:"seal" required:"true" doc:"The name of the key that has sealed it, which tells nothing of that key"`
	Newest bool      `json:"newest" required:"true" doc:"That is the first of the keys in the server's file, which seals now"`
}

// SealedKeyList is all of them.
type SealedKeyList struct {
	Items []SealedKey `json:"items" required:"true" nullable:"false"`
}

// RotatedKeys says what was sealed anew.
type RotatedKeys struct {
	Rotated int `json:"rotated" required:"true" doc:"How many keys are sealed with the newest key since now"`
}

// KeyQuery names a key.
type KeyQuery struct {
	Name string `path:"name" pattern:"^[a-z][a-z0-9-]*$" maxLength:"40" doc:"The key's name"`
}

// sealedKeys are the routes of the installation's own keys. They are the admin's, as the installation is.
func (s *server) sealedKeys(api huma.API) {
	admin := func(ctx context.Context) (events.Caller, error) {
		c := callerOf(ctx)
		if c.Role != events.RoleAdmin {
			return c, events.Refuse(events.Denied, "%s has nothing to do with the installation's keys", events.Kind(c.Role).A())
		}
		return c, nil
	}
	route(api, get("list-keys", "/v1/keys", "The installation's own keys, by name, and what they are sealed with", "identity"),
		func(ctx context.Context, _ *struct{}) (*struct{ Body SealedKeyList }, error) {
			if _, err := admin(ctx); err != nil {
				return nil, err
			}
			all, err := s.Keys(ctx)
			return &struct{ Body SealedKeyList }{SealedKeyList{all}}, err
		})
	route(api, huma.Operation{OperationID: "rotate-keys", Method: http.MethodPost, Path: "/v1/keys/rotate", Tags: []string{"identity"},
		Summary: "Seal all of the installation's keys with the newest of the keys that seal"},
		func(ctx context.Context, _ *struct{}) (*struct{ Body RotatedKeys }, error) {
			c, err := admin(ctx)
			if err != nil {
				return nil, err
			}
			n, err := s.RotateKeys(ctx, c.Actor)
			return &struct{ Body RotatedKeys }{RotatedKeys{n}}, err
		})
	route(api, huma.Operation{OperationID: "erase-key", Method: http.MethodDelete, Path: "/v1/keys/{name}", Tags: []string{"identity"},
		Summary: "Erase one of the installation's keys; the next server that starts makes another"},
		func(ctx context.Context, q *KeyQuery) (*erasedAnswer, error) {
			c, err := admin(ctx)
			if err != nil {
				return nil, err
			}
			out := &erasedAnswer{}
			out.Body.Erased = true
			return out, s.EraseKey(ctx, q.Name, c.Actor)
		})
}
