package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFaultsNameTheirFlag gives what is wrong by each flag that gives parts of a body: the fault names the field, the flag, and for YAML
// and JSON the line.
func TestFaultsNameTheirFlag(t *testing.T) {
	t.Chdir(t.TempDir())
	for file, text := range map[string]string{
		"body.yaml":   "labels: {a: b}\nspec:\n  plan: 7\n  plann: x\n",
		"body.json":   "{\"labels\": {\"a b\": \"c\"},\n\"spec\": {\"plan\": \"free\"}}",
		"values.yaml": "a: 1\nauth:\n  password: hunter2hunter2\n",
		"more.yaml":   "a: 2\n",
	} {
		if err := os.WriteFile(filepath.Join(".", file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const release = "application create acme/prod/pg --chart-name pg --chart-version 1.2"
	for _, row := range []struct {
		args  string
		flags []string
		stdin string
		want  []string
	}{
		{"tenant create acme/prod", []string{"--spec", "plan: free\nplann: x"}, "", []string{"spec.plann: no such field", "(line 2 of --spec)"}},
		{"tenant create acme/prod", []string{"--spec", `{"plan": 7}`}, "", []string{"spec.plan: want a string", "(line 1 of --spec)"}},
		{"tenant create acme/prod", []string{"--spec", "\nregion: eu"}, "", []string{"spec.plan: is missing", "of --spec)"}},
		{"tenant create acme/prod", []string{"--spec", "plan: free\nplan: x"}, "", []string{"--spec: plan: this key is there twice", "(line 2)"}},
		{"tenant create acme/prod", []string{"--body", "body.yaml"}, "", []string{"spec.plan: want a string, got the number 7: put it in quotes (line 3 of --body body.yaml)",
			"spec.plann: no such field; did you mean \"plan\"? (line 4 of --body body.yaml)"}},
		{"tenant create acme/prod", []string{"--body", "body.json"}, "", []string{"labels.a b: ", "(line 1 of --body body.json)"}},
		{"tenant create acme/prod", []string{"--body", "-"}, "spec:\n  plan: 7\n", []string{"spec.plan: ", "(line 2 of --body -)"}},
		{"tenant create acme/prod --plan free", []string{"--label", "a b=c"}, "", []string{"labels.a b: ", "(--label)"}},
		{"dataplane create eu --account main --region eu --system-pool-max -7", nil, "", []string{"spec.systemPool.max: -7: at least 1 (--system-pool-max)"}},
		{"dataplane create eu --account main --region EU!!", []string{"--spec", "systemPool: {max: 0}"}, "",
			[]string{"spec.region: ", "(--region)", "spec.systemPool.max: ", "(line 1 of --spec)"}},
		{"tenant move acme/prod --dataplane NO!", nil, "", []string{"(--dataplane)"}},
		{release, []string{"--values", "no.yaml"}, "", []string{"--values: ", "no.yaml"}},
		{release, []string{"--set", "a[=b"}, "", []string{`--set: "a[=b"`}},
		{release, []string{"--spec", "chart: {nam: pg}", "--values", "more.yaml"}, "", []string{"spec.chart.nam: ", "(line 1 of --spec)"}},
		{"apply", []string{"-f", "-"}, "kind: customer\nname: acme\nspec:\n  displayNam: x\n", []string{"-:document 1 (customer acme/acme): spec.displayNam: ", "(line 4)"}},
	} {
		s := newStandIn(t)
		code, _, errs := s.run(row.stdin, append(strings.Fields(row.args), row.flags...)...)
		if code == 0 {
			t.Errorf("%s %q: taken", row.args, row.flags)
		}
		for _, want := range row.want {
			if !strings.Contains(errs, want) {
				t.Errorf("%s %q does not say %q: %s", row.args, row.flags, want, errs)
			}
		}
	}
}

// TestFaultsOfTheServerNameTheirFlag asks whence a fault came that the server alone finds, as a literal secret.
func TestFaultsOfTheServerNameTheirFlag(t *testing.T) {
	f := verbFlags{spec: "chart: {name: pg}\nvalues:\n  c: d\n", values: valueFlags{files: []string{"v.yaml", "w.yaml"}, set: []string{"x.y=1,l[1].z=2", "auth.token=s"},
		read: map[string][]byte{"v.yaml": []byte("a: 1\nauth:\n  password: p\n"), "w.yaml": []byte("{\n\"a\": 2}")}}}
	for field, want := range map[string]string{
		"spec.values.auth.password": "line 3 of --values v.yaml",
		"spec.values.a":             "line 2 of --values w.yaml",
		"spec.values.auth.token":    "--set",
		"spec.values.l[1].z":        "--set",
		"spec.values.l[0]":          "line 1 of --values w.yaml",
		"spec.values.c":             "line 3 of --spec",
		"spec.chart.version":        "line 1 of --spec",
		"command":                   "",
	} {
		if got := f.cameFrom(field); got != want {
			t.Errorf("%s came from %q, want %q", field, got, want)
		}
	}
}
