package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNATSConfig prints a configuration, the same again from the key that it made, and no secret.
func TestNATSConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "callout.key")
	code, first, errs := runCLI(t.Context(), "", "auth", "nats-config", "--key-file", file)
	if code != 0 {
		t.Fatal(errs)
	}
	code, second, errs := runCLI(t.Context(), "", "auth", "nats-config", "--key-file", file)
	if code != 0 || second != first {
		t.Errorf("the second time: %s%s", second, errs)
	}
	seed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error("the key is for others too", info, err)
	}
	if !strings.HasPrefix(string(seed), "SA") || strings.Contains(first, strings.TrimSpace(string(seed))) || !strings.Contains(first, "auth_callout {") {
		t.Error(first)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := runCLI(t.Context(), "", "auth", "nats-config", "--key-file", file); code != 2 || !strings.Contains(errs, "chmod 600") {
		t.Error(code, errs)
	}
	if code, _, errs := runCLI(t.Context(), "", "auth", "nats-config"); code != 2 || !strings.Contains(errs, "--key-file") {
		t.Error(code, errs)
	}
	if code, _, errs := runCLI(t.Context(), "", "server", "--nats-callout-key", file, "--data-dir", t.TempDir()); code != 2 || !strings.Contains(errs, "--nats-url") {
		t.Error(code, errs)
	}
}
