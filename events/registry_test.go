package events_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
)

// Snapshots on disk have the places of the kinds: a new one comes last.
func TestTheOrderOfKindsOnlyGrows(t *testing.T) {
	written := []events.Kind{"customer", "account", "plan", "dataplane", "tenantinfra", "tenant", "application", "addon"}
	if got := events.Builtin.Kinds(); len(got) < len(written) || !slices.Equal(got[:len(written)], written) {
		t.Errorf("%v, and snapshots have %v", got, written)
	}
}

// Herd is a toy kind: events of it are never stored.
type herdSpec struct {
	Plan  string   `json:"plan" required:"true" ref:"plan" doc:"the plan it is on"`
	Heads int      `json:"heads" default:"3" minimum:"1" doc:"how many"`
	Names []string `json:"names,omitempty" maxItems:"2" doc:"what they are called"`
}

func (herdSpec) Kind() events.Kind          { return "herd" }
func (herdSpec) Check() []events.FieldError { return nil }

type shear struct {
	Rounds int `json:"rounds" default:"1" minimum:"1" doc:"how often"`
}

func (shear) IsPayload() {}

var withHerds = events.Builtin.With(events.Descriptor{
	Kind: "herd", Plural: "herds", Doc: "animals", Owner: events.ByCustomers, Parent: events.Tenant, Spec: herdSpec{},
	Verbs: []events.Verb{{Name: "shear", Doc: "Shear {a kind}", Body: shear{}}},
})

// A kind and its verb are found by everything that reads a registry, and Builtin does not know of them.
func TestARegistryTakesAToyKind(t *testing.T) {
	ref, faults := withHerds.ParseRef("herd", "acme/prod/sheep")
	if ref != (events.Ref{Kind: "herd", Owner: "acme", ID: "prod_sheep"}) || faults != nil {
		t.Errorf("%v %v", ref, faults)
	}
	if faults := withHerds.Check(events.Ref{Kind: "herd", Owner: "-", ID: "sheep"}); len(faults) != 2 {
		t.Errorf("of the platform, without a tenant: %v", faults)
	}
	if faults := ref.Check(); len(faults) != 1 || faults[0].Field != "kind" {
		t.Errorf("Builtin: %v", faults)
	}
	ask, err := withHerds.DecodeAsk("herd", "shear", []byte(`{"rounds":2}`))
	if err != nil || ask != (shear{2}) {
		t.Errorf("%v, %v", ask, err)
	}
	if _, err := withHerds.DecodeAsk("herd", "sheer", nil); err == nil || !strings.Contains(err.Error(), `a herd has no verb "sheer"; did you mean "shear"?`) {
		t.Error(err)
	}
	refs := withHerds.RefsOf(ref, herdSpec{Plan: "-/free"})
	want := []events.SpecRef{{"owner", events.Ref{Kind: events.Customer, Owner: "acme", ID: "acme"}},
		{"name", events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}}, {"spec.plan", events.Ref{Kind: events.Plan, Owner: "-", ID: "free"}}}
	if !slices.Equal(refs, want) {
		t.Errorf("%v", refs)
	}
	d, _ := withHerds.Find("herds")
	var flags []string
	for _, f := range d.ScalarFields() {
		flags = append(flags, f.Path)
	}
	if !slices.Equal(flags, []string{"plan", "heads", "names"}) {
		t.Errorf("%v", flags)
	}
}

// What is wrong with a descriptor is said when the program starts.
func TestAWrongRegistryIsNoRegistry(t *testing.T) {
	for what, d := range map[string]events.Descriptor{
		"a kind twice": {Kind: events.Tenant, Plural: "tenancies"},
		"a verb twice": {Kind: "herd", Plural: "herds", Verbs: []events.Verb{{Name: "shear", Body: shear{}}, {Name: "shear", Body: shear{}}}},
		"no body":      {Kind: "herd", Plural: "herds", Verbs: []events.Verb{{Name: "shear", Body: 1}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: taken", what)
				}
			}()
			events.Builtin.With(d)
		}()
	}
}
