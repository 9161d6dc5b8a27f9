package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemdUnit has systemd read the units: it says nothing of a unit that it understands whole.
func TestSystemdUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd here")
	}
	for unit, starts := range map[string]string{"systemd/aerie.service": " server\n", "agent/vm/aerie-agent.service": " agent run\n"} {
		said, err := os.ReadFile(filepath.Join("../../deploy", unit))
		if err != nil {
			t.Fatal(err)
		}
		const installed = "/usr/local/bin/aerie"
		if !strings.Contains(string(said), "ExecStart="+installed+starts) {
			t.Fatalf("it does not start %s:\n%s", installed, said)
		}
		file := filepath.Join(t.TempDir(), filepath.Base(unit))
		overwrite(t, file, strings.ReplaceAll(string(said), installed, program))
		if out, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %s", unit, err, out)
		}
	}
}
