package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest"
)

// herdSpec is the spec of a toy kind, which the program does not know.
type herdSpec struct {
	Plan  string `json:"plan" required:"true" ref:"plan" doc:"The plan it is on"`
	Heads int    `json:"heads" default:"3" minimum:"1" doc:"how many"`
}

func (herdSpec) Kind() events.Kind          { return "herd" }
func (herdSpec) Check() []events.FieldError { return nil }

type shear struct {
	Rounds int    `json:"rounds" default:"1" minimum:"1" doc:"How often"`
	Mode   string `json:"mode" enum:"short,bare" default:"short" doc:"How close"`
}

func (shear) IsPayload() {}

var withHerds = events.Builtin.With(events.Descriptor{
	Kind: "herd", Plural: "herds", Doc: "animals of a customer", Owner: events.ByCustomers, Spec: herdSpec{},
	Verbs: events.CommonVerbs(events.Verb{Name: "shear", Doc: "Shear {a kind}", Body: shear{}}),
})

func runHerds(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), withHerds, args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// A kind that is in the registry alone has its command, flags, explanation and completion.
func TestAToyKindIsOnTheCommandLine(t *testing.T) {
	t.Setenv("AERIE_API_URL", "http://127.0.0.1:1")
	t.Setenv("AERIE_TOKEN", "x")
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"help", "Command one herd: create, update, retry, delete, shear", 0},
		{"herd shear --help", "--rounds int", 0},
		{"herd shear --help", "how close: short, bare (default \"short\")", 0},
		{"herd sheer acme/a", `verb: a herd has no verb "sheer"; did you mean "shear"?`, 2},
		{"herd create acme/a --heads 0 --plan free", "spec.heads: 0: at least 1", 2},
		{"herd create --help", "--heads int", 0},
		{"herd shear acme/a --rounds 0", "rounds: 0: at least 1", 2},
		{"herd shear acme/a --round 1", `did you mean "rounds"?`, 2},
		{"explain herd", "herd, in lists herds\n        animals of a customer", 0},
		{"explain herds.heads", "  heads  <whole number>  default 3\n      how many\n      at least 1\n", 0},
		{"explain herd.heds", `field: a herd has no field "heds"; did you mean "heads"?`, 2},
		{"api-resources", "herds", 0},
		{"__complete get her", "herd\n", 0},
		{"__complete explain herd.", "herd.heads\n", 0},
		{"__complete tail --kind her", "herd\n", 0},
		{"__complete get operations --kind her", "herd\n", 0},
		{"tail --kind herb", "did you mean \"herd\"?", 2},
		{"get herd ACME/a", "owner: ", 2},
		{"__complete herd shear acme/a --mode b", "bare\n", 0},
	} {
		code, out, errs := runHerds(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: exit %d, %s%s", c.args, code, out, errs)
		}
	}
	if code, _, errs := runCLI(t.Context(), "", "explain", "herd"); code != 2 || !strings.Contains(errs, `"herd" is not a kind`) {
		t.Errorf("the program itself: exit %d, %s", code, errs)
	}
}

// A document is of a kind of the registry that it is read with.
func TestAToyKindIsInManifests(t *testing.T) {
	doc := []byte("kind: herd\nowner: acme\nname: a\nspec:\n  plan: free\n---\nkind: plan\nname: free\nspec:\n  deployment: dedicated\n  apps: [{type: a, size: b}]\n")
	docs, faults := manifest.Decode(withHerds, "f", doc)
	if len(faults) > 0 || len(docs) != 2 || docs[0].Spec != (herdSpec{Plan: "-/free", Heads: 3}) {
		t.Fatalf("%+v, %+v", docs, faults)
	}
	if first := manifest.Ordered(docs)[0]; first.Ref.Kind != events.Plan {
		t.Errorf("%s comes before the plan that it refers to", first.Ref)
	}
	if _, faults := manifest.Decode(events.Builtin, "f", doc); len(faults) == 0 {
		t.Error("the program itself knows herds")
	}
}
