package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

type entry struct{ N int }

func (e entry) AppendJSON(b []byte) ([]byte, error) { return fmt.Appendf(b, `{"N":%d}`, e.N), nil }

func (e entry) Check() error {
	if e.N <= 0 {
		return errors.New("no number")
	}
	return nil
}

// A file that was cut anywhere, as a kill does, is opened with the lines that were whole.
func TestATornLineIsCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	whole := "{\"N\":1}\n{\"N\":2}\n"
	for cut := range len(whole) + 1 {
		if err := os.WriteFile(path, []byte(whole[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := 0
		j, err := Open(path, func(e entry) { sum += e.N })
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(j.Append(true, entry{1}), j.Append(false, entry{2}), j.Close()); err != nil {
			t.Fatal(err)
		}
		want := map[bool]int{true: 1}[cut >= 8] + map[bool]int{true: 2}[cut >= 16]
		if sum != want {
			t.Errorf("cut at %d: %d, want %d", cut, sum, want)
		}
		sum = 0
		j, err = Open(path, func(e entry) { sum += e.N })
		if err != nil || sum != want+3 {
			t.Errorf("cut at %d, and one more: %d, %v", cut, sum, err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADamagedLineIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	for _, bad := range []string{"{\"N\":1}\n{\"N\":0}\n", "{\"N\":1}\n{N}\n"} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, func(entry) {}); err == nil {
			t.Errorf("%q was opened", bad)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != bad {
			t.Errorf("%q was changed to %q, %v", bad, data, err)
		}
	}
}
