package fsm

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// TestHistory holds histories that share what came before against plain lists, two of
// them going on from each one in different ways.
func TestHistory(t *testing.T) {
	var h History
	var want []uint64
	for i := range uint64(3*groupLen + 3*blockLen + 3) {
		fork := h.With(7*i + 1)
		h = h.With(7 * i)
		want = append(want, 7*i)
		if n := len(want); h.Len() != n || fork.Len() != n || h.At(n-1) != 7*i || fork.At(n-1) != 7*i+1 {
			t.Fatalf("after %d: %d and %d, %d and %d", n, h.Len(), fork.Len(), h.At(h.Len()-1), fork.At(n-1))
		}
	}
	if got := slices.Collect(h.All()); !slices.Equal(got, want) {
		t.Error("it is another list")
	}
	for _, seq := range []uint64{0, 1, 6, 7, 8, 7 * 5000, 1 << 40} {
		n, _ := slices.BinarySearch(want, seq+1)
		if got := h.UpTo(seq); got != n {
			t.Errorf("up to %d there are %d, want %d", seq, got, n)
		}
	}
	back := historyOf(slices.Clone(want))
	if got := slices.Collect(back.All()); !slices.Equal(got, want) {
		t.Error("made of a list, it is another")
	}
}

// TestAnEventCostsTheSame: an event of a long history takes no more room than one of a
// short one.
func TestAnEventCostsTheSame(t *testing.T) {
	most := func(h History) float64 { // With of a full block copies most
		return testing.AllocsPerRun(10, func() {
			for seq := range uint64(groupLen) {
				h.With(1<<40 + seq)
			}
		}) / groupLen
	}
	var long History
	for seq := range uint64(100_000) {
		long = long.With(seq)
	}
	short := History{last: slices.Clone(long.last)}
	if a, b := most(short), most(long); b > a+1 {
		t.Errorf("%v allocations for an event of a short history, %v of a long one", a, b)
	}
	if n := len(long.full.blocks) + len(long.last) + len(long.full.groups); n > 2*blockLen+100_000/groupLen {
		t.Errorf("%d words are copied", n)
	}
}

// longLife is a world with a customer, who is packed at times, and an account, who is
// not, of many events each, its log, and what both were after each event.
func longLife(t *testing.T, events int) (w *World, log []ev.Recorded, was []string) {
	t.Helper()
	w = NewWorld()
	w.store.most = 1
	names := []ev.Ref{refOf("customer acme"), refOf("account -/main")}
	apply := func(ref ev.Ref, e ev.Event) {
		decision := recorded(w, ref, []ev.Event{e})
		if err := w.Apply(decision); err != nil {
			t.Fatal(err)
		}
		log = append(log, decision...)
		was = append(was, told(w, names))
	}
	apply(names[0], ev.Created[ev.CustomerSpec]{UID: "u1"})
	apply(names[1], ev.Requested[ev.AccountSpec]{UID: "a1", Spec: ev.AccountSpec{Cloud: "sim", Number: "1"}})
	apply(refOf("customer beta"), ev.Created[ev.CustomerSpec]{UID: "u2"})
	for i := range events {
		labels := ev.LabelsChanged{Labels: map[string]string{"n": fmt.Sprint(i)}}
		apply(names[i%2], labels)
		if i%100 == 0 {
			apply(refOf("customer beta"), labels)
		}
		if i%500 == 0 {
			apply(names[0], ev.Updated[ev.CustomerSpec]{Spec: ev.CustomerSpec{DisplayName: fmt.Sprint(i)}})
		}
	}
	return w, log, was
}

// told is what is known of some entities, but for their histories.
func told(w *World, refs []ev.Ref) (all string) {
	for _, r := range refs {
		e, _ := w.Get(r)
		all += toldOf(e)
	}
	return all
}

func toldOf(e Entity[Data]) string {
	e.History = History{}
	return fmt.Sprintf("%s %+v %+v\n", e.phase, e.Base, e.Data)
}

// TestSince: what an entity was at any moment is told by its checkpoint and fewer events
// than that comes after, whether the world was written down in between or not.
func TestSince(t *testing.T) {
	w, log, was := longLife(t, 5000)
	var written bytes.Buffer
	if err := w.Still().Write(&written, func(b []byte, _ Entity[Data]) []byte { return b }); err != nil {
		t.Fatal(err)
	}
	read, err := Read(bufio.NewReader(&written), func(*World, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*World{w, read} {
		for cut := uint64(1); cut <= uint64(len(was)); cut += 13 {
			got := ""
			for _, r := range []ev.Ref{refOf("customer acme"), refOf("account -/main")} {
				from, rest := w.Since(r, cut)
				if len(rest) >= checkpointEvery {
					t.Fatalf("%d events of %s up to %d", len(rest), r, cut)
				}
				for _, seq := range rest {
					if from, err = Machines[r.Kind].Apply(from, log[seq-1]); err != nil {
						t.Fatal(err)
					}
				}
				got += toldOf(from)
			}
			if got != was[cut-1] {
				t.Fatalf("at %d:\n%swant\n%s", cut, got, was[cut-1])
			}
		}
	}
	if dump(t, w) != dump(t, read) {
		t.Error("it is read otherwise than it was written")
	}
}
