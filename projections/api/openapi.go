package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// documents serves what describes the program. It comes after all other routes, and
// each document is made when it is first asked for: nothing of it changes.
func (s *server) documents(api huma.API) {
	overNATS := sync.OnceValue(describeNATS)
	document(api, get("openapi", "/openapi.json", "This document", "server"), "An OpenAPI 3.1 document", func() any { return api.OpenAPI() })
	document(api, get("asyncapi", "/asyncapi.json", "What travels over NATS: commands, answers, events", "server"), "An AsyncAPI 3.0 document",
		func() any { return overNATS().Of(s.Version) })
	emptyIsAbsent(api.OpenAPI().Components.Schemas)
	s.docs(func() []byte { return docsOf(s.Version, api.OpenAPI(), overNATS()) })
}

// document is a route for a document.
func document(api huma.API, op huma.Operation, description string, made func() any) {
	op.Responses = map[string]*huma.Response{"200": {Description: description,
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}}
	written := sync.OnceValues(func() ([]byte, error) { return json.Marshal(made()) })
	route(api, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		text, err := written()
		if err != nil {
			return nil, fmt.Errorf("write the document: %w", err)
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			c.SetHeader("Content-Type", "application/json")
			_, _ = c.BodyWriter().Write(text)
		}}, nil
	})
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
