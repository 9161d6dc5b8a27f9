package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMain lets the control planes of these tests start the program for Helm charts that make build makes.
func TestMain(m *testing.M) {
	if helm, err := filepath.Abs("../../bin/aerie-helm"); err == nil && os.Getenv("AERIE_HELM") == "" {
		_ = os.Setenv("AERIE_HELM", helm)
	}
	os.Exit(m.Run())
}
