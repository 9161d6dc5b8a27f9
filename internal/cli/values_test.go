package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Values come from files, then from what is set; an update of them keeps the rest of the spec, and says at which sequence
// it was read.
func TestValuesAreSet(t *testing.T) {
	s := newStandIn(t)
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte("image: {tag: one, pull: Always}\nreplicas: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	chart := "{chart: {name: web, version: 1.0.0}, values: {replicas: 0, kept: yes}}"
	code, _, errs := s.run("", "application", "create", "acme/prod/web", "--spec", chart, "--values", file, "--set", "image.tag=two,hosts={a,b}", "--set", "replicas=3")
	if code != 0 {
		t.Fatal(errs)
	}
	if code, _, errs = s.run("", "application", "update", "acme/prod/web", "--set", "image.tag=three"); code != 0 {
		t.Fatal(errs)
	}
	want := []string{
		`{"spec":{"chart":{"name":"web","version":"1.0.0"},"values":{"hosts":["a","b"],"image":{"pull":"Always","tag":"two"},"kept":true,"replicas":3}}}`,
		`{"spec":{"chart":{"name":"web","version":"1.0.0"},"values":{"hosts":["a","b"],"image":{"pull":"Always","tag":"three"},"kept":true,"replicas":3}}}`,
	}
	heard := s.messages()
	for i, m := range heard {
		if got := compact(t, m.Data); got != want[i] {
			t.Errorf("sent %s\nwant %s", got, want[i])
		}
	}
	if len(heard) != 2 || heard[0].Header.Get("Aerie-Expected-Seq") != "" || heard[1].Header.Get("Aerie-Expected-Seq") == "" {
		t.Errorf("%d commands, expecting %q and %q", len(heard), heard[0].Header.Get("Aerie-Expected-Seq"), heard[1].Header.Get("Aerie-Expected-Seq"))
	}
}

// compact writes JSON with its names in order.
func compact(t *testing.T, data []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	out, _ := json.Marshal(v)
	return string(out)
}
