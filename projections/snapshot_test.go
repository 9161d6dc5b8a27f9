package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

// shooting is a life of which snapshots are written.
func shooting(t *testing.T, seed uint64) *life {
	l := newLife(t, seed)
	l.views.metrics = l.http.Metrics
	var err error
	if l.views.shelf, err = openShelf(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *life) shoot() {
	l.t.Helper()
	if err := l.views.shoot(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

// again starts a read side of the same log anew, with the snapshots there are.
func (l *life) again() *system {
	l.t.Helper()
	s := *l.system
	s.fold = state.NewLive()
	s.views = New(s.fold, s.log)
	counts := NewMetrics(s.fold, s.log.Last)
	if err := s.views.Restore(l.t.Context(), ReadAhead(l.views.shelf.dir), counts); err != nil {
		l.t.Fatal(err)
	}
	s.http = newServer(Config{Views: s.views, Kinds: events.Builtin, Metrics: counts, Token: token, Version: "test", Done: s.done, Ready: func() error { return nil }})
	var following sync.WaitGroup
	following.Go(func() { _ = s.fold.Follow(l.t.Context(), s.log) })
	l.t.Cleanup(following.Wait)
	if err := s.views.Await(l.t.Context(), l.views.AsOf().Seq); err != nil {
		l.t.Fatal(err)
	}
	return &s
}

func TestAStartFromASnapshotReadsTheSame(t *testing.T) {
	l := shooting(t, 3)
	for i := range 400 {
		l.step()
		if i%100 == 50 {
			l.shoot()
		}
	}
	s := l.again()
	if a, b := l.system.counted(), s.counted(); a != b {
		t.Errorf("counted:\n%s\nwithout a snapshot:\n%s", b, a)
	}
	if s.views.shot == 0 || len(s.views.shelf.all()) != 4 {
		t.Fatalf("no snapshot was used: %d of %v", s.views.shot, s.views.shelf.all())
	}
	for range 500 {
		was := l.tell(l.question())
		if now := s.ask("GET", strings.TrimSuffix(was.question, "?x"), ""); now.StatusCode != was.status || now.body != was.body {
			t.Fatalf("GET %s\n%d %s\nwithout a snapshot\n%d %s", was.question, now.StatusCode, now.body, was.status, was.body)
		}
	}
	for range 100 { // of the past, from the nearest snapshot
		question := strings.Replace(l.question(), "?x", "?", 1) + "&at=" + fmt.Sprint(l.chance.IntN(int(l.views.AsOf().Seq)))
		question = strings.Replace(question, "?&", "?", 1)
		a, b := l.ask("GET", question, ""), s.ask("GET", question, "")
		if a.body != b.body {
			t.Fatalf("GET %s\n%s\nand\n%s", question, a.body, b.body)
		}
	}
}

// counted are the program's figures, in order.
func (s *system) counted() string {
	lines := strings.Split(s.ask("GET", "/metrics", "").body, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// logged is what the program's log says meanwhile.
func logged(t *testing.T, do func()) string {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer slog.SetDefault(before)
	do()
	return out.String()
}

// unused starts anew and asserts that no snapshot was used, and that it is said why.
func (l *life) unused(why string) {
	l.t.Helper()
	var s *system
	said := logged(l.t.(*testing.T), func() { s = l.again() })
	if s.views.shot != 0 || !strings.Contains(said, "snapshot not used") || !strings.Contains(said, why) {
		l.t.Errorf("used up to %d; said %q, want %q", s.views.shot, said, why)
	}
}

func TestASnapshotThatIsDamagedIsNotUsed(t *testing.T) {
	l := shooting(t, 4)
	for range 30 {
		l.step()
	}
	l.shoot()
	path := l.views.shelf.path(l.views.shot)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole { // any byte
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := l.views.shelf.read(l.views.shot, true); err == nil {
			t.Fatalf("byte %d of %d is another one, and it was read: %d", at, len(whole), s.world.Seq)
		}
		if err := os.WriteFile(path, whole[:at], 0o600); err != nil { // any length
			t.Fatal(err)
		}
		if _, err := l.views.shelf.read(l.views.shot, true); err == nil {
			t.Fatalf("it ends at byte %d of %d, and it was read", at, len(whole))
		}
	}
	l.unused("damaged")
}

func TestASnapshotOfAnotherProgramOrLogIsNotUsed(t *testing.T) {
	l := shooting(t, 5)
	for range 30 {
		l.step()
	}
	l.shoot()
	seq := l.views.shot
	own, err := l.views.shelf.open(seq)
	if err != nil {
		t.Fatal(err)
	}
	own.close()
	state := l.views.keep().write
	for _, other := range []struct {
		label
		why string
	}{
		{label{"another", seq, own.Event}, "another version"},
		{label{own.Code, seq, "another"}, "another log"},
		{label{own.Code, seq + 1000, own.Event}, "EOF"},
	} {
		if err := os.Remove(l.views.shelf.path(seq)); err != nil && other.Seq == seq {
			t.Fatal(err)
		}
		if err := l.views.shelf.write(other.label, state); err != nil {
			t.Fatal(err)
		}
		l.unused(other.why)
	}
	l.shoot()
	if s := l.again(); s.views.shot != seq {
		t.Errorf("the one before those that can't be used: %d", s.views.shot)
	}
}

var errFull = errors.New("the disk is full")

// TestAKillWhileASnapshotIsWrittenLeavesTheOneBefore writes only so many bytes.
func TestAKillWhileASnapshotIsWrittenLeavesTheOneBefore(t *testing.T) {
	l := shooting(t, 6)
	for range 30 {
		l.step()
	}
	l.shoot()
	before := l.views.shot
	l.step()
	state := l.views.keep()
	var whole bytes.Buffer
	if err := writeSnapshot(&whole, label{Seq: state.world.Seq}, state.write); err != nil {
		t.Fatal(err)
	}
	dir := l.views.shelf.dir
	for size := 0; size < whole.Len(); size += 7 {
		left := filepath.Join(dir, fmt.Sprintf("%020d%s%s", state.world.Seq, snapshotEnd, unfinished))
		if err := os.WriteFile(left, whole.Bytes()[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		shelf, err := openShelf(dir)
		if err != nil || !slices.Equal(shelf.all(), []uint64{before}) {
			t.Fatalf("after a kill at byte %d: %v %v", size, shelf.all(), err)
		}
	}
	if s := l.again(); s.views.shot != before {
		t.Errorf("want the one before, got %d", s.views.shot)
	}
	err := l.views.shelf.write(label{Seq: state.world.Seq}, func(io.Writer) error { return errFull })
	if files, _ := os.ReadDir(dir); !errors.Is(err, errFull) || len(files) != 1 {
		t.Errorf("a disk that is full: %v, %v", err, files)
	}
}

func TestOldSnapshotsThinOut(t *testing.T) {
	shelf, err := openShelf(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(io.Writer) error { return nil }
	for seq := uint64(1); seq <= 100; seq++ {
		if err := shelf.write(label{Seq: seq}, nothing); err != nil {
			t.Fatal(err)
		}
	}
	all := shelf.all()
	if len(all) != shelved || all[len(all)-1] != 100 {
		t.Fatalf("kept: %v", all)
	}
	for i := range all[1:] {
		if gap := all[i+1] - all[i]; gap > 60 || i > 1 && gap > all[i]-all[i-1]+20 {
			t.Errorf("kept: %v", all)
		}
	}
}

func TestTheEndOfTheProgramLeavesASnapshotOfAllThatIsNew(t *testing.T) {
	l := shooting(t, 7)
	for _, often := range []uint64{5, 1 << 40} {
		l.views.shotEvery, l.views.shotAtEnd = often, 1
		ctx, stop := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() { l.views.Snapshots(ctx) })
		for range 20 {
			l.step()
		}
		stop()
		writing.Wait()
		if all := l.views.shelf.all(); len(all) == 0 || all[len(all)-1] != l.views.AsOf().Seq {
			t.Errorf("one every %d events, and at the end: %v of %d", often, all, l.views.AsOf().Seq)
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
	if err := writeSnapshot(&whole, label{Code: "c", Seq: 1, Event: "e"}, func(w io.Writer) error { _, err := w.Write([]byte("state")); return err }); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add([]byte(snapshotMagic))
	shelf, err := openShelf(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(shelf.path(1), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := shelf.open(1); err == nil {
			_, _ = io.Copy(io.Discard, p.state)
			p.close()
		}
	})
}
