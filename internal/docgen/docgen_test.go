package docgen

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

var rewrite = flag.Bool("update", false, "rewrite the generated pages")

func TestPagesAreAsGenerated(t *testing.T) {
	pages, err := Pages()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		path := filepath.Join("..", "..", "docs", name)
		if *rewrite {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is not as generated (%v): go test ./internal/docgen -update", path, err)
		}
	}
}

// The README draws the life of a tenant; it must be the one that tenants live.
func TestTheReadmeDrawsATenantsLife(t *testing.T) {
	want, err := Diagram(ev.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, path := range []string{"../../README.md", "../../docs/README.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the draft, or what it becomes
		}
		found = true
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not have the present life of a tenant:\n%s", path, want)
		}
	}
	if !found {
		t.Error("there is no README")
	}
}

var named = regexp.MustCompile("`([a-z_]+)`")

// Every phase that has bounds is one in which somebody works, and the other way round.
func TestWorksAreThoseOfTheKinds(t *testing.T) {
	var owed []string
	for _, k := range ev.Kinds {
		m := fsm.Machines[k]
		for _, p := range m.Phases()[1:] {
			names := named.FindAllStringSubmatch(works[k][p], -1)
			if (m.Rule(p).Within > 0) != (len(names) > 0) && !m.Going(p) && p != fsm.Retiring { // an end takes as long as it takes
				t.Errorf("%s in phase %s: bounds %+v, and it says %q", k, p, m.Rule(p), works[k][p])
			}
			for _, n := range names {
				owed = append(owed, n[1])
			}
		}
		for p := range works[k] {
			if !slices.Contains(m.Phases(), p) || m.AtRest(p) {
				t.Errorf("%s: %s is no phase in which something is owed", k, p)
			}
		}
	}
	slices.Sort(owed)
	if owed = slices.Compact(owed); !slices.Equal(owed, effectNames()) {
		t.Errorf("phases name %q, effects are %q", owed, effectNames())
	}
}

func TestEveryKindIsDescribed(t *testing.T) {
	for _, d := range ev.Builtin.All() {
		if d.Doc == "" {
			t.Errorf("%s is not described", d.Kind)
		}
		for _, v := range d.Verbs {
			if v.Doc == "" {
				t.Errorf("%s of %s is not described", v.Name, d.A())
			}
		}
	}
}

func TestEveryFieldSaysWhatItIs(t *testing.T) {
	for name, page := range mustPages(t) {
		if strings.Contains(page, "%!") {
			t.Errorf("%s has a broken format", name)
		}
	}
	for _, d := range ev.Builtin.All() {
		for _, f := range ev.FieldsOf(reflect.TypeOf(d.Spec)) {
			if f.Doc() == "" {
				t.Errorf("%s: %s has no doc", d.Kind, f.Path)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([A-Za-z0-9_./-]+)\)`)

// Links between pages lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, more...) {
		checkLinks(t, page)
	}
}

func checkLinks(t *testing.T, page string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	from := filepath.Dir(page)
	for _, l := range link.FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join(from, l[1])); err != nil {
			t.Errorf("%s links to %s, which is not there", page, l[1])
		}
	}
}

func mustPages(t *testing.T) map[string]string {
	t.Helper()
	pages, err := Pages()
	if err != nil {
		t.Fatal(err)
	}
	return pages
}
