package process

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/internal/client"
)

// TestDemo runs the demo of both offers and reads its last output.
func TestDemo(t *testing.T) {
	for _, offer := range []string{"shared", "dedicated"} {
		t.Run(offer, func(t *testing.T) {
			s := finish(aerie(t.Context(), "demo", "../../deploy/offers/"+offer, "--exit", "--timeout", "2m"))
			if s.code != 0 {
				t.Fatalf("%+v", s)
			}
			end := s.out[strings.Index(s.out, "\nOWNER"):]
			shape := regexp.MustCompile(`(?s)^\nOWNER +NAME +PLAN.*\n\nOWNER +NAME +CHART +VERSION +MANIFESTS.*\n\nhttp: http://\S+\nnats: nats://\S+\ndata: (\S+)\n\n\S.* describe tenant .*\n\S.* tail .*\ncurl -H 'Authorization: Bearer \S+' \S+\n$`)
			m := shape.FindStringSubmatch(end)
			if m == nil {
				t.Fatalf("the end is\n%s", end)
			}
			if n := strings.Count(end, " Active "); n < 5 {
				t.Errorf("%d tenants are Active", n)
			}
			if strings.Contains(end, "Failed") || strings.Count(end, " Deployed ") < 5 {
				t.Errorf("not all is as wanted:\n%s", end)
			}
			if _, err := os.Stat(m[1]); !os.IsNotExist(err) {
				t.Errorf("%s is still there: %v", m[1], err)
			}
		})
	}
}

// A demo that can't come up says why and is no success.
func TestDemoThatFails(t *testing.T) {
	dir := t.TempDir()
	overwrite(t, filepath.Join(dir, "a.yaml"), "kind: account\nname: main\nspec: {cloud: sim, number: \"1\"}\n---\nkind: dataplane\nname: moon\nspec: {account: main, region: moon}\n")
	s := finish(aerie(t.Context(), "demo", dir, "--exit"))
	if s.code != 1 || !strings.Contains(s.err, "config_problem") || !strings.Contains(s.err, "moon") {
		t.Errorf("%+v", s)
	}
}

// TestHugeManifest gives the real program ten megabytes.
func TestHugeManifest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "huge.yaml")
	overwrite(t, file, "kind: customer\nname: acme\nspec:\n  displayName: "+string(bytes.Repeat([]byte("x"), 10<<20))+"\n")
	s := finish(aerie(t.Context(), "apply", "-f", file, "--api-url", "http://127.0.0.1:1", "--token", "t"))
	if s.code != client.ExitInvalid || !strings.Contains(s.err, "more than 4 MiB") {
		t.Errorf("%d %.300s", s.code, s.err)
	}
}
