package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// A dataplane that is deleted with cascade takes along what is on it, and each stage is over before the next one begins:
// the application, its tenant, the pools, the addon, and then the cluster. A restart in the middle changes nothing.
func TestCascadeOfADataplane(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inhabited(r, ev.DriftRepair)
	r.perform(`create addon -/eu_logs {"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"logs"}}]}`)
	logs := ev.Ref{Kind: ev.Addon, Owner: ev.Platform, ID: "eu_logs"}
	r.phase(ev.Addon, "-/eu_logs", time.Minute, fsm.Deployed)
	r.perform(`delete dataplane -/eu {"cascade":true}`)
	r.stop()
	r.start()
	r.phase(ev.Dataplane, "-/eu", 5*time.Minute, fsm.Gone)

	order := []ev.Ref{fromApp, fromProd, fromPg, logs, fromEu}
	var ends []uint64
	for _, ref := range order {
		e := r.entity(ref)
		if !fsm.Ended(e) {
			t.Errorf("%s is %s", ref, e.Phase())
		}
		ends = append(ends, e.Seq)
	}
	if !slices.IsSorted(ends) {
		t.Errorf("%v ended at %v", order, ends)
	}
	if left, err := r.cloud.ListOwned(t.Context(), cloud.Scope{Account: cloud.Account{ID: "4711"}, Region: "eu-central"}, ""); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
