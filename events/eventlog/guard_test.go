package eventlog_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

func mustSay(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("want %q in: %v", w, err)
		}
	}
}

// filled makes a data directory with 200 events, and copies what would be on
// disk had the process been killed before it stopped.
func filled(t *testing.T) (stopped, killed string, all []events.Recorded) {
	t.Helper()
	p := open(t)
	for i := range 40 {
		d := decision(change(prod, uint64(len(all)), noted{i, strings.Repeat("x", 300)}, noted{}, noted{}, noted{}, noted{}))
		all = append(all, p.append(t, d)...)
	}
	killed = filepath.Join(t.TempDir(), "killed")
	if err := os.CopyFS(killed, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	p.stop()
	return p.dir, killed, all
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// find is the one file of a name pattern in the log's store.
func find(t *testing.T, dir, pattern string) string {
	t.Helper()
	var found string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, filepath.Base(path)); ok && strings.Contains(path, "AERIE_EVENTS") {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("no %s in %s: %v", pattern, dir, err)
	}
	return found
}

func TestRestart(t *testing.T) {
	stopped, killed, want := filled(t)
	for name, dir := range map[string]string{"stopped": stopped, "killed": killed} {
		t.Run(name, func(t *testing.T) {
			p, err := start(t, dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, p.log, 0, 200); !reflect.DeepEqual(got, want) {
				t.Error("the log is another after the restart")
			}
			if got := read(t, p.log, 195, 200); len(got) != 5 || got[0].Seq != 196 {
				t.Errorf("the tail after 195: %+v", got)
			}
			p.append(t, decision(change(prod, 200, noted{})))
		})
	}
}

// edit changes a file.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamage spoils a store and starts on it. nats-server itself would start.
func TestDamage(t *testing.T) {
	stopped, killed, _ := filled(t)
	half := func(b []byte) []byte { return b[:len(b)/2] }
	garbage := func([]byte) []byte { return []byte("garbage") }
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"block removed": func(t *testing.T, dir string) { _ = os.Remove(find(t, dir, "1.blk")) },
		"block halved":  func(t *testing.T, dir string) { edit(t, find(t, dir, "1.blk"), half) },
		"block and index halved": func(t *testing.T, dir string) {
			edit(t, find(t, dir, "1.blk"), half)
			_ = os.RemoveAll(filepath.Join(filepath.Dir(find(t, dir, "1.blk")), "index.db"))
		},
		"block emptied":    func(t *testing.T, dir string) { edit(t, find(t, dir, "1.blk"), func([]byte) []byte { return nil }) },
		"meta.inf garbage": func(t *testing.T, dir string) { edit(t, find(t, dir, "meta.inf"), garbage) },
		"meta.sum garbage": func(t *testing.T, dir string) { edit(t, find(t, dir, "meta.sum"), garbage) },
		"meta.inf removed": func(t *testing.T, dir string) { _ = os.Remove(find(t, dir, "meta.inf")) },
		"store removed":    func(t *testing.T, dir string) { _ = os.RemoveAll(filepath.Join(dir, "jetstream")) },
	} {
		for at, dir := range map[string]string{"stopped": stopped, "killed": killed} {
			t.Run(name+"/"+at, func(t *testing.T) {
				dir := copied(t, dir)
				spoil(t, dir)
				for range 2 { // the second start finds what the first left
					p, err := start(t, dir)
					mustSay(t, err, dir, "is damaged", "200 were acknowledged", "restore a backup", "--data-dir")
					p.stop()
				}
			})
		}
	}
}

