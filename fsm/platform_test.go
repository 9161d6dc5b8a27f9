package fsm_test

import (
	"slices"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

func TestCustomerLives(t *testing.T) {
	labelled := fsmtest.Is("customer acme", ev.Created[ev.CustomerSpec]{UID: "u", Labels: map[string]string{"tier": "one"}, Spec: ev.CustomerSpec{Hosting: "provider"}})
	live(t, []life{
		{name: "a customer is what it is at once", when: create("customer acme", `{}`), then: []string{"customer acme created"}, phase: fsm.Active, why: "-"},
		{name: "asked twice is there once", given: fsmtest.CustomerIs("acme"), when: create("customer acme", `{}`)},
		{name: "asked twice with other labels is a conflict", given: fsmtest.CustomerIs("acme"), when: create("customer acme", `{"labels":{"a":"b"}}`),
			not: "conflict…customer acme exists already and is not the same"},
		{name: "labels alone", given: fsmtest.CustomerIs("acme"), when: update("customer acme", `{"labels":{"tier":"two"}}`), then: []string{"customer acme labels_changed"}},
		{name: "the same labels are nothing new", given: labelled, when: update("customer acme", `{"labels":{"tier":"one"}}`)},
		{name: "no labels take the old ones away", given: labelled, when: update("customer acme", `{"labels":{}}`), then: []string{"customer acme labels_changed"}},
		{name: "another name for people", given: fsmtest.CustomerIs("acme"), when: update("customer acme", `{"spec":{"displayName":"Acme"}}`), then: []string{"customer acme updated"}},
		{name: "labels and spec at once", given: fsmtest.CustomerIs("acme"), when: update("customer acme", `{"labels":{"a":"b"},"spec":{"displayName":"Acme"}}`),
			then: []string{"customer acme labels_changed", "customer acme updated"}},
		{name: "nobody can be updated before being created", when: update("customer acme", `{"labels":{}}`), not: "not_found: there is no customer acme"},
		{name: "nothing failed, nothing to retry", given: fsmtest.CustomerIs("acme"), when: retry("customer acme")},
		{name: "it waits for nothing", given: fsmtest.CustomerIs("acme"), when: settle("customer acme")},
		{name: "it can't expire", given: fsmtest.CustomerIs("acme"), when: expired("customer acme")},
	})
}

func TestAccountLives(t *testing.T) {
	verifying := fsmtest.AccountIs(ev.VerificationStarted{})
	failing := fsmtest.AccountIs(ev.VerificationStarted{}, givenUp(ev.Unauthorized))
	live(t, []life{
		{name: "requested", when: create("account -/main", `{"spec":{"cloud":"sim","number":"100"}}`), then: []string{"account -/main requested"}, phase: fsm.Requested},
		{name: "a customer's account needs the customer", when: create("account acme/own", `{"spec":{"cloud":"sim","number":"100"}}`),
			not: "invalid…owner: there is no customer acme: create it first"},
		{name: "a misspelt owner is told its neighbour", given: fsmtest.CustomerIs("acme"), when: create("account acne/own", `{"spec":{"cloud":"sim","number":"100"}}`),
			not: "invalid…owner: there is no customer acne"},
		{name: "nothing to wait for", given: fsmtest.AccountIs(), when: settle("account -/main"), then: []string{"account -/main verification_started"}, phase: fsm.Verifying, why: "in_progress: verify_account"},
		{name: "entered", given: verifying, when: done("account -/main", ev.Verified{}), then: []string{"account -/main verified"}, phase: fsm.Ready, why: "-"},
		{name: "entering fails and is tried again", given: verifying, when: failed("account -/main", ev.Unreachable), then: []string{"account -/main attempt_failed"}, phase: fsm.Verifying, why: "unreachable"},
		{name: "the fifth failure is the last", given: fsmtest.AccountIs(ev.VerificationStarted{}, tried(4)), when: failed("account -/main", ev.Unauthorized),
			then: []string{"account -/main attempt_failed", "account -/main failed"}, phase: fsm.Failing, why: "unauthorized"},
		{name: "no answer is no attempt", given: fsmtest.AccountIs(ev.VerificationStarted{}, tried(4)), when: failed("account -/main", ev.Unreachable), then: []string{"account -/main attempt_failed"}, phase: fsm.Verifying, why: "unreachable"},
		{name: "a retry verifies one that was good", given: fsmtest.AccountIs(ev.VerificationStarted{}, ev.Verified{}), when: retry("account -/main"), then: []string{"account -/main update_requested"}, phase: fsm.Requested},
		{name: "too slow", given: verifying, when: expired("account -/main"), then: []string{"account -/main failed"}, phase: fsm.Failing, why: "timeout: verify_account was not done within 15m"},
		{name: "retried", given: failing, when: retry("account -/main"), then: []string{"account -/main retry_requested"}, phase: fsm.Requested},
		{name: "another role is verified anew", given: fsmtest.AccountReady(), when: update("account -/main", `{"spec":{"cloud":"sim","number":"100","role":"r"}}`),
			then: []string{"account -/main update_requested"}, phase: fsm.Requested},
		{name: "another number is another account", given: fsmtest.AccountReady(), when: update("account -/main", `{"spec":{"cloud":"sim","number":"200"}}`),
			not: "refused…spec.number: can't be changed any more"},
		{name: "labels touch nothing", given: fsmtest.AccountReady(), when: update("account -/main", `{"labels":{"a":"b"}}`), then: []string{"account -/main labels_changed"}, phase: fsm.Ready},
	})
}

func TestPlanLives(t *testing.T) {
	draft := fsmtest.PlanIs("free", func(s *ev.PlanSpec) { s.Draft = true })
	const body = `"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]`
	live(t, []life{
		{name: "released at once", when: create("plan -/free", `{"spec":{`+body+`}}`), then: []string{"plan -/free created", "plan -/free released"}, phase: fsm.Released, why: "-"},
		{name: "a draft", when: create("plan -/free", `{"spec":{"draft":true,`+body+`}}`), then: []string{"plan -/free created"}, phase: fsm.Draft, why: "-"},
		{name: "a draft may change and stay one", given: draft, when: update("plan -/free", `{"spec":{"draft":true,`+body+`}}`), then: []string{"plan -/free updated"}, phase: fsm.Draft},
		{name: "clearing the draft releases it", given: draft, when: update("plan -/free", `{"spec":{`+body+`}}`), then: []string{"plan -/free updated", "plan -/free released"}, phase: fsm.Released},
		{name: "a released plan gets a new version", given: fsmtest.PlanReady(), when: update("plan -/free", `{"spec":{`+body+`}}`), then: []string{"plan -/free updated"}, phase: fsm.Released},
		{name: "released is for good", given: fsmtest.PlanReady(), when: update("plan -/free", `{"spec":{"draft":true,`+body+`}}`),
			not: "refused…spec.draft: a released plan can't become a draft again"},
	})
}

func TestAPlanCountsItsVersions(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.PlanReady(), fsmtest.Is("plan -/free", ev.Updated[ev.PlanSpec]{Spec: fsmtest.FreeSpec}, ev.LabelsChanged{}, ev.Updated[ev.PlanSpec]{Spec: fsmtest.FreeSpec})))
	if e, _ := w.Get(fsmtest.RefOf("plan -/free")); e.Revision != 3 {
		t.Errorf("want version 3, got %d", e.Revision)
	}
}

