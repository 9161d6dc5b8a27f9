package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemdUnit has systemd read the unit: it says nothing of a unit that it understands whole.
func TestSystemdUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd here")
	}
	unit, err := os.ReadFile("../../deploy/systemd/aerie.service")
	if err != nil {
		t.Fatal(err)
	}
	const installed = "/usr/local/bin/aerie"
	if !strings.Contains(string(unit), "ExecStart="+installed+" server\n") {
		t.Fatalf("it does not start %s:\n%s", installed, unit)
	}
	file := filepath.Join(t.TempDir(), "aerie.service")
	overwrite(t, file, strings.ReplaceAll(string(unit), installed, program))
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
