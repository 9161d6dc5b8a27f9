package views_test

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
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/apitest"
	"github.com/aeriehq/aerie/projections/metrics"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
	"github.com/aeriehq/aerie/projections/views/snapshot"
)

// shooting is a life of which snapshots are written.
func shooting(t *testing.T, seed uint64) *apitest.Life {
	l := newLife(t, seed)
	if err := l.Views.Restore(t.Context(), views.PreloadSnapshot(t.TempDir()), l.Config.Metrics.Counters()); err != nil {
		t.Fatal(err)
	}
	return l
}

func shoot(l *apitest.Life) {
	l.T.Helper()
	if err := l.Views.TakeSnapshot(l.T.Context()); err != nil {
		l.T.Fatal(err)
	}
}

// again starts a read side of the same log anew, with the snapshots there are.
func again(l *apitest.Life) *apitest.System {
	l.T.Helper()
	s := *l.System
	s.Fold = state.NewLive()
	s.Views = views.New(s.Fold, s.Log)
	s.Views.SetNow(func() time.Time { return l.Tick.Add(-time.Minute) })
	counts := metrics.New(s.Fold, s.Log.Last)
	if err := s.Views.Restore(l.T.Context(), views.PreloadSnapshot(filepath.Dir(l.Views.SnapshotDir().Path(0))), counts.Counters()); err != nil {
		l.T.Fatal(err)
	}
	s.Fanout = api.NewFanout(s.Fold)
	s.HTTP = api.NewHandler(api.Config{Views: s.Views, Kinds: events.Builtin, Metrics: counts, Fanout: s.Fanout, Token: apitest.Token, Version: "test", Done: s.Done, Ready: func() error { return nil }})
	var following sync.WaitGroup
	following.Go(func() { _ = s.Fold.Follow(l.T.Context(), s.Log) })
	l.T.Cleanup(following.Wait)
	if err := s.Views.Await(l.T.Context(), l.Views.AsOf().Seq); err != nil {
		l.T.Fatal(err)
	}
	return &s
}

func TestAStartFromASnapshotReadsTheSame(t *testing.T) {
	l := shooting(t, 3)
	for i := range 400 {
		l.Step()
		if i%100 == 50 {
			shoot(l)
		}
	}
	s := again(l)
	if a, b := counted(l.System), counted(s); a != b {
		t.Errorf("counted:\n%s\nwithout a snapshot:\n%s", b, a)
	}
	if s.Views.SnapshotSeq() == 0 || len(s.Views.SnapshotDir().All()) != 4 {
		t.Fatalf("no snapshot was used: %d of %v", s.Views.SnapshotSeq(), s.Views.SnapshotDir().All())
	}
	for range 500 {
		was := l.Tell(l.Question())
		if now := s.Ask("GET", strings.TrimSuffix(was.Question, "?x"), ""); now.StatusCode != was.Status || now.Body != was.Body {
			t.Fatalf("GET %s\n%d %s\nwithout a snapshot\n%d %s", was.Question, now.StatusCode, now.Body, was.Status, was.Body)
		}
	}
	for range 100 { // of the past, from the nearest snapshot
		question := strings.Replace(l.Question(), "?x", "?", 1) + "&at=" + fmt.Sprint(l.Chance.IntN(int(l.Views.AsOf().Seq)))
		question = strings.Replace(question, "?&", "?", 1)
		a, b := l.Ask("GET", question, ""), s.Ask("GET", question, "")
		if a.Body != b.Body {
			t.Fatalf("GET %s\n%s\nand\n%s", question, a.Body, b.Body)
		}
	}
}

// counted are the program's figures but for those of its process, in order.
func counted(s *apitest.System) string {
	lines := strings.Split(s.Ask("GET", "/metrics", "").Body, "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "go_") || strings.HasPrefix(l, "process_") || strings.Contains(l, "_duration_seconds") ||
			strings.HasPrefix(l, "aerie_oldest_owed_seconds") // which grows meanwhile
	})
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
func unused(l *apitest.Life, why string) {
	l.T.Helper()
	var s *apitest.System
	said := logged(l.T.(*testing.T), func() { s = again(l) })
	if s.Views.SnapshotSeq() != 0 || !strings.Contains(said, "snapshot not used") || !strings.Contains(said, why) {
		l.T.Errorf("used up to %d; said %q, want %q", s.Views.SnapshotSeq(), said, why)
	}
}