func TestDataplaneLives(t *testing.T) {
	const eu, main = "dataplane -/eu", `{"spec":{"account":"main","region":"eu-central"}}`
	wide := `{"spec":{"account":"-/main","region":"eu-central","systemPool":{"max":9}}}`
	requested := fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs))
	networking := fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:1]...)
	clusterCreating := fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:2]...)
	bootstrapping := fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:3]...)
	pooled := fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:4]...)
	wider := fsmtest.EuSpec
	wider.SystemPool.Max = 9
	updating := fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt(ev.UpdateRequested[ev.DataplaneSpec]{Spec: wider}))
	degraded := fsmtest.History(updating, fsmtest.Is(eu, ev.Degraded{Reason: fsmtest.Attempt(0, ev.QuotaExceeded).Reason}))
	broken := fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, ev.NetworkingStarted{Account: fsmtest.SimAccount}, givenUp(ev.ConfigProblem)))
	live(t, []life{
		{name: "requested in an account that is there", given: fsmtest.AccountReady(), when: create(eu, main), then: []string{eu + " requested"}, phase: fsm.Requested},
		{name: "requested in an account that is not ready yet", given: fsmtest.AccountIs(), when: create(eu, main), then: []string{eu + " requested"},
			why: "dependency: waits for account -/main, which is Requested"},
		{name: "no such account", given: fsmtest.AccountReady(), when: create(eu, `{"spec":{"account":"mian","region":"eu-central"}}`),
			not: `invalid…spec.account: there is no account -/mian; did you mean "main"?`},
		{name: "no account at all", when: create(eu, main), not: "invalid…spec.account: there is no account -/main: create it first"},
		{name: "in another customer's account", given: fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.CustomerIs("other"), fsmtest.Is("account other/own", ev.Requested[ev.AccountSpec]{UID: "u", Spec: fsmtest.MainSpec})),
			when: create("dataplane acme/own", `{"spec":{"account":"other/own","region":"eu-central"}}`), not: "invalid…spec.account: account other/own belongs to other"},

		{name: "the account is ready", given: requested, when: settle(eu), then: []string{eu + " networking_started"}, phase: fsm.Networking, why: "in_progress: ensure_network"},
		{name: "the account is not ready", given: fsmtest.History(fsmtest.AccountIs(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs)), when: settle(eu), phase: fsm.Requested},
		{name: "the network is there", given: networking, when: done(eu, ev.NetworkReady{Network: "net"}), then: []string{eu + " network_ready"}, phase: fsm.ClusterCreating},
		{name: "the cluster is there", given: clusterCreating, when: done(eu, ev.ClusterReady{Cluster: "c"}), then: []string{eu + " cluster_ready"}, phase: fsm.Bootstrapping, why: "ensure_system_pool"},
		{name: "its machines are there", given: bootstrapping, when: done(eu, ev.SystemPoolReady{Nodes: 1}), then: []string{eu + " system_pool_ready"}, phase: fsm.Bootstrapping, why: "ensure_cloud_addons"},
		{name: "its add-ons are there", given: pooled, when: done(eu, fsmtest.AllAddons), then: []string{eu + " cloud_addons_ready"}, phase: fsm.Bootstrapping, why: "ensure_base"},
		{name: "its base is there", given: fsmtest.History(pooled, fsmtest.Is(eu, fsmtest.AllAddons)), when: done(eu, ev.Activated{}), then: []string{eu + " activated"}, phase: fsm.Active, why: "-"},
		{name: "an outcome of another step", given: networking, when: done(eu, ev.Activated{}), not: "refused…activated in phase Networking: the table of dataplane has no such row"},
		{name: "a network too late for a cluster in creation", given: clusterCreating, when: late(eu, networking, ev.NetworkReady{Network: "other"}), phase: fsm.ClusterCreating},
		{name: "a report when nothing is owed", given: fsmtest.EuBuilt(), when: late(eu, fsmtest.History(pooled, fsmtest.Is(eu, fsmtest.AllAddons)), ev.Activated{}), phase: fsm.Active},

		{name: "the first failure is one of five", given: networking, when: failed(eu, ev.InternalReason), then: []string{eu + " attempt_failed"}, phase: fsm.Networking, why: "internal: the cloud said so"},
		{name: "the fifth failure gives up", given: fsmtest.History(networking, fsmtest.Is(eu, tried(4))), when: failed(eu, ev.InternalReason), then: []string{eu + " attempt_failed", eu + " failed"}, phase: fsm.Failed},
		{name: "a full cloud does not count", given: fsmtest.History(networking, fsmtest.Is(eu, tried(4))), when: failed(eu, ev.CapacityUnavailable), then: []string{eu + " attempt_failed"}, phase: fsm.Networking},
		{name: "a wrong wish is given up at once", given: networking, when: failed(eu, ev.ConfigProblem), then: []string{eu + " attempt_failed", eu + " failed"}, phase: fsm.Failed, why: "config_problem"},
		{name: "progress is a new beginning", given: fsmtest.History(networking, fsmtest.Is(eu, tried(4), ev.NetworkReady{Network: "net"})), when: failed(eu, ev.InternalReason),
			then: []string{eu + " attempt_failed"}, phase: fsm.ClusterCreating},
		{name: "an hour for a cluster is enough", given: clusterCreating, when: expired(eu), then: []string{eu + " failed"}, phase: fsm.Failed, why: "timeout: ensure_cluster was not done within 1h"},
		{name: "a deadline says what went wrong last", given: fsmtest.History(clusterCreating, fsmtest.Is(eu, tried(1))), when: expired(eu), then: []string{eu + " failed"}, why: "internal: not done within 1h0m0s; last: the cloud said so"},
		{name: "a deadline of a phase long left", given: bootstrapping, when: ask(eu, ev.Expire{Since: fsmtest.Start.Add(-1)}), phase: fsm.Bootstrapping},

		{name: "retried from the start, in sight of the account", given: broken, when: retry(eu), then: []string{eu + " retry_requested"}, phase: fsm.Requested},
		{name: "retried before the next attempt", given: fsmtest.History(networking, fsmtest.Is(eu, tried(2))), when: retry(eu), then: []string{eu + " retry_requested"}, phase: fsm.Networking, why: "in_progress"},
		{name: "nothing failed, nothing to retry", given: networking, when: retry(eu)},
		{name: "a failed wish may be put right", given: broken, when: update(eu, `{"spec":{"account":"main","region":"us-east"}}`), then: []string{eu + " update_requested"}, phase: fsm.Requested},

		{name: "more machines", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt()), when: update(eu, wide), then: []string{eu + " update_requested"}, phase: fsm.Updating},
		{name: "more machines are there", given: updating, when: done(eu, ev.SystemPoolReady{Nodes: 3}), then: []string{eu + " system_pool_ready", eu + " update_done"}, phase: fsm.Active, why: "-"},
		{name: "an update that fails leaves what was there", given: updating, when: failed(eu, ev.ConfigProblem), then: []string{eu + " attempt_failed", eu + " update_failed"}, phase: fsm.Active, why: "config_problem"},
		{name: "an update that takes too long leaves what was there", given: updating, when: expired(eu), then: []string{eu + " update_failed"}, phase: fsm.Active, why: "timeout"},
		{name: "a degraded one is retried", given: degraded, when: retry(eu), then: []string{eu + " retry_requested"}, phase: fsm.Updating},
		{name: "it stays where it is", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt()), when: update(eu, `{"spec":{"account":"-/main","region":"us-east"}}`),
			not: "refused: update dataplane -/eu…spec.region: can't be changed any more: it is"},
		{name: "it stays what it is", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs)), when: update(eu, `{"spec":{"account":"-/main","region":"eu-central","type":"dedicated"}}`),
			not: "refused…spec.type: can't be changed"},
		{name: "labels touch nothing", given: fsmtest.EuBuilt(), when: update(eu, `{"labels":{"a":"b"}}`), then: []string{eu + " labels_changed"}, phase: fsm.Active, why: "-"},
		{name: "labels do not end the counting", given: fsmtest.History(networking, fsmtest.Is(eu, tried(4), ev.LabelsChanged{})), when: failed(eu, ev.InternalReason),
			then: []string{eu + " attempt_failed", eu + " failed"}},
	})
}

