package fsm_test

import (
	"testing"

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
