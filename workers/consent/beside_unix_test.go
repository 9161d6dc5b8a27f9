//go:build unix

package consent

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// What root writes beside an agent belongs to the agent, which has a user of its own.
func TestRootWritesForTheAgent(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root writes for others")
	}
	const agent = 61234
	dir := t.TempDir()
	if err := os.Chown(dir, agent, agent); err != nil {
		t.Fatal(err)
	}
	if err := SetPaused(dir, "root", ""); err != nil { // before the agent ran
		t.Fatal(err)
	}
	if err := Continue(dir); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "another's")
	if err := os.WriteFile(elsewhere, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, pauseFile(dir)+".new"); err != nil {
		t.Fatal(err)
	}
	g := opened(t, dir, "approve: [create]")
	is(t, "asked", g.May(change(ev.EnsureNetwork{}, "n", 3, 1)), ev.Approval, "asked to approve")
	p, err := ReadPending(dir)
	if err != nil || len(p.Items) != 1 {
		t.Fatalf("pending: %+v %v", p, err)
	}
	if err := Say(dir, []string{p.Items[0].ID}, Approved, "root", ""); err != nil {
		t.Fatal(err)
	}
	if err := SetPaused(dir, "root", ""); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(dir, "consent"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if s, is := info.Sys().(*syscall.Stat_t); !is || s.Uid != agent || s.Gid != agent {
			t.Errorf("%s is not the agent's: %+v", path, info.Sys())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if there, err := os.ReadFile(elsewhere); err != nil || string(there) != "kept" {
		t.Errorf("through a link: %q %v", there, err)
	}
}
