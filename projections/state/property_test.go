package state_test

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
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// dump writes a world so that two can be compared.
func dump(t interface{ Fatal(...any) }, w *state.Entities) string {
	all, settled := w.Tables()
	if !settled {
		t.Fatal("who is owed something is not who is, once it is noted")
	}
	for _, name := range fsmtest.Names {
		users := w.UsersOf(fsmtest.RefOf(name))
		slices.SortFunc(users, func(a, b ev.Ref) int { return strings.Compare(a.String(), b.String()) })
		all["users of "+name] = users
	}
	for _, k := range ev.Kinds {
		w.Each(k, func(e fsm.Entity[fsm.Data]) {
			all[e.Ref.String()] = []any{e.Phase(), e.Base, e.History.Between(0, e.History.Len()), e.Data}
		})
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
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
func decideTwice(t *rapid.T, w *state.Entities, before string, c ev.Command) []ev.Change {
	changes, err := fsmtest.DecideIn(w, c)
	again, errAgain := fsmtest.DecideIn(w, c)
	if !reflect.DeepEqual(changes, again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
		t.Fatalf("%s asked twice: %v, %v then %v, %v", c.Ref, changes, err, again, errAgain)
	}
	if after := dump(t, w); after != before {
		t.Fatalf("deciding %T of %s changed the world", c.Payload, c.Ref)
	}
	if _, isRefusal := err.(*ev.Refusal); err != nil && !isRefusal {
		t.Fatalf("%s: %v is not a refusal", c.Ref, err)
	}
	return changes
}

// record makes one decision of changes as the log would.
func record(t *rapid.T, w *state.Entities, c ev.Command, changes []ev.Change) (all, wired []ev.Recorded) {
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
		live, replayed := state.New(), state.New()
		replayed.KeepUnpacked(1) // nearly all is packed
		now := dump(t, live)
		moment := rapid.IntRange(1, 40).Draw(t, "moment")
		var still *state.Frozen
		var then string
		furnished := rapid.IntRange(0, len(fsmtest.Names)).Draw(t, "furnished")
		for i := range furnished + rapid.IntRange(20, 80).Draw(t, "commands") {
			c := fsmtest.DrawCommand(t, live)
			switch {
			case i < furnished:
				c = fsmtest.Furnish(fsmtest.Names[i], live)
			case rapid.IntRange(0, 3).Draw(t, "goes on") > 0:
				c = fsmtest.GoOn(t, live, c)
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
				still, then = replayed.Freeze(), dump(t, replayed)
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

func readStill(t *rapid.T, s *state.Frozen) *state.Entities {
	var written bytes.Buffer
	if err := s.Write(&written, func(b []byte, e fsm.Entity[fsm.Data]) []byte { return b }); err != nil {
		t.Fatal(err)
	}
	w, err := state.Read(bufio.NewReader(&written), func(*state.Entities, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// checkWritten writes a world down and reads it again: nothing is lost.
func checkWritten(t *rapid.T, w *state.Entities) {
	var written bytes.Buffer
	if err := w.Freeze().Write(&written, func(b []byte, e fsm.Entity[fsm.Data]) []byte { return append(b, e.UID...) }); err != nil {
		t.Fatal(err)
	}
	var uids []string
	read, err := state.Read(bufio.NewReader(&written), func(read *state.Entities, uid []byte) error {
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
	for n, r := range w.AllRefs() {
		a, _ := w.Get(r)
		if b, ok := read.Get(r); !ok || !reflect.DeepEqual(a, b) || a.UID != uids[n] || !a.Created.Equal(b.Created) {
			t.Fatalf("written\n%#v\nread\n%#v", a, b)
		}
	}
}

// checkWorld asks what must hold of any world.
func checkWorld(t *rapid.T, w *state.Entities) {
	for _, k := range ev.Kinds {
		w.Each(k, func(e fsm.Entity[fsm.Data]) {
			m := fsm.Machines[k]
			if m.Ended(e.Phase()) {
				return
			}
			why := w.Blocker(e)
			owed, _ := m.Owed(e).(fsm.WaitFor)
			if m.Owed(e) != nil && why == nil && !owed.Idle() {
				t.Fatalf("%s in phase %s has no reason for not being at rest", e.Ref, e.Phase())
			}
			if m.Owed(e) == nil && !m.AtRest(e.Phase()) && (why == nil || why.Retried) {
				t.Fatalf("%s in phase %s is owed nothing and says %+v", e.Ref, e.Phase(), why)
			}
			checkNeighbours(t, w, e)
		})
	}
	checkOffers(t, w)
	checkCells(t, w)
	checkMade(t, w)
}

// checkMade asks that decisions see what was made for plans as it is, and that nobody is on what is to go by itself.
func checkMade(t *rapid.T, w *state.Entities) {
	seen := map[ev.Ref]fsm.MadePlace{}
	for _, m := range w.Provisioned().Made {
		seen[m.Ref] = m
	}
	alive := map[string]int{}
	w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
		m, is := fsm.MadePlaceOf(e, w.Get)
		if is && m.Lives && seen[e.Ref] != m {
			t.Fatalf("%s is seen as %+v, and is %+v", e.Ref, seen[e.Ref], m)
		}
		if is && m.Lives {
			alive[m.Made.Plan+" "+m.Made.Template+" "+m.Customer]++
		}
		delete(seen, e.Ref)
	})
	for of, n := range alive {
		if n > 2 {
			t.Fatalf("%d were made for %s", n, of)
		}
	}
	for _, m := range seen {
		t.Fatalf("%s is seen, and is none that was made", m.Ref)
	}
}

// checkCells asks that each cell has as many slots taken as tenants say, and none too many; and that placement sees them all.
func checkCells(t *rapid.T, w *state.Entities) {
	if wrong := w.WrongSlots(); len(wrong) > 0 {
		t.Fatalf("slots that are not as tenants say: %v", wrong)
	}
	rooms := map[ev.Ref]int{}
	w.Each(ev.Cell, func(e fsm.Entity[fsm.Data]) {
		d := e.Data.(fsm.CellData)
		if (e.Phase() == fsm.Full) != (d.Used >= d.Spec.Tenants) && (e.Phase() == fsm.Full || e.Phase() == fsm.Open) {
			t.Fatalf("%s is %s with %d of %d", e.Ref, e.Phase(), d.Used, d.Spec.Tenants)
		}
		on := ev.Ref{Kind: ev.TenantInfra, Owner: e.Ref.Owner, ID: e.Ref.Parent()}
		if room, lives := fsm.RoomOf(e); lives {
			rooms[on]++
			if !slices.Contains(w.CellsOn(on), room) {
				t.Fatalf("%s is seen among %+v, and is %+v", e.Ref, w.CellsOn(on), room)
			}
		}
	})
	w.Each(ev.TenantInfra, func(e fsm.Entity[fsm.Data]) {
		if seen := w.CellsOn(e.Ref); len(seen) != rooms[e.Ref] {
			t.Fatalf("%s has %d cells, seen are %+v", e.Ref, rooms[e.Ref], seen)
		}
	})
	w.Each(ev.Tenant, func(e fsm.Entity[fsm.Data]) {
		if in, faults := ev.ParseRef(ev.Cell, fsm.CellOf(e)); faults == nil && !slices.Contains(w.UsersOf(in), e.Ref) {
			t.Fatalf("%s is in %s, whose users are %v", e.Ref, in, w.UsersOf(in))
		}
	})
}

// checkNeighbours asks that nobody lives on a dataplane that is another's.
func checkNeighbours(t *rapid.T, w *state.Entities, e fsm.Entity[fsm.Data]) {
	d, isTenant := e.Data.(fsm.TenantData)
	if !isTenant || d.Placement == nil {
		return
	}
	ref, _ := ev.ParseRef(ev.Dataplane, d.Placement.Dataplane)
	dp, ok := w.Get(ref)
	its, _ := dp.Data.(fsm.DataplaneData)
	if !ok || (ref.Owner != ev.Platform && ref.Owner != e.Ref.Owner) || (its.Spec.Type == "dedicated" && !slices.Equal(its.Customers, []string{e.Ref.Owner})) {
		t.Fatalf("%s lives on %s, claimed by %v", e.Ref, ref, its.Customers)
	}
}

func TestFoldingAgainWhatWasSeenChangesNothing(t *testing.T) {
	facts := fsmtest.TenantHome()
	w := fsmtest.WorldOf(t, facts)
	before := dump(t, w)
	first := fsmtest.Recorded(state.New(), facts[0].Ref, facts[0].Events)
	if err := w.Apply(first); err != nil {
		t.Fatal(err)
	}
	if after := dump(t, w); after != before {
		t.Errorf("got\n%s\nwant\n%s", after, before)
	}
}

func TestAnEventThatTheTableForbidsStopsTheFold(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.CustomerIs("acme"))
	if err := w.Apply(fsmtest.Recorded(w, fsmtest.RefOf("customer acme"), []ev.Event{ev.Released{}})); err == nil {
		t.Error("a customer was released")
	}
}

func TestACommandIsKnownByWhatItCaused(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.PlanReady())
	if seq, ok := w.Caused("c1"); !ok || seq != 1 {
		t.Errorf("got %d, %t", seq, ok)
	}
	if _, ok := w.Caused("c2"); ok {
		t.Error("a command nobody gave has caused something")
	}
}

func TestTheMachinerysCommandsAreNotRemembered(t *testing.T) {
	w := state.New()
	past := fsmtest.Recorded(w, fsmtest.RefOf("customer acme"), fsmtest.CustomerIs("acme")[0].Events)
	past[0].Actor, past[0].Internal = ev.ActorAerie, true
	if err := w.Apply(past); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Caused("c1"); ok {
		t.Error("it is remembered")
	}
}
