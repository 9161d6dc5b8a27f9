package fsm

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// What happens beside the work does not hide that the work has failed.
func TestAClaimHidesNoFailure(t *testing.T) {
	w := worldOf(t, history(dataplaneIs("-/eu", asIs, built()[:1]...),
		is("dataplane -/eu", ev.Failed{Reason: ev.Reason{Code: ev.ConfigProblem}}, ev.Claimed{Customer: "acme"})))
	e, _ := w.Get(refOf("dataplane -/eu"))
	if why := w.Why(e); why == nil || why.Code != ev.ConfigProblem {
		t.Errorf("the reason is %+v", why)
	}
	changes, err := decideIn(w, ev.Command{Ref: e.Ref, Ask: ev.Retry{}})
	if err != nil || len(changes) != 1 {
		t.Errorf("retry: %v %v", changes, err)
	}
}

// A pool that is made and fails again and again is given up, however often it is
// seen in between.
func TestSeeingPoolsKeepsTheCount(t *testing.T) {
	failed := ev.AttemptFailed{Attempt: 3, Reason: ev.Reason{Code: ev.InternalReason}}
	w := worldOf(t, is("tenantinfra -/eu_pg", ev.Requested[ev.TenantInfraSpec]{UID: "u", Spec: infraSpec}, ev.ProvisioningStarted{}, failed,
		ev.PoolsObserved{Pools: []ev.PoolStatus{{Name: "a", State: "creating"}}}))
	if e, _ := w.Get(refOf("tenantinfra -/eu_pg")); e.Attempts() != 3 {
		t.Errorf("%d attempts", e.Attempts())
	}
}

// A name used again keeps nothing of its earlier owner but the history.
func TestANameUsedAgain(t *testing.T) {
	w := worldOf(t, is("customer acme",
		ev.Created[ev.CustomerSpec]{UID: "u1", Labels: map[string]string{"a": "b"}, Spec: ev.CustomerSpec{DisplayName: "Old"}},
		ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{}, ev.Created[ev.CustomerSpec]{UID: "u2"}))
	e, _ := w.Get(refOf("customer acme"))
	if e.UID != "u2" || e.Labels != nil || e.Drained || e.Revision != 1 || e.Data.Wants().(ev.CustomerSpec).DisplayName != "" || e.Phase() != Active {
		t.Errorf("%+v", e)
	}
	if e.History.Len() != 5 {
		t.Errorf("history %v", e.History)
	}
}
