package views_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/apitest"
	"github.com/aeriehq/aerie/projections/operations"
	"github.com/aeriehq/aerie/projections/views"
)

// operationsOf is what a question about operations is answered.
func operationsOf(s *apitest.System, question string) views.List[operations.Operation] {
	return apitest.Fetch[views.List[operations.Operation]](s, "/v1/operations"+question)
}

// lines tells of each operation in one line.
func lines(l views.List[operations.Operation]) string {
	var all []string
	for _, o := range l.Items {
		line := fmt.Sprintf("%s %s/%s %s %s %d/%d", o.Entity.Kind, o.Entity.Owner, o.Entity.ID, o.Verb, o.State, o.Done, o.Total)
		for _, s := range o.Steps {
			line += fmt.Sprintf(" %s:%s", s.Name, s.State)
		}
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

func says(t *testing.T, s *apitest.System, question, want string) views.List[operations.Operation] {
	t.Helper()
	l := operationsOf(s, question)
	if got := lines(l); got != want {
		t.Errorf("%s\ngot\n%s\nwant\n%s", question, got, want)
	}
	return l
}

// TestOperationsOfALife follows a tenant from its creation over a failure and an update to its end.
func TestOperationsOfALife(t *testing.T) {
	s := apitest.New(t)
	s.Views.SetNow(func() time.Time { return s.Tick })
	prod := apitest.Ref(events.Tenant, "acme/prod")
	s.Happen(apitest.Ref(events.Customer, "acme"), events.Created[events.CustomerSpec]{UID: "c"})
	born := s.Happen(prod, events.Requested[events.TenantSpec]{UID: "u", Spec: events.TenantSpec{Plan: "free"}})
	first := says(t, s, "", "tenant acme/prod create running 0/4 Requested:running Placing:pending Waiting:pending Provisioning:pending").Items[0]
	if first.Seq != born || first.Actor != events.ActorAdmin || first.Entity.UID != "u" || first.Ended != nil || !first.Since.Equal(*first.Steps[0].Since) {
		t.Errorf("%+v", first)
	}
	if first.Reason == nil || first.Reason.Code != events.Dependency || !slices.Equal(first.WaitsFor, []string{"customer acme", "plan -/free"}) || !slices.Equal(first.Can, []string{"delete"}) {
		t.Errorf("%+v %v %v", first.Reason, first.WaitsFor, first.Can)
	}
	s.Happen(prod, events.PlacingStarted{}, events.Placed{Placement: events.Placement{Dataplane: "-/eu", TenantInfra: "-/eu_pg", Namespace: "n"}})
	s.Happen(prod, events.TenantProvisioningStarted{})
	why := events.Reason{Code: events.Unreachable, Message: "no answer", Fault: events.ByCloud}
	s.Happen(prod, events.AttemptFailed{Reason: why, NextAt: s.Tick.Add(time.Hour)})
	l := says(t, s, "?state=running", "tenant acme/prod create running 3/4 Requested:done Placing:done Waiting:done Provisioning:running")
	if o := l.Items[0]; o.ID != first.ID || o.Steps[0].TookMS != 60_000 || o.Reason.Message != "no answer" || !slices.Equal(o.Can, []string{"retry", "delete"}) {
		t.Errorf("%+v", o)
	}
	s.Happen(prod, events.UpdateRequested[events.TenantSpec]{Spec: events.TenantSpec{Plan: "free", AllowNamespaces: []string{"x"}}})
	s.Happen(prod, events.Failed{Reason: why})
	failed := says(t, s, "", `tenant acme/prod update failed 0/1 Provisioning:failed
tenant acme/prod create superseded 3/4 Requested:done Placing:done Waiting:done Provisioning:superseded`).Items[0]
	if failed.Reason.Message != "no answer" || failed.Ended == nil || len(failed.Can) > 0 {
		t.Errorf("%+v", failed)
	}
	s.Happen(prod, events.RetryRequested{})
	s.Happen(prod, events.TenantProvisioningStarted{})
	s.Happen(prod, events.Activated{})
	says(t, s, "?state=done", "tenant acme/prod retry done 2/2 Waiting:done Provisioning:done")
	s.Happen(prod, events.RepairStarted{})
	says(t, s, "?limit=1", "tenant acme/prod repair running 0/1 Provisioning:running")
	s.Happen(prod, events.DeletionRequested{})
	s.Happen(prod, events.Drained{})
	s.Happen(prod, events.Deleted{})
	says(t, s, "?limit=1&entity=acme/prod", "tenant acme/prod delete done 1/1 Deleting:done")
}

// TestOperationsAreFiltered asks for some of them, page by page, and for what is wrong.
func TestOperationsAreFiltered(t *testing.T) {
	s := apitest.New(t)
	s.Views.SetNow(func() time.Time { return s.Tick })
	for _, owner := range []string{"acme", "beta"} {
		s.Happen(apitest.Ref(events.Customer, owner), events.Created[events.CustomerSpec]{UID: owner})
		for i := range 3 {
			s.Happen(apitest.Ref(events.Tenant, fmt.Sprintf("%s/t%d", owner, i)), events.Requested[events.TenantSpec]{UID: "u", Spec: events.TenantSpec{Plan: "free"}})
		}
	}
	s.Happen(apitest.Ref(events.Account, "-/main"), events.Requested[events.AccountSpec]{UID: "a"})
	var seen []string
	for question := "?limit=2&kind=tenant"; ; {
		l := operationsOf(s, question)
		for _, o := range l.Items {
			seen = append(seen, o.Entity.Owner+"/"+o.Entity.ID)
		}
		if l.Next == nil {
			break
		}
		question = "?limit=2&kind=tenant&cursor=" + *l.Next
	}
	if want := "beta/t2 beta/t1 beta/t0 acme/t2 acme/t1 acme/t0"; strings.Join(seen, " ") != want {
		t.Errorf("%v, want %s", seen, want)
	}
	for question, n := range map[string]int{"": 7, "?owner=acme": 3, "?owner=-": 1, "?kind=accounts": 1, "?entity=acme/t1": 1, "?kind=tenant&entity=acme/t1": 1, "?state=done": 0, "?at=2": 1} {
		if l := operationsOf(s, question); len(l.Items) != n {
			t.Errorf("%s: %d, want %d", question, len(l.Items), n)
		}
	}
	for question, field := range map[string]string{"?owner=nobody": "owner", "?owner=A": "owner", "?kind=tennant": "kind", "?state=dnoe": "state", "?cursor=99999999999999999999": "cursor", "?kind=tenant&entity=x": "entity"} {
		if a := s.Ask("GET", "/v1/operations"+question, ""); a.StatusCode != 400 || !strings.Contains(a.Body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", question, a.StatusCode, a.Body)
		}
	}
}

// TestWhatHasEndedIsToldOfForADay looks at an operation right before a day has passed since its end, and then.
func TestWhatHasEndedIsToldOfForADay(t *testing.T) {
	s := apitest.New(t)
	main := apitest.Ref(events.Account, "-/main")
	s.Happen(main, events.Requested[events.AccountSpec]{UID: "a"}, events.VerificationStarted{})
	s.Happen(main, events.Verified{})
	ended := s.Tick.Add(-time.Minute)
	for after, n := range map[time.Duration]int{24*time.Hour - time.Second: 1, 24 * time.Hour: 0} {
		s.Views.SetNow(func() time.Time { return ended.Add(after) })
		if l := operationsOf(s, ""); len(l.Items) != n {
			t.Errorf("%s later: %s", after, lines(l))
		}
	}
}
