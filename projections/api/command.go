package api

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/views"
)

// CommandRequest is a command as it came over HTTP: its tokens are those of the
// subject it would have over NATS, and owner, kind and name are well-formed.
type CommandRequest struct {
	ID          string // of the command, "" if the client made none
	Owner       string
	Kind        events.Kind
	Name        string
	Verb        string
	Body        []byte  // as it came, MaxBody bytes at most
	ExpectedSeq *uint64 // nil: any
	ExpectedUID string  // "": any
	DryRun      bool
	TraceParent string
	Caller      events.Caller // who asks
}

// CommandQuery is the request of a command.
type CommandQuery struct {
	Owner       string `path:"owner" doc:"The customer it belongs to; - is the platform"`
	Kind        string `path:"kind" doc:"The kind, in the singular"`
	ID          string `path:"id" doc:"The entity's name"`
	Verb        string `path:"verb" doc:"What is asked"`
	CommandID   string `header:"Nats-Msg-Id" maxLength:"100" doc:"The command's id, a ULID: a repeat with the same id is answered the same and changes nothing; generated if absent"`
	Idempotency string `header:"Idempotency-Key" maxLength:"100" doc:"The same as Nats-Msg-Id, by the name that HTTP clients know"`
	ExpectedSeq string `header:"Aerie-Expected-Seq" doc:"Refuse if the entity's last sequence is another"`
	ExpectedUID string `header:"Aerie-Expected-Uid" maxLength:"100" doc:"Refuse if the name belongs to another incarnation"`
	DryRun      string `header:"Aerie-Dry-Run" doc:"true: only say what would happen"`
	TraceParent string `header:"traceparent" maxLength:"200" doc:"W3C trace context"`

	seq  *uint64
	body []byte
}

const commandPath = "/v1/commands/"

func (s *server) commands(api huma.API) {
	op := huma.Operation{
		OperationID: "command", Method: http.MethodPost, Path: commandPath + "{owner}/{kind}/{id}/{verb}", Tags: []string{"commands"},
		Summary: "Ask for a change; the answer comes when it is durable",
	}
	s.forCustomers(op) // the intake knows what may be asked
	route(api, op, func(ctx context.Context, q *CommandQuery) (*struct{ Body events.Answer }, error) {
		a, err := s.Do(ctx, CommandRequest{
			ID: q.CommandID, Owner: q.Owner, Kind: events.Kind(q.Kind), Name: q.ID, Verb: q.Verb, Body: q.body,
			ExpectedSeq: q.seq, ExpectedUID: q.ExpectedUID, DryRun: q.DryRun == "true",
			TraceParent: q.TraceParent, Caller: callerOf(ctx),
		})
		if err != nil {
			return nil, err
		}
		return &struct{ Body events.Answer }{a}, nil
	})
	// Said afterwards, so that huma does not read the body: it is the decoder's.
	described := api.OpenAPI().Paths[op.Path].Post
	documentValues(described, "kind", s.Kinds.Names())
	for _, p := range described.Parameters {
		if p.Name == "verb" {
			p.Description = "What is asked: " + s.Kinds.VerbsInWords()
		}
	}
	described.RequestBody = &huma.RequestBody{
		Description: "Empty is {}. At most 256 KiB.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: bodies(api.OpenAPI().Components.Schemas, s.Kinds)}},
	}
	describeCommands(api.OpenAPI(), described, s.Kinds)
}

// describeCommands names each command of each kind as an operation with a body of its own, for who generates a client:
// in the document only, what serves them is the one route.
func describeCommands(doc *huma.OpenAPI, general *huma.Operation, kinds *events.Registry) {
	for _, d := range kinds.All() {
		for _, verb := range d.Verbs {
			op := *general
			op.OperationID = verb.Name + "-" + string(d.Kind)
			op.Path = strings.NewReplacer("{kind}", string(d.Kind), "{verb}", verb.Name).Replace(general.Path)
			op.Tags, op.Summary = []string{d.Plural}, verb.DocFor(d)+"; the answer comes when it is durable"
			op.Parameters = slices.DeleteFunc(slices.Clone(general.Parameters), func(p *huma.Param) bool {
				return p.In == "path" && (p.Name == "kind" || p.Name == "verb")
			})
			op.RequestBody = &huma.RequestBody{Description: general.RequestBody.Description,
				Content: map[string]*huma.MediaType{"application/json": {Schema: namedBody(doc.Components.Schemas, d, verb)}}}
			doc.Paths[op.Path] = &huma.PathItem{Post: &op}
		}
	}
}

