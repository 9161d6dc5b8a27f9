package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pageBlock is a block of sh of a page. It is run, unless a comment above it says why not.
type pageBlock struct {
	line    int
	text    string
	because string // why it is not run
}

var (
	fence     = regexp.MustCompile("^( *)```([a-z]*)$")
	notRun    = regexp.MustCompile(`^ *<!-- not run: (.{5,}) -->$`)
	unfenced  = regexp.MustCompile(`^    (\$ )?((bin/)?aerie|make|curl|nats|export|go|git) `)
	endless   = regexp.MustCompile(` (-w|-N|sub|tail) `) // goes on until Ctrl-C
	bounded   = regexp.MustCompile(` --(once|until)\b`)
	exits     = regexp.MustCompile(`# exits ([0-9]+)\b`)
	aTerminal = regexp.MustCompile(`^(bin/)?aerie (server|simcloud --)`) // that somebody keeps open
)

// allPages are the pages that may have commands.
func allPages(t *testing.T) (pages []string) {
	t.Helper()
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../deploy/offers/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	return pages
}

// blocksOf reads the blocks of a page.
func blocksOf(t *testing.T, page string) (blocks []pageBlock) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	open, language, because, indent := false, "", "", ""
	for i, line := range strings.Split(string(text), "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case m != nil && open:
			open, because = false, ""
		case m != nil:
			open, indent, language = true, m[1], m[2]
			if language == "sh" {
				blocks = append(blocks, pageBlock{line: i + 1, because: because})
			}
		case open && language == "sh":
			blocks[len(blocks)-1].text += strings.TrimPrefix(line, indent) + "\n"
		case open:
		case notRun.MatchString(line):
			because = notRun.FindStringSubmatch(line)[1]
		case unfenced.MatchString(line):
			t.Errorf("%s:%d: a command outside a block of sh, so that nobody runs it: %s", page, i+1, strings.TrimSpace(line))
		case strings.TrimSpace(line) != "":
			because = ""
		}
	}
	return blocks
}

func anyRuns(blocks []pageBlock) bool {
	for _, b := range blocks {
		if b.because == "" {
			return true
		}
	}
	return false
}

// scriptOf is what a person does who follows a page. What is started in the background, or in a terminal of its own, ends
// with it.
func scriptOf(blocks []pageBlock) string {
	var all strings.Builder
	all.WriteString("set -eE -o pipefail\ntrap 'echo \"line $LINENO failed\"' ERR\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\nset -v\n")
	_, nats := exec.LookPath("nats")
	for _, b := range blocks {
		if b.because != "" {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", "\\\f")) {
			command := strings.TrimSuffix(strings.ReplaceAll(line, "\f", "\n"), "\n")
			if strings.HasPrefix(command, "nats ") && nats != nil {
				continue // there is no nats CLI here
			}
			all.WriteString(asTyped(command) + "\n")
		}
	}
	return all.String()
}

// asTyped is a command as a script does it: what goes on until Ctrl-C gets one, and what is to fail has to.
func asTyped(command string) string {
	code := exits.FindStringSubmatch(command)
	switch {
	case code != nil:
		return fmt.Sprintf("code=0; { %s\n} || code=$?; test $code -eq %s", command, code[1])
	case aTerminal.MatchString(command) && !strings.HasSuffix(command, "&"):
		return command + " >server.log 2>&1 &\nuntil grep -q 'aerie serves' server.log; do kill -0 $!; sleep 0.1; done"
	case endless.MatchString(command+" ") && !bounded.MatchString(command):
		return "{ timeout -s INT 2 " + command + "\n} || test $? -eq 124"
	}
	return command
}

// What is not run says why, in a way that a reader of the page's source understands; and nothing is run by a script that
// stands where a mistake in the page would hide it.
func TestBlocksOfAPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	overwrite(t, page, "a\n\n```sh\naerie get tenants   # exits 4: none\n```\n\n<!-- not run: needs root -->\n```sh\nsudo rm\n```\n\n1. b\n\n   ```sh\n   aerie tail\n   ```\n\n```\nsudo nothing\n```\n")
	blocks := blocksOf(t, page)
	if len(blocks) != 3 || blocks[1].because != "needs root" || blocks[2].because != "" {
		t.Fatalf("%+v", blocks)
	}
	script := scriptOf(blocks)
	for _, want := range []string{"test $code -eq 4\n", "{ timeout -s INT 2 aerie tail\n} || test $? -eq 124\n"} {
		if !strings.Contains(script, want) {
			t.Errorf("%q is missing in\n%s", want, script)
		}
	}
	if strings.Contains(script, "sudo") {
		t.Error(script)
	}
}
