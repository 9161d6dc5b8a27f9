package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

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
	said := map[string][][2]string{} // of each command: its line, and what it says
	var help func(*cobra.Command)
	help = func(c *cobra.Command) {
		words := strings.Fields(c.CommandPath())
		file := words[min(1, len(words)-1)]
		code, out, errs := runCLI(t.Context(), "", append(words[1:], "--help")...)
		if code != 0 || errs != "" {
			t.Errorf("%s --help: exit %d, %s", c.CommandPath(), code, errs)
		}
		said[file] = append(said[file], [2]string{"$ " + c.CommandPath() + " --help\n", out})
		for _, below := range c.Commands() {
			if !below.Hidden {
				help(below)
			}
		}
	}
	help(newRoot(events.Builtin, ofEveryKind))
	for file, helps := range said {
		text := ""
		for _, h := range helps {
			text += h[0] + h[1] + "\n"
		}
		golden(t, filepath.Join("help", file+".txt"), []byte(text))
		for _, width := range []int{80, 120, 200} {
			folded := ""
			for _, h := range helps {
				folded += h[0] + print.Fold(h[1], width) + "\n"
			}
			helpAt(t, width, file, text, folded)
		}
	}
}

// helpAt pins what help looks like on a terminal, where that differs from what is no terminal.
func helpAt(t *testing.T, width int, file, text, folded string) {
	t.Helper()
	examples := false
	for line := range strings.Lines(folded) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && line[0] != ' ' {
			examples = line == "Examples:"
		}
		if n := runewidth.StringWidth(line); n > width && !examples {
			t.Errorf("%d columns on a screen of %d: %s", n, width, line)
		}
	}
	if got, want := strings.Fields(folded), strings.Fields(text); !slices.Equal(got, want) {
		t.Errorf("the help of %s has other words at %d columns", file, width)
	}
	dir := fmt.Sprintf("help_%d", width)
	if folded != text {
		golden(t, filepath.Join(dir, file+".txt"), []byte(folded))
	} else if _, err := os.Stat(filepath.Join("testdata", dir, file+".txt")); err == nil {
		t.Errorf("testdata/%s/%s.txt is as testdata/help/%s.txt: remove it", dir, file, file)
	}
}

// Help that is written to a terminal fits it.
func TestHelpOnATerminal(t *testing.T) {
	terminal, screen := newTerminal(t, 80)
	if code := Run(t.Context(), []string{"get", "--help"}, strings.NewReader(""), screen, screen); code != 0 {
		t.Fatalf("exit %d", code)
	}
	if err := screen.Close(); err != nil {
		t.Fatal(err)
	}
	shown, _ := io.ReadAll(terminal) // ends with an error when nobody holds the other end
	longest := 0
	for line := range strings.Lines(string(shown)) {
		if strings.HasPrefix(line, "      --") {
			longest = max(longest, runewidth.StringWidth(strings.TrimSpace(line))+6)
		}
	}
	if longest == 0 || longest > 80 {
		t.Errorf("%d columns:\n%s", longest, shown)
	}
}

// newTerminal opens a terminal of a width: the end that a person sees, and the one that programs write to.
func newTerminal(t *testing.T, columns uint16) (terminal, screen *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	var number, unlocked int32
	size := struct{ rows, columns, x, y uint16 }{24, columns, 0, 0}
	for request, arg := range map[uintptr]unsafe.Pointer{syscall.TIOCGPTN: unsafe.Pointer(&number),
		syscall.TIOCSPTLCK: unsafe.Pointer(&unlocked), syscall.TIOCSWINSZ: unsafe.Pointer(&size)} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, terminal.Fd(), request, uintptr(arg)); e != 0 {
			t.Fatal(e)
		}
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return terminal, screen
}