func TestExpectationsOfACommand(t *testing.T) {
	with := func(f func(*ev.Command)) question {
		return func(t *testing.T, w *state.Entities) ev.Command {
			c := update("customer acme", `{"labels":{"a":"b"}}`)(t, w)
			f(&c)
			return c
		}
	}
	one, two := uint64(1), uint64(2)
	live(t, []life{
		{name: "the sequence is as expected", given: fsmtest.CustomerIs("acme"), when: with(func(c *ev.Command) { c.ExpectedSeq = &one }), then: []string{"customer acme labels_changed"}},
		{name: "the entity has moved on", given: fsmtest.CustomerIs("acme"), when: with(func(c *ev.Command) { c.ExpectedSeq = &two }), not: "conflict: customer acme is at sequence 1, not at the expected 2"},
		{name: "the incarnation is as expected", given: fsmtest.CustomerIs("acme"), when: with(func(c *ev.Command) { c.ExpectedUID = "u-acme" }), then: []string{"customer acme labels_changed"}},
		{name: "the name is somebody else's", given: fsmtest.CustomerIs("acme"), when: with(func(c *ev.Command) { c.ExpectedUID = "u-other" }), not: "conflict…belongs to another incarnation"},
	})
}

func TestAReportForAnotherIncarnationTouchesNothing(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:1]...))
	c := report("dataplane -/eu", func(r *ev.Report) { r.UID, r.Outcome = "another", ev.NetworkReady{} })(t, w)
	if changes, err := fsmtest.DecideIn(w, c); len(changes) > 0 || err != nil {
		t.Errorf("got %v, %v", changes, err)
	}
}

func TestConditionsKeepTheTimeOfTheirLastChange(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.AccountReady(), fsmtest.EuBuilt(), fsmtest.Is("dataplane -/eu", ev.LabelsChanged{})))
	e, _ := w.Get(fsmtest.RefOf("dataplane -/eu"))
	i := slices.IndexFunc(e.Conditions, func(c fsm.Condition) bool { return c.Type == fsm.ConditionReady })
	if got := e.Conditions[i].Since; got.Equal(w.Time) || !e.PhaseSince.Equal(got) {
		t.Errorf("Ready since %s, Active since %s, labels changed at %s", got, e.PhaseSince, w.Time)
	}
}
