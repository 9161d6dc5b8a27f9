package snapshot

import (
	"bytes"
	"io"
	"os"
	"testing"
)

func TestOldSnapshotsThinOut(t *testing.T) {
	dir, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(io.Writer) error { return nil }
	for seq := uint64(1); seq <= 100; seq++ {
		if err := dir.Write(Header{Seq: seq}, nothing); err != nil {
			t.Fatal(err)
		}
	}
	all := dir.All()
	if len(all) != kept || all[len(all)-1] != 100 {
		t.Fatalf("kept: %v", all)
	}
	for i := range all[1:] {
		if gap := all[i+1] - all[i]; gap > 60 || i > 1 && gap > all[i]-all[i-1]+20 {
			t.Errorf("kept: %v", all)
		}
	}
}

// FuzzSnapshot opens anything: without its checksum nothing of it is looked at.
func FuzzSnapshot(f *testing.F) {
	var whole bytes.Buffer
	if err := Encode(&whole, Header{Code: "c", Seq: 1, Event: "e"}, func(w io.Writer) error { _, err := w.Write([]byte("state")); return err }); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add([]byte(magicLine))
	dir, err := Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(dir.Path(1), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := dir.Read(1); err == nil {
			_, _ = io.Copy(io.Discard, p.State)
			p.Close()
		}
	})
}
