package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// A dataplane that names addons waits for them after its base is there, and goes on when they are deployed.
func TestBootstrapLives(t *testing.T) {
	const eu, db, body = "dataplane -/eu", "addon -/eu_db", `{"spec":{"account":"main","region":"eu-central","bootstrap":["db"]`
	named := func(s *ev.DataplaneSpec) { s.Bootstrap = []string{"db"} }
	way := fsmtest.Built()
	pooled := fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", named, way[:len(way)-1]...))
	equipping := fsmtest.History(pooled, fsmtest.Is(eu, ev.BaseReady{}))
	begun := ev.InstallingStarted{Cluster: "cluster", Namespace: "db"}
	deployed := fsmtest.History(equipping, addonIs(begun, ev.Deployed{Revision: 1}))
	failed := fsmtest.History(equipping, addonIs(begun, givenUp(ev.ConfigProblem)))
	active := fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", func(s *ev.DataplaneSpec) { s.Drift = ev.DriftRepair }, fsmtest.Built()...))
	live(t, []life{
		{name: "its base is there", given: pooled, when: done(eu, ev.Activated{}), then: []string{eu + " base_ready"}, phase: fsm.Equipping, why: "dependency: waits for addon -/eu_db, which is not there"},
		{name: "an addon may be made then", given: equipping, when: create(db, `{"spec":{"manifests":[{"kind":"ConfigMap"}]}}`), then: []string{db + " requested"}, phase: fsm.Pending},
		{name: "and is begun", given: fsmtest.History(equipping, addonIs()), when: settle(db), then: []string{db + " installing_started"}, phase: fsm.Installing},
		{name: "but not before", given: fsmtest.History(pooled, addonIs()), when: settle(db), phase: fsm.Pending, why: "dependency: waits for dataplane -/eu, which is Bootstrapping"},
		{name: "what else stands on it waits", given: fsmtest.History(equipping, fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs)), when: settle("tenantinfra -/eu_pg"), phase: fsm.Requested, why: "dependency: waits for dataplane -/eu, which is Equipping"},
		{name: "an addon that has failed says why", given: failed, when: settle(eu), phase: fsm.Equipping, why: "dependency: waits for addon -/eu_db, which is Failed: "},
		{name: "one that is gone again is not there", given: fsmtest.History(deployed, fsmtest.Is(db, ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{})), when: settle(eu), phase: fsm.Equipping, why: "dependency: waits for addon -/eu_db, which is Uninstalled"},
		{name: "all are deployed", given: deployed, when: settle(eu), then: []string{eu + " activated"}, phase: fsm.Active, why: "-"},
		{name: "one that is named no more is not waited for", given: failed, when: update(eu, `{"spec":{"account":"main","region":"eu-central"}}`), then: []string{eu + " update_requested"}, phase: fsm.Networking},
		{name: "deleted while it waits", given: deployed, when: ask(eu, ev.Delete{}), then: []string{eu + " deletion_requested"}, phase: fsm.Deleting, why: "dependency: waits for the end of addon -/eu_db"},
		{name: "named when it is Active already", given: active, when: update(eu, body+"}}"), then: []string{eu + " update_requested", eu + " update_done"}, phase: fsm.Active, why: "-"},
		{name: "and with something that is to be made", given: active, when: update(eu, body+`,"systemPool":{"max":9}}}`), then: []string{eu + " update_requested"}, phase: fsm.Updating},
		{name: "an update of one that was Active waits for no addon", given: fsmtest.History(active, fsmtest.Is(eu, ev.UpdateRequested[ev.DataplaneSpec]{Spec: withBootstrap(9)})),
			when: done(eu, ev.SystemPoolReady{Nodes: 1}), then: []string{eu + " system_pool_ready", eu + " update_done"}, phase: fsm.Active, why: "-"},
	})
}

func withBootstrap(most int) ev.DataplaneSpec {
	s := fsmtest.EuSpec
	s.Bootstrap, s.SystemPool.Max = []string{"db"}, most
	return s
}
