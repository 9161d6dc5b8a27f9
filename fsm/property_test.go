package fsm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	ev "github.com/aeriehq/aerie/events"
)

// dump writes a world so that two can be compared.
func dump(t interface{ Fatal(...any) }, w *World) string {
	owes := owing(w)
	if w.Waiting(ev.Ref{}); owes != owing(w) {
		t.Fatal("who is owed something is not who is, once it is noted")
	}
	all := map[string]any{"placed": w.placed, "waiting": fmt.Sprint(w.waiting), "seq": w.Seq, "answers": w.answers.seqs,
		"awaits": fmt.Sprint(w.awaits), "owing": owes, "makers": fmt.Sprint(w.makers), "last": w.last, "phases": w.phases}
	for _, name := range names {
		users := w.usersOf(refOf(name))
		slices.SortFunc(users, func(a, b ev.Ref) int { return strings.Compare(a.String(), b.String()) })
		all["users of "+name] = users
	}
	for _, k := range ev.Kinds {
		w.Each(k, func(e Entity[Data]) {
			all[e.Ref.String()] = []any{e.Phase(), e.Base, e.History.Between(0, e.History.Len()), e.Data}
		})
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func owing(w *World) string {
	all := map[ev.Ref]bool{}
	for _, r := range w.Owing() {
		all[r] = true
	}
	return fmt.Sprint(all)
}

// firstDifference is the first place in which two dumps differ, with what stands before it.
func firstDifference(a, b string) string {
	as, bs := strings.SplitAfter(a, ","), strings.SplitAfter(b, ",")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return strings.Join(as[max(0, i-20):i+1], "") + "\nis, replayed:\n" + bs[i]
		}
	}
	return "one is longer"
}

// overTheWire is an event as the log gives it back.
func overTheWire(t *rapid.T, e ev.Event) ev.Event {
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	back := reflect.New(reflect.TypeOf(e))
	if err := json.Unmarshal(data, back.Interface()); err != nil {
		t.Fatal(err)
	}
	return back.Elem().Interface().(ev.Event)
}

// decideTwice decides and checks that deciding changes nothing and says the same again.
func decideTwice(t *rapid.T, w *World, before string, c ev.Command) []ev.Change {
	changes, err := decideIn(w, c)
	again, errAgain := decideIn(w, c)
	if !reflect.DeepEqual(changes, again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
		t.Fatalf("%s asked twice: %v, %v then %v, %v", c.Ref, changes, err, again, errAgain)
	}
	if after := dump(t, w); after != before {
		t.Fatalf("deciding %T of %s changed the world", c.Ask, c.Ref)
	}
	if _, isRefusal := err.(*ev.Refusal); err != nil && !isRefusal {
		t.Fatalf("%s: %v is not a refusal", c.Ref, err)
	}
	return changes
}

// record makes one decision of changes as the log would.
func record(t *rapid.T, w *World, c ev.Command, changes []ev.Change) (all, wired []ev.Recorded) {
	for _, ch := range changes {
		if e, _ := w.Get(ch.Ref); e.Seq != ch.After {
			t.Fatalf("%s is at %d, the change is after %d", ch.Ref, e.Seq, ch.After)
		}
		for _, e := range ch.Events {
			r := ev.Recorded{Ref: ch.Ref, Seq: w.Seq + uint64(len(all)) + 1, Event: e, Envelope: ev.Envelope{
				EventID: fmt.Sprint("e", w.Seq+uint64(len(all))+1), Time: c.Time, Actor: c.Actor, CommandID: c.ID, CorrelationID: c.ID}}
			all = append(all, r)
			r.Event = overTheWire(t, e)
			wired = append(wired, r)
		}
	}
	return all, wired
}

func TestAnyAcceptedDecisionsFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live, replayed := NewWorld(), NewWorld()
		replayed.store.most = 1 // nearly all is packed
		now := dump(t, live)
		moment := rapid.IntRange(1, 40).Draw(t, "moment")
		var still *Still
		var then string
		furnished := rapid.IntRange(0, len(names)).Draw(t, "furnished")
		for i := range furnished + rapid.IntRange(20, 80).Draw(t, "commands") {
			c := drawCommand(t, live)
			switch {
			case i < furnished:
				c = furnish(names[i], live)
			case rapid.IntRange(0, 3).Draw(t, "goes on") > 0:
				c = goOn(t, live, c)
			}
			all, wired := record(t, live, c, decideTwice(t, live, now, c))
			if err := live.Apply(all); err != nil {
				t.Fatalf("an accepted decision does not fold: %v", err)
			}
			now = dump(t, live)
			if err := replayed.Apply(wired); err != nil {
				t.Fatal(err)
			}
			checkWorld(t, live)
			if i == moment {
				still, then = replayed.Still(), dump(t, replayed)
			}
		}
		if a, b := now, dump(t, replayed); a != b {
			t.Fatalf("live and replayed differ:\n%s", firstDifference(a, b))
		}
		checkWritten(t, replayed)
		if still != nil && dump(t, readStill(t, still)) != then {
			t.Fatal("a moment that was kept has moved")
		}
	})
}

