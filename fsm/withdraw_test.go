package fsm_test

import (
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// offered is what the cloud was seen to have where the shared dataplane is.
var offered = ev.CatalogueChanged{Region: "eu-central", Versions: []ev.ClusterVersion{{Version: "1.35"}, {Version: "1.36"}},
	Addons: []ev.AddonVersions{{Name: "dns", Versions: []string{"1.0", "1.1"}}}, Machines: []string{"m4", "m6i.large,xlarge", "s2"}}

func known(at string, more ...ev.Event) []fsmtest.Fact {
	return fsmtest.History(fsmtest.AccountReady(), fsmtest.Is("account -/main", offered), euAt(at), fsmtest.Is("dataplane -/eu", more...))
}

func spec(change func(*ev.DataplaneSpec)) ev.DataplaneSpec {
	s := fsmtest.EuSpec
	change(&s)
	return s
}

func version(v string) func(*ev.DataplaneSpec) {
	return func(s *ev.DataplaneSpec) { s.Version = v }
}

// What the cloud does not have is refused when it is wished, and accepted where nobody knows what it has.
func TestWishesAreHeldAgainstTheCatalogue(t *testing.T) {
	const eu, pg = "dataplane -/eu", "tenantinfra -/eu_pg"
	wrong := spec(func(s *ev.DataplaneSpec) {
		s.Region, s.Version, s.SystemPool.Machine, s.CloudAddons.DNS = "us-east", "1.37", "s3", "2.0"
	})
	elsewhere := spec(func(s *ev.DataplaneSpec) { s.Region, s.Version = "us-east", "1.99" })
	gone := ev.CatalogueChanged{Region: "eu-central", Versions: []ev.ClusterVersion{{Version: "1.36"}}, Gone: []string{"s2", "m6i."}}
	infra := func(machine string, more ...string) ev.TenantInfraSpec {
		s := fsmtest.InfraSpec
		s.Pools = []ev.Pool{{Name: "a", Machine: machine, Alternatives: more, Max: 3, Priority: "on-demand"}}
		return s
	}
	live(t, []life{
		{name: "an unknown version", given: known("1.36"), when: upgradeTo("1.37"), not: `invalid: upgrade dataplane -/eu: 1 fault (version: the cloud has no version "1.37" in eu-central; there are 1.35, 1.36`},
		{name: "where nobody looked", given: fsmtest.History(fsmtest.AccountReady(), euAt("1.36")), when: upgradeTo("1.37"), then: []string{eu + " update_requested"}},
		{name: "in another region", given: known("1.36"), when: ask("dataplane -/us", ev.Create{Spec: elsewhere}), then: []string{"dataplane -/us requested"}},
		{name: "the cloud does not say any more", given: fsmtest.History(known("1.36"), fsmtest.Is("account -/main", ev.CatalogueChanged{Region: "eu-central", Silent: true})), when: upgradeTo("1.37"), then: []string{eu + " update_requested"}},
		{name: "all faults at once, also of what can't be changed", given: known("1.36"), when: ask(eu, ev.Update{Spec: spec(func(s *ev.DataplaneSpec) {
			s.Type, s.Version, s.SystemPool.Machine, s.CloudAddons.DNS = "dedicated", "1.37", "s3", "2.0"
		})}), not: "spec.version: the cloud has no…spec.systemPool.machine: the cloud has no machine type \"s3\"…spec.cloudAddons.dns: the cloud has no…spec.type: can't"},
		{name: "the other region is not the known one", given: known("1.36"), when: ask(eu, ev.Update{Spec: wrong}), not: "spec.region: can't be changed"},
		{name: "what it has is not asked for anew", given: fsmtest.History(known("1.35"), fsmtest.Is("account -/main", gone)), when: ask(eu, ev.Update{Spec: spec(func(s *ev.DataplaneSpec) { s.Version, s.SystemPool.Max = "1.35", 9 })}), then: []string{eu + " update_requested"}},
		{name: "an unknown machine of a pool", given: known("1.36"), when: ask(pg, ev.Create{Spec: infra("m5", "m6i.large", "m6i.huge")}), not: `spec.pools[0].machine: the cloud has no machine type "m5"…spec.pools[0].alternatives[1]: the cloud has no`},
		{name: "a known one", given: known("1.36"), when: ask(pg, ev.Create{Spec: infra("m4", "m6i.xlarge")}), then: []string{pg + " requested"}},

		{name: "the same again is no news", given: known("1.36"), when: ask("account -/main", ev.NoteCatalogue{Region: "eu-central", Catalogue: ev.Catalogue{Versions: offered.Versions, Addons: offered.Addons, Machines: offered.Machines}})},
		{name: "something else is", given: known("1.36"), when: ask("account -/main", ev.NoteCatalogue{Region: "eu-central", Catalogue: ev.Catalogue{Versions: offered.Versions, Machines: offered.Machines}}), then: []string{"account -/main catalogue_changed"}, phase: fsm.Ready},
	})
	w := fsmtest.WorldOf(t, fsmtest.History(known("1.36"), fsmtest.Is("account -/main", gone)))
	e, _ := w.Get(fsmtest.RefOf("account -/main"))
	got := e.Data.(fsm.AccountData).Catalogues
	if len(got) != 1 || len(got[0].Versions) != 1 || len(got[0].Addons) != 1 || len(got[0].Machines) != 1 || got[0].Machines[0] != "m4" {
		t.Errorf("after a change the catalogue is %+v", got)
	}
}

// A wish that can't be had leaves what works Active and not in sync, and is withdrawn by asking for what is there.
func TestAWishIsWithdrawn(t *testing.T) {
	const eu, pg = "dataplane -/eu", "tenantinfra -/eu_pg"
	why := fsmtest.Attempt(0, ev.ConfigProblem).Reason
	wished := func(change func(*ev.DataplaneSpec), more ...ev.Event) []fsmtest.Fact {
		return fsmtest.History(fsmtest.AccountReady(), euAt("1.36"), fsmtest.Is(eu, append([]ev.Event{ev.UpdateRequested[ev.DataplaneSpec]{Spec: spec(change)}}, more...)...))
	}
	vain := wished(version("1.37"), ev.UpdateFailed{Reason: why})
	updating := []string{eu + " update_requested"}
	base := fsmtest.Gone(ev.PartBase)
	repaired := fsmtest.History(vain, fsmtest.Is(eu, ev.Drifted{Found: base}, ev.RepairStarted{}, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "cluster", Version: "1.36"}, ev.SystemPoolReady{Nodes: 1}, ev.PoolsUpgraded{}, fsmtest.AllAddons))
	two := fsmtest.InfraSpec
	two.Pools = append(two.Pools[:1:1], ev.Pool{Name: "b", Machine: "x99", Max: 3, Priority: "on-demand"})
	infra := fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt(), fsmtest.InfraBuilt(ev.UpdateRequested[ev.TenantInfraSpec]{Spec: two}))
	infraVain := fsmtest.History(infra, fsmtest.Is(pg, ev.UpdateFailed{Reason: why}))
	infraOtherwise := fsmtest.History(infra, fsmtest.Is(pg, ev.UpdateFailed{Reason: fsmtest.Attempt(0, ev.InternalReason).Reason}))
	live(t, []life{
		{name: "it fails", given: wished(version("1.37")), when: failed(eu, ev.ConfigProblem), then: []string{eu + " attempt_failed", eu + " update_failed"}, phase: fsm.Active, why: "config_problem"},
		{name: "withdrawn", given: vain, when: upgradeTo("1.36"), then: updating, phase: fsm.Updating, why: "ensure_cluster"},
		{name: "withdrawn by its manifest", given: vain, when: ask(eu, ev.Update{Spec: fsmtest.EuSpec}), then: updating, phase: fsm.Updating},
		{name: "further back is not", given: vain, when: upgradeTo("1.35"), not: "refused…a cluster can't go back: it has 1.36"},
		{name: "not while it may be happening", given: wished(version("1.37")), when: upgradeTo("1.36"), not: "refused…the upgrade to 1.37 is under way"},
		{name: "while it is tried again and again", given: wished(version("1.37"), tried(1)), when: upgradeTo("1.36"), then: updating, phase: fsm.Updating},
		{name: "an upgrade from before that left it Degraded", given: wished(version("1.37"), ev.Degraded{Reason: why}), when: upgradeTo("1.36"), then: updating, phase: fsm.Updating},
		{name: "retried", given: vain, when: retry(eu), then: []string{eu + " retry_requested"}, phase: fsm.Updating},
		{name: "a look that finds all as it was made is no news", given: vain, when: noted(eu), phase: fsm.Active, why: "config_problem"},
		{name: "what is changed by hand is brought back to what was made", given: vain, when: noted(eu, base...), then: []string{eu + " drifted", eu + " repair_started"}, phase: fsm.Updating},
		{name: "and then the wish is still in vain", given: repaired, when: done(eu, ev.Activated{}), then: []string{eu + " update_done"}, phase: fsm.Active, why: "config_problem"},
		{name: "a repair that can't be made is not tried for ever", given: fsmtest.History(repaired, fsmtest.Is(eu, ev.UpdateFailed{Reason: why, Repair: true})), when: noted(eu, base...), phase: fsm.Active, why: "config_problem"},
		{name: "what does not work is Degraded", given: fsmtest.History(vain, fsmtest.Is(eu, ev.Drifted{Found: fsmtest.Gone(ev.PartCluster)}, ev.RepairStarted{})), when: failed(eu, ev.ConfigProblem), then: []string{eu + " attempt_failed", eu + " degraded"}, phase: fsm.Degraded},

		{name: "a pool in vain", given: infra, when: failed(pg, ev.ConfigProblem), then: []string{pg + " attempt_failed", pg + " update_failed"}, phase: fsm.Active, why: "config_problem"},
		{name: "left out again", given: infraVain, when: ask(pg, ev.Update{Spec: fsmtest.InfraSpec}), then: []string{pg + " update_requested", pg + " pools_planned"}, phase: fsm.Updating},
		{name: "one that may have been made goes again", given: infraOtherwise, when: ask(pg, ev.Update{Spec: fsmtest.InfraSpec}), then: []string{pg + " update_requested", pg + " pools_planned"}, phase: fsm.Updating},
	})
	e := mustGet(t, fsmtest.WorldOf(t, vain), eu)
	if !e.Holds(fsm.ConditionReady) || e.Holds("InSync") || !e.Holds("SystemPoolReady") {
		t.Errorf("after a wish in vain: %+v", e.Conditions)
	}
	for _, made := range fsm.Machines[ev.Dataplane].ExpectedEffects(e, fsm.NewRefs(fsmtest.WorldOf(t, vain))) {
		if c, ok := made.(ev.EnsureCluster); ok && c.Version != "1.36" {
			t.Errorf("the cluster is held against %s", c.Version)
		}
	}
}

