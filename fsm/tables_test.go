package fsm

import (
	"slices"
	"testing"

	"github.com/looplab/fsm"

	ev "github.com/aeriehq/aerie/events"
)

// tabled is the part of a kind that its table alone makes.
type tabled interface{ rows() fsm.Events }

// eachKind runs a test for every kind, in the order of references.
func eachKind(t *testing.T, check func(*testing.T, ev.Kind, Machine, fsm.Events)) {
	t.Helper()
	for _, k := range ev.Kinds {
		m, ok := Machines[k]
		if !ok {
			t.Fatalf("%s has no machine", k)
		}
		t.Run(string(k), func(t *testing.T) { check(t, k, m, m.(tabled).rows()) })
	}
}

// looplab/fsm takes the last of two rows for one event in one phase and says nothing.
func TestNoRowIsThereTwice(t *testing.T) {
	eachKind(t, func(t *testing.T, _ ev.Kind, _ Machine, rows fsm.Events) {
		seen := map[[2]string]string{}
		for _, r := range rows {
			at := [2]string{r.Name, r.Src[0]}
			if to, twice := seen[at]; twice {
				t.Errorf("%s in phase %s leads to %s and to %s", r.Name, r.Src[0], to, r.Dst)
			}
			seen[at] = r.Dst
		}
	})
}

func TestEveryPhaseIsReached(t *testing.T) {
	eachKind(t, func(t *testing.T, _ ev.Kind, m Machine, rows fsm.Events) {
		reached := []string{string(Unborn)}
		for i := 0; i < len(reached); i++ {
			for _, r := range rows {
				if r.Src[0] == reached[i] && !slices.Contains(reached, r.Dst) {
					reached = append(reached, r.Dst)
				}
			}
		}
		for _, p := range m.Phases() {
			if !slices.Contains(reached, string(p)) {
				t.Errorf("no life leads to %s", p)
			}
		}
		for _, r := range rows {
			if !slices.Contains(m.Phases(), Phase(r.Src[0])) {
				t.Errorf("%s starts from %s, which is no phase", r.Name, r.Src[0])
			}
		}
	})
}

// The judge is looplab/fsm, the fold asks its verdicts: they must be the table's.
func TestTheVerdictsAreTheTables(t *testing.T) {
	eachKind(t, func(t *testing.T, k ev.Kind, m Machine, rows fsm.Events) {
		for _, p := range m.Phases() {
			for _, e := range m.Vocabulary() {
				i := slices.IndexFunc(rows, func(r fsm.EventDesc) bool { return r.Name == e.Type() && r.Src[0] == string(p) })
				after, err := m.Apply(onlyIn(k, p), ev.Recorded{Event: e, Ref: ev.Ref{Kind: k}})
				if (err == nil) != (i >= 0) {
					t.Errorf("%s in phase %s: the table says %t, the judge %v", e.Type(), p, i >= 0, err)
				} else if i >= 0 && string(after.Phase()) != rows[i].Dst {
					t.Errorf("%s in phase %s leads to %s, want %s", e.Type(), p, after.Phase(), rows[i].Dst)
				}
			}
		}
	})
}

// onlyIn is an entity of which only the phase is known, and what no effect can do without.
func onlyIn(k ev.Kind, p Phase) Entity[Data] {
	e := Entity[Data]{Base: Base{Ref: ev.Ref{Kind: k, Owner: "acme", ID: "a_b"}, UID: "u", phase: p}}
	if k == ev.Tenant {
		e.Data = TenantData{Placement: &ev.Placement{}}
	}
	if p == Copying {
		e.Data = ApplicationData{Copy: &CopyState{}}
	}
	return e
}

// givenUpPhases lists the phases of rest that are not what was asked for: a person leads out of them, and out of Failing
// time does too.
var givenUpPhases = map[ev.Kind][]Phase{
	ev.Account: {Failing}, ev.Dataplane: {Degraded, Failed}, ev.TenantInfra: {Failed}, ev.Tenant: {Failed}, ev.Application: {Failed}, ev.Addon: {Failed},
	ev.Cell: {Failed}, ev.CellApplication: {Failed},
}

