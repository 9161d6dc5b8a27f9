package eventlog_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// usedDirectory makes a data directory that was used before, with a token.
func usedDirectory(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	take(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("a token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func take(t *testing.T, dir string) {
	t.Helper()
	g, err := filestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Release(); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func mustHave(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != mode {
		t.Errorf("%s: %v %v, want %o", path, info.Mode(), err, mode)
	}
}

// TestRightsAreSetRight opens to others what aerie made: the next start takes that back and
// says so. The group's rights stay.
func TestRightsAreSetRight(t *testing.T) {
	dir := usedDirectory(t)
	token, mark := filepath.Join(dir, "token"), filepath.Join(dir, "mark")
	chmod(t, dir, 0o777)
	chmod(t, token, 0o644)
	chmod(t, mark, 0o660)
	var said bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&said, nil)))
	defer slog.SetDefault(before)
	take(t, dir)
	mustHave(t, dir, 0o770)
	mustHave(t, token, 0o640)
	mustHave(t, mark, 0o660)
	for _, want := range []string{"path=" + dir + " was=777 is=770", "path=" + token + " was=644 is=640"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, said.String())
		}
	}
	if strings.Contains(said.String(), mark) {
		t.Errorf("the mark was no business of the log's:\n%s", said.String())
	}
}

// TestDirectoryThatOthersWrite refuses one that aerie did not make, but not a volume's
// mount point.
func TestDirectoryThatOthersWrite(t *testing.T) {
	dir := t.TempDir()
	chmod(t, dir, 0o777)
	_, err := filestore.Open(dir)
	mustSay(t, err, dir, "others may write it", "chmod o-w", "--data-dir")
	mustHave(t, dir, 0o777)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=777"); err != nil {
		t.Skip("nothing can be mounted here:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	take(t, dir)
	mustHave(t, dir, 0o777)
}

// TestDirectoryOfAnother refuses one that others may write and in which somebody else has
// put something.
func TestDirectoryOfAnother(t *testing.T) {
	dir := usedDirectory(t)
	if err := os.Chown(filepath.Join(dir, "token"), 12345, -1); err != nil {
		t.Skip("nothing can be given to another user here:", err)
	}
	chmod(t, dir, 0o777)
	_, err := filestore.Open(dir)
	mustSay(t, err, dir, "others may write it")
}

// TestTokenOfASecret leaves a link alone, and what it leads to.
func TestTokenOfASecret(t *testing.T) {
	dir := usedDirectory(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("a token\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(dir, "token")
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, token); err != nil {
		t.Fatal(err)
	}
	take(t, dir)
	mustHave(t, secret, 0o644)
}
