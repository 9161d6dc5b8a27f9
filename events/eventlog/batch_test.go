package eventlog_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

func at(n uint64) *uint64 { return &n }

// gather makes a batch of decisions on a log that ends at a sequence.
func gather(t *testing.T, p *place, end uint64, all ...eventlog.Decision) (b *eventlog.Batch, recorded []events.Recorded) {
	t.Helper()
	b = p.log.Batch(end)
	for _, d := range all {
		r, err := b.Add(d)
		if err != nil {
			t.Fatal(err)
		}
		recorded = append(recorded, r...)
	}
	return b, recorded
}

// TestABatchIsAppendedAsOne: later decisions are made on what earlier ones change,
// and all are read back as they were said to be.
func TestABatchIsAppendedAsOne(t *testing.T) {
	p := open(t)
	p.append(t, decision(change(prod, 0, began{"u1"})))
	referring := decision(change(test, 0, began{"u3"}))
	referring.LogAt = at(5)
	b, want := gather(t, p, 1,
		decision(change(prod, 1, noted{1, "a"}, noted{2, "b"})),
		decision(change(prod, 3, noted{3, "on what was just decided"}), change(free, 0, began{"u2"})),
		referring,
		decision(change(free, 5, noted{4, ""})))
	first, err := b.Append(t.Context())
	if err != nil || first != 2 || b.First() != 2 || b.Len() != 6 {
		t.Fatalf("%d events from %d, foreseen %d: %v", b.Len(), first, b.First(), err)
	}
	if got := read(t, p.log, 1, 7); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if p.g.Mark() != 7 {
		t.Error("the mark stands at", p.g.Mark())
	}
}

// TestTwoDecisionsOnOneState: only one of them can be right. nats-server would store
// both, if they came in one batch: it compares each with the sequence before the batch.
func TestTwoDecisionsOnOneState(t *testing.T) {
	p := open(t)
	p.append(t, decision(change(prod, 0, began{"u1"})))
	b, _ := gather(t, p, 1, decision(change(prod, 1, noted{1, "first"})))
	if _, err := b.Add(decision(change(prod, 1, noted{2, "on the same state"}))); !errors.Is(err, eventlog.ErrConflict) {
		t.Error("the second:", err)
	}
	looked := decision(change(test, 0, began{}))
	looked.LogAt = at(1)
	if _, err := b.Add(looked); !errors.Is(err, eventlog.ErrConflict) {
		t.Error("one that looked at what the first has changed:", err)
	}
	if _, err := b.Append(t.Context()); err != nil {
		t.Fatal(err)
	}
	if last, _ := p.log.Last(t.Context()); last != 2 {
		t.Error("the log ends at", last)
	}
}