// A cluster that is gone may be made again with any version: the cloud may have given up the one that it had.
func TestALostClusterMayBeOfAnyVersion(t *testing.T) {
	const eu = "dataplane -/eu"
	why := fsmtest.Attempt(0, ev.ConfigProblem).Reason
	lost := fsmtest.History(known("1.36"), fsmtest.Is(eu, ev.Drifted{Found: fsmtest.Gone(ev.PartCluster)}, ev.RepairStarted{}))
	degraded := fsmtest.History(lost, fsmtest.Is(eu, ev.Degraded{Reason: why}))
	older := fsmtest.History(degraded, fsmtest.Is(eu, ev.UpdateRequested[ev.DataplaneSpec]{Spec: spec(version("1.35"))}))
	live(t, []life{
		{name: "not while it is made", given: lost, when: upgradeTo("1.35"), not: "refused…the cluster is gone, and is made again with 1.36"},
		{name: "when that has failed", given: degraded, when: upgradeTo("1.35"), then: []string{eu + " update_requested"}, phase: fsm.Updating, why: "ensure_network"},
		{name: "but one that there is", given: degraded, when: upgradeTo("1.31"), not: "the cloud has no version"},
		{name: "it is made so", given: fsmtest.History(older, fsmtest.Is(eu, ev.NetworkReady{Network: "net"})), when: done(eu, ev.ClusterReady{Cluster: "cluster", Version: "1.35"}), then: []string{eu + " cluster_ready"}, phase: fsm.Updating},
	})
}

