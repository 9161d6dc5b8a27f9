package fsm_test

import (
	"fmt"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// An upgrade of cells brings none back from a version that was made since it was asked for: neither one that was born meanwhile
// nor one that somebody has upgraded by hand, also when it is that one's turn. A version of before brings back all that were
// there.
func TestAnUpgradeLeavesNewerCells(t *testing.T) {
	p := newPlant(t, func(s *ev.PlanSpec) { *s = fsmtest.ManySpec })
	p.withInfra(func(s *ev.TenantInfraSpec) {
		s.Cells = &ev.Cells{Tenants: 1, Isolation: "policy", Max: 9, KeepEmpty: "1h"}
	})
	const plan = "plan -/free"
	cellOf := func(who string) string { return "cell " + p.place(who).Cell }
	versions := func(of ...string) (all []int) {
		for _, who := range of {
			e, _ := p.w.Get(fsmtest.RefOf(cellOf(who)))
			all = append(all, e.Data.(fsm.CellData).Spec.Version)
		}
		return all
	}
	for _, who := range []string{"acme/a", "acme/b", "acme/c"} {
		p.subscribe(who)
		p.run()
	}
	p.do(plan, ev.Update{Spec: fsmtest.ManySpecOf("2")}, false)
	p.do(plan, ev.UpgradeCells{}, false)
	p.do(plan, ev.Settle{}, true)
	e, _ := p.w.Get(fsmtest.RefOf(plan))
	first := "cell " + e.Data.(fsm.PlanData).Upgrade.Cell
	p.do(plan, ev.Update{Spec: fsmtest.ManySpecOf("3")}, false)
	p.do(first, ev.UpgradeCell{Plan: "free@3"}, false) // before it was its turn
	p.subscribe("acme/d")
	p.want(p.run(), "plan -/free cells_upgraded")
	others := 0
	for _, who := range []string{"acme/a", "acme/b", "acme/c"} {
		want := "[2]"
		if cellOf(who) == first {
			want = "[3]"
			others++
		}
		p.want(versions(who), want)
	}
	p.want(others, "1")
	p.want(versions("acme/d"), "[3]")

	p.do(plan, ev.UpgradeCells{Version: 1}, false) // the way back
	p.do(plan, ev.Settle{}, true)
	if told := p.do(plan, ev.UpgradeCells{Version: 1}, false); told != nil {
		t.Fatal("asked twice: ", told)
	}
	p.subscribe("acme/e") // of version 3, which was there when the way back was asked for
	p.do(plan, ev.Update{Spec: fsmtest.ManySpecOf("4")}, false)
	p.subscribe("acme/f")
	p.want(p.run(), "plan -/free cells_upgraded")
	p.want(versions("acme/a", "acme/b", "acme/c", "acme/d", "acme/e", "acme/f"), "[1 1 1 1 1 4]")
}

// An upgrade that a release of before has begun goes on as it was meant: all cells come to its version.
func TestAnUpgradeOfBefore(t *testing.T) {
	second := ev.Updated[ev.PlanSpec]{Spec: fsmtest.ManySpecOf("2")}
	down := []string{"cellapplication -/eu_pg_c1_web requested", many + " cell_upgrade_started", c1 + " update_requested"}
	for newest, then := range map[int][]string{0: down, 1: {many + " cells_upgraded"}} {
		live(t, []life{{name: fmt.Sprint("newest ", newest), when: settle(many), then: then,
			given: fsmtest.History(manyCells(), fsmtest.Is(many, second), fsmtest.Is("cell -/eu_pg_c1", ev.Requested[ev.CellSpec]{UID: "c", Spec: ev.CellSpec{Tenants: 2, Plan: "-/many", Version: 2}}),
				fsmtest.Is(many, ev.CellsUpgradeStarted{Version: 1, Newest: newest}))}})
	}
}
