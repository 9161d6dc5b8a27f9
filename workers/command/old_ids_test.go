package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command/idindex"
)

// longEvents are so many that the fold has forgotten the commands of the first.
const longEvents = 140_000

// longRig has a customer of very many events, the first half of them as older releases
// wrote them, whose commands have ids that do not tell when they were made.
type longRig struct {
	*intakeRig
	ref   ev.Ref
	reads int // how many events were read to answer
}

func newLongRig(t *testing.T) *longRig {
	r := &longRig{intakeRig: openIntakeRig(t), ref: ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}}
	state, last := ev.State{UID: "u1", Phase: string(fsm.Active)}, uint64(0)
	for last < longEvents {
		batch := r.log.Batch(last)
		for range eventlog.MaxEvents {
			c := ev.Change{Ref: r.ref, After: last, Events: []ev.Event{ev.LabelsChanged{Labels: map[string]string{"n": fmt.Sprint(last % 10)}}}}
			if last == 0 {
				c.Events[0] = ev.Created[ev.CustomerSpec]{UID: state.UID}
			}
			if last >= longEvents/2 {
				c.States = []ev.State{state}
			}
			e := ev.Envelope{Time: time.Now().UTC(), Actor: ev.ActorAdmin, CommandID: idAt(last + 1), Digest: "of all"}
			recorded, err := batch.Add(eventlog.Decision{Envelope: e, Changes: []ev.Change{c}})
			if err != nil {
				t.Fatal(err)
			}
			last = recorded[0].Seq
		}
		if _, err := batch.Append(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.start(last)
	r.intake.read = func(ctx context.Context, seq uint64) (ev.Recorded, error) {
		r.reads++
		return r.log.Read(ctx, seq)
	}
	return r
}

func idAt(seq uint64) string { return fmt.Sprintf("command-%d", seq) }

// use lets the intake use an index, and tells when it was found damaged.
func (r *longRig) use(x *idindex.Index) context.Context {
	ctx, damaged := context.WithCancelCause(r.t.Context())
	r.intake.ids.index.Store(&openIndex{x, damaged})
	return ctx
}

func (r *longRig) open(dir string) *idindex.Index {
	r.t.Helper()
	x, err := idindex.Open(dir)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = x.Close() })
	return x
}

// extend brings an index to where the fold is.
func (r *longRig) extend(x *idindex.Index) {
	r.t.Helper()
	covers, _ := x.Covers()
	if err := r.intake.extend(r.t.Context(), x, covers); err != nil {
		r.t.Fatal(err)
	}
}

func (r *longRig) give(id string) (ev.Answer, error) {
	r.reads = 0
	return r.intake.SubmitCommand(r.t.Context(), ev.Command{ID: id, Ref: r.ref, Actor: ev.ActorAdmin, Time: time.Now().UTC(), Digest: "of all",
		Payload: ev.Update{Labels: map[string]string{"by": id}}})
}

// same gives the command of an event again, and looks at the answer and what it took.
func (r *longRig) same(seq uint64, most int) {
	r.t.Helper()
	a, err := r.give(idAt(seq))
	if err != nil || len(a.Events) != 1 || a.Events[0].Seq != seq || a.Seq != seq || a.Entity.UID != "u1" || a.Entity.Phase != string(fsm.Active) || a.Entity.Seq != seq {
		r.t.Errorf("the command of event %d is answered with %+v, %v", seq, a, err)
	}
	if r.reads > most {
		r.t.Errorf("%d events were read to answer the command of event %d again, want %d at most", r.reads, seq, most)
	}
}

// mostReads is how many events may be read where headers do not tell the entity: its
// own, and those since a checkpoint.
const mostReads = 1 + 63