func readStill(t *rapid.T, s *Still) *World {
	var written bytes.Buffer
	if err := s.Write(&written, func(b []byte, e Entity[Data]) []byte { return b }); err != nil {
		t.Fatal(err)
	}
	w, err := Read(bufio.NewReader(&written), func(*World, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// checkWritten writes a world down and reads it again: nothing is lost.
func checkWritten(t *rapid.T, w *World) {
	var written bytes.Buffer
	if err := w.Still().Write(&written, func(b []byte, e Entity[Data]) []byte { return append(b, e.UID...) }); err != nil {
		t.Fatal(err)
	}
	var uids []string
	read, err := Read(bufio.NewReader(&written), func(read *World, uid []byte) error {
		r := read.Named(uint32(len(uids)))
		if n, _ := w.Number(r); int(n) != len(uids) {
			t.Fatalf("%s is number %d, and was %d", r, len(uids), n)
		}
		uids = append(uids, string(uid))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := dump(t, w), dump(t, read); a != b {
		t.Fatalf("written and read differ:\n%s", firstDifference(a, b))
	}
	for n, r := range w.store.refs {
		a, _ := w.Get(r)
		if b, ok := read.Get(r); !ok || !reflect.DeepEqual(a, b) || a.UID != uids[n] || !a.Created.Equal(b.Created) {
			t.Fatalf("written\n%#v\nread\n%#v", a, b)
		}
	}
	if !reflect.DeepEqual(w.answers, read.answers) || !w.Time.Equal(read.Time) {
		t.Fatalf("answers: %+v, read %+v", w.answers, read.answers)
	}
}

// checkWorld asks what must hold of any world.
func checkWorld(t *rapid.T, w *World) {
	for _, k := range ev.Kinds {
		w.Each(k, func(e Entity[Data]) {
			m := Machines[k]
			if m.Ended(e.Phase()) {
				return
			}
			why := w.Why(e)
			if m.Owed(e) != nil && why == nil {
				t.Fatalf("%s in phase %s has no reason for not being at rest", e.Ref, e.Phase())
			}
			if m.Owed(e) == nil && !m.AtRest(e.Phase()) && (why == nil || why.Retried) {
				t.Fatalf("%s in phase %s is owed nothing and says %+v", e.Ref, e.Phase(), why)
			}
			checkNeighbours(t, w, e)
		})
	}
}

// checkNeighbours asks that nobody lives on a dataplane that is another's.
func checkNeighbours(t *rapid.T, w *World, e Entity[Data]) {
	d, isTenant := e.Data.(TenantData)
	if !isTenant || d.Placement == nil {
		return
	}
	dp, ok := find[DataplaneData](w.Refs(), d.place()[0].Ref)
	if !ok || (dp.Ref.Owner != ev.Platform && dp.Ref.Owner != e.Ref.Owner) || (dp.Data.Spec.Type == "dedicated" && !slices.Equal(dp.Data.Customers, []string{e.Ref.Owner})) {
		t.Fatalf("%s lives on %s, claimed by %v", e.Ref, dp.Ref, dp.Data.Customers)
	}
}

func TestFoldingAgainWhatWasSeenChangesNothing(t *testing.T) {
	facts := tenantHome()
	w := worldOf(t, facts)
	before := dump(t, w)
	first := recorded(NewWorld(), facts[0].ref, facts[0].events)
	if err := w.Apply(first); err != nil {
		t.Fatal(err)
	}
	if after := dump(t, w); after != before {
		t.Errorf("got\n%s\nwant\n%s", after, before)
	}
}

func TestAnEventThatTheTableForbidsStopsTheFold(t *testing.T) {
	w := worldOf(t, customerIs("acme"))
	if err := w.Apply(recorded(w, refOf("customer acme"), []ev.Event{ev.Released{}})); err == nil {
		t.Error("a customer was released")
	}
}

func TestACommandIsKnownByWhatItCaused(t *testing.T) {
	w := worldOf(t, planReady())
	if seq, ok := w.Caused("c1"); !ok || seq != 1 {
		t.Errorf("got %d, %t", seq, ok)
	}
	if _, ok := w.Caused("c2"); ok {
		t.Error("a command nobody gave has caused something")
	}
}

func TestTheMachinerysCommandsAreNotRemembered(t *testing.T) {
	w := NewWorld()
	past := recorded(w, refOf("customer acme"), customerIs("acme")[0].events)
	past[0].Actor = ev.ActorAerie
	if err := w.Apply(past); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Caused("c1"); ok {
		t.Error("it is remembered")
	}
}

func TestTheOldestCommandsAreForgotten(t *testing.T) {
	a := newAnswers()
	for i := range remembered + 2 {
		a.add(given{id: fmt.Sprint(i)}, uint64(i)+1)
	}
	got := []bool{a.has("0"), a.has("1"), a.has("2"), a.has(fmt.Sprint(remembered + 1))}
	if !slices.Equal(got, []bool{false, false, true, true}) || len(a.seqs) != remembered || a.until != 2 {
		t.Errorf("got %v of %d, forgotten up to %d", got, len(a.seqs), a.until)
	}
}

func (a *answers) has(id string) bool {
	_, ok := a.seqs[id]
	return ok
}
