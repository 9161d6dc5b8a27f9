package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// euAt is a dataplane of a version, Active.
func euAt(version string) []fsmtest.Fact {
	at := func(s *ev.DataplaneSpec) { s.Version = version }
	return fsmtest.DataplaneIs("-/eu", at, ev.NetworkingStarted{Account: fsmtest.SimAccount}, ev.NetworkReady{Network: "net"},
		ev.ClusterReady{Cluster: "cluster", Version: version}, ev.SystemPoolReady{Nodes: 1}, fsmtest.AllAddons, ev.Activated{})
}

func upgradeTo(version string) question { return ask("dataplane -/eu", ev.Upgrade{Version: version}) }

// An upgrade goes through the control plane, then all pools, then the add-ons, by one
// minor version at a time.
func TestUpgradeLives(t *testing.T) {
	const eu = "dataplane -/eu"
	updating, now := []string{eu + " update_requested"}, fsmtest.EuSpec
	now.Version = "1.36"
	begun := fsmtest.History(fsmtest.AccountReady(), euAt("1.35"), fsmtest.Is(eu, ev.UpdateRequested[ev.DataplaneSpec]{Spec: now}))
	controlled := fsmtest.History(begun, fsmtest.Is(eu, ev.ClusterReady{Cluster: "cluster", Version: "1.36"}))
	pooled := fsmtest.History(controlled, fsmtest.Is(eu, ev.SystemPoolReady{Nodes: 1}, ev.PoolsUpgraded{Version: "1.36"}))
	next := now
	next.Version = "1.37"
	live(t, []life{
		{name: "the next one", given: fsmtest.History(fsmtest.AccountReady(), euAt("1.35")), when: upgradeTo("1.36"), then: updating, phase: fsm.Updating, why: "ensure_cluster"},
		{name: "the same", given: fsmtest.History(fsmtest.AccountReady(), euAt("1.35")), when: upgradeTo("1.35"), phase: fsm.Active},
		{name: "a jump", given: fsmtest.History(fsmtest.AccountReady(), euAt("1.35")), when: upgradeTo("1.37"), not: "refused…version: one minor version at a time: the cluster has 1.35, the next is 1.36"},
		{name: "back", given: fsmtest.History(fsmtest.AccountReady(), euAt("1.35")), when: upgradeTo("1.34"), not: "refused…version: a cluster can't go back: it has 1.35"},
		{name: "a jump by two steps at once", given: begun, when: upgradeTo("1.37"), not: "refused…the cluster has 1.35, the next is 1.36"},
		{name: "the one after, when the control plane is there", given: controlled, when: upgradeTo("1.37"), then: updating, phase: fsm.Updating, why: "ensure_cluster"},
		{name: "by its manifest", given: fsmtest.History(fsmtest.AccountReady(), euAt("1.35")), when: ask(eu, ev.Update{Spec: next}), not: "refused…spec.version: one minor version at a time"},
		{name: "while the cluster is being made", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:2]...)), when: upgradeTo("1.37"), not: "refused…version: can't be changed any more"},
		{name: "pools after the control plane", given: fsmtest.History(controlled, fsmtest.Is(eu, ev.SystemPoolReady{Nodes: 1})), when: settle(eu), phase: fsm.Updating, why: "upgrade_pools"},
		{name: "add-ons after pools", given: pooled, when: settle(eu), phase: fsm.Updating, why: "ensure_cloud_addons"},
		{name: "its end", given: pooled, when: done(eu, fsmtest.AllAddons), then: []string{eu + " cloud_addons_ready", eu + " update_done"}, phase: fsm.Active, why: "-"},
		{name: "a retry while it is built begins with its machines", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:4]...), fsmtest.Is(eu, *fsmtest.Attempt(1, ev.InternalReason))), when: retry(eu), then: []string{eu + " retry_requested"}, phase: fsm.Bootstrapping, why: "ensure_system_pool"},
		{name: "of one that goes away", given: fsmtest.History(fsmtest.AccountReady(), euAt("1.35"), fsmtest.Is(eu, ev.DeletionRequested{})), when: upgradeTo("1.36"), not: "refused…is being deleted"},
	})
}

// What somebody else has made is used: less is made, and nothing of it is changed.
func TestWhatIsThereAlready(t *testing.T) {
	const eu = "dataplane -/eu"
	onSubnets := func(s *ev.DataplaneSpec) { s.Network.Subnets = []string{"subnet-a", "subnet-b"} }
	adopted := func(s *ev.DataplaneSpec) { s.Cluster.Existing = "theirs" }
	started := []string{eu + " networking_started", eu + " network_ready"}
	begun := fsmtest.Built()[:1]
	theirs := append(begun[:1:1], ev.NetworkReady{}, ev.ClusterReady{Cluster: "theirs", Version: "1.30"})
	live(t, []life{
		{name: "no network is made on subnets", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", onSubnets)), when: settle(eu), then: started, phase: fsm.ClusterCreating, why: "ensure_cluster"},
		{name: "nor for a cluster that is there", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", adopted)), when: settle(eu), then: started, phase: fsm.ClusterCreating, why: "ensure_cluster"},
		{name: "which gets its base alone", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", adopted, theirs...)), when: settle(eu), phase: fsm.Bootstrapping, why: "ensure_base"},
		{name: "and is upgraded by others", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", adopted, append(theirs, ev.Activated{})...)), when: upgradeTo("1.37"), not: "refused…the cluster is somebody else's to upgrade"},
		{name: "gone while it is prepared", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", onSubnets, append(begun[:1:1], ev.NetworkReady{}, ev.ClusterReady{Cluster: "c"})...)), when: withoutIt(eu, ev.PartCluster),
			then: []string{eu + " drifted", eu + " network_ready"}, phase: fsm.ClusterCreating},
	})
}

func TestFallbackPools(t *testing.T) {
	spec := ev.TenantInfraSpec{App: "pg", Size: "small", Scheduling: "strict", Pools: []ev.Pool{{Name: "data", Machine: "m4", Alternatives: []string{"m5"}, Max: 3, Priority: ev.SpotWithFallback}}}
	pools := fsm.NodePools(fsmtest.RefOf("tenantinfra -/eu_pg"), spec)
	if len(pools) != 2 || !pools[0].Spot || !pools[0].Backed || pools[1].Spot || pools[1].Backed || pools[1].Min != 0 || pools[1].Name != "data-fallback" {
		t.Fatalf("pools: %+v", pools)
	}
	if pools[0].Labels["aerie.io/pool"] != pools[1].Labels["aerie.io/pool"] || pools[0].Taints[0] != pools[1].Taints[0] {
		t.Errorf("the same pods must land on both: %+v", pools)
	}
	for states, want := range map[[2]string]bool{
		{"active", "active"}: true, {"degraded", "active"}: true, {"active", "creating"}: false, {"degraded", "degraded"}: false, {"failed", "active"}: false,
	} {
		seen := []ev.PoolStatus{{Name: "data", State: states[0]}, {Name: "data-fallback", State: states[1]}}
		if fsm.AllActive(spec, seen) != want {
			t.Errorf("%v: %t", states, !want)
		}
	}
}
