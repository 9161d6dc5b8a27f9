package views

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/operations"
	"github.com/aeriehq/aerie/projections/state"
)

// entity is what the fold has of one thing.
type entity = fsm.Entity[fsm.Data]

// Entity is one thing as it reads everywhere: over HTTP and with -o json. S is
// its spec, O what is observed of it beside.
type Entity[S, O any] struct {
	Kind    events.Kind       `json:"kind" required:"true" doc:"What sort of thing it is"`
	Owner   string            `json:"owner" required:"true" doc:"The customer it belongs to; - is the platform"`
	ID      string            `json:"id" required:"true" doc:"Its name, unique for kind and owner"`
	UID     string            `json:"uid" required:"true" doc:"Which incarnation of the name it is"`
	Phase   string            `json:"phase" required:"true" doc:"Where it is in its life, for people"`
	Seq     uint64            `json:"seq" required:"true" doc:"The sequence of its last event"`
	Created time.Time         `json:"created" required:"true" doc:"When it was asked for"`
	Labels  map[string]string `json:"labels" required:"true" doc:"Business labels"`
	Spec    S                 `json:"spec" required:"true" doc:"What was asked for, defaults filled in"`
	Status  Status[O]         `json:"status" required:"true" doc:"What became of it"`
}

// Any is an entity of any kind.
type Any = Entity[events.Spec, any]

// Status says how an entity is.
type Status[O any] struct {
	Conditions []fsm.Condition    `json:"conditions" required:"true" nullable:"false" doc:"Its conditions, such as Ready"`
	Reason     *operations.Reason `json:"reason" required:"true" doc:"Why it is not where it should be; null if it is"`
	Placement  *events.Placement  `json:"placement" required:"true" doc:"Where a tenant was put; null if it was not, or is no tenant"`
	Owed       *Owed              `json:"owed" required:"true" doc:"What the world owes it; null if nothing"`
	Observed   O                  `json:"observed,omitempty" doc:"What was seen of it"`
}

// Owed is what the world owes an entity.
type Owed struct {
	Effect   string   `json:"effect" required:"true" doc:"The work; await is waiting for other entities"`
	Attempts int      `json:"attempts" required:"true" doc:"How many attempts at it have failed so far"`
	On       []string `json:"on,omitempty" nullable:"false" doc:"What is awaited, such as 'dataplane -/eu'"`
}

// None is what is observed of a kind of which nothing is.
type None struct{}

// TransformSchema writes down what tags can't say: which objects may be null, and
// that a kind of which nothing is observed has no such field.
func (s Status[O]) TransformSchema(_ huma.Registry, schema *huma.Schema) *huma.Schema {
	for _, name := range []string{"reason", "placement", "owed"} {
		p := schema.Properties[name]
		schema.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: p.Description}
	}
	if _, none := any(s.Observed).(*None); none {
		delete(schema.Properties, "observed")
	}
	return schema
}

// read writes an entity down the way it is read at a time.
func read(w *state.Entities, e entity, now time.Time) Any {
	labels := e.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	return Any{
		Kind: e.Ref.Kind, Owner: e.Ref.Owner, ID: e.Ref.ID, UID: e.UID, Phase: string(e.Phase()), Seq: e.Seq,
		Created: e.Created, Labels: labels, Spec: e.Data.Wants(),
		Status: Status[any]{
			Conditions: append([]fsm.Condition{}, fsm.Machines[e.Ref.Kind].Conditions(e, w.Refs())...),
			Reason:     operations.ReasonOf(w.Blocker(e), now), Placement: placementOf(e), Owed: owedTo(e),
			Observed: kindViews[e.Ref.Kind].observed(e),
		},
	}
}

func owedTo(e entity) *Owed {
	effect := fsm.Machines[e.Ref.Kind].Owed(e)
	if effect == nil {
		return nil
	}
	o := &Owed{Effect: effect.Effect(), Attempts: e.Attempts()}
	if a, ok := effect.(fsm.WaitFor); ok {
		for _, n := range a.On {
			o.On = append(o.On, n.String())
		}
	}
	return o
}
