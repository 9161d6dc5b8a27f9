package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// What happens beside the work does not hide that the work has failed.
func TestAClaimHidesNoFailure(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:1]...),
		fsmtest.Is("dataplane -/eu", ev.Failed{Reason: ev.Reason{Code: ev.ConfigProblem}}, ev.Claimed{Customer: "acme"})))
	e, _ := w.Get(fsmtest.RefOf("dataplane -/eu"))
	if why := w.Blocker(e); why == nil || why.Code != ev.ConfigProblem {
		t.Errorf("the reason is %+v", why)
	}
	changes, err := fsmtest.DecideIn(w, ev.Command{Ref: e.Ref, Payload: ev.Retry{}})
	if err != nil || len(changes) != 1 {
		t.Errorf("retry: %v %v", changes, err)
	}
}

// A pool that is made and fails again and again is given up, however often it is
// seen in between.
func TestSeeingPoolsKeepsTheCount(t *testing.T) {
	failed := ev.AttemptFailed{Attempt: 3, Reason: ev.Reason{Code: ev.InternalReason}}
	w := fsmtest.WorldOf(t, fsmtest.Is("tenantinfra -/eu_pg", ev.Requested[ev.TenantInfraSpec]{UID: "u", Spec: fsmtest.InfraSpec}, ev.ProvisioningStarted{}, failed,
		ev.PoolsObserved{Pools: []ev.PoolStatus{{Name: "a", State: "creating"}}}))
	if e, _ := w.Get(fsmtest.RefOf("tenantinfra -/eu_pg")); e.Attempts() != 3 {
		t.Errorf("%d attempts", e.Attempts())
	}
}

// A name used again keeps nothing of its earlier owner but the history.
func TestANameUsedAgain(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.Is("customer acme",
		ev.Created[ev.CustomerSpec]{UID: "u1", Labels: map[string]string{"a": "b"}, Spec: ev.CustomerSpec{DisplayName: "Old"}},
		ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{}, ev.Created[ev.CustomerSpec]{UID: "u2"}))
	e, _ := w.Get(fsmtest.RefOf("customer acme"))
	if e.UID != "u2" || e.Labels != nil || e.Drained || e.Revision != 1 || e.Data.Wants().(ev.CustomerSpec).DisplayName != "" || e.Phase() != fsm.Active {
		t.Errorf("%+v", e)
	}
	if e.History.Len() != 5 {
		t.Errorf("history %v", e.History)
	}
}
