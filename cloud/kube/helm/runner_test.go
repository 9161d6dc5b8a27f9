package helm

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAProcessHasADirectoryOfItsOwn, wherever the server was told to keep such: it is gone when the process is.
func TestAProcessHasADirectoryOfItsOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	program, err := filepath.Abs("tells")
	if err != nil {
		t.Fatal(err)
	}
	tells := "#!/bin/sh\n" + `printf '{"failure":{"code":"invalid","message":"it is %s, at home in %s."}}' "$(pwd)" "$HOME"`
	if err := os.WriteFile(program, []byte(tells), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("helm", 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = NewRunner(program, "helm").Run(t.Context(), "acme", Request{Op: Ensure, Release: "web", Namespace: "acme--prod"})
	_, told, _ := strings.Cut(err.Error(), "it is ")
	in, home, _ := strings.Cut(strings.TrimSuffix(told, "."), ", at home in ")
	if in != home || filepath.Base(filepath.Dir(home)) != "helm" {
		t.Error("its directory:", err)
	}
	if left, err := os.ReadDir("helm"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestChartsAreFetchedByTheProxy: the one that the starter names goes before the environment's, and what that excepts stays so.
func TestChartsAreFetchedByTheProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://other.example:1")
	t.Setenv("NO_PROXY", ".corp.example")
	program := filepath.Join(t.TempDir(), "tells")
	tells := "#!/bin/sh\n" + `printf '{"failure":{"code":"invalid","message":"by %s but for %s."}}' "$HTTPS_PROXY" "$NO_PROXY"`
	if err := os.WriteFile(program, []byte(tells), 0o700); err != nil {
		t.Fatal(err)
	}
	r := NewRunner(program, t.TempDir())
	for _, proxy := range []string{"", "http://proxy.example:3128"} {
		r.GoBy(proxy)
		_, err := r.Run(t.Context(), "acme", Request{Op: Ensure, Release: "web", Namespace: "acme--prod"})
		if want := "by " + cmp.Or(proxy, "http://other.example:1") + " but for .corp.example."; !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
