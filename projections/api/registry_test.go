package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/apitest"
	"github.com/aeriehq/aerie/projections/metrics"
	"github.com/aeriehq/aerie/projections/views"
)

// herdSpec is the spec of a toy kind, which the program does not know.
type herdSpec struct {
	Heads int `json:"heads" default:"3" minimum:"1" doc:"how many"`
}

func (herdSpec) Kind() events.Kind          { return "herd" }
func (herdSpec) Check() []events.FieldError { return nil }

// Shearing is the body of its verb.
type Shearing struct {
	Rounds int `json:"rounds" default:"1" minimum:"1" doc:"How often"`
}

// IsPayload marks a payload.
func (Shearing) IsPayload() {}

// Sheared is its event.
type Sheared struct {
	Wool int `json:"wool"`
}

// Type names the event.
func (Sheared) Type() string { return "sheared" }

var withHerds = events.Builtin.With(events.Descriptor{
	Kind: "herd", Plural: "herds", Doc: "animals", Owner: events.ByCustomers, Spec: herdSpec{},
	Verbs: events.CommonVerbs(events.Verb{Name: "shear", Doc: "Shear {a kind}", Body: Shearing{}}),
})

// A kind that is in the registry alone is in both documents: its name, its verbs, their bodies, its events and subjects.
func TestAToyKindIsInTheDocuments(t *testing.T) {
	s := apitest.New(t)
	s.Config.Kinds, s.Config.Metrics = withHerds, metrics.New(s.Fold, nil)
	s.HTTP = api.NewHandler(s.Config)
	doc := documentOf(s, t, "/openapi.json")
	if at(doc, "components", "schemas", "Shearing", "properties", "rounds", "minimum") != 1.0 {
		t.Error("OpenAPI has no body of the verb")
	}
	for _, p := range at(doc, "paths", "/v1/commands/{owner}/{kind}/{id}/{verb}", "post", "parameters").([]any) {
		if at(p, "name") == "kind" && !slices.Contains(at(p, "schema", "enum").([]any), "herd") {
			t.Errorf("kinds: %v", p)
		}
		if said, _ := at(p, "description").(string); at(p, "name") == "verb" && !strings.Contains(said, "of a herd also shear") {
			t.Errorf("verbs: %v", p)
		}
	}
	vocabulary := fsm.Vocabulary()
	vocabulary["herd"] = []events.Event{Sheared{}}
	d := api.DescribeNATS(withHerds, vocabulary)
	if d.Messages["herd.shear"] == nil || d.Messages["herd.sheared"] == nil || at(d.Channels["commands.herd"], "address") != "aerie.cmd.{owner}.herd.{id}.{verb}" {
		t.Errorf("AsyncAPI: %v, %v", d.Messages["herd.shear"], d.Channels["commands.herd"])
	}
	if faults := faultsOf(t, d.Asked, at(d.Messages["herd.create"], "payload"), `{"spec":{"heads":0}}`); len(faults) == 0 {
		t.Error("AsyncAPI: a herd may have no head")
	}
	if faults := faultsOf(t, d.Asked, at(d.Messages["herd.shear"], "payload"), `{"rounds":0}`); len(faults) == 0 {
		t.Error("AsyncAPI: no rounds are taken")
	}
}

// A command of such a kind comes to the intake, and one of a kind that is in no registry does not.
func TestACommandOfAToyKindIsTaken(t *testing.T) {
	s := apitest.New(t)
	s.Ask("POST", "/v1/commands/acme/herd/a/shear", "{}").Problem(t, 400, events.Invalid)
	s.Config.Kinds, s.Config.Metrics = withHerds, metrics.New(s.Fold, nil)
	s.HTTP = api.NewHandler(s.Config)
	if a := s.Ask("POST", "/v1/commands/acme/herd/a/shear", "{}"); a.StatusCode != 200 || len(s.Asked) != 1 || s.Asked[0].Kind != "herd" {
		t.Errorf("status %d, asked %v", a.StatusCode, s.Asked)
	}
}

// Operations and events are asked for by any kind of the registry, and what is none is told from all of them.
func TestAToyKindIsAskedFor(t *testing.T) {
	s := apitest.New(t)
	for _, path := range []string{"/v1/operations?kind=herd", "/v1/operations?kind=herd&entity=acme/a", "/v1/events?kind=herds"} {
		s.Ask("GET", path, "").Problem(t, 400, events.Invalid)
	}
	s.Config.Kinds, s.Config.Metrics = withHerds, metrics.New(s.Fold, nil)
	s.HTTP = api.NewHandler(s.Config)
	for _, path := range []string{"/v1/operations?kind=herd", "/v1/operations?kind=herd&entity=acme/a", "/v1/events?kind=herds"} {
		if a := s.Ask("GET", path, ""); a.StatusCode != 200 {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
	}
	if _, err := (views.EventQuery{Kind: "herb"}).Filter(withHerds); err == nil || !strings.Contains(err.Error(), "herd") {
		t.Errorf("another word: %v", err)
	}
}
