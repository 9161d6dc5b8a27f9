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
	"unicode"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/consent"
)

var rewrite = flag.Bool("update", false, "rewrite the generated pages")

func TestPagesAreAsGenerated(t *testing.T) {
	pages, err := Pages(os.DirFS("../../docs"))
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
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), want) {
		t.Errorf("README.md does not have the present life of a tenant:\n%s", want)
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
			if (m.Limits(p).Within > 0) != (len(names) > 0) && !m.Terminating(p) && p != fsm.Retiring && p != fsm.Moving { // an end takes as long as it takes
				t.Errorf("%s in phase %s: bounds %+v, and it says %q", k, p, m.Limits(p), works[k][p])
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

var (
	link   = regexp.MustCompile(`\]\(([A-Za-z0-9_./-]*)(#[^)]+)?\)`)
	titled = regexp.MustCompile(`(?m)^#+ (.*)$`)
	inCode = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
)

// Links between pages lead somewhere: to a file, and in it to a heading.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/security/*.md", "docs/decisions/*.md", "deploy/offers/*/*.md"} {
		pages, err := filepath.Glob("../../" + pattern)
		if err != nil || len(pages) == 0 {
			t.Fatal(pattern, err)
		}
		for _, page := range pages {
			checkLinks(t, page)
		}
	}
}

func checkLinks(t *testing.T, page string) {
	t.Helper()
	for _, l := range link.FindAllStringSubmatch(prose(t, page), -1) {
		to := filepath.Join(filepath.Dir(page), l[1])
		if l[1] == "" {
			to = page
		}
		if _, err := os.Stat(to); err != nil {
			t.Errorf("%s links to %s, which is not there", page, l[1])
		} else if l[2] != "" && !slices.Contains(anchors(t, to), l[2]) {
			t.Errorf("%s links to %s%s; headings there: %q", page, l[1], l[2], anchors(t, to))
		}
	}
}

// prose is a page without its blocks of code.
func prose(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return inCode.ReplaceAllString(string(text), "")
}

// anchors are what links to the headings of a page end in, as GitHub makes them.
func anchors(t *testing.T, page string) (all []string) {
	t.Helper()
	for _, h := range titled.FindAllStringSubmatch(prose(t, page), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, h[1])
		all = append(all, "#"+name)
	}
	return all
}

func mustPages(t *testing.T) map[string]string {
	t.Helper()
	pages, err := Pages(os.DirFS("../../docs"))
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// What may leave a customer's network is a list that somebody has read: a new field is a difference of a file.
func TestWhatCrossesIsListed(t *testing.T) {
	want := "# What an agent may send: a path and a type on each line. go test ./internal/docgen -update writes it anew: read the difference.\n" +
		strings.Join(consent.Schema(), "\n") + "\n"
	path := filepath.Join("..", "..", "workers", "consent", "crosses.txt")
	if *rewrite {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is not as generated (%v): go test ./internal/docgen -update, and read what would leave besides", path, err)
	}
}
