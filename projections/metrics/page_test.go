package metrics

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/metrics.md")

const page = "../../docs/metrics.md"

// The page of the documentation lists every metric as it is described here.
func TestThePageIsAsGenerated(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, began := strings.Cut(string(text), "make generate -->\n")
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !began || !ended {
		t.Fatalf("%s does not say where the table is", page)
	}
	want := before + "make generate -->\n" + tableText() + "<!-- end -->" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s is not as generated: make generate", page)
	}
}

func tableText() string {
	var b strings.Builder
	b.WriteString("\n| metric | sort | labels | what it says | alert on |\n|---|---|---|---|---|\n")
	for _, m := range described {
		sort := map[bool]string{true: "counter", false: "gauge"}[m.kind == counter]
		if m.bounds != nil {
			sort = "histogram"
		}
		var labels []string
		for _, l := range m.labels {
			labels = append(labels, "`"+l+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", m.name, sort, strings.Join(labels, ", "), m.help, m.alert)
	}
	b.WriteString("| `go_*`, `process_*` | | | The Go runtime and the process, as Prometheus' client names them. | memory near the bound, open files |\n\n")
	return b.String()
}
