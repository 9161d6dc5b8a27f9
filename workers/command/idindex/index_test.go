package idindex

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// step is how many events a segment of the test's log has; every second one has an id.
const step = 300

func eventAt(seq uint64) string { return fmt.Sprintf("event %d", seq) }

func idAt(seq uint64) string { return fmt.Sprintf("id %d", seq) }

// extend adds the next events of the test's log.
func extend(t *testing.T, x *Index, events uint64) {
	t.Helper()
	from, _ := x.Covers()
	var some []Entry
	for seq := from + 1; seq <= from+events; seq++ {
		if seq%2 == 0 {
			some = append(some, EntryOf(idAt(seq), seq))
		}
	}
	if err := x.Extend(from+events, eventAt(from+events), some); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *Index {
	t.Helper()
	x, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

// check holds the index against the test's log: what it covers it knows, and nothing else.
func check(t *testing.T, x *Index) {
	t.Helper()
	covers, event := x.Covers()
	if covers > 0 && event != eventAt(covers) {
		t.Errorf("it covers %d events, the last one %q", covers, event)
	}
	for seq := uint64(1); seq <= covers+10; seq++ {
		var want []uint64
		if seq <= covers && seq%2 == 0 {
			want = []uint64{seq}
		}
		if got, upTo, err := x.Find(idAt(seq)); err != nil || upTo != covers || !slices.Equal(got, want) {
			t.Fatalf("%s: %v up to %d, %v; want %v up to %d", idAt(seq), got, upTo, err, want, covers)
		}
	}
}

// TestFind finds each id and no other, however many segments there are, after it was
// opened again too; and there are few of them.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	check(t, x)
	for range 21 {
		extend(t, x, step)
	}
	extend(t, x, 1)
	check(t, x)
	if n := len(x.segments); n > 5 {
		t.Errorf("%d segments of 22", n)
	}
	again := open(t, dir)
	check(t, again)
	if covers, _ := again.Covers(); covers != 21*step+1 {
		t.Errorf("it covers %d", covers)
	}
	extend(t, again, step)
	check(t, again)
}

// TestAnIdTwice is found at both places, the older first.
func TestAnIdTwice(t *testing.T) {
	x := open(t, t.TempDir())
	if err := x.Extend(10, "a", []Entry{EntryOf("one", 7), EntryOf("one", 3)}); err != nil {
		t.Fatal(err)
	}
	if got, _, err := x.Find("one"); err != nil || !slices.Equal(got, []uint64{3, 7}) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestLookingReadsFewPages: a thousand times as many ids cost a few more pages.
func TestLookingReadsFewPages(t *testing.T) {
	x := open(t, t.TempDir())
	var all []Entry
	for seq := range uint64(1_000_000) {
		all = append(all, Entry{rand.Uint64(), seq})
	}
	if err := x.Extend(1_000_000, "last", all); err != nil {
		t.Fatal(err)
	}
	reads := 0
	pageRead = func() { reads++ }
	t.Cleanup(func() { pageRead = func() {} })
	for _, id := range []string{"a", "b", "c", "d"} {
		if _, _, err := x.Find(id); err != nil {
			t.Fatal(err)
		}
	}
	if reads > 4*15 {
		t.Errorf("four looks at 3,922 pages read %d", reads)
	}
}

// TestKilledAtAnyByte: whatever of its files a kill has left, whole or a part of the
// newest or of the one that was to take the place of others, the index knows a beginning
// of the log, all of it and nothing else, and goes on from there.
func TestKilledAtAnyByte(t *testing.T) {
	before, after := t.TempDir(), t.TempDir()
	x := open(t, before)
	extend(t, x, step)
	extend(t, x, step/3)
	if err := os.CopyFS(after, os.DirFS(before)); err != nil {
		t.Fatal(err)
	}
	extend(t, open(t, after), step) // and makes one segment of all
	files, err := os.ReadDir(after)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	name := files[0].Name()
	whole, err := os.ReadFile(filepath.Join(after, name))
	if err != nil {
		t.Fatal(err)
	}
	for size := 0; size <= len(whole); size += entryLen {
		for _, as := range []string{name, name + unfinished} {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(before)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, as), whole[:size], 0o600); err != nil {
				t.Fatal(err)
			}
			x := open(t, dir)
			want := uint64(step + step/3)
			if as == name && size == len(whole) {
				want += step
			}
			if covers, _ := x.Covers(); covers != want {
				t.Fatalf("%d bytes of %s: it covers %d, want %d", size, as, covers, want)
			}
			if size%(64*entryLen) == 0 || size > len(whole)-2*entryLen {
				check(t, x)
				extend(t, x, step)
				check(t, x)
			}
			_ = x.Close()
		}
	}
}

// TestDamage: of a file that was changed anywhere, each look is right or an error; and
// after Clear it begins anew.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	extend(t, x, step)
	path := x.end().file.Name()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for at := range whole {
		damaged := slices.Clone(whole)
		damaged[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		seq := uint64(2 + 2*rand.IntN(step/2))
		got, _, err := x.Find(idAt(seq))
		if err == nil && !slices.Equal(got, []uint64{seq}) {
			t.Fatalf("byte %d is another: %s is at %v", at, idAt(seq), got)
		}
		if err != nil {
			noticed++
		}
	}
	if noticed == 0 {
		t.Error("no damage was noticed")
	}
	if err := x.Clear(); err != nil {
		t.Fatal(err)
	}
	check(t, x)
	extend(t, x, step)
	check(t, x)
}

// TestAFileInAnothersPlace is removed, and so is what comes after a gap.
func TestAFileInAnothersPlace(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	extend(t, x, step)
	extend(t, x, step/3)
	if len(x.segments) != 2 {
		t.Fatal(len(x.segments))
	}
	if err := os.Remove(x.segments[0].file.Name()); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if covers, _ := again.Covers(); covers != 0 {
		t.Errorf("it covers %d", covers)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestShorten forgets the newest segment.
func TestShorten(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	extend(t, x, step)
	extend(t, x, step/3)
	if err := x.Shorten(); err != nil {
		t.Fatal(err)
	}
	check(t, x)
	if covers, _ := x.Covers(); covers != step {
		t.Errorf("it covers %d", covers)
	}
}
