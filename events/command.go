package events

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// The verbs that every kind has.
const (
	VerbCreate = "create"
	VerbUpdate = "update"
	VerbRetry  = "retry"
	VerbDelete = "delete"
)

// The verbs that dataplanes have beside them.
const (
	VerbAttach  = "attach"
	VerbDetach  = "detach"
	VerbUpgrade = "upgrade"
)

// VerbRollback is the verb that applications and addons have beside them.
const VerbRollback = "rollback"

// Verbs lists the verbs of a kind.
func Verbs(k Kind) []string {
	verbs := []string{VerbCreate, VerbUpdate, VerbRetry, VerbDelete}
	switch k {
	case Dataplane:
		verbs = append(verbs, VerbAttach, VerbDetach, VerbUpgrade)
	case Application, Addon:
		verbs = append(verbs, VerbRollback)
	}
	if Marked(k) {
		verbs = append(verbs, VerbAdopt, VerbDisown)
	}
	return verbs
}

// MaxBody is the most bytes the body of a command may have.
const MaxBody = 256 << 10

// Command asks for a change of one entity, in the imperative. It may be refused.
// Time and new ids come with it, so that deciding needs neither clock nor chance.
type Command struct {
	ID            string
	Ref           Ref
	Actor         string
	Time          time.Time
	UID           string // the incarnation's, should this command create one
	CausationID   string
	CorrelationID string
	TraceParent   string
	Digest        string  // tells a repeat from another command under the same id
	RawDigest     string  // the same as releases before made it, which the log may have
	ExpectedSeq   *uint64 // refuse if the entity's last sequence is another
	ExpectedUID   string  // refuse if the name belongs to another incarnation
	DryRun        bool
	Payload       Payload
}

// Internal tells whether the machinery gave the command, and no person.
func (c Command) Internal() bool { return c.Actor == ActorAerie || c.Actor == ActorExecutor }

// Payload is what a command wants: Create, Update, Retry, Delete, Attach, Detach, Upgrade, Rollback, Adopt or Disown
// from people, Report, Settle, Sweep, NoteDrift, NoteCatalogue or Expire from the machinery.
type Payload interface{ ask() }

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
	Cascade bool `json:"cascade" default:"false" doc:"Delete what uses it too"`
}

// Attach asks that a customer has a place on a dataplane.
type Attach struct {
	Customer string `json:"customer" required:"true" ref:"customer" doc:"The customer, such as acme"`
}

// Detach asks that a customer has no place on a dataplane any more. Its tenants
// there are in the way.
type Detach struct {
	Customer string `json:"customer" required:"true" ref:"customer" doc:"The customer, such as acme"`
}

// Upgrade asks for a newer Kubernetes version of a dataplane: of its control plane,
// then of all node pools on it, then of its add-ons.
type Upgrade struct {
	Version string `json:"version" required:"true" pattern:"^1\\.[0-9]{2}$" doc:"The next minor version, such as 1.37"`
}

// Rollback asks for what was deployed before.
type Rollback struct {
	To int `json:"to" default:"0" minimum:"0" doc:"The revision that is wanted back; 0: the one that was deployed before the present one"`
}

// Settle asks to look again at what the entity waits for: a dependency, a place.
type Settle struct{}

// Sweep says what was found and removed of an incarnation that has ended.
type Sweep struct{ Swept Swept }

// NoteDrift says what of an entity at rest was found to be not as it was made, if
// anything.
type NoteDrift struct {
	Found []Drift
	Seen  *Seen         // how it is besides; nil: nobody looked
	Every time.Duration // the least time between two events of nothing but numbers of nodes; 0: none
	Calls []Call
}

// Expire says that the time an entity may spend in a phase is over.
type Expire struct{ Since time.Time } // when it entered the phase

func (Create) ask()    {}
func (Update) ask()    {}
func (Retry) ask()     {}
func (Delete) ask()    {}
func (Attach) ask()    {}
func (Upgrade) ask()   {}
func (Rollback) ask()  {}
func (Detach) ask()    {}
func (Settle) ask()    {}
func (Sweep) ask()     {}
func (NoteDrift) ask() {}
func (Expire) ask()    {}