func TestASnapshotThatIsDamagedIsNotUsed(t *testing.T) {
	l := shooting(t, 4)
	for range 30 {
		l.Step()
	}
	shoot(l)
	path := l.Views.SnapshotDir().Path(l.Views.SnapshotSeq())
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
		if s, err := l.Views.ReadSnapshot(l.Views.SnapshotSeq()); err == nil {
			t.Fatalf("byte %d of %d is another one, and it was read: %d", at, len(whole), s.World.Seq)
		}
		if err := os.WriteFile(path, whole[:at], 0o600); err != nil { // any length
			t.Fatal(err)
		}
		if _, err := l.Views.ReadSnapshot(l.Views.SnapshotSeq()); err == nil {
			t.Fatalf("it ends at byte %d of %d, and it was read", at, len(whole))
		}
	}
	unused(l, "damaged")
}

func TestASnapshotOfAnotherProgramOrLogIsNotUsed(t *testing.T) {
	l := shooting(t, 5)
	for range 30 {
		l.Step()
	}
	shoot(l)
	seq := l.Views.SnapshotSeq()
	own, err := l.Views.SnapshotDir().Read(seq)
	if err != nil {
		t.Fatal(err)
	}
	own.Close()
	state := l.Views.Freeze().Write
	for _, other := range []struct {
		snapshot.Header
		why string
	}{
		{snapshot.Header{Code: "another", Seq: seq, Event: own.Event}, "another version"},
		{snapshot.Header{Code: own.Code, Seq: seq, Event: "another"}, "another log"},
		{snapshot.Header{Code: own.Code, Seq: seq + 1000, Event: own.Event}, "EOF"},
	} {
		if err := os.Remove(l.Views.SnapshotDir().Path(seq)); err != nil && other.Seq == seq {
			t.Fatal(err)
		}
		if err := l.Views.SnapshotDir().Write(other.Header, state); err != nil {
			t.Fatal(err)
		}
		unused(l, other.why)
	}
	shoot(l)
	if s := again(l); s.Views.SnapshotSeq() != seq {
		t.Errorf("the one before those that can't be used: %d", s.Views.SnapshotSeq())
	}
}

var errFull = errors.New("the disk is full")

// TestAKillWhileASnapshotIsWrittenLeavesTheOneBefore writes only so many bytes.
func TestAKillWhileASnapshotIsWrittenLeavesTheOneBefore(t *testing.T) {
	l := shooting(t, 6)
	for range 30 {
		l.Step()
	}
	shoot(l)
	before := l.Views.SnapshotSeq()
	l.Step()
	state := l.Views.Freeze()
	var whole bytes.Buffer
	if err := snapshot.Encode(&whole, snapshot.Header{Seq: state.World.Seq}, state.Write); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(l.Views.SnapshotDir().Path(0))
	for size := 0; size < whole.Len(); size += 7 {
		left := filepath.Join(dir, fmt.Sprintf("%020d%s%s", state.World.Seq, snapshot.Ending, snapshot.Unfinished))
		if err := os.WriteFile(left, whole.Bytes()[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		shelf, err := snapshot.Open(dir)
		if err != nil || !slices.Equal(shelf.All(), []uint64{before}) {
			t.Fatalf("after a kill at byte %d: %v %v", size, shelf.All(), err)
		}
	}
	if s := again(l); s.Views.SnapshotSeq() != before {
		t.Errorf("want the one before, got %d", s.Views.SnapshotSeq())
	}
	err := l.Views.SnapshotDir().Write(snapshot.Header{Seq: state.World.Seq}, func(io.Writer) error { return errFull })
	if files, _ := os.ReadDir(dir); !errors.Is(err, errFull) || len(files) != 1 {
		t.Errorf("a disk that is full: %v, %v", err, files)
	}
}

func TestTheEndOfTheProgramLeavesASnapshotOfAllThatIsNew(t *testing.T) {
	l := shooting(t, 7)
	for _, often := range []uint64{5, 1 << 40} {
		l.Views.SetSnapshotEvery(often, 1)
		ctx, stop := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() { l.Views.Snapshots(ctx) })
		for range 20 {
			l.Step()
		}
		stop()
		writing.Wait()
		if all := l.Views.SnapshotDir().All(); len(all) == 0 || all[len(all)-1] != l.Views.AsOf().Seq {
			t.Errorf("one every %d events, and at the end: %v of %d", often, all, l.Views.AsOf().Seq)
		}
	}
}