// notLookedAt says of each phase of what is made why nobody looks in it whether it still is as it was made.
var notLookedAt = map[ev.Kind]map[Phase]string{
	ev.Dataplane: {
		Requested: notYetMade, Networking: beingMade, ClusterCreating: beingMade, Bootstrapping: beingMade, Updating: beingMade,
		Degraded: "what it does not work without is gone, and nobody looks at what stands on it; a person, rights or a catalogue lead out",
		Failed:   "it has never worked", Deleting: going, Gone: ended,
	},
	ev.TenantInfra: {
		Requested: notYetMade, Provisioning: beingMade, Updating: beingMade,
		Failed: "none of its pools is there that works; a person, or its dataplane once that is back, leads out", Deleting: going, Gone: ended,
	},
	ev.Tenant: {
		Requested: notYetMade, Placing: notYetMade, Waiting: "its place is not ready, and it is made again as soon as that is",
		Provisioning: beingMade, Suspending: beingMade, Resuming: beingMade, Deleting: going, Gone: ended,
	},
	ev.Application: along(released()),
	ev.Addon:       released(), ev.CellApplication: released(),
	ev.Cell: {Closing: going, Closed: ended},
}

const (
	notYetMade = "nothing is made yet, or all of it is made again next"
	beingMade  = "it is being made, which has its time, and ends in a phase that is looked at or has its reason"
	going      = "it is being removed"
	ended      = "nothing is left of it"
)

func released() map[Phase]string {
	return map[Phase]string{Pending: notYetMade, Installing: beingMade, Upgrading: beingMade, RollingBack: beingMade, Uninstalling: going, Uninstalled: ended}
}

func along(all map[Phase]string) map[Phase]string {
	all[Copying] = beingMade
	return all
}

// What works is looked at, whatever else was asked for and could not be had; or it is said why it is not.
func TestWhatStandsIsLookedAt(t *testing.T) {
	eachKind(t, func(t *testing.T, k ev.Kind, m Machine, rows fsm.Events) {
		if !m.(interface{ made() bool }).made() {
			return
		}
		for _, p := range m.Phases()[1:] {
			taken := true
			for _, e := range []string{"drifted", "drift_ended", "repair_started"} {
				taken = taken && slices.ContainsFunc(rows, func(r fsm.EventDesc) bool { return r.Name == e && r.Src[0] == string(p) })
			}
			why := notLookedAt[k][p]
			if looked := m.LookedAt(inTrouble(k, p)); looked != taken || looked == (why != "") {
				t.Errorf("in phase %s it is looked at: %t, what is found can be told and repaired: %t, why not: %q", p, looked, taken, why)
			}
		}
	})
}

// inTrouble is an entity of which something works, in a phase.
func inTrouble(k ev.Kind, p Phase) Entity[Data] {
	e := onlyIn(k, p)
	e.Drift = "Namespace x was deleted"
	if k == ev.Cell {
		e.Data = CellData{Prepared: true}
	}
	return e
}

func (m machine[D]) made() bool { return m.Kind.ExpectedEffects != nil }

func TestEveryPhaseOwesOrRests(t *testing.T) {
	eachKind(t, func(t *testing.T, k ev.Kind, m Machine, _ fsm.Events) {
		for _, p := range m.Phases()[1:] {
			owed := m.Owed(onlyIn(k, p))
			if w, waits := owed.(WaitFor); waits && w.OnlyTime() {
				owed = nil // till then it rests
			}
			rests := m.AtRest(p) || m.Ended(p) || slices.Contains(givenUpPhases[k], p)
			if (owed == nil) != rests {
				t.Errorf("in phase %s %v is owed, and it rests: %t", p, owed, rests)
			}
		}
	})
}

func TestAPersonLeadsOutOfEveryPhaseOfFailure(t *testing.T) {
	eachKind(t, func(t *testing.T, k ev.Kind, _ Machine, rows fsm.Events) {
		for _, p := range givenUpPhases[k] {
			for _, e := range []string{"retry_requested", "update_requested"} {
				if !slices.ContainsFunc(rows, func(r fsm.EventDesc) bool { return r.Name == e && r.Src[0] == string(p) && r.Dst != string(p) }) {
					t.Errorf("%s does not lead out of %s", e, p)
				}
			}
		}
	})
}