// Spec is what a user wants of an entity of one kind.
type Spec interface {
	Kind() Kind
	// Check finds what tags cannot say: faults between fields. Paths start at "spec".
	Check() []FieldError
}

// specs has an empty spec of every kind.
var specs = map[Kind]Spec{
	Customer: CustomerSpec{}, Account: AccountSpec{}, Plan: PlanSpec{}, Dataplane: DataplaneSpec{},
	TenantInfra: TenantInfraSpec{}, Tenant: TenantSpec{}, Application: ApplicationSpec{}, Addon: AddonSpec{},
}

// ZeroSpec is an empty spec of a kind, to look at its type.
func ZeroSpec(k Kind) Spec { return specs[k] }

// body is the form of the body of create and update.
type body struct {
	Labels map[string]string `json:"labels"`
	Spec   rawSpec           `json:"spec"`
}

// DecodeAsk reads the body of a command: strictly, with defaults filled in, and
// with every fault of the input named at once as a Refusal of code invalid.
func DecodeAsk(k Kind, verb string, data []byte) (Payload, error) {
	raw, err := ParseBody(k, verb, data)
	if err != nil {
		return nil, err
	}
	return DecodeBody(k, verb, raw)
}

// ParseBody is the JSON of the body of a command, with numbers as json.Number. A wrong verb,
// a body that is too large, and text that is no JSON are refused as invalid. Encode writes
// what it returns in one form for all bodies that say the same in other white space or in
// another order of keys.
func ParseBody(k Kind, verb string, data []byte) (any, error) {
	if !slices.Contains(Verbs(k), verb) {
		return nil, RefuseFaults("command", []FieldError{{"verb", fmt.Sprintf("a %s has no verb %q%s", k, Truncate(verb), Suggest(verb, Verbs(k)))}})
	}
	if len(data) > MaxBody {
		return nil, RefuseFaults("command", []FieldError{{"body", fmt.Sprintf("%d bytes: at most %d", len(data), MaxBody)}})
	}
	raw, faults := parseJSON(data)
	return raw, RefuseFaults("command", faults)
}

// DecodeBody is DecodeAsk for what ParseBody returns, or the like.
func DecodeBody(k Kind, verb string, raw any) (Payload, error) {
	switch verb {
	case VerbRetry:
		return decodePlain[Retry](verb, raw)
	case VerbDelete:
		return decodePlain[Delete](verb, raw)
	case VerbAttach:
		return decodePlain[Attach](verb, raw)
	case VerbDetach:
		return decodePlain[Detach](verb, raw)
	case VerbUpgrade:
		return decodePlain[Upgrade](verb, raw)
	case VerbRollback:
		return decodePlain[Rollback](verb, raw)
	case VerbDisown:
		return decodePlain[Disown](verb, raw)
	case VerbAdopt:
		return decodeAdopt(k, raw)
	}
	var b body
	faults := decode("", raw, reflect.ValueOf(&b).Elem(), "")
	if len(faults) > 0 {
		return nil, RefuseFaults(verb, faults)
	}
	var spec Spec
	if b.Spec != nil || verb == VerbCreate {
		spec, faults = decodeSpec(k, b.Spec)
	}
	if err := RefuseFaults(verb+" "+string(k), faults); err != nil {
		return nil, err
	}
	if verb == VerbCreate {
		return Create{b.Labels, spec}, nil
	}
	return Update{b.Labels, spec}, nil
}

// decodePlain reads a body that is the ask itself.
func decodePlain[A Payload](verb string, raw any) (Payload, error) {
	var a A
	faults := decode("", raw, reflect.ValueOf(&a).Elem(), "")
	return a, RefuseFaults(verb, faults)
}

func decodeSpec(k Kind, raw map[string]any) (Spec, []FieldError) {
	if raw == nil {
		raw = map[string]any{}
	}
	v := reflect.New(reflect.TypeOf(specs[k])).Elem()
	faults := decode("spec", raw, v, "")
	spec := v.Interface().(Spec)
	if len(faults) == 0 {
		faults = spec.Check()
	}
	return spec, faults
}