// namedBody is the body of a kind's command as a schema with a name.
func namedBody(r huma.Registry, d events.Descriptor, verb events.Verb) *huma.Schema {
	body := bodyOf(r, d, verb)
	if body.Ref != "" {
		return body
	}
	name := strings.ToUpper(verb.Name[:1]) + verb.Name[1:] + strings.TrimSuffix(reflect.TypeOf(d.Spec).Name(), "Spec") + "Body"
	r.Map()[name] = body
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// bodies are what a command's body may be, whatever the kind and the verb.
func bodies(r huma.Registry, kinds *events.Registry) *huma.Schema {
	all := &huma.Schema{}
	for _, d := range kinds.All() {
		for _, verb := range d.Verbs {
			one := bodyOf(r, d, verb)
			if !slices.ContainsFunc(all.AnyOf, func(s *huma.Schema) bool { return reflect.DeepEqual(s, one) }) {
				all.AnyOf = append(all.AnyOf, one)
			}
		}
	}
	return all
}

// bodyOf is the body of a kind's command.
func bodyOf(r huma.Registry, d events.Descriptor, verb events.Verb) *huma.Schema {
	fields := verb.Fields(d.Kind)
	switch {
	case verb.TakesSpec():
		labels := r.Schema(reflect.TypeFor[map[string]string](), true, "")
		labels.Description = "Business labels; in an update, what is absent stays"
		spec := &huma.Schema{Ref: r.Schema(reflect.TypeOf(d.Spec), true, "").Ref, Description: "What is wanted; in an update, what is absent stays"}
		body := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{"labels": labels, "spec": spec}}
		for _, f := range fields { // of strings alone, as the test of the documents sees
			body.Properties[f.Path] = &huma.Schema{Type: huma.TypeString, Description: f.Doc()}
			body.Required = append(body.Required, f.Path)
		}
		return body
	case len(fields) > 0:
		return r.Schema(reflect.TypeOf(verb.Body), true, "")
	}
	return r.Schema(reflect.TypeFor[views.None](), true, "")
}

// Resolve reads what huma's tags can't: the body as it is, and the headers.
func (q *CommandQuery) Resolve(ctx huma.Context) (errs []error) {
	fault := func(field, format string, args ...any) {
		errs = append(errs, &wrong{events.FieldError{Field: field, Message: fmt.Sprintf(format, args...)}})
	}
	if q.ExpectedSeq != "" {
		n, err := strconv.ParseUint(q.ExpectedSeq, 10, 64)
		if err != nil {
			fault("Aerie-Expected-Seq", "%q is not a sequence: want a whole number", events.Truncate(q.ExpectedSeq))
		}
		q.seq = &n
	}
	if q.DryRun != "" && q.DryRun != "true" && q.DryRun != "false" {
		fault("Aerie-Dry-Run", "%q: want true or false", events.Truncate(q.DryRun))
	}
	if q.CommandID != "" && q.Idempotency != "" && q.CommandID != q.Idempotency {
		fault("Idempotency-Key", "%q and Nats-Msg-Id %q are both the command's id: give one of them", events.Truncate(q.Idempotency), events.Truncate(q.CommandID))
	}
	q.CommandID = cmp.Or(q.CommandID, q.Idempotency)
	var err error
	q.body, err = io.ReadAll(io.LimitReader(ctx.BodyReader(), events.MaxBody+1))
	switch {
	case err != nil:
		fault("body", "can't be read: %v", err)
	case len(q.body) > events.MaxBody:
		fault("body", "is too large: at most %d bytes", events.MaxBody)
	}
	return errs
}

// checkCommandPath names what is wrong with the tokens of a path of a command of some kinds. It
// sees the path before the mux does, which would redirect where a token is empty.
func checkCommandPath(kinds *events.Registry, escaped string) (faults []events.FieldError) {
	tokens := strings.Split(strings.TrimPrefix(escaped, commandPath), "/")
	if len(tokens) != 4 {
		return []events.FieldError{{Field: "path", Message: fmt.Sprintf("%d tokens: want %s<owner>/<kind>/<id>/<verb>", len(tokens), commandPath)}}
	}
	for i, field := range []string{"owner", "kind", "id", "verb"} {
		token, err := url.PathUnescape(tokens[i])
		if err != nil || token == "" || token == "." || token == ".." {
			faults = append(faults, events.FieldError{Field: field, Message: fmt.Sprintf("%q: want %s<owner>/<kind>/<id>/<verb>, none of them empty", events.Truncate(tokens[i]), commandPath)})
		}
		tokens[i] = token
	}
	if len(faults) > 0 {
		return faults
	}
	faults = kinds.Check(events.Ref{Owner: tokens[0], Kind: events.Kind(tokens[1]), ID: tokens[2]})
	for i := range faults {
		if faults[i].Field == "name" {
			faults[i].Field = "id" // as the path calls it
		}
	}
	return faults
}
