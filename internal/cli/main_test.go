package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestMain lets the control planes of these tests start the program for Helm charts that make build makes.
func TestMain(m *testing.M) {
	if helm, err := filepath.Abs("../../bin/aerie-helm"); err == nil && os.Getenv("AERIE_HELM") == "" {
		_ = os.Setenv("AERIE_HELM", helm)
	}
	if _, err := os.Stat(os.Getenv("AERIE_HELM")); err != nil {
		fmt.Fprintf(os.Stderr, "these tests install charts: %v: run make build, or set AERIE_HELM\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
