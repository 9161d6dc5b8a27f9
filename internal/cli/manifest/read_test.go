package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A directory that is a mounted ConfigMap has each file three times: the file, and two links on the way to it. It is read
// once, by way of the directory, of a link to it, and of the link that is renewed.
func TestMountedDirectories(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "config", "..2026_11_29")
	must(t, os.MkdirAll(data, 0o700))
	must(t, os.MkdirAll(filepath.Join(dir, "config", "deep.yaml"), 0o700))
	must(t, os.WriteFile(filepath.Join(data, "a.yaml"), []byte("a"), 0o600))
	must(t, os.WriteFile(filepath.Join(data, "b.yml"), []byte("b"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "config", "deep.yaml", "c.yaml"), []byte("c"), 0o600))
	for link, to := range map[string]string{"config/..data": "..2026_11_29", "config/a.yaml": "..data/a.yaml", "config/b.yml": "..data/b.yml", "config/c.yaml": "a.yaml", "link": "config"} {
		must(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	for path, want := range map[string]string{
		"config":        "config/a.yaml config/b.yml config/deep.yaml/c.yaml",
		"link":          "link/a.yaml link/b.yml link/deep.yaml/c.yaml",
		"config/..data": "config/..data/a.yaml config/..data/b.yml",
	} {
		files, err := filesOf(filepath.Join(dir, path))
		if got := strings.ReplaceAll(strings.Join(files, " "), dir+"/", ""); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", path, got, err, want)
		}
	}
	must(t, os.Symlink("nowhere", filepath.Join(dir, "config", "x.yaml")))
	if _, err := filesOf(filepath.Join(dir, "config")); err == nil || !strings.Contains(err.Error(), "x.yaml") {
		t.Errorf("a link that leads nowhere: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