// What stands on a dataplane without a cluster is not ready, and says why, though its own events say nothing of it.
func TestWhatStandsOnNothingIsNotReady(t *testing.T) {
	const pg = "tenantinfra -/eu_pg"
	home := fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt(), fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs,
		ev.ProvisioningStarted{Site: ev.Target{Dataplane: "-/eu"}, Cluster: "cluster"}, fsmtest.PoolsUp, ev.Activated{}))
	ready := func(facts []fsmtest.Fact) fsm.Condition {
		w := fsmtest.WorldOf(t, facts)
		all := fsm.Machines[ev.TenantInfra].Conditions(mustGet(t, w, pg), fsm.NewRefs(w))
		return all[len(all)-1]
	}
	if c := ready(home); c.Type != fsm.ConditionReady || c.Status != fsm.True {
		t.Errorf("on a dataplane that works it is %+v", c)
	}
	if c := ready(fsmtest.History(home, fsmtest.Is("dataplane -/eu", ev.Drifted{Found: fsmtest.Gone(ev.PartBase)}))); c.Status != fsm.True {
		t.Errorf("where the base is gone it is %+v", c)
	}
	lost := fsmtest.History(home, fsmtest.Is("dataplane -/eu", ev.Drifted{Found: fsmtest.Gone(ev.PartCluster)}))
	if c := ready(lost); c.Status != fsm.False || c.Reason != string(ev.DriftedReason) || !strings.Contains(c.Message, "dataplane -/eu") {
		t.Errorf("without a cluster it is %+v", c)
	}
}

