package extra_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAClientMadeOfTheDocument has oapi-codegen make a Go client of the OpenAPI document, and the program apiclient make and
// read a customer with its typed calls.
func TestAClientMadeOfTheDocument(t *testing.T) {
	tool(t, "oapi-codegen")
	c := started(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("apiclient")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "api"), 0o700); err != nil {
		t.Fatal(err)
	}
	document := document(t, reader(t, c), "/openapi.json")
	run(t, "", "oapi-codegen", "-generate", "types,client", "-package", "api", "-o", filepath.Join(dir, "api", "api.go"), document)
	cmd := exec.CommandContext(t.Context(), "go", "run", ".", c.APIURL(), c.Token)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "acme provider map[tier:gold]" {
		t.Errorf("%v: %s", err, out)
	}
}
