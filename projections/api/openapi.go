package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/fsm"
)

const (
	openAPIPath  = "/openapi.json"
	asyncAPIPath = "/asyncapi.json"
)

// documents serves what describes the program. It comes after all other routes, and
// each document is made when it is first asked for: nothing of it changes.
func (s *server) documents(api huma.API) {
	overNATS := sync.OnceValue(func() *asyncDocument { return describeNATS(s.Kinds, fsm.Vocabulary()) })
	document(api, open(get("openapi", openAPIPath, "This document", "server")), "An OpenAPI 3.1 document", func() any { return api.OpenAPI() })
	document(api, open(get("asyncapi", asyncAPIPath, "What travels over NATS: commands, answers, events", "server")), "An AsyncAPI 3.0 document",
		func() any { return overNATS().Of(s.Version) })
	explain(api.OpenAPI())
	emptyIsAbsent(api.OpenAPI().Components.Schemas)
	s.docs(func() []byte { return docsOf(s.Version, api.OpenAPI(), overNATS()) })
}

// explain gives every operation a description, and every tag that is used one.
func explain(open *huma.OpenAPI) {
	used := map[string]bool{}
	for _, path := range open.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Delete} {
			if op == nil {
				continue
			}
			op.Description = cmp.Or(op.Description, op.Summary+".")
			for _, tag := range op.Tags {
				used[tag] = true
			}
		}
	}
	about := map[string]string{"commands": "Changes that are asked for, and those that wait.", "events": "The log of what happened.",
		"server": "The program itself."}
	for _, tag := range slices.Sorted(maps.Keys(used)) {
		open.Tags = append(open.Tags, &huma.Tag{Name: tag, Description: cmp.Or(about[tag], "What there is of "+tag+", and what happened to it.")})
	}
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
