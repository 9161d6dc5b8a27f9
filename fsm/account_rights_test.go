package fsm_test

import (
	"slices"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// TestWhatLacksRightsGoesOnWhenTheAccountHasThemAgain has work given up for rights, and the account verified again or not.
func TestWhatLacksRightsGoesOnWhenTheAccountHasThemAgain(t *testing.T) {
	account := func(events ...ev.Event) []fsmtest.Fact { return fsmtest.Is("account -/main", events...) }
	dataplane := func(events ...ev.Event) []fsmtest.Fact { return fsmtest.Is("dataplane -/eu", events...) }
	again := ev.UpdateRequested[ev.AccountSpec]{Spec: fsmtest.MainSpec}
	refused := *fsmtest.Attempt(1, ev.Unauthorized)
	begun := fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, ev.NetworkingStarted{}))
	given := fsmtest.History(begun, dataplane(givenUp(ev.Unauthorized)))
	lost := fsmtest.History(account(again), account(ev.VerificationStarted{}), account(refused))
	back := fsmtest.History(lost, account(givenUp(ev.Unauthorized)), account(ev.RetryRequested{}), account(ev.VerificationStarted{}), account(ev.Verified{}))
	goesOn := []string{"dataplane -/eu retry_requested", "dataplane -/eu networking_started"}
	live(t, []life{
		{name: "the first refusal doubts the account", given: begun, when: failed("dataplane -/eu", ev.Unauthorized),
			then: []string{"dataplane -/eu attempt_failed", "account -/main update_requested"}, phase: fsm.Networking},
		{name: "the next one does not", given: fsmtest.History(begun, dataplane(refused)), when: failed("dataplane -/eu", ev.Unauthorized),
			then: []string{"dataplane -/eu attempt_failed"}, phase: fsm.Networking},
		{name: "given up, it waits", given: given, when: settle("dataplane -/eu"), phase: fsm.Failed, why: "unauthorized"},
		{name: "an account that is verified again and was good is no reason", phase: fsm.Failed, why: "unauthorized",
			given: fsmtest.History(given, account(again), account(ev.VerificationStarted{}), account(ev.Verified{})), when: settle("dataplane -/eu")},
		{name: "nor is one that is not Ready yet", given: fsmtest.History(given, lost), when: settle("dataplane -/eu"), phase: fsm.Failed},
		{name: "one that lacked rights and has them is", given: fsmtest.History(given, back), when: settle("dataplane -/eu"), then: goesOn, phase: fsm.Networking},
		{name: "even if it was not given up in between", given: fsmtest.History(given, lost, account(ev.Verified{})), when: settle("dataplane -/eu"), then: goesOn, phase: fsm.Networking},
		{name: "what was given up for something else stays so", given: fsmtest.History(begun, dataplane(givenUp(ev.ConfigProblem)), back),
			when: settle("dataplane -/eu"), phase: fsm.Failed, why: "config_problem"},
	})
	w := fsmtest.WorldOf(t, given)
	if waits := w.Waiting(fsmtest.RefOf("account -/main")); len(waits) != 1 || waits[0] != fsmtest.RefOf("dataplane -/eu") {
		t.Errorf("for the account wait %v", waits)
	}
	ready := fsm.Dependency{Ref: fsmtest.RefOf("account -/main"), Condition: fsm.ConditionReady}
	for _, c := range []struct {
		name string
		past []fsmtest.Fact
		want bool
	}{{"being verified again", fsmtest.History(begun, account(again)), true}, {"refused", fsmtest.History(begun, lost), false}} {
		if e, _ := fsmtest.WorldOf(t, c.past).Get(ready.Ref); e.Holds(ready.Condition) != c.want {
			t.Errorf("an account that is %s is Ready: %t", c.name, !c.want)
		}
	}
}

