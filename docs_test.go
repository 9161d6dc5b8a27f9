package aerie_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDecisionsAreListed holds the index of decisions against the files: each has one row.
func TestDecisionsAreListed(t *testing.T) {
	index, err := os.ReadFile(filepath.Join("docs", "decisions", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("docs", "decisions", "[0-9]*.md"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		if n := strings.Count(string(index), "| ["+name[:4]+"]("+name+") |"); n != 1 {
			t.Errorf("%s has %d rows in docs/decisions/README.md, want one", name, n)
		}
	}
	if rows := strings.Count(string(index), "\n| [0"); rows != len(files) {
		t.Errorf("docs/decisions/README.md has %d rows for %d files", rows, len(files))
	}
}

// row is the first cell of a table's row, if it is one name, and the last.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*\\| ([^|]*) \\|$")

// TestArchitectureHasTheArrows holds the packages of docs/architecture.md against what imports_test.go has.
func TestArchitectureHasTheArrows(t *testing.T) {
	said := map[string]string{}
	for _, r := range row.FindAllStringSubmatch(architecture(t), -1) {
		said["./"+r[1]] = r[2]
	}
	for name, may := range arrows {
		if name == "." { // the tests of the root
			continue
		}
		want := "–"
		if ours := oursIn(may); len(ours) > 0 {
			want = "`" + strings.Join(ours, "` `") + "`"
		}
		if said[name] != want {
			t.Errorf("%s knows %q in docs/architecture.md; imports_test.go has %s", name, said[name], want)
		}
		delete(said, name)
	}
	for name := range said {
		t.Errorf("docs/architecture.md has %s, which is no package", name)
	}
}

func oursIn(may []string) (ours []string) {
	for _, name := range may {
		if rest, is := strings.CutPrefix(name, "./"); is {
			ours = append(ours, rest)
		}
	}
	return ours
}

// named is a file with its path, in a table's cell.
var named = regexp.MustCompile("`([a-z0-9_/-]+/[a-z0-9_]+\\.(?:go|md|txt|json))`")

// toWrite are the files that a newcomer writes for a kind that is not there yet.
var toWrite = []string{"events/backup.go", "fsm/backup.go", "projections/views/backup.go", "workers/execute/backup.go"}

// TestChangesNameFiles holds the changes of docs/architecture.md against the files: each that is named is there.
func TestChangesNameFiles(t *testing.T) {
	_, changes, found := strings.Cut(architecture(t), "\n## Ten changes of a newcomer\n")
	if n := strings.Count(changes, "\n| **"); !found || n != 10 {
		t.Fatalf("docs/architecture.md has %d changes, want ten", n)
	}
	for _, f := range named.FindAllStringSubmatch(changes, -1) {
		_, err := os.Stat(filepath.FromSlash(f[1]))
		if isNew := slices.Contains(toWrite, f[1]); isNew != (err != nil) {
			t.Errorf("docs/architecture.md names %s: to be written: %t, %v", f[1], isNew, err)
		}
	}
}

func architecture(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inComment is a file beside a package, or a path from the root, as a package's comment names them.
var inComment = regexp.MustCompile(`(?:(?:cloud|events|fsm|internal|projections|test|workers)/)?[a-z0-9_/]+\.go\b|\b(?:cloud|events|fsm|internal|projections|test|workers)/[a-z_/]*[a-z]\b`)

// TestPackageCommentsNameWhatIsThere holds the comments of packages against the tree: a file or a package that one sends its
// reader to is there.
func TestPackageCommentsNameWhatIsThere(t *testing.T) {
	for _, p := range listed(t) {
		dir := filepath.FromSlash(short(p.ImportPath))
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			comment, _, commented := strings.Cut(string(source), "\npackage ")
			if !commented || !strings.HasPrefix(comment, "// Package ") {
				continue
			}
			for _, name := range inComment.FindAllString(comment, -1) {
				_, beside := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
				if _, err := os.Stat(filepath.FromSlash(name)); err != nil && beside != nil && name != "nats.go" {
					t.Errorf("the comment of %s names %s, which is not there", path, name)
				}
			}
		}
	}
}
