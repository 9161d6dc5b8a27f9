package docgen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Each code of a reason has a section that says what to do, and no section is of a code that there is not.
func TestEachReasonHasASection(t *testing.T) {
	text, err := os.ReadFile("../../docs/" + troubleshooting)
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := reasonChapter(string(text))
	_, sections := splitSections(chapter)
	said := map[string]string{}
	for _, s := range sections {
		head, _, _ := strings.Cut(s, "\n")
		said[strings.Trim(head, "# `")] = advice(s)
	}
	for _, code := range codesOfReasons(t) {
		if len(said[code]) < 20 {
			t.Errorf("docs/%s does not say what to do about %s", troubleshooting, code)
		}
		delete(said, code)
	}
	for code := range said {
		t.Errorf("docs/%s has a section of %s, which is no code of a reason", troubleshooting, code)
	}
}

// codesOfReasons reads from the source of events which codes there are, so that none is forgotten here.
func codesOfReasons(t *testing.T) (codes []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../events/common.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		v, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if of, is := v.Type.(*ast.Ident); is && of.Name == "ReasonCode" {
			code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return false
	})
	if len(codes) == 0 {
		t.Fatal("events/common.go has no codes of reasons any more")
	}
	return codes
}

// A code that is new gets a heading, and what a person wrote stays.
func TestTroubleshootingKeepsWhatIsWritten(t *testing.T) {
	const page = "# T\n\nintro\n\n## By reason code\n\nMore.\n\n### `timeout`\n\nLook.\n\nTwice.\n\n## After\n\nend\n"
	made := Troubleshooting(page)
	for _, want := range []string{"# T\n\nintro\n\n## By reason code\n\nMore.\n\n### `timeout`\n\n" + fromHere, untilHere + "\nLook.\n\nTwice.\n\n### `", "### `queued`\n", "\n\n## After\n\nend\n"} {
		if !strings.Contains(made, want) {
			t.Errorf("%q is missing in:\n%s", want, made)
		}
	}
	if again := Troubleshooting(made); again != made {
		t.Errorf("the second time it is another:\n%s", again)
	}
}
