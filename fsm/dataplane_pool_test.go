package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// A dataplane's own machines become others by a pool beside the old one, which is emptied at the end.
func TestOtherMachinesOfADataplane(t *testing.T) {
	const eu = "dataplane -/eu"
	machine := func(m string) ev.DataplaneSpec {
		return spec(func(s *ev.DataplaneSpec) { s.SystemPool.Machine = m })
	}
	system := func(m string, generation int) ev.NodePool {
		return ev.NodePool{Name: "system", Machine: m, Min: 1, Max: 3, Labels: map[string]string{"aerie.io/pool": "system"}, Generation: generation}
	}
	wish := func(m string, now, last int, retiring ...ev.NodePool) []ev.Event {
		return []ev.Event{ev.UpdateRequested[ev.DataplaneSpec]{Spec: machine(m)},
			ev.PoolsPlanned{Retiring: retiring, Generations: []ev.PoolGeneration{{Name: "system", Now: now, Last: last}}}}
	}
	home := fsmtest.History(fsmtest.AccountReady(), euAt("1.36"))
	replacing := fsmtest.History(home, fsmtest.Is(eu, wish("m4", 1, 1, system("s2", 0))...))
	there := fsmtest.History(replacing, fsmtest.Is(eu, ev.SystemPoolReady{Nodes: 1}, ev.UpdateDone{}))
	retiring := fsmtest.History(there, fsmtest.Is(eu, ev.RetiringStarted{}))
	vain := fsmtest.History(replacing, fsmtest.Is(eu, ev.UpdateFailed{Reason: ev.Reason{Code: ev.ConfigProblem}}))
	lost := ev.Drifted{Found: fsmtest.Gone(ev.PartSystemPool)}
	live(t, []life{
		{name: "another machine is a pool beside it", given: home, when: ask(eu, ev.Update{Spec: machine("m4")}), then: []string{eu + " update_requested", eu + " pools_planned"}, phase: fsm.Updating, why: "ensure_system_pool"},
		{name: "other bounds are not", given: home, when: ask(eu, ev.Update{Spec: spec(func(s *ev.DataplaneSpec) { s.SystemPool.Max = 9 })}), then: []string{eu + " update_requested"}, phase: fsm.Updating},
		{name: "where there is no cluster nothing stands", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:1]...)), when: ask(eu, ev.Update{Spec: machine("m4")}), then: []string{eu + " update_requested"}, phase: fsm.Networking},
		{name: "while it is being made", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:3]...)), when: ask(eu, ev.Update{Spec: machine("m4")}), then: []string{eu + " update_requested", eu + " pools_planned"}, phase: fsm.Bootstrapping},
		{name: "what is wanted is there, then the old pool is emptied", given: replacing, when: done(eu, ev.SystemPoolReady{Nodes: 1}), then: []string{eu + " system_pool_ready", eu + " update_done", eu + " retiring_started"}, phase: fsm.Retiring, why: "retire_pools"},
		{name: "somebody holds it", given: retiring, when: failed(eu, ev.Dependency), then: []string{eu + " attempt_failed"}, phase: fsm.Retiring, why: "dependency"},
		{name: "it is never given up", given: fsmtest.History(retiring, fsmtest.Is(eu, tried(40))), when: failed(eu, ev.ConfigProblem), then: []string{eu + " attempt_failed"}, phase: fsm.Retiring},
		{name: "it takes as long as it takes", given: retiring, when: expired(eu), phase: fsm.Retiring},
		{name: "the old pool is gone", given: retiring, when: done(eu, ev.PoolsRetired{}), then: []string{eu + " pools_retired"}, phase: fsm.Active, why: "-"},
		{name: "it is looked at again as a whole", given: fsmtest.History(retiring, fsmtest.Is(eu, tried(2))), when: retry(eu), then: []string{eu + " retry_requested"}, phase: fsm.Updating, why: "ensure_network"},
		{name: "the old pool is wanted again", given: retiring, when: ask(eu, ev.Update{Spec: machine("s2")}), then: []string{eu + " update_requested", eu + " pools_planned"}, phase: fsm.Updating},
		{name: "an upgrade meanwhile", given: retiring, when: upgradeTo("1.37"), then: []string{eu + " update_requested"}, phase: fsm.Updating},
		{name: "its end meanwhile", given: retiring, when: ask(eu, ev.Delete{}), then: []string{eu + " deletion_requested", eu + " drained"}, phase: fsm.Deleting},
		{name: "no such machines: what stood stands", given: vain, when: settle(eu), phase: fsm.Active},
		{name: "and is repaired as it stood", given: fsmtest.History(vain, fsmtest.Is(eu, lost, ev.RepairStarted{}, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "cluster", Version: "1.36"})), when: settle(eu), phase: fsm.Updating, why: "ensure_system_pool"},
		{name: "a repair empties nothing", given: fsmtest.History(vain, fsmtest.Is(eu, lost, ev.RepairStarted{}, ev.SystemPoolReady{Nodes: 1}, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "cluster", Version: "1.36"}, ev.PoolsUpgraded{Version: "1.36"}, fsmtest.AllAddons)), when: done(eu, ev.Activated{}), then: []string{eu + " update_done"}, phase: fsm.Active},
		{name: "machines that are gone for good become others", given: fsmtest.History(home, fsmtest.Is(eu, lost, ev.RepairStarted{}, ev.Degraded{Reason: ev.Reason{Code: ev.ConfigProblem}})), when: ask(eu, ev.Update{Spec: machine("m4")}), then: []string{eu + " update_requested", eu + " pools_planned"}, phase: fsm.Updating},
		{name: "tenants may come meanwhile", given: fsmtest.History(retiring, fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs)), when: settle("tenantinfra -/eu_pg"), then: []string{"tenantinfra -/eu_pg provisioning_started"}, phase: fsm.Provisioning},
	})
	for name, c := range map[string]struct {
		given      []fsmtest.Fact
		machine    string
		generation int
		reopen     bool
	}{
		"the wish":             {replacing, "m4", 1, false},
		"the one before again": {fsmtest.History(retiring, fsmtest.Is(eu, wish("s2", 0, 1, system("m4", 1))...)), "s2", 0, true},
		"a repair":             {fsmtest.History(vain, fsmtest.Is(eu, lost, ev.RepairStarted{}, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "cluster", Version: "1.36"})), "s2", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := fsmtest.WorldOf(t, c.given).Get(fsmtest.RefOf(eu))
			owed, is := fsm.Machines[ev.Dataplane].Owed(e).(ev.EnsureSystemPool)
			if !is || owed.Pool.Machine != c.machine || owed.Pool.Generation != c.generation || owed.Reopen != c.reopen {
				t.Errorf("%+v", owed)
			}
		})
	}
}
