package command

import (
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// herdSpec is the spec of a toy kind, which the program does not know.
type herdSpec struct {
	Heads int `json:"heads" default:"3" minimum:"1" doc:"how many"`
}

func (herdSpec) Kind() ev.Kind          { return "herd" }
func (herdSpec) Check() []ev.FieldError { return nil }

// A request is of a kind of the registry that it is read with.
func TestARequestOfAToyKind(t *testing.T) {
	withHerds := ev.Builtin.With(ev.Descriptor{
		Kind: "herd", Plural: "herds", Doc: "animals of a customer", Owner: ev.ByCustomers, Spec: herdSpec{}, Verbs: ev.CommonVerbs(),
	})
	r := Request{ID: "01J", Owner: "acme", Kind: "herd", Name: "a", Verb: ev.VerbCreate, Body: []byte(`{"spec":{}}`), Caller: ev.LocalAdmin()}
	c, err := r.Command(withHerds, time.Unix(0, 0))
	if create, ok := c.Payload.(ev.Create); err != nil || !ok || create.Spec != (herdSpec{Heads: 3}) {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := r.Command(ev.Builtin, time.Unix(0, 0)); err == nil {
		t.Error("the program itself knows herds")
	}
}
