package script

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What was written, replaced or taken away before a look is seen by it, whether the directory was long still or has just
// changed, and then even if its time of change does not show it.
func TestALookSeesWhatWasWrittenBefore(t *testing.T) {
	start := time.Now()
	for _, old := range []time.Duration{0, time.Hour} {
		dir := t.TempDir()
		var read []string
		note := func(data []byte) error {
			read = append(read, string(data))
			if string(data) == "broken" {
				return errors.New("broken")
			}
			return nil
		}
		files := Watch(dir, slog.New(slog.DiscardHandler), File{Name: "a.json", Read: note}, File{Name: "b.json", Read: note})
		changed := func() { at := start.Add(-old); must(t, os.Chtimes(dir, at, at)) }
		a, b := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
		for _, do := range []func() error{
			func() error { return os.WriteFile(a, []byte("1"), 0o600) },
			func() error { return os.WriteFile(a, []byte("22"), 0o600) },
			func() error { return os.WriteFile(b, []byte("broken"), 0o600) },
			func() error { return os.Remove(a) },
			func() error { return files.Done("b.json") },
			func() error { return os.WriteFile(b, []byte("333"), 0o600) },
		} {
			changed()
			files.Look()
			files.Look()
			must(t, do())
			if old == 0 {
				changed()
			}
			files.Look()
		}
		if want := []string{"1", "22", "broken", "", "", "333"}; !slices.Equal(read, want) {
			t.Errorf("changed %v before: read %q, want %q", old, read, want)
		}
		if _, err := os.Stat(filepath.Join(dir, "b.done.json")); err != nil {
			t.Error(err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
