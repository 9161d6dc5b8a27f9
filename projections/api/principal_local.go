package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
)

// enableLocalPath needs no token: who is let in by nothing asks here, and proves that he is on the server's host.
const enableLocalPath = "/v1/local-token/enable"

// LocalProof is what proves that somebody is on the server's host.
type LocalProof struct {
	Body struct {
		Proof string `json:"proof" required:"true" minLength:"26" maxLength:"100" doc:"What was written into the file token.enable of the server's data directory, just before"`
	}
}

type enabledAnswer struct{ Body events.Answer }

func (s *server) localToken(api huma.API) {
	op := open(huma.Operation{OperationID: "enable-local-token", Method: http.MethodPost, Path: enableLocalPath, Tags: []string{"identity"},
		Summary: "Let the local token in again; for who can write into the server's data directory"})
	route(api, op, func(ctx context.Context, q *LocalProof) (*enabledAnswer, error) {
		answer, err := s.EnableLocal(ctx, q.Body.Proof)
		if err != nil {
			return nil, err
		}
		return &enabledAnswer{answer}, nil
	})
}
