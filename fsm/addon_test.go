package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// addonIs is an addon of dataplane -/eu, with what happened to it.
func addonIs(happened ...ev.Event) []fsmtest.Fact {
	born := ev.Requested[ev.AddonSpec]{UID: "a", Spec: ev.AddonSpec{Manifests: []map[string]any{{"kind": "ConfigMap"}}}}
	return fsmtest.Is("addon -/eu_db", append([]ev.Event{born}, happened...)...)
}

func TestAddonLives(t *testing.T) {
	const db, body = "addon -/eu_db", `{"spec":{"manifests":[{"kind":"ConfigMap"}]}}`
	begun := ev.InstallingStarted{Cluster: "c", Namespace: "db"}
	deployed := fsmtest.History(fsmtest.Platform(), addonIs(begun, ev.Deployed{Revision: 1}))
	inhabited := fsmtest.History(fsmtest.TenantHome(), addonIs(begun, ev.Deployed{Revision: 1}))
	live(t, []life{
		{name: "requested for a dataplane", given: fsmtest.Platform(), when: create(db, body), then: []string{db + " requested"}, phase: fsm.Pending},
		{name: "its name is no namespace for it", given: fsmtest.Platform(), when: create("addon -/eu_kube-system", body), not: "invalid…spec.namespace: \"kube-system\" is not allowed for an addon"},
		{name: "no such dataplane", given: fsmtest.Platform(), when: create("addon -/us_db", body), not: `invalid…name: there is no dataplane -/us`},
		{name: "the dataplane is ready", given: fsmtest.History(fsmtest.Platform(), addonIs()), when: settle(db), then: []string{db + " installing_started"}, phase: fsm.Installing},
		{name: "changed", given: deployed, when: update(db, `{"spec":{"namespace":"db","manifests":[{"kind":"Service"}]}}`), then: []string{db + " update_requested"}, phase: fsm.Upgrading},
		{name: "its namespace stays", given: deployed, when: update(db, `{"spec":{"namespace":"other","manifests":[{"kind":"ConfigMap"}]}}`), not: "refused…spec.namespace: can't be changed any more: it is \"db\""},
		{name: "its dataplane takes it along", given: deployed, when: ask("dataplane -/eu", ev.Delete{}), then: []string{"dataplane -/eu deletion_requested"}, phase: fsm.Deleting, why: "dependency: waits for the end of addon -/eu_db"},
		{name: "and ends it first", given: fsmtest.History(deployed, fsmtest.Is("dataplane -/eu", ev.DeletionRequested{})), when: settle("dataplane -/eu"),
			then: []string{db + " deletion_requested", db + " drained"}, phase: fsm.Deleting},
		{name: "what others have there is in the way still", given: fsmtest.History(fsmtest.TenantHome(), addonIs(begun)), when: ask("dataplane -/eu", ev.Delete{}), not: "refused: dataplane -/eu is used by tenantinfra -/eu_pg: delete these first, or give cascade"},
		{name: "with cascade all goes", given: inhabited, when: ask("dataplane -/eu", ev.Delete{Cascade: true}), then: []string{"dataplane -/eu deletion_requested"}, phase: fsm.Deleting, why: "dependency: waits for the end of tenantinfra -/eu_pg"},
		{name: "the tenants on it first, and its addons not yet", given: fsmtest.History(inhabited, fsmtest.Is("dataplane -/eu", ev.DeletionRequested{Cascade: true})), when: settle("dataplane -/eu"),
			then: []string{"tenant acme/prod deletion_requested", "tenant acme/prod drained"}, phase: fsm.Deleting},
		{name: "a plan takes nothing along", given: inhabited, when: ask("plan -/free", ev.Delete{Cascade: true}), not: "invalid…cascade: there is no cascade for this kind; delete what uses it first: tenant acme/prod"},
		{name: "an addon neither", given: inhabited, when: ask(db, ev.Delete{Cascade: true}), not: "invalid…cascade: there is no cascade for this kind; nothing uses it: leave cascade out"},
	})
}
