package docgen

import (
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

type herdSpec struct {
	Heads int `json:"heads" default:"3" minimum:"1" doc:"how many"`
}

func (herdSpec) Kind() ev.Kind          { return "herd" }
func (herdSpec) Check() []ev.FieldError { return nil }

type shearing struct {
	Rounds int `json:"rounds" default:"1" doc:"How often"`
}

func (shearing) IsPayload() {}

type sheared struct{}

func (sheared) Type() string { return "sheared" }

// A kind that is in the registry alone is in the reference.
func TestAToyKindIsInTheReference(t *testing.T) {
	kinds := ev.Builtin.With(ev.Descriptor{Kind: "herd", Plural: "herds", Doc: "animals", Owner: ev.ByCustomers, Spec: herdSpec{},
		Verbs: []ev.Verb{{Name: "shear", Doc: "Shear {a kind}", Body: shearing{}}}})
	page := Reference(kinds, map[ev.Kind][]ev.Event{"herd": {sheared{}}})
	for _, want := range []string{"| `herd` | animals | a customer | a label |", "| `heads` | whole number | `3` | at least 1 | how many |",
		"| `shear` | Shear a herd | `rounds`? whole number: How often |", "`io.aerie.herd.sheared.v1`"} {
		if !strings.Contains(page, want) {
			t.Errorf("it has no %s", want)
		}
	}
}
