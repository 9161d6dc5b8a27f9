package aerie_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
)

// What a package may have, so that a stranger can read it in a sitting. Tests do not count.
const (
	mostFiles        = 16    // without the files of kinds and of commands
	mostLines        = 2_500 // of those files together
	mostLinesOfFile  = 400
	mostColumns      = 140 // but for tables and literals
	leastLinesOfRoom = 5   // of the comment on a package
)

// TestLayout holds the limits of a package.
func TestLayout(t *testing.T) {
	found := map[string]int{}
	for _, p := range listed(t) {
		measure(t, short(p.ImportPath), found)
	}
	for _, what := range slices.Sorted(maps.Keys(found)) {
		t.Errorf("%s: %d is over the limit", what, found[what])
	}
}

// measure notes what of a package is over a limit.
func measure(t *testing.T, name string, found map[string]int) {
	dir := filepath.FromSlash(name)
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	counted, lines, comment, undocumented, wide := 0, 0, 0, 0, 0
	product := false
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		product = true
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, data, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		n := strings.Count(string(data), "\n")
		if !isColumn(name, filepath.Base(path)) {
			counted, lines = counted+1, lines+n
		}
		if n > mostLinesOfFile {
			found[filepath.ToSlash(path)+": lines"] = n
		}
		if f.Doc != nil {
			comment += strings.Count(f.Doc.Text(), "\n")
		}
		undocumented += undocumentedIn(f)
		wide += wideIn(string(data))
	}
	if !product {
		return
	}
	note := func(what string, n int, over bool) {
		if over {
			found[name+": "+what] = n
		}
	}
	note("files", counted, counted > mostFiles)
	note("lines", lines, lines > mostLines)
	note("lines missing in the package comment", leastLinesOfRoom-comment, comment < leastLinesOfRoom && name != "./cmd/aerie")
	note("exported names without a comment", undocumented, undocumented > 0)
	note("lines over 140 columns", wide, wide > 0)
}

// isColumn tells a file that belongs to one kind or to one command of the CLI: a kind is a column through the packages, and
// a command is a file.
func isColumn(pkg, file string) bool {
	if pkg == "./internal/cli" {
		return true
	}
	stem := strings.TrimSuffix(file, ".go")
	return slices.ContainsFunc(events.Kinds, func(k events.Kind) bool {
		return stem == string(k) || strings.HasPrefix(stem, string(k)+"_")
	})
}

// undocumentedIn counts exported names without a comment. One comment may be for a whole group.
func undocumentedIn(f *ast.File) (n int) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && !ofPrivate(d) {
				n++
			}
		case *ast.GenDecl:
			if d.Doc != nil {
				continue
			}
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() && s.Doc == nil && s.Comment == nil {
						n++
					}
				case *ast.ValueSpec:
					if s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil {
						n++
					}
				}
			}
		}
	}
	return n
}

// ofPrivate tells a method of a type that nobody outside can name.
func ofPrivate(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	name := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return !ast.IsExported(name)
}

// wideIn counts lines that are too long, but for rows of tables and literals.
func wideIn(text string) (n int) {
	for line := range strings.Lines(text) {
		plain := strings.TrimSpace(line)
		if len([]rune(strings.TrimRight(line, "\n"))) > mostColumns && !strings.ContainsAny(plain, "\"`") && !strings.HasPrefix(plain, "{") {
			n++
		}
	}
	return n
}

// TestMeasured shows that what is over a limit is found.
func TestMeasured(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n\nfunc A() {}\n\n// B is said.\nfunc B() {}\n\ntype c int\n\nfunc (c) D() {}\n", parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(undocumentedIn(f), wideIn("// "+strings.Repeat("x", 140)+"\n\t\""+strings.Repeat("x", 200)+"\"\n"),
		isColumn("./fsm", "tenant_placement.go"), isColumn("./fsm", "decide.go"))
	if got != "1 1 true false" {
		t.Error(got)
	}
}
