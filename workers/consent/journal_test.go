package consent

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A day that fills more files than are kept goes on in the next one: what is written is behind what was written before.
func TestADayOfManyFiles(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	j := &journal{dir: t.TempDir(), now: func() time.Time { return at }}
	file := func(n int) string { return filepath.Join(j.dir, fmt.Sprintf("2026-11-29.%03d.jsonl", n)) }
	for n := 5; n < 5+keepFiles; n++ { // those before are gone already
		if err := os.WriteFile(file(n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newest := 5 + keepFiles - 1
	if err := os.Truncate(file(newest), fileBytes); err != nil {
		t.Fatal(err)
	}
	j.add(Line{What: "begun"})
	j.add(Line{What: "done"})
	if data, err := os.ReadFile(file(newest + 1)); err != nil || len(data) == 0 {
		t.Errorf("the lines are not there: %q %v", data, err)
	}
	for _, gone := range []int{0, 5} {
		if _, err := os.Stat(file(gone)); err == nil {
			t.Errorf("file %d is there", gone)
		}
	}
}
