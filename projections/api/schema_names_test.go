package api_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/projections/apitest"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestSchemaNames holds the names that clients see of our types: a type that is renamed
// keeps its name there, by a line in schemaNames.
func TestSchemaNames(t *testing.T) {
	s := apitest.New(t)
	var got []string
	for _, path := range []string{"/asyncapi.json", "/openapi.json"} {
		schemas, _ := at(documentOf(s, t, path), "components", "schemas").(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(schemas)) {
			got = append(got, path+" "+name)
		}
	}
	golden := filepath.Join("testdata", "schemas.txt")
	text := strings.Join(got, "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(want)), "\n") {
		if !slices.Contains(got, line) {
			t.Errorf("%s is gone: if the type was renamed, give it a line in schemaNames", line)
		}
	}
	if text != string(want) && !t.Failed() {
		t.Errorf("%s lacks names that are new: run the test with -update", golden)
	}
}
