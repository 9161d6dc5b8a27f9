package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/aeriehq/aerie/events"
)

// apiConfig is huma without what it does by default: no docs page from a CDN, no
// schema links in answers, no routes of its own.
func apiConfig(version string) huma.Config {
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "aerie", Version: version, Description: "The control plane: what there is, what happened, and commands.",
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}, Contact: &huma.Contact{Name: "aerie", URL: "https://github.com/aeriehq/aerie"}},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", Description: "The token in <data-dir>/token"}},
			},
			Servers:  []*huma.Server{{URL: "/", Description: "The server that this document comes from"}},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats:       huma.DefaultFormats,
		DefaultFormat: "application/json",
	}
	c.FieldsOptionalByDefault = true // as in the decoder: what must be there says so
	return c
}

// strict refuses a query with parameters that the operation does not have, or
// that are empty or there twice: huma would pass over them.
func strict(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	if faults := queryFaults(r.URL.RawQuery, ctx.Operation().Parameters); len(faults) > 0 {
		writeProblem(w, invalid("the query is wrong", faults...))
		return
	}
	next(ctx)
}

func queryFaults(raw string, params []*huma.Param) (faults []events.FieldError) {
	given, err := url.ParseQuery(raw)
	if err != nil {
		return []events.FieldError{{Field: "query", Message: "can't be read: " + err.Error()}}
	}
	var known []string
	many := map[string]bool{}
	for _, p := range params {
		if p.In == "query" {
			known = append(known, p.Name)
			many[p.Name] = p.Schema.Type == huma.TypeArray
		}
	}
	for name, values := range given {
		switch {
		case !slices.Contains(known, name):
			faults = append(faults, events.FieldError{Field: events.Truncate(name), Message: "no such parameter" + among(name, known)})
		case slices.Contains(values, ""):
			faults = append(faults, events.FieldError{Field: name, Message: "is empty: give a value, or leave it out"})
		case len(values) > 1 && !many[name]:
			faults = append(faults, events.FieldError{Field: name, Message: fmt.Sprintf("is there %d times: give it once", len(values))})
		}
	}
	slices.SortFunc(faults, func(a, b events.FieldError) int { return strings.Compare(a.Field, b.Field) })
	return faults
}

func among(name string, known []string) string {
	if len(known) == 0 {
		return ": this takes none"
	}
	return events.Suggest(name, known)
}