// What a look sees is told if it is news; how many nodes there are, once in a while.
func TestWhatIsObservedIsTold(t *testing.T) {
	const eu, pg = "dataplane -/eu", "tenantinfra -/eu_pg"
	look := func(name string, seen ev.Seen, every time.Duration, found ...ev.Drift) question {
		return ask(name, ev.NoteDrift{Seen: &seen, Every: every, Found: found})
	}
	is := ev.Seen{Version: "1.36", Nodes: 1, Addons: fsmtest.AllAddons.Addons}
	more, newer := is, is
	more.Nodes, newer.Version = 7, "1.37"
	home := fsmtest.History(fsmtest.AccountReady(), euAt("1.36"), fsmtest.InfraBuilt())
	pools := func(state string, nodes int) ev.Seen {
		return ev.Seen{Nodes: nodes, Pools: []ev.PoolStatus{{Name: "a", State: state, Nodes: nodes}}}
	}
	observed, long := []string{eu + " observed"}, 365*24*time.Hour
	live(t, []life{
		{name: "nothing new", given: home, when: look(eu, is, 0)},
		{name: "more nodes", given: home, when: look(eu, more, time.Minute), then: observed, phase: fsm.Active, why: "-"},
		{name: "more nodes so soon", given: home, when: look(eu, more, long)},
		{name: "another version is told at once", given: home, when: look(eu, newer, long), then: observed},
		{name: "of pools too", given: home, when: look(pg, pools("active", 4), time.Minute), then: []string{pg + " observed"}},
		{name: "which an autoscaler moves", given: home, when: look(pg, pools("active", 4), long)},
		{name: "and somebody deletes", given: home, when: look(pg, pools("deleted", 0), long, ev.Drift{What: "pool a", How: ev.DriftDeleted}), then: []string{pg + " observed", pg + " drifted", pg + " repair_started"}, phase: fsm.Updating},
	})
	w := fsmtest.WorldOf(t, fsmtest.History(home, fsmtest.Is(pg, ev.Observed{Seen: pools("deleted", 0)}, ev.Drifted{Found: fsmtest.Gone("pool a")})))
	if e := mustGet(t, w, pg); e.Holds(fsm.ConditionReady) || e.Holds("PoolsReady") {
		t.Errorf("without its only pool: %+v", e.Conditions)
	}
}
