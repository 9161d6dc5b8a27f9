package events

import (
	"fmt"
	"reflect"
	"strings"
)

// Verb describes one thing that can be asked of the entities of a kind. Its body is one struct: the decoder reads it by
// the tags of its fields, the API documents and the command line's flags are made from them.
type Verb struct {
	Name string
	Doc  string // what it does, for people; {kind} is the kind's name, {a kind} the same with its article
	Body any    // an empty body: the payload itself, or a form that takes a spec too
}

// The verbs that every kind has.
const (
	VerbCreate = "create"
	VerbUpdate = "update"
	VerbRetry  = "retry"
	VerbDelete = "delete"
)

// CommonVerbs are those that every kind has, and others behind them.
func CommonVerbs(others ...Verb) []Verb {
	return append([]Verb{
		{VerbCreate, "Create {a kind}", createBody{}},
		{VerbUpdate, "Replace labels or spec of {a kind}; what is not given stays", updateBody{}},
		{VerbRetry, "Try again now what failed or waits for its next attempt", Retry{}},
		{VerbDelete, "Delete {a kind} and everything made for it", Delete{}},
	}, others...)
}

// DocFor is what the verb does to entities of a kind.
func (v Verb) DocFor(d Descriptor) string {
	return strings.NewReplacer("{a kind}", d.A(), "{kind}", string(d.Kind)).Replace(v.Doc)
}

// Fields are the fields of the verb's body for a kind, beside labels and spec.
func (v Verb) Fields(k Kind) (fields []Field) {
	for _, f := range FieldsOf(reflect.TypeOf(v.Body)) {
		if only := f.Tag.Get("only"); f.scalar() && (only == "" || only == string(k)) {
			fields = append(fields, f)
		}
	}
	return fields
}

// TakesSpec tells whether the body has labels and a spec.
func (v Verb) TakesSpec() bool {
	_, ok := v.Body.(form)
	return ok
}

// Changes tells whether the verb changes the spec that is there: then the body may leave it out.
func (v Verb) Changes() bool {
	f, ok := v.Body.(form)
	return ok && !f.born()
}

// form is a body with labels and a spec, whose type the kind says.
type form interface {
	given() rawSpec       // the spec as it came; nil if there is none
	born() bool           // whether the entity begins with it, so that a spec is needed
	payload(Spec) Payload // the payload, with the spec decoded
}

type createBody struct {
	Labels map[string]string `json:"labels"`
	Spec   rawSpec           `json:"spec"`
}

func (b createBody) given() rawSpec         { return b.Spec }
func (createBody) born() bool               { return true }
func (b createBody) payload(s Spec) Payload { return Create{b.Labels, s} }

type updateBody struct {
	Labels map[string]string `json:"labels"`
	Spec   rawSpec           `json:"spec"`
}

func (b updateBody) given() rawSpec         { return b.Spec }
func (updateBody) born() bool               { return false }
func (b updateBody) payload(s Spec) Payload { return Update{b.Labels, s} }

// Create asks for a new entity.
type Create struct {
	Labels map[string]string
	Spec   Spec
}

// Update asks for other labels or another spec. What is nil stays as it is; what
// is given replaces the whole.
type Update struct {
	Labels map[string]string
	Spec   Spec
}

// Retry asks to try again now what has failed or waits for its next attempt.
type Retry struct{}

// Delete asks for the end of an entity and of everything made for it. What still
// uses it is in the way, or with Cascade is deleted too.
type Delete struct {
	Cascade bool `json:"cascade" default:"false" doc:"Delete what uses it too; for customers, dataplanes and tenants"`
}

// IsPayload marks a payload.
func (Create) IsPayload() {}

// IsPayload marks a payload.
func (Update) IsPayload() {}

// IsPayload marks a payload.
func (Retry) IsPayload() {}

// IsPayload marks a payload.
func (Delete) IsPayload() {}