func TestABatchThatOthersWereFasterThan(t *testing.T) {
	p := open(t)
	firm := decision(change(prod, 0, began{"u1"}))
	firm.LogAt = at(0)
	refuse := func(name string, b *eventlog.Batch) {
		t.Helper()
		if _, err := b.Append(t.Context()); !errors.Is(err, eventlog.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	looked, _ := gather(t, p, 0, decision(change(test, 0, began{"u2"})), decision(change(free, 0, began{"u3"})))
	one, _ := gather(t, p, 0, firm)
	later, _ := gather(t, p, 0, decision(change(test, 0, noted{})), eventlog.Decision{Envelope: envelope(), LogAt: at(1),
		Changes: []events.Change{change(prod, 0, began{})}})
	p.append(t, decision(change(events.Ref{Kind: events.Plan, Owner: "-", ID: "other"}, 0, began{})))
	refuse("the log moved on", one)
	refuse("the log moved on under a later decision", later)
	if first, err := looked.Append(t.Context()); err != nil || first != 2 {
		t.Errorf("what nobody else changed begins at %d: %v", first, err)
	}
	stale, _ := gather(t, p, 3, decision(change(prod, 0, began{"u1"})), decision(change(test, 0, began{"again"})))
	refuse("one of two is stale", stale)
	if last, _ := p.log.Last(t.Context()); last != 3 {
		t.Error("the log ends at", last)
	}
}

// TestAFewAreAppendedOneByOne: what is stored of them is there, and the rest is not.
func TestAFewAreAppendedOneByOne(t *testing.T) {
	p := open(t)
	firm := decision(change(free, 0, began{"u3"}))
	firm.LogAt = at(2)
	b, want := gather(t, p, 0, decision(change(prod, 0, began{"u1"})), decision(change(test, 0, began{"u2"})), firm)
	if first, err := b.AppendAlone(t.Context()); err != nil || first != 1 {
		t.Fatalf("they begin at %d: %v", first, err)
	}
	if got := read(t, p.log, 0, 3); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	b, _ = gather(t, p, 3, decision(change(prod, 1, noted{1, "right"})), decision(change(test, 1, noted{2, "stale"})), decision(change(free, 3, noted{3, "never sent"})))
	p.append(t, decision(change(test, 2, noted{4, "faster"})))
	if _, err := b.AppendAlone(t.Context()); !errors.Is(err, eventlog.ErrUnknown) || errors.Is(err, eventlog.ErrConflict) {
		t.Error("some of them were stored:", err)
	}
	if all := read(t, p.log, 3, 5); all[1].Ref != prod || all[1].Seq != 5 {
		t.Errorf("the log ends with %+v", all)
	}
	if last, _ := p.log.Last(t.Context()); last != 5 {
		t.Error("the log ends at", last)
	}
}

// TestTwoWhoAppendAFew at once: where one comes between another's, the other is not told a
// sequence that is not its own.
func TestTwoWhoAppendAFew(t *testing.T) {
	p := open(t)
	var all sync.WaitGroup
	told := make([]map[uint64]string, 2) // which event each says to have appended where
	for who := range told {
		told[who] = map[uint64]string{}
		all.Go(func() {
			for n := range 50 {
				b := p.log.Batch(0)
				for part := range 3 {
					ref := events.Ref{Kind: events.Plan, Owner: "-", ID: fmt.Sprintf("p%d-%d-%d", who, n, part)}
					if _, err := b.Add(decision(change(ref, 0, began{}))); err != nil {
						t.Error(err)
					}
				}
				first, err := b.AppendAlone(t.Context())
				if err != nil && !errors.Is(err, eventlog.ErrUnknown) {
					t.Error(err)
				}
				for part := uint64(0); err == nil && part < 3; part++ {
					told[who][first+part] = fmt.Sprintf("p%d-%d-%d", who, n, part)
				}
			}
		})
	}
	all.Wait()
	last, _ := p.log.Last(t.Context())
	for _, r := range read(t, p.log, 0, last) {
		for who := range told {
			if id, ok := told[who][r.Seq]; ok && id != r.Ref.ID {
				t.Errorf("%d is %s, and was said to be %s", r.Seq, r.Ref.ID, id)
			}
		}
	}
	t.Logf("of 50 each, %d and %d were told where they are", len(told[0])/3, len(told[1])/3)
}

func TestAFullBatch(t *testing.T) {
	p := open(t)
	many := make([]events.Event, eventlog.MaxEvents-1)
	for i := range many {
		many[i] = noted{i, ""}
	}
	b, _ := gather(t, p, 0, decision(change(prod, 0, many...)))
	if _, err := b.Add(decision(change(test, 0, began{}, noted{}))); !errors.Is(err, eventlog.ErrFull) {
		t.Error(err)
	}
	if _, err := b.Add(decision(change(test, 0, began{}))); err != nil {
		t.Error("there is room for one:", err)
	}
	large := func(i int) eventlog.Decision {
		ref := events.Ref{Kind: events.Tenant, Owner: "acme", ID: fmt.Sprint("t", i)}
		return decision(change(ref, 0, noted{i, strings.Repeat("x", 500_000)}))
	}
	b, _ = gather(t, p, 0, large(0))
	n, err := 1, error(nil)
	for ; err == nil && n < 100; n++ {
		_, err = b.Add(large(n))
	}
	if !errors.Is(err, eventlog.ErrFull) || n < 10 {
		t.Errorf("large event %d: %v", n, err)
	}
}
