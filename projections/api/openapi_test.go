package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/apitest"
	"github.com/aeriehq/aerie/projections/views"
)

// document is a document as a client reads it.
func documentOf(s *apitest.System, t *testing.T, path string) (doc map[string]any) {
	t.Helper()
	a := s.Ask("GET", path, "")
	if err := json.Unmarshal([]byte(a.Body), &doc); err != nil || a.StatusCode != http.StatusOK {
		t.Fatal(a.StatusCode, err)
	}
	return doc
}

// at walks into a document; nil where there is nothing.
func at(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func TestTheDocumentHasEveryRoute(t *testing.T) {
	s := apitest.New(t)
	doc := documentOf(s, t, "/openapi.json")
	want := []string{"/asyncapi.json", "/healthz", "/livez", "/openapi.json", "/readyz", "/v1/can-i", "/v1/commands/{owner}/{kind}/{id}/{verb}", "/v1/customers", "/v1/customers/{id}", "/v1/customers/{id}/history", "/v1/events", "/v1/keys", "/v1/keys/rotate", "/v1/keys/{name}", "/v1/local-token/enable", "/v1/login", "/v1/people", "/v1/people/{owner}/{id}", "/v1/operations", "/v1/orphans", "/v1/plans/{owner}/{id}/versions", "/v1/queue", "/v1/queue/{seq}", "/v1/tenants/{owner}/{id}/place", "/v1/whoami"}
	for _, k := range events.Kinds[1:] {
		list := "/v1/" + k.Plural()
		want = append(want, list, list+"/{owner}/{id}", list+"/{owner}/{id}/history")
	}
	for _, k := range events.Kinds {
		for _, verb := range events.Verbs(k) {
			path := "/v1/commands/{owner}/" + string(k) + "/{id}/" + verb
			want = append(want, path)
			body := at(doc, "paths", path, "post", "requestBody", "content", "application/json", "schema", "$ref")
			if at(doc, "paths", path, "post", "operationId") != verb+"-"+string(k) || body == nil {
				t.Errorf("%s has no body of its own: %v", path, at(doc, "paths", path, "post"))
			}
		}
	}
	slices.Sort(want)
	var got []string
	ids := map[string]bool{}
	for path, methods := range doc["paths"].(map[string]any) {
		got = append(got, path)
		for method, op := range methods.(map[string]any) {
			id := at(op, "operationId").(string)
			if ids[id] || id == "" || at(op, "summary") == nil || at(op, "description") == nil || at(op, "responses", "200") == nil {
				t.Errorf("%s %s: %v", method, path, op)
			}
			ids[id] = true
			if schema := at(op, "responses", "default", "content", api.ProblemJSON, "schema", "$ref"); schema != "#/components/schemas/Problem" {
				t.Errorf("%s %s: errors are %v", method, path, schema)
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("want %v\ngot  %v", want, got)
	}
}

// checkReferences fails on a reference that leads nowhere.
func checkReferences(t *testing.T, doc map[string]any) {
	t.Helper()
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				path := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
				if at(doc, path...) == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(doc)
}

func TestTheDocumentHoldsTogether(t *testing.T) {
	s := apitest.New(t)
	doc := documentOf(s, t, "/openapi.json")
	if doc["openapi"] != "3.1.0" || at(doc, "info", "version") != "test" || at(doc, "components", "securitySchemes", "token", "scheme") != "bearer" {
		t.Errorf("head: %v %v", doc["openapi"], doc["info"])
	}
	checkReferences(t, doc)
	for path, methods := range doc["paths"].(map[string]any) {
		for _, op := range methods.(map[string]any) {
			declared := 0
			list, _ := at(op, "parameters").([]any)
			for _, p := range list {
				if at(p, "in") == "path" {
					declared++
				}
			}
			if declared != strings.Count(path, "{") {
				t.Errorf("%s: %d path parameters are declared", path, declared)
			}
		}
	}
}

func TestTheDocumentSaysWhatTheDecoderAccepts(t *testing.T) {
	s := apitest.New(t)
	doc := documentOf(s, t, "/openapi.json")
	spec := func(kind string, field ...string) any {
		return at(doc, append([]string{"components", "schemas", kind}, field...)...)
	}
	if got := spec("SystemPool", "properties", "max"); at(got, "default") != 3.0 || at(got, "minimum") != 1.0 || at(got, "maximum") != 100.0 || at(got, "description") == "" {
		t.Errorf("systemPool.max: %v", got)
	}
	if got := spec("DataplaneSpec", "properties", "type", "enum"); !reflect.DeepEqual(got, []any{"shared", "dedicated"}) {
		t.Errorf("type: %v", got)
	}
	if got := spec("DataplaneSpec", "required"); !reflect.DeepEqual(got, []any{"account", "region"}) {
		t.Errorf("required: %v", got)
	}
	var params []string
	for _, p := range at(doc, "paths", "/v1/tenantinfras", "get", "parameters").([]any) {
		params = append(params, at(p, "name").(string))
		if at(p, "name") == "phase" && !slices.Contains(at(p, "schema", "enum").([]any), "Active") {
			t.Errorf("phases: %v", p)
		}
		if at(p, "name") == "limit" && (at(p, "schema", "default") != 100.0 || at(p, "schema", "maximum") != 1000.0) {
			t.Errorf("limit: %v", p)
		}
	}
	if slices.Contains(params, "plan") || !slices.Contains(params, "dataplane") {
		t.Errorf("filters of tenant infras: %v", params)
	}
}

// What is answered is what the document says, checked by huma's own validator.
func TestAnswersAreAsTheDocumentSays(t *testing.T) {
	s := apitest.New(t)
	s.Platform()
	s.Customer("acme", map[string]string{"tier": "gold"})
	s.Tenant("acme/one", "free", nil)
	s.Place("acme/one", "-/eu")
	r := humago.New(http.NewServeMux(), api.APIConfig("test")).OpenAPI().Components.Schemas
	type dataplane = views.Entity[events.DataplaneSpec, *views.DataplaneObserved]
	types := map[string]reflect.Type{
		"/v1/dataplanes/-/eu":  reflect.TypeFor[dataplane](),
		"/v1/dataplanes":       reflect.TypeFor[views.List[dataplane]](),
		"/v1/plans/-/free":     reflect.TypeFor[views.Entity[events.PlanSpec, *views.PlanObserved]](),
		"/v1/accounts/-/main":  reflect.TypeFor[views.Entity[events.AccountSpec, *views.None]](),
		"/v1/tenants/acme/one": reflect.TypeFor[views.Entity[events.TenantSpec, *views.None]](),
		"/v1/events":           reflect.TypeFor[views.List[views.Event]](),
		"/v1/tenants/acme/on":  reflect.TypeFor[api.Problem](),
	}
	for _, t := range types {
		r.Schema(t, true, "")
	}
	api.EmptyIsAbsent(r)
	for target, typ := range types {
		var v any
		if err := json.Unmarshal([]byte(s.Ask("GET", target, "").Body), &v); err != nil {
			t.Fatal(err)
		}
		res := &huma.ValidateResult{}
		huma.Validate(r, r.Schema(typ, true, ""), huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
		if len(res.Errors) > 0 {
			t.Errorf("GET %s: %v in %v", target, res.Errors, v)
		}
	}
}

var (
	anchor = regexp.MustCompile(`<h[23] id="([^"]+)"`)
	link   = regexp.MustCompile(`href="#([^"]+)"`)
)

// TestTheDocsPage needs no token, has every route, and no link in it leads nowhere.
func TestTheDocsPage(t *testing.T) {
	s := apitest.New(t)
	a := s.Serve(httptest.NewRequest("GET", "/docs", nil))
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatal(a.StatusCode, a.Header)
	}
	for path := range documentOf(s, t, "/openapi.json")["paths"].(map[string]any) {
		if !strings.Contains(a.Body, " "+path+"<") {
			t.Errorf("it has no %s", path)
		}
	}
	anchors := map[string]int{}
	for _, m := range anchor.FindAllStringSubmatch(a.Body, -1) {
		anchors[m[1]]++
	}
	for _, part := range []string{"http", "nats"} {
		if !strings.Contains(a.Body, `<a href="#`+part+`"`) || !strings.Contains(a.Body, `<h2 id="`+part+`"`) {
			t.Errorf("the index does not lead to %s", part)
		}
	}
	if !strings.Contains(a.Body, "name=viewport") {
		t.Error("a phone shows it in the width of a desk")
	}
	links := link.FindAllStringSubmatch(a.Body, -1)
	for _, m := range links {
		if anchors[m[1]] != 1 {
			t.Errorf("#%s is there %d times", m[1], anchors[m[1]])
		}
	}
	if len(links) < 100 {
		t.Errorf("%d links", len(links))
	}
}

// TestTheDocumentPassesLinters holds the rules of redocly's and spectral's recommended sets that could be broken here.
func TestTheDocumentPassesLinters(t *testing.T) {
	s := apitest.New(t)
	doc := documentOf(s, t, "/openapi.json")
	if servers, _ := doc["servers"].([]any); len(servers) != 1 || at(servers[0], "url") == nil {
		t.Errorf("servers: %v", doc["servers"])
	}
	for _, field := range []string{"title", "version", "description", "license", "contact"} {
		if at(doc, "info", field) == nil {
			t.Errorf("info lacks its %s", field)
		}
	}
	described := map[any]bool{}
	tags, _ := doc["tags"].([]any)
	for _, tag := range tags {
		if described[at(tag, "name")] || at(tag, "description") == nil {
			t.Errorf("tag %v is there twice or not described", tag)
		}
		described[at(tag, "name")] = true
	}
	for path, methods := range doc["paths"].(map[string]any) {
		for method, op := range methods.(map[string]any) {
			names := map[string]bool{}
			list, _ := at(op, "parameters").([]any)
			for _, p := range list {
				name := at(p, "in").(string) + " " + at(p, "name").(string)
				if names[name] || at(p, "description") == nil {
					t.Errorf("%s %s: parameter %s is there twice or not described", method, path, name)
				}
				names[name] = true
			}
			tags, _ := at(op, "tags").([]any)
			if len(tags) == 0 || at(op, "description") == nil {
				t.Errorf("%s %s has no tag or no description", method, path)
			}
			for _, tag := range tags {
				if !described[tag] {
					t.Errorf("%s %s: tag %v is not described", method, path, tag)
				}
			}
		}
	}
	name := regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	for schema := range at(doc, "components", "schemas").(map[string]any) {
		if !name.MatchString(schema) {
			t.Errorf("schema %q has a name that may not be", schema)
		}
	}
}
