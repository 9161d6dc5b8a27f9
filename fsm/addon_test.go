package fsm

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// addonIs is an addon of dataplane -/eu, with what happened to it.
func addonIs(happened ...ev.Event) []fact {
	born := ev.Requested[ev.AddonSpec]{UID: "a", Spec: ev.AddonSpec{Manifests: []map[string]any{{"kind": "ConfigMap"}}}}
	return is("addon -/eu_db", append([]ev.Event{born}, happened...)...)
}

func TestAddonLives(t *testing.T) {
	const db, body = "addon -/eu_db", `{"spec":{"manifests":[{"kind":"ConfigMap"}]}}`
	begun := ev.InstallingStarted{Cluster: "c", Namespace: "db"}
	deployed := history(platform(), addonIs(begun, ev.Deployed{Revision: 1}))
	live(t, []life{
		{name: "requested for a dataplane", given: platform(), when: create(db, body), then: []string{db + " requested"}, phase: Pending},
		{name: "its name is no namespace for it", given: platform(), when: create("addon -/eu_kube-system", body), not: "invalid…spec.namespace: \"kube-system\" is not given to addons"},
		{name: "no such dataplane", given: platform(), when: create("addon -/us_db", body), not: `invalid…name: there is no dataplane -/us`},
		{name: "the dataplane is ready", given: history(platform(), addonIs()), when: settle(db), then: []string{db + " installing_started"}, phase: Installing},
		{name: "changed", given: deployed, when: update(db, `{"spec":{"namespace":"db","manifests":[{"kind":"Service"}]}}`), then: []string{db + " update_requested"}, phase: Upgrading},
		{name: "its namespace stays", given: deployed, when: update(db, `{"spec":{"namespace":"other","manifests":[{"kind":"ConfigMap"}]}}`), not: "refused…spec.namespace: can't be changed any more: it is \"db\""},
		{name: "its dataplane takes it along", given: deployed, when: ask("dataplane -/eu", ev.Delete{}), then: []string{"dataplane -/eu deletion_requested"}, phase: Deleting, why: "dependency: waits for the end of addon -/eu_db"},
		{name: "and ends it first", given: history(deployed, is("dataplane -/eu", ev.DeletionRequested{})), when: settle("dataplane -/eu"),
			then: []string{db + " deletion_requested", db + " drained"}, phase: Deleting},
		{name: "what others have there is in the way still", given: history(tenantHome(), addonIs(begun)), when: ask("dataplane -/eu", ev.Delete{}), not: "refused: dataplane -/eu is used by tenantinfra -/eu_pg: delete these first"},
	})
}