// TestAnAccountIsVerifiedAgainByItself has accounts that could not be entered, once and more often.
func TestAnAccountIsVerifiedAgainByItself(t *testing.T) {
	const main = "account -/main"
	failing := func(times int) (facts []fsmtest.Fact) {
		facts = fsmtest.AccountIs(ev.VerificationStarted{}, givenUp(ev.Unauthorized))
		for range times - 1 {
			facts = append(facts, fsmtest.Is(main, ev.RetryRequested{}, ev.VerificationStarted{}, givenUp(ev.Unauthorized))...)
		}
		return facts
	}
	live(t, []life{
		{name: "when its time is over", given: failing(1), when: expired(main), then: []string{main + " retry_requested"}, phase: fsm.Requested},
		{name: "not for another time", given: failing(1), when: ask(main, ev.Expire{Since: fsmtest.Later}), phase: fsm.Failing, why: "unauthorized"},
		{name: "not one that is Ready", given: fsmtest.AccountReady(), when: expired(main), phase: fsm.Ready},
		{name: "and in between when asked", given: failing(2), when: retry(main), then: []string{main + " retry_requested"}, phase: fsm.Requested},
	})
	for times, want := range map[int]time.Duration{1: 5 * time.Minute, 2: 10 * time.Minute, 4: 40 * time.Minute, 7: 5*time.Hour + 20*time.Minute, 8: 6 * time.Hour, 90: 6 * time.Hour} {
		w := fsmtest.WorldOf(t, failing(times))
		e := mustGet(t, w, main)
		if owed, _ := fsm.Machines[ev.Account].Owed(e).(fsm.WaitFor); !owed.OnlyTime() || owed.Within != want || !owed.Since.Equal(e.PhaseSince) {
			t.Errorf("after %d times it is left for %+v, wanted %s", times, owed, want)
		}
		if why := w.Blocker(e); why == nil || why.Retried || why.Code != ev.Unauthorized {
			t.Errorf("after %d times it says %+v", times, why) // --wait ends: somebody has to put it right first
		}
	}
	healed := fsmtest.History(failing(9), fsmtest.Is(main, ev.RetryRequested{}, ev.VerificationStarted{}, ev.Verified{},
		ev.UpdateRequested[ev.AccountSpec]{Spec: fsmtest.MainSpec}, ev.VerificationStarted{}, givenUp(ev.Unauthorized)))
	if owed, _ := fsm.Machines[ev.Account].Owed(mustGet(t, fsmtest.WorldOf(t, healed), main)).(fsm.WaitFor); owed.Within != 5*time.Minute {
		t.Errorf("after it was Ready it is left for %s", owed.Within)
	}
}

// TestADenialIsAnAnswer has people at the customer's side say no: what was asked for is given up, is not tried again by itself, and
// makes no account doubt itself. An end stays owed, and who retries it has them asked once more.
func TestADenialIsAnAnswer(t *testing.T) {
	denies := func(name string) question {
		return report(name, func(r *ev.Report) {
			r.Failure = fsmtest.Attempt(0, ev.Unauthorized)
			r.Failure.Denied, r.Failure.Fault = true, ev.ByUser
		})
	}
	denied := *fsmtest.Attempt(1, ev.Unauthorized)
	denied.Denied = true
	gone := ev.Failed{Reason: denied.Reason}
	begun := fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, ev.NetworkingStarted{}))
	going := fsmtest.TenantIs("acme/prod", append(slices.Clone(fsmtest.Starting), ev.Activated{}, ev.DeletionRequested{}, ev.Drained{})...)
	account := fsmtest.AccountIs(ev.VerificationStarted{}, gone)
	live(t, []life{
		{name: "work of an account", given: begun, when: denies("dataplane -/eu"),
			then: []string{"dataplane -/eu attempt_failed", "dataplane -/eu failed"}, phase: fsm.Failed, why: "unauthorized"},
		{name: "an end", given: going, when: denies("tenant acme/prod"), then: []string{"tenant acme/prod attempt_failed"}, phase: fsm.Deleting, why: "unauthorized"},
		{name: "an end that is tried again", given: fsmtest.History(going, fsmtest.Is("tenant acme/prod", denied)), when: retry("tenant acme/prod"),
			then: []string{"tenant acme/prod retry_requested"}, phase: fsm.Deleting},
		{name: "an account itself", given: account, when: retry("account -/main"),
			then: []string{"account -/main retry_requested"}, phase: fsm.Requested},
	})
	if owed := fsm.Machines[ev.Account].Owed(entityOf(t, account, "account -/main")); owed != nil {
		t.Errorf("an account that people have denied is owed %v", owed)
	}
	held := fsmtest.Attempt(1, ev.Approval)
	if !held.Held() || !held.Waits() || held.Counted() || held.LacksRights() {
		t.Errorf("what waits for approval is %+v", held)
	}
}

func entityOf(t *testing.T, past []fsmtest.Fact, name string) fsm.Entity[fsm.Data] {
	t.Helper()
	e, _ := fsmtest.WorldOf(t, past).Get(fsmtest.RefOf(name))
	return e
}