// SpecOf is the spec that a payload wants; nil if it wants none.
func SpecOf(p Payload) Spec {
	switch p := p.(type) {
	case Create:
		return p.Spec
	case Update:
		return p.Spec
	case Adopt:
		return p.Spec
	}
	return nil
}

// ParseBody is the JSON of the body of a command, with numbers as json.Number. A wrong verb,
// a body that is too large, and text that is no JSON are refused as invalid. Encode writes
// what it returns in one form for all bodies that say the same in other white space or in
// another order of keys.
func (r *Registry) ParseBody(k Kind, verb string, data []byte) (any, error) {
	if _, _, err := r.verb(k, verb); err != nil {
		return nil, err
	}
	if len(data) > MaxBody {
		return nil, RefuseFaults("command", []FieldError{{"body", fmt.Sprintf("%d bytes: at most %d", len(data), MaxBody)}})
	}
	raw, faults := parseJSON(data)
	return raw, RefuseFaults("command", faults)
}

// UnknownVerb is the refusal of a verb that a kind has not got.
func (d Descriptor) UnknownVerb(verb string) error {
	return RefuseFaults("command", []FieldError{{"verb", fmt.Sprintf("%s has no verb %q%s", d.A(), Truncate(verb), Suggest(verb, d.VerbNames()))}})
}

func (r *Registry) verb(k Kind, verb string) (d Descriptor, v Verb, err error) {
	d, known := r.Of(k)
	v, has := d.Verb(verb)
	if !known || !has {
		err = d.UnknownVerb(verb)
	}
	return d, v, err
}

// DecodeBody makes the payload of what ParseBody returns, or the like: strictly, with defaults filled in, and with every
// fault named at once as a Refusal of code invalid.
func (r *Registry) DecodeBody(k Kind, verb string, raw any) (Payload, error) {
	d, v, err := r.verb(k, verb)
	if err != nil {
		return nil, err
	}
	body := reflect.New(reflect.TypeOf(v.Body)).Elem()
	faults := decode("", raw, body, "")
	f, ok := body.Interface().(form)
	if !ok {
		return body.Interface().(Payload), RefuseFaults(verb, faults) // every body is one or the other: NewRegistry sees to that
	}
	if f.given() == nil && (len(faults) > 0 || !f.born()) {
		return f.payload(nil), RefuseFaults(verb, faults)
	}
	spec, wrong := decodeSpec(d.Spec, f.given())
	if err := RefuseFaults(verb+" "+string(k), append(faults, wrong...)); err != nil {
		return nil, err
	}
	return f.payload(spec), nil
}

func decodeSpec(empty Spec, raw map[string]any) (Spec, []FieldError) {
	if raw == nil {
		raw = map[string]any{}
	}
	v := reflect.New(reflect.TypeOf(empty)).Elem()
	faults := decode("spec", raw, v, "")
	spec := v.Interface().(Spec)
	if len(faults) == 0 {
		faults = spec.Check()
	}
	return spec, faults
}

// DecodeAsk reads the body of a command of Builtin: ParseBody, then DecodeBody.
func DecodeAsk(k Kind, verb string, data []byte) (Payload, error) {
	return Builtin.DecodeAsk(k, verb, data)
}

// DecodeAsk reads the body of a command: ParseBody, then DecodeBody.
func (r *Registry) DecodeAsk(k Kind, verb string, data []byte) (Payload, error) {
	raw, err := r.ParseBody(k, verb, data)
	if err != nil {
		return nil, err
	}
	return r.DecodeBody(k, verb, raw)
}

// ParseBody is ParseBody of Builtin.
func ParseBody(k Kind, verb string, data []byte) (any, error) {
	return Builtin.ParseBody(k, verb, data)
}

// DecodeBody is DecodeBody of Builtin.
func DecodeBody(k Kind, verb string, raw any) (Payload, error) {
	return Builtin.DecodeBody(k, verb, raw)
}

// isBody tells whether a verb's body is one that DecodeBody knows.
func (v Verb) isBody() bool {
	_, plain := v.Body.(Payload)
	return plain || v.TakesSpec()
}
