package access

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What was read is in the file of its day within a second, for its owner alone; files are kept for a week, and have a bound.
func TestReadsAreKeptForAWeek(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "access")
	synctest.Test(t, func(t *testing.T) {
		l, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		l.most = 400
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { l.Run(ctx); close(ended) }()
		for range 10 {
			for range 5 {
				l.Note(Line{At: time.Now(), Actor: "token:01A", Route: "GET /v1/tenants/{owner}/{id}", Owner: "acme", Status: 200, Bytes: 7, TookMS: 1})
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			time.Sleep(24*time.Hour - 2*time.Second)
		}
		cancel()
		<-ended
	})
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Error(name, "may be read by others:", info.Mode(), err)
		}
		if len(data) > 600 {
			t.Errorf("%s has %d bytes", name, len(data))
		}
		for text := range strings.Lines(string(data)) {
			var line Line
			if err := json.Unmarshal([]byte(text), &line); err != nil || line.Actor != "token:01A" || line.Owner != "acme" || line.Status != 200 {
				t.Error(text, err)
			}
			seen[line.At.UTC().Format(time.DateOnly)]++
		}
	}
	if len(seen) != 8 { // today, and a week
		t.Errorf("%d days are kept: %v", len(seen), seen)
	}
	for day, n := range seen {
		if n != 5 {
			t.Errorf("%d lines of %s, want 5", n, day)
		}
	}
}
