package views

import (
	"bytes"
	"io"
	"os"
	"testing"
)

func TestOldSnapshotsThinOut(t *testing.T) {
	shelf, err := openSnapshotDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(io.Writer) error { return nil }
	for seq := uint64(1); seq <= 100; seq++ {
		if err := shelf.Write(snapshotHeader{Seq: seq}, nothing); err != nil {
			t.Fatal(err)
		}
	}
	all := shelf.All()
	if len(all) != keptSnapshots || all[len(all)-1] != 100 {
		t.Fatalf("kept: %v", all)
	}
	for i := range all[1:] {
		if gap := all[i+1] - all[i]; gap > 60 || i > 1 && gap > all[i]-all[i-1]+20 {
			t.Errorf("kept: %v", all)
		}
	}
}

// FuzzFacts reads anything: facts that are written again as they were, or an error.
func FuzzFacts(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 5, 6, 'A', 'c', 't', 'i', 'v', 'e', 0, 0, 3, 'a', '=', 'b'})
	f.Fuzz(func(t *testing.T, data []byte) {
		if read, err := readFacts(data); err == nil && (len(read.phase) > len(data) || len(read.labels) > len(data)) {
			t.Errorf("%q is read as %+v", data, read)
		}
	})
}

// FuzzSnapshot opens anything: without its checksum nothing of it is looked at.
func FuzzSnapshot(f *testing.F) {
	var whole bytes.Buffer
	if err := writeSnapshot(&whole, snapshotHeader{Code: "c", Seq: 1, Event: "e"}, func(w io.Writer) error { _, err := w.Write([]byte("state")); return err }); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add([]byte(snapshotMagic))
	shelf, err := openSnapshotDir(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(shelf.Path(1), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := shelf.Open(1); err == nil {
			_, _ = io.Copy(io.Discard, p.state)
			p.Close()
		}
	})
}