// external lists every effect that somebody outside must do. Who adds one tells the
// executor, and docs/reference.md.
var external = []string{"verify_account", "ensure_network", "ensure_cluster", "ensure_system_pool", "upgrade_pools", "ensure_cloud_addons", "ensure_base", "ensure_pools", "retire_pools", "ensure_tenant", "suspend_tenant", "resume_tenant", "move_tenant", "ensure_application", "ensure_addon", "ensure_cell", "join_tenant", "record_tenant"}

func TestEveryEffectIsKnownAndBounded(t *testing.T) {
	var owed []string
	eachKind(t, func(t *testing.T, k ev.Kind, m Machine, _ fsm.Events) {
		for _, p := range m.Phases()[1:] {
			for _, e := range effectsIn(k, p, m) {
				owed = append(owed, e.Effect())
				if p == Retiring || p == Moving { // as long as it takes: what runs there is never cut off; by its steps
					continue
				}
				if rule := m.Limits(p); rule.Within == 0 || rule.Attempts == 0 {
					t.Errorf("%s is owed in phase %s, which has no bounds", e.Effect(), p)
				}
			}
			if len(effectsIn(k, p, m)) == 0 && m.Limits(p) != (PhaseLimits{}) {
				t.Errorf("phase %s has bounds, and nobody works in it", p)
			}
		}
	})
	slices.Sort(owed)
	owed = slices.Compact(owed)
	if want := slices.Sorted(slices.Values(external)); !slices.Equal(owed, want) {
		t.Errorf("got %q\nwant %q", owed, want)
	}
}

// effectsIn lists what somebody outside may be owed in a phase.
func effectsIn(k ev.Kind, p Phase, m Machine) (all []ev.Effect) {
	entities := []Entity[Data]{onlyIn(k, p)}
	if k == ev.Dataplane {
		for i := range parts {
			some := onlyIn(k, p)
			some.Data = DataplaneData{Todo: parts[i:]}
			entities = append(entities, some)
		}
	}
	shared := &ev.Placement{Record: "acme--a"}
	for _, d := range map[ev.Kind][]Data{ev.Cell: {CellData{Spec: ev.CellSpec{Plan: "-/many"}, Cluster: "c"}},
		ev.Tenant: {TenantData{Placement: shared}, TenantData{Placement: shared, Shared: &CellStay{Join: &ev.PlanJob{}}}}}[k] {
		some := onlyIn(k, p)
		some.Data = d
		entities = append(entities, some)
	}
	if k == ev.Tenant && p == Moving {
		for step := range machineSteps {
			some := onlyIn(k, p)
			some.Data = TenantData{Placement: &ev.Placement{}, Move: &ev.MoveState{Kind: ev.MoveMachines, Step: step}}
			entities = append(entities, some)
		}
	}
	for _, e := range entities {
		if c, is := e.Data.(CellData); is && p == Closing && c.Cluster != "" {
			continue // an end is never given up
		}
		owed := m.Owed(e)
		if _, waits := owed.(WaitFor); owed != nil && !waits {
			all = append(all, owed)
		}
	}
	return all
}

// An event is known by its type alone: two structs of one kind must not share one.
func TestEveryTypeIsOneStruct(t *testing.T) {
	eachKind(t, func(t *testing.T, k ev.Kind, m Machine, rows fsm.Events) {
		for _, r := range rows {
			n := 0
			for _, e := range m.Vocabulary() {
				if e.Type() == r.Name {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s is %d events", r.Name, n)
			}
		}
	})
}

func TestEveryKindDrawsItsLife(t *testing.T) {
	eachKind(t, func(t *testing.T, _ ev.Kind, m Machine, _ fsm.Events) {
		drawn, err := m.Diagram()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := m.Diagram(); again != drawn || drawn == "" {
			t.Errorf("drawn twice, it differs:\n%s\n%s", drawn, again)
		}
	})
}

func TestEveryEffectHasWords(t *testing.T) {
	for _, name := range external {
		if workWords[name] == "" {
			t.Errorf("%s has no words for people", name)
		}
	}
}