// TestFlippedByte flips single bits of the store: each is noticed before
// nats-server is started, and nothing is changed.
func TestFlippedByte(t *testing.T) {
	stopped, _, _ := filled(t)
	path := find(t, stopped, "1.blk")
	blk, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body, middle := bytes.Index(blk, []byte("xxxx")), len(blk)/2
	places := map[string]int{
		"length": 1, "sequence": 6, "time": 13, "subject length": 20, "subject": bytes.Index(blk, []byte("aerie.evt")) + 12,
		"header": bytes.Index(blk, []byte("admin")), "header length": middle + bytes.Index(blk[middle:], []byte("NATS/1.0")) - 4,
		"body": body, "middle": middle, "last body": bytes.LastIndex(blk, []byte("xxxx")), "last": len(blk) - 1,
	}
	for i := range 500 {
		places[fmt.Sprint("anywhere ", i)] = rand.IntN(len(blk))
	}
	for name, pos := range places {
		spoilt := bytes.Clone(blk)
		spoilt[pos] ^= 1 << rand.IntN(8)
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err = filestore.Open(stopped); err == nil {
			t.Fatalf("%s: byte %d of %d: nobody noticed", name, pos, len(blk))
		}
		mustSay(t, err, "is damaged", "200 were acknowledged", "1.blk", "restore a backup", "--data-dir")
	}
	if err := os.WriteFile(path, blk, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := start(t, stopped); err != nil {
		t.Error("mended:", err)
	}
}

// TestTornEnd cuts the store within what was never acknowledged: after a power
// failure that is no damage.
func TestTornEnd(t *testing.T) {
	_, killed, _ := filled(t)
	path := find(t, killed, "1.blk")
	blk, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string][]byte{"half a record": blk[:100], "a record once more": blk[:700], "zeros": make([]byte, 500)} {
		dir := copied(t, killed)
		if err := os.WriteFile(find(t, dir, "1.blk"), append(bytes.Clone(blk), end...), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := start(t, dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := read(t, p.log, 0, 200); len(got) != 200 {
			t.Errorf("%s: %d events", name, len(got))
		}
		p.append(t, decision(change(prod, 200, noted{})))
		p.stop()
	}
}

// TestBlocks fills more than one block, so that their order is looked at.
func TestBlocks(t *testing.T) {
	p := open(t)
	big := noted{1, strings.Repeat("y", 900_000)}
	for i := range uint64(20) {
		p.append(t, decision(change(prod, i, big)))
	}
	p.stop()
	find(t, p.dir, "2.blk")
	g, err := filestore.Open(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Release(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(find(t, p.dir, "1.blk")); err != nil {
		t.Fatal(err)
	}
	_, err = filestore.Open(p.dir)
	mustSay(t, err, "event 1 is not there", "after event 0 comes", "2.blk")
}

// TestBlocksThatWereLookedAt flips bits in a block that an earlier start found whole,
// and in what it wrote down of it.
func TestBlocksThatWereLookedAt(t *testing.T) {
	p := open(t)
	for i := range uint64(20) {
		p.append(t, decision(change(prod, i, noted{1, strings.Repeat("y", 900_000)})))
	}
	p.stop()
	look := func() error {
		g, err := filestore.Open(p.dir)
		if err != nil {
			return err
		}
		return g.Release()
	}
	if err := look(); err != nil {
		t.Fatal(err)
	}
	first := find(t, p.dir, "1.blk")
	blk, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		at := rand.IntN(len(blk))
		blk[at] ^= 1
		if err := os.WriteFile(first, blk, 0o600); err != nil {
			t.Fatal(err)
		}
		mustSay(t, look(), "is damaged", "1.blk")
		blk[at] ^= 1
	}
	if err := os.WriteFile(first, blk, 0o600); err != nil {
		t.Fatal(err)
	}
	notes := filepath.Join(p.dir, "blocks")
	for name, spoil := range map[string]func([]byte) []byte{
		"as it was": func(b []byte) []byte { return b },
		"halved":    func(b []byte) []byte { return b[:len(b)/2] },
		"another":   func(b []byte) []byte { return bytes.Replace(b, []byte(`"last":`), []byte(`"last":9`), 1) },
		"empty":     func([]byte) []byte { return nil },
	} {
		data, err := os.ReadFile(notes)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(notes, spoil(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := look(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(notes); err != nil {
		t.Fatal(err)
	}
	if err := look(); err != nil {
		t.Error(err)
	}
}
