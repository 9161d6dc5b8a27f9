package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// screened are some entities of a kind: those of the other tables, one that failed, one with letters that are two columns wide.
func screened(k events.Kind) []client.Entity {
	all := shown(k)
	failed, wide := all[1], all[0]
	failed.ID, failed.Phase, wide.ID, wide.Phase = "failed", "Failed", "wide", "Degraded"
	wide.Status.Reason = &client.Reason{Reason: events.Reason{Code: events.Unreachable, Message: "クラスターが応答しません。しばらくしてからもう一度お試しください。"}}
	return append(all, failed, wide)
}

func TestTablesOnScreens(t *testing.T) {
	for _, screen := range []print.Screen{{}, {Width: 80}, {Width: 120, Colour: true}, {Width: 200}} {
		var b bytes.Buffer
		for _, k := range events.Kinds {
			for _, l := range []print.Listing{{Format: print.Table}, {Format: print.Table, ShowLabels: true, NoHeaders: true}, {Format: print.Wide}} {
				fmt.Fprintf(&b, "$ aerie get %s -o %s # labels: %t, no heads: %t\n", k.Plural(), l.Format, l.ShowLabels, l.NoHeaders)
				from := b.Len()
				l.Kind, l.Screen, l.Now = k, screen, noon
				if err := l.Entities(&b, screened(k)); err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(b.String()[from:]) {
					line = strings.NewReplacer("\n", "", "\x1b[31m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(line)
					if n := runewidth.StringWidth(line); l.Format == print.Table && !l.ShowLabels && screen.Width > 0 && n > max(screen.Width, 110) {
						t.Errorf("%d columns on a screen of %d: %s", n, screen.Width, line)
					}
				}
			}
		}
		golden(t, fmt.Sprintf("tables_%d.txt", screen.Width), b.Bytes())
	}
}

func TestListings(t *testing.T) {
	var items []json.RawMessage
	for _, e := range []string{
		`{"kind":"tenant","owner":"acme","id":"b","seq":9,"spec":{"plan":"free"},"labels":{"a.b/c":"x"}}`,
		`{"kind":"tenant","owner":"acme","id":"a","seq":10,"spec":{"plan":"gold","tags":["\u001b[31m","y"]},"status":{"placement":null}}`,
	} {
		items = append(items, json.RawMessage(e))
	}
	l := client.List{AsOf: json.RawMessage(`{"seq":10}`), Items: items}
	for _, c := range []struct{ format, sort, want string }{
		{"name", "", "acme/b\nacme/a\n"},
		{"name", ".seq", "acme/b\nacme/a\n"},
		{"name", "{.id}", "acme/a\nacme/b\n"},
		{"name", "spec.tags", "acme/b\nacme/a\n"},
		{"jsonpath={.items[*].id}", "", "b a"},
		{"jsonpath={.items[?(@.seq>9)].id}", "", "a"},
		{`jsonpath={range .items[*]}{.id}{"\t"}{.nosuch}{.spec.plan}{"\n"}{end}`, ".id", "a\tgold\nb\tfree\n"},
		{"jsonpath={.items[1].spec.tags[0]}", "", `\x1b[31m`},
		{"custom-columns=NAME:.id,PLAN:spec.plan,TAGS:{.spec.tags[*]},LABEL:.labels.a\\.b/c,WHERE:.status.placement", "",
			"NAME  PLAN  TAGS        LABEL  WHERE\nb     free  -           x      -\na     gold  \\x1b[31m,y  -      -\n"},
	} {
		var b bytes.Buffer
		p := print.Listing{Kind: events.Tenant, Format: c.format, SortBy: c.sort}
		if err := p.Prepare(); err != nil {
			t.Fatal(err)
		}
		if err := p.List(&b, l); err != nil || b.String() != c.want {
			t.Errorf("-o %s --sort-by %s: %v, got\n%swant\n%s", c.format, c.sort, err, b.String(), c.want)
		}
	}
}

// TestHelp pins what each command says of itself, in a file for each command with those below it.
func TestHelp(t *testing.T) {
	for _, name := range os.Environ() {
		if name, _, _ := strings.Cut(name, "="); strings.HasPrefix(name, "AERIE_") && name != "AERIE_HELM" {
			t.Setenv(name, "") // their values are in the defaults
		}
	}
	t.Setenv("XDG_STATE_HOME", "/state")
	said := map[string]*bytes.Buffer{}
	var help func(*cobra.Command)
	help = func(c *cobra.Command) {
		words := strings.Fields(c.CommandPath())
		file := words[min(1, len(words)-1)]
		if said[file] == nil {
			said[file] = &bytes.Buffer{}
		}
		code, out, errs := runCLI(t.Context(), "", append(words[1:], "--help")...)
		if code != 0 || errs != "" {
			t.Errorf("%s --help: exit %d, %s", c.CommandPath(), code, errs)
		}
		fmt.Fprintf(said[file], "$ %s --help\n%s\n", c.CommandPath(), out)
		for _, below := range c.Commands() {
			if !below.Hidden {
				help(below)
			}
		}
	}
	help(newRoot(events.Builtin))
	for file, text := range said {
		golden(t, filepath.Join("help", file+".txt"), text.Bytes())
	}
}
