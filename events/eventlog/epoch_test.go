package eventlog_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// A directory that was restored begins an epoch when the log is opened, once; who is killed before the stream has it begins it
// later, and others read it from the stream.
func TestARestoredLogBeginsAnEpoch(t *testing.T) {
	dir, killed, all := filled(t)
	epochIs := func(name, dir string, want uint64) {
		t.Helper()
		p, err := start(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		defer p.stop()
		last := all[len(all)-1].Seq
		if got := p.log.Epoch(); got != want || len(read(t, p.log, 0, last)) != len(all) {
			t.Errorf("%s: epoch %d, want %d", name, got, want)
		}
	}
	begin := func(dir string, at time.Time) uint64 {
		t.Helper()
		epoch, err := filestore.BeginEpoch(dir, at)
		if err != nil {
			t.Fatal(err)
		}
		return epoch
	}
	at := time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)
	epochIs("never restored", dir, 0)
	if first := begin(dir, at); first != 60 {
		t.Errorf("the epoch is %d", first)
	}
	epochIs("restored", dir, 60)
	epochIs("started again", dir, 60)
	if err := os.Remove(filepath.Join(dir, "epoch")); err != nil {
		t.Fatal(err)
	}
	epochIs("by the stream alone", dir, 60)
	if again := begin(killed, at); again != 60 {
		t.Errorf("the epoch of the copy is %d", again)
	}
	if again := begin(killed, at.Add(-time.Hour)); again != 61 { // a clock that was put back
		t.Errorf("the next epoch is %d", again)
	}
	epochIs("restored twice before it was started", killed, 61)
	if err := os.WriteFile(filepath.Join(dir, "epoch"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := start(t, dir)
	mustSay(t, err, "read the epoch", "restore it anew")
}
