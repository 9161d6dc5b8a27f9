package aerie_test

import (
	"os"
	"path/filepath"
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