// TestALongHistory: with a hundred and forty thousand events of one entity a command that
// was given before, however long ago, and a new one whose id does not tell when it was
// made, cost a few reads; and with an index that is lost, behind, of another log or
// damaged, the answers are the same.
func TestALongHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("it is one goroutine's, and the race detector makes minutes of it")
	}
	r := newLongRig(t)
	samples := []uint64{1, 2, 127, 128, 129, 4000, 8000, 8999, 9001, 40_000, longEvents / 2}
	t.Run("an index made from the log", func(t *testing.T) {
		x := r.open(t.TempDir())
		r.use(x)
		r.extend(x) // the fold has forgotten the first
		if covers, _ := x.Covers(); covers < longEvents {
			t.Fatalf("it covers %d", covers)
		}
		for _, seq := range samples {
			r.same(seq, 1+mostReads)
		}
		r.same(longEvents/2+1, 1)
		r.same(longEvents-1, 1)
		if a, err := r.give("new-1"); err != nil || len(a.Events) != 1 || r.reads > 0 {
			t.Errorf("a new id: %+v, %v, %d reads", a, err, r.reads)
		}
		if _, err := r.intake.SubmitCommand(t.Context(), ev.Command{ID: idAt(5), Ref: r.ref, Actor: ev.ActorAdmin, Digest: "another", Payload: ev.Retry{}}); !isRefused(err, ev.Conflict) {
			t.Errorf("another command with an old id: %v", err)
		}
	})
	t.Run("an index made from what the fold remembers", func(t *testing.T) {
		dir := t.TempDir()
		x := r.open(dir)
		var forgot uint64
		r.fold.View(func(w *state.Entities) { forgot, _ = w.Forgot() })
		r.upTo(x, forgot)
		r.reads = 0
		r.extend(x)
		if r.reads != 1 { // the event it ends with
			t.Errorf("%d events were read", r.reads)
		}
		again := r.open(dir)
		r.use(again)
		for _, seq := range samples {
			r.same(seq, 1+mostReads)
		}
	})
	t.Run("an index that is behind", func(t *testing.T) {
		x := r.open(t.TempDir())
		r.use(x)
		r.upTo(x, 4000)
		for _, seq := range samples {
			r.same(seq, longEvents)
		}
	})
	t.Run("no index", func(t *testing.T) {
		r.intake.ids.index.Store(nil)
		r.same(8000, longEvents)
	})
	t.Run("an index of another log", func(t *testing.T) {
		x := r.open(t.TempDir())
		r.upTo(x, 4000)
		if err := x.Extend(5000, "an event of another log", []idindex.Entry{idindex.EntryOf(idAt(4500), 4700)}); err != nil {
			t.Fatal(err)
		}
		if err := r.intake.keepOfThisLog(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		if covers, _ := x.Covers(); covers != 0 && covers != 4000 {
			t.Errorf("it covers %d", covers)
		}
	})
	t.Run("a damaged index", func(t *testing.T) {
		dir := t.TempDir()
		x := r.open(dir)
		found := r.use(x)
		r.extend(x)
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			if err := os.Truncate(f, 8192); err != nil {
				t.Fatal(err)
			}
		}
		r.same(8500, longEvents)
		if <-found.Done(); r.intake.ids.index.Load() != nil {
			t.Error("it is still used")
		}
	})
}

// upTo extends an index from the log.
func (r *longRig) upTo(x *idindex.Index, seq uint64) {
	r.t.Helper()
	if err := r.intake.extendFromLog(r.t.Context(), x, 0, seq); err != nil {
		r.t.Fatal(err)
	}
}

// TestIndexIDs: the index is kept while the log grows, made anew when it is found
// damaged, and taken up again by the next process.
func TestIndexIDs(t *testing.T) {
	r, dir := newIntakeRig(t), t.TempDir()
	r.intake.ids.every = 10
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); r.intake.IndexIDs(ctx, dir) }()
	n := 0
	grow := func(ready func() bool) {
		for ; !ready(); n++ {
			if n > 10_000 {
				t.Fatalf("the index covers %d", r.intake.Indexed())
			}
			if _, err := r.ask(ev.Customer, fmt.Sprint("c", n), ev.VerbCreate, "{}"); err != nil {
				t.Fatal(err)
			}
		}
	}
	grow(func() bool { return r.intake.Indexed() >= 30 })
	x := r.intake.ids.index.Load()
	r.intake.ids.index.Store(nil)
	x.damaged(errors.New("somebody found it damaged"))
	grow(func() bool { return r.intake.ids.index.Load() != nil && r.intake.Indexed() >= 30 })
	stop()
	<-ended
	again, err := idindex.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	covers, event := again.Covers()
	last, err := r.log.Read(t.Context(), covers)
	if covers < 30 || err != nil || last.EventID != event {
		t.Errorf("it covers %d, %s; there is %s, %v", covers, event, last.EventID, err)
	}
	first, err := r.log.Read(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if seqs, _, err := again.Find(first.CommandID); err != nil || len(seqs) != 1 || seqs[0] != 5 {
		t.Errorf("command %s is found at %v, %v", first.CommandID, seqs, err)
	}
}
