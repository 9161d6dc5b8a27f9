package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// documents serves what describes the program, made once: nothing of it changes. It
// comes after all other routes.
func (s *server) documents(api huma.API) {
	open := document(api, get("openapi", "/openapi.json", "This document", "server"), "An OpenAPI 3.1 document")
	async := document(api, get("asyncapi", "/asyncapi.json", "What travels over NATS: commands, answers, events", "server"), "An AsyncAPI 3.0 document")
	emptyIsAbsent(api.OpenAPI().Components.Schemas)
	overNATS := describeNATS()
	*open, *async = encoded(api.OpenAPI()), encoded(overNATS.of(s.Version))
	s.docs(api.OpenAPI(), overNATS)
}

// document is a route for a document that is written afterwards.
func document(api huma.API, op huma.Operation, description string) *[]byte {
	op.Responses = map[string]*huma.Response{"200": {Description: description,
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}}
	var written []byte
	route(api, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(c huma.Context) {
			c.SetHeader("Content-Type", "application/json")
			_, _ = c.BodyWriter().Write(written)
		}}, nil
	})
	return &written
}

func encoded(v any) []byte {
	written, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a document can't be written: %v", err)) // a wrong type of ours
	}
	return written
}

// emptyIsAbsent lets the document say what the decoder does: a field that need
// not be given may be empty, whatever its pattern. So it is read back as well.
func emptyIsAbsent(r huma.Registry) {
	mayBeEmpty(r, func(s *huma.Schema, name string) bool { return !slices.Contains(s.Required, name) })
}

// mayBeEmpty lets some fields that have a pattern be empty.
func mayBeEmpty(r huma.Registry, which func(s *huma.Schema, name string) bool) {
	for _, s := range r.Map() {
		for name, p := range s.Properties {
			if p.Pattern != "" && p.Default == nil && which(s, name) {
				p.Pattern = "^$|" + p.Pattern
				p.PrecomputeMessages()
			}
		}
	}
}
