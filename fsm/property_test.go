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

// names are what random lives are about: few, so that they meet.
var names = []string{
	"customer acme", "customer other", "account -/main", "account acme/own", "plan -/free", "plan -/business",
	"dataplane -/eu", "dataplane -/own", "dataplane acme/own", "tenantinfra -/eu_pg", "tenantinfra -/own_pg", "tenantinfra acme/own_pg",
	"tenant acme/prod", "tenant acme/test", "tenant other/prod", "application acme/prod_pg", "application other/prod_pg",
}

// specsOf are some specs of every kind.
var specsOf = map[ev.Kind][]ev.Spec{
	ev.Customer: {ev.CustomerSpec{Hosting: "provider"}, ev.CustomerSpec{Hosting: "customer", DisplayName: "Acme"}},
	ev.Account:  {mainSpec, ev.AccountSpec{Cloud: "sim", Number: "100", Hosting: "provider", Role: "r"}, ev.AccountSpec{Cloud: "sim", Number: "200", Hosting: "customer"}},
	ev.Plan:     {freeSpec, planSpec("dedicated", "spread", false), planSpec("resource-shared", "pack", false), planSpec("dedicated", "pack", true)},
	ev.Dataplane: {euSpec, dataplaneSpec("-/main", "dedicated", 3), dataplaneSpec("acme/own", "dedicated", 3),
		dataplaneSpec("-/main", "shared", 9)},
	ev.TenantInfra: {infraSpec, ev.TenantInfraSpec{App: "pg", Size: "small", Scheduling: "preferred",
		Pools: []ev.Pool{{Name: "a", Machine: "m4", Max: 9, Priority: "on-demand"}, {Name: "b", Machine: "m8", Max: 2, Priority: "spot"}}}},
	ev.Tenant: {prodSpec, ev.TenantSpec{Plan: "-/business"}, ev.TenantSpec{Plan: "-/free", App: "kafka"},
		ev.TenantSpec{Plan: "-/free", App: "pg", AllowNamespaces: []string{"ops"}}},
	ev.Addon:       {ev.AddonSpec{Manifests: pgSpec.Manifests}, ev.AddonSpec{Namespace: "ops", Manifests: pgSpec.Manifests}},
	ev.Application: {pgSpec, ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service", "ports": []any{5432.0}}}}},
}

func planSpec(deployment, placement string, draft bool) ev.PlanSpec {
	s := freeSpec
	s.Deployment, s.Placement, s.Draft = deployment, placement, draft
	return s
}

func dataplaneSpec(account, typ string, most int) ev.DataplaneSpec {
	s := euSpec
	s.Account, s.Type, s.SystemPool.Max = account, typ, most
	return s
}

// drawCommand draws what somebody may ask now of anybody.
func drawCommand(t *rapid.T, w *World) ev.Command {
	ref := refOf(rapid.SampledFrom(names).Draw(t, "who"))
	e, born := w.Get(ref)
	c := ev.Command{ID: fmt.Sprint("c", w.Seq+1), Ref: ref, Actor: ev.ActorAdmin, Time: start.AddDate(0, 0, int(w.Seq)), UID: fmt.Sprint("u", w.Seq+1)}
	asks := []string{"create"}
	if born {
		asks = []string{"report", "report", "report", "settle", "settle", "settle", "update", "retry", "expire", "create"}
	}
	if born && ref.Kind == ev.Dataplane {
		asks = append(asks, "attach", "detach", "drift", "drift")
	}
	switch rapid.SampledFrom(asks).Draw(t, "asks") {
	case "create":
		labels := drawLabels(t)
		if len(labels) == 0 {
			labels = nil // the log does not tell none from an empty set
		}
		c.Ask = ev.Create{Labels: labels, Spec: rapid.SampledFrom(specsOf[ref.Kind]).Draw(t, "spec")}
	case "update":
		c.Ask = ev.Update{Labels: drawLabels(t), Spec: rapid.SampledFrom(append(specsOf[ref.Kind], nil)).Draw(t, "spec")}
	case "retry":
		c.Ask = ev.Retry{}
	case "drift":
		c.Ask = ev.NoteDrift{Found: rapid.SampledFrom([][]ev.Drift{nil, gone(ev.PartNetwork), gone(ev.PartCluster), gone(ev.PartSystemPool)}).Draw(t, "found")}
	case "attach":
		c.Ask = ev.Attach{Customer: rapid.SampledFrom([]string{"acme", "other"}).Draw(t, "customer")}
	case "detach":
		c.Ask = ev.Detach{Customer: rapid.SampledFrom([]string{"acme", "other"}).Draw(t, "customer")}
	case "settle":
		c.Ask = ev.Settle{}
	case "expire":
		c.Ask = ev.Expire{Since: e.Since}
	case "report":
		c.Ask = drawReport(t, e)
	}
	return c
}

// furnish asks for the first things of a life, so that some lives get far.
func furnish(name string, w *World) ev.Command {
	ref := refOf(name)
	return ev.Command{ID: fmt.Sprint("c", w.Seq+1), Ref: ref, Actor: ev.ActorAdmin, Time: start, UID: fmt.Sprint("u", w.Seq+1),
		Ask: ev.Create{Spec: specsOf[ref.Kind][0]}}
}

// goOn does, for one entity that is owed something, what the machinery would do
// next; where none is, the command stays as it is.
func goOn(t *rapid.T, w *World, c ev.Command) ev.Command {
	var owing []string
	for _, name := range names {
		if e, born := w.Get(refOf(name)); born && Machines[e.Ref.Kind].Owed(e) != nil {
			owing = append(owing, name)
		}
	}
	if len(owing) == 0 {
		return c
	}
	c.Ref = refOf(rapid.SampledFrom(owing).Draw(t, "who goes on"))
	e, _ := w.Get(c.Ref)
	c.Ask = ev.Settle{}
	if _, waits := Machines[e.Ref.Kind].Owed(e).(Await); !waits {
		c.Ask = drawReport(t, e)
	}
	return c
}

func drawLabels(t *rapid.T) map[string]string {
	return rapid.SampledFrom([]map[string]string{nil, nil, {}, {"tier": "one"}, {"tier": "two"}}).Draw(t, "labels")
}

func drawReport(t *rapid.T, e Entity[Data]) ev.Report {
	r := ev.Report{UID: e.UID, Digest: "of another effect"}
	owed := Machines[e.Ref.Kind].Owed(e)
	if owed == nil {
		return r
	}
	if rapid.IntRange(0, 9).Draw(t, "stale") > 0 {
		r.Digest = DigestOf(owed)
	}
	outcomes := outcomesOf(owed)
	if len(outcomes) > 0 && rapid.IntRange(0, 5).Draw(t, "fails") > 0 {
		r.Outcome = rapid.SampledFrom(outcomes).Draw(t, "outcome")
		return r
	}
	codes := []ev.ReasonCode{ev.InternalReason, ev.Unreachable, ev.RateLimited, ev.CapacityUnavailable, ev.ConfigProblem}
	r.Failure = attempt(7, rapid.SampledFrom(codes).Draw(t, "code"))
	return r
}

// outcomesOf lists what an executor may say of an effect that it brought about.
func outcomesOf(e ev.Effect) []ev.Event {
	switch e := e.(type) {
	case ev.VerifyAccount:
		return []ev.Event{ev.Verified{}}
	case ev.EnsureNetwork:
		return []ev.Event{ev.NetworkReady{Network: "net", ID: "n1", Range: e.Range}}
	case ev.EnsureCluster:
		return []ev.Event{ev.ClusterReady{Cluster: "cluster", Version: e.Version}}
	case ev.EnsureSystemPool:
		return []ev.Event{ev.SystemPoolReady{Nodes: 1}}
	case ev.EnsureBase, ev.EnsureTenant:
		return []ev.Event{ev.Activated{}}
	case ev.EnsurePools:
		return []ev.Event{poolsIn("creating", e), poolsIn("active", e), poolsIn("active", e)}
	case ev.EnsureApplication:
		return []ev.Event{ev.Deployed{Revision: e.Revision, Objects: []string{"ConfigMap/a"}}}
	}
	return nil
}

func poolsIn(state string, e ev.EnsurePools) (seen ev.PoolsObserved) {
	for _, p := range e.Pools {
		seen.Pools = append(seen.Pools, ev.PoolStatus{Name: p.Name, State: state, Nodes: 1})
	}
	return seen
}

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
			all[e.Ref.String()] = []any{e.Phase(), e.Base, e.Data}
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
	w, err := Read(bufio.NewReader(&written), func(ev.Ref, []byte) error { return nil })
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
	read, err := Read(bufio.NewReader(&written), func(r ev.Ref, uid []byte) error {
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
