package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
)

const goodTenant = "kind: tenant\nname: prod\nowner: acme\nlabels: {tier: gold}\nspec: {plan: free}\n"

func TestDecodeManifests(t *testing.T) {
	all, faults := Decode(events.Builtin, "f", []byte("%YAML 1.1\n---\n# nothing\n---\n"+goodTenant+"...\n--- {kind: customer, name: acme}\n---\r\nkind: plan\r\nname: free\r\nspec:\r\n  deployment: dedicated\r\n  apps: [{type: a, size: b}]\r\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []events.Ref{{Kind: "tenant", Owner: "acme", ID: "prod"}, {Kind: "customer", Owner: "acme", ID: "acme"}, {Kind: "plan", Owner: "-", ID: "free"}}
	if len(all) != len(want) {
		t.Fatalf("%d documents, want %d", len(all), len(want))
	}
	for i, m := range all {
		if m.Ref != want[i] || m.n != i+1 || m.Spec == nil {
			t.Errorf("document %d: %+v, want %v", i+1, m, want[i])
		}
	}
	if got := all[2].Spec.(events.PlanSpec).Quota.CPU; got != "2" {
		t.Errorf("the default of a quota is %q, want 2", got)
	}
}

func TestManifestFaults(t *testing.T) {
	huge := strings.Repeat("x", events.MaxBody)
	for _, c := range []struct{ name, doc, want string }{
		{"no object", "- a", "f:document 1: document: want an object with kind, name and spec (line 1)"},
		{"no YAML", "a: 1\nb: c: d", "f:document 1: document: not YAML: mapping values are not allowed in this context (line 2)"},
		{"a key twice", "kind: tenant\nname: a\nname: b", "f:document 1: name: this key is there twice, first in line 2 (line 3)"},
		{"a key that is no string", "yes: 1", "f:document 1: yes: the key yes is read as true: put it in quotes (line 1)"},
		{"a number that is none", "kind: .nan", "f:document 1: kind: .nan is no number that JSON has: put it in quotes (line 1)"},
		{"no kind", "name: a", "f:document 1: kind: is missing (line 1)"},
		{"an unknown kind", "kind: tenat\nname: a", `f:document 1: kind: "tenat" is not a kind; did you mean "tenant"? (line 1)`},
		{"a Kubernetes object", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}", "f:document 1: apiVersion: this is a Kubernetes object: it goes into spec.manifests of an application or addon (line 1)"},
		{"a name YAML reads otherwise", "kind: customer\nname: on", "f:document 1 (customer -/): name: want a string, got true: put it in quotes (line 2)"},
		{"a NUL", "kind: application\nname: a_b\nowner: c\nspec:\n  chart: {name: a, version: 1.0.0}\n  values: {a: [1, \"\\0\"]}", "f:document 1 (application c/a_b): spec.values.a[1]: has a NUL character (U+0000): leave it out (line 6)"},
		{"a mark of direction", "kind: customer\nname: a\nspec:\n  displayName: \"x\\u202e\"", "f:document 1 (customer a/a): spec.displayName: has the character U+202E, which is invisible: want one line of plain text (line 4)"},
		{"a plural", "kind: tenants\nname: a", `f:document 1: kind: "tenants": want the singular, "tenant" (line 1)`},
		{"a kind that is a number", "kind: 7\nname: a", "f:document 1: kind: want a string, got 7: put it in quotes (line 1)"},
		{"no name", "kind: plan\nspec: {deployment: dedicated, apps: [{type: a, size: b}]}", "f:document 1 (plan -/): name: is missing (line 1)"},
		{"an unknown field", goodTenant + "sepc: {}", `f:document 1 (tenant acme/prod): sepc: no such field; did you mean "spec"? (line 6)`},
		{"an unknown field of the spec", "kind: tenant\nname: a\nowner: acme\nspec: {plan: free, paln: x}", `f:document 1 (tenant acme/a): spec.paln: no such field; did you mean "plan"? (line 4)`},
		{"a customer of somebody else", "kind: customer\nname: a\nowner: b", `f:document 1 (customer b/a): owner: a customer owns itself: want "a", got "b" (line 3)`},
		{"a label that is a number", "kind: customer\nname: a\nlabels: {a: 1}", "f:document 1 (customer a/a): labels.a: want a string, got the number 1: put it in quotes (line 3)"},
		{"too large", "kind: customer\nname: a\nx: " + huge, "f:document 1: document: 262170 bytes: at most 262144 (line 1)"},
		{"aliases that mean gigabytes", "a: &a " + huge[:100000] + "\nb: [" + strings.Repeat("*a,", 20000) + "]", "f:document 1: document: more than 1024 KiB once its aliases are followed (line 1)"},
		{"a marker after a strange line break", "kind: customer\nname: a\n# x\u2028---\n", "f:document 1: document: a --- or ... follows an unusual line break: use plain line ends (line 1)"},
		{"bytes that are no text", "\xff", "f: input: not UTF-8 text: save it as UTF-8 (line 1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults := Decode(events.Builtin, "f", []byte(c.doc))
			if len(faults) != 1 {
				t.Fatalf("%d faults, want one: %v", len(faults), faults)
			}
			if got := faults[0].where() + ": " + faults[0].Field + ": " + faults[0].Text(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestInputTooLarge(t *testing.T) {
	_, faults := Decode(events.Builtin, "f", make([]byte, maxInput+1))
	if len(faults) != 1 || faults[0].Field != "input" {
		t.Fatal(faults)
	}
}

func TestOrderedByReferences(t *testing.T) {
	all, faults := Decode(events.Builtin, "f", []byte(goodTenant+"---\nkind: customer\nname: b\n---\nkind: customer\nname: a\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var got []string
	for _, m := range Ordered(all) {
		got = append(got, m.Ref.String())
	}
	if want := "customer b, customer a, tenant acme/prod"; strings.Join(got, ", ") != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

// Whatever comes in, there is no panic; what is good is good for the server
// too, and what is not has a fault that says something.
func FuzzManifests(f *testing.F) {
	for _, seed := range []string{goodTenant, "", "---\n...\n---", "%YAML 1.1\n---\na: *b", "a: &a [*a]", "{kind: plan, name: 1}", "kind: tenant\nspec: [", "? {a: b}\n: c",
		"kind: customer\nname: a\nlabels: {<<: {b: c}}", "!!binary aGk=: 1", "a: 1e999", "- 2001-01-01", "kind: application\nname: a_b\nowner: c\nspec: {manifests: [{1: 2}]}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, faults := Decode(events.Builtin, "f", data)
		for _, m := range all {
			if m.Spec == nil {
				continue
			}
			cmd, err := Step{Manifest: m, Verb: events.VerbCreate}.command(false)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := events.DecodeAsk(m.Ref.Kind, cmd.Verb, cmd.Body); err != nil && json.Valid(cmd.Body) && len(cmd.Body) <= events.MaxBody {
				t.Fatalf("accepted here, refused there: %v", err)
			}
		}
		for _, x := range faults {
			if x.Field == "" || x.Message == "" || x.where() == "" {
				t.Fatalf("a fault that says nothing: %+v", x)
			}
		}
	})
}
