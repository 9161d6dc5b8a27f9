package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// openAPI serves the document, made once: it does not change.
func (s *server) openAPI(api huma.API) {
	op := get("openapi", "/openapi.json", "This document", "server")
	op.Responses = map[string]*huma.Response{"200": {Description: "An OpenAPI 3.1 document",
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}}
	var document []byte
	route(api, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(c huma.Context) {
			c.SetHeader("Content-Type", "application/json")
			_, _ = c.BodyWriter().Write(document)
		}}, nil
	})
	emptyIsAbsent(api.OpenAPI().Components.Schemas)
	var err error
	if document, err = json.Marshal(api.OpenAPI()); err != nil {
		panic(fmt.Sprintf("the OpenAPI document can't be written: %v", err)) // a wrong type of ours
	}
}

// emptyIsAbsent lets the document say what the decoder does: a field that need
// not be given may be empty, whatever its pattern. So it is read back as well.
func emptyIsAbsent(r huma.Registry) {
	for _, s := range r.Map() {
		for name, p := range s.Properties {
			if p.Pattern != "" && p.Default == nil && !slices.Contains(s.Required, name) {
				p.Pattern = "^$|" + p.Pattern
				p.PrecomputeMessages()
			}
		}
	}
}
