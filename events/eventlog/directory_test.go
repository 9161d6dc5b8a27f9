package eventlog_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

func TestDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	g, err := filestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = filestore.Open(dir)
	mustSay(t, err, dir, "another aerie uses it", "--data-dir")
	if err := g.Release(); err != nil {
		t.Fatal(err)
	}
	g, err = filestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryNotWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/aerie"} {
		_, err := filestore.Open(dir)
		mustSay(t, err, dir, "make it writable", "--data-dir")
	}
}

func TestDirectoryIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	g, err := filestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.Release() }()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
}

func TestMark(t *testing.T) {
	dir := t.TempDir()
	g, err := filestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{7, 12, 9} {
		if err := g.Advance(seq); err != nil {
			t.Fatal(err)
		}
	}
	// Read by another process while this one is killed: no Release.
	data, err := os.ReadFile(filepath.Join(dir, "mark"))
	if err != nil || string(data) != "00000000000000000012\n" {
		t.Errorf("%q, %v", data, err)
	}
	if err := g.Release(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"12\n", "0000000000000000001x\n", "\x00\x00\x00"} {
		if err := os.WriteFile(filepath.Join(dir, "mark"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = filestore.Open(dir)
		mustSay(t, err, "mark is damaged", "restore a backup")
	}
}
