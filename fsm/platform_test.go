package fsm

import (
	"slices"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

func TestCustomerLives(t *testing.T) {
	labelled := is("customer acme", ev.Created[ev.CustomerSpec]{UID: "u", Labels: map[string]string{"tier": "one"}, Spec: ev.CustomerSpec{Hosting: "provider"}})
	live(t, []life{
		{name: "a customer is what it is at once", when: create("customer acme", `{}`), then: []string{"customer acme created"}, phase: Active, why: "-"},
		{name: "asked twice is there once", given: customerIs("acme"), when: create("customer acme", `{}`)},
		{name: "asked twice with other labels is a conflict", given: customerIs("acme"), when: create("customer acme", `{"labels":{"a":"b"}}`),
			not: "conflict…customer acme exists already and is not the same"},
		{name: "labels alone", given: customerIs("acme"), when: update("customer acme", `{"labels":{"tier":"two"}}`), then: []string{"customer acme labels_changed"}},
		{name: "the same labels are nothing new", given: labelled, when: update("customer acme", `{"labels":{"tier":"one"}}`)},
		{name: "no labels take the old ones away", given: labelled, when: update("customer acme", `{"labels":{}}`), then: []string{"customer acme labels_changed"}},
		{name: "another name for people", given: customerIs("acme"), when: update("customer acme", `{"spec":{"displayName":"Acme"}}`), then: []string{"customer acme updated"}},
		{name: "labels and spec at once", given: customerIs("acme"), when: update("customer acme", `{"labels":{"a":"b"},"spec":{"displayName":"Acme"}}`),
			then: []string{"customer acme labels_changed", "customer acme updated"}},
		{name: "nobody can be updated before being created", when: update("customer acme", `{"labels":{}}`), not: "not_found: there is no customer acme"},
		{name: "nothing failed, nothing to retry", given: customerIs("acme"), when: retry("customer acme")},
		{name: "it waits for nothing", given: customerIs("acme"), when: settle("customer acme")},
		{name: "it can't expire", given: customerIs("acme"), when: expired("customer acme")},
	})
}

func TestAccountLives(t *testing.T) {
	verifying := accountIs(ev.VerificationStarted{})
	failing := accountIs(ev.VerificationStarted{}, givenUp(ev.Unauthorized))
	live(t, []life{
		{name: "requested", when: create("account -/main", `{"spec":{"cloud":"sim","number":"100"}}`), then: []string{"account -/main requested"}, phase: Requested},
		{name: "a customer's account needs the customer", when: create("account acme/own", `{"spec":{"cloud":"sim","number":"100"}}`),
			not: "invalid…owner: there is no customer acme: create it first"},
		{name: "a misspelt owner is told its neighbour", given: customerIs("acme"), when: create("account acne/own", `{"spec":{"cloud":"sim","number":"100"}}`),
			not: "invalid…owner: there is no customer acne"},
		{name: "nothing to wait for", given: accountIs(), when: settle("account -/main"), then: []string{"account -/main verification_started"}, phase: Verifying, why: "in_progress: verify_account"},
		{name: "entered", given: verifying, when: done("account -/main", ev.Verified{}), then: []string{"account -/main verified"}, phase: Ready, why: "-"},
		{name: "entering fails and is tried again", given: verifying, when: failed("account -/main", ev.Unreachable), then: []string{"account -/main attempt_failed"}, phase: Verifying, why: "unreachable"},
		{name: "the fifth failure is the last", given: accountIs(ev.VerificationStarted{}, tried(4)), when: failed("account -/main", ev.Unauthorized),
			then: []string{"account -/main attempt_failed", "account -/main failed"}, phase: Failing, why: "unauthorized"},
		{name: "no answer is no attempt", given: accountIs(ev.VerificationStarted{}, tried(4)), when: failed("account -/main", ev.Unreachable), then: []string{"account -/main attempt_failed"}, phase: Verifying, why: "unreachable"},
		{name: "too slow", given: verifying, when: expired("account -/main"), then: []string{"account -/main failed"}, phase: Failing, why: "timeout: verify_account was not done within 15m"},
		{name: "retried", given: failing, when: retry("account -/main"), then: []string{"account -/main retry_requested"}, phase: Requested},
		{name: "another role is verified anew", given: accountReady(), when: update("account -/main", `{"spec":{"cloud":"sim","number":"100","role":"r"}}`),
			then: []string{"account -/main update_requested"}, phase: Requested},
		{name: "another number is another account", given: accountReady(), when: update("account -/main", `{"spec":{"cloud":"sim","number":"200"}}`),
			not: "refused…spec.number: can't be changed any more"},
		{name: "labels touch nothing", given: accountReady(), when: update("account -/main", `{"labels":{"a":"b"}}`), then: []string{"account -/main labels_changed"}, phase: Ready},
	})
}

func TestPlanLives(t *testing.T) {
	draft := planIs("free", func(s *ev.PlanSpec) { s.Draft = true })
	const body = `"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]`
	live(t, []life{
		{name: "released at once", when: create("plan -/free", `{"spec":{`+body+`}}`), then: []string{"plan -/free created", "plan -/free released"}, phase: Released, why: "-"},
		{name: "a draft", when: create("plan -/free", `{"spec":{"draft":true,`+body+`}}`), then: []string{"plan -/free created"}, phase: Draft, why: "-"},
		{name: "a draft may change and stay one", given: draft, when: update("plan -/free", `{"spec":{"draft":true,`+body+`}}`), then: []string{"plan -/free updated"}, phase: Draft},
		{name: "clearing the draft releases it", given: draft, when: update("plan -/free", `{"spec":{`+body+`}}`), then: []string{"plan -/free updated", "plan -/free released"}, phase: Released},
		{name: "a released plan gets a new version", given: planReady(), when: update("plan -/free", `{"spec":{`+body+`}}`), then: []string{"plan -/free updated"}, phase: Released},
		{name: "released is for good", given: planReady(), when: update("plan -/free", `{"spec":{"draft":true,`+body+`}}`),
			not: "refused…spec.draft: a released plan can't become a draft again"},
	})
}

func TestAPlanCountsItsVersions(t *testing.T) {
	w := worldOf(t, history(planReady(), is("plan -/free", ev.Updated[ev.PlanSpec]{Spec: freeSpec}, ev.LabelsChanged{}, ev.Updated[ev.PlanSpec]{Spec: freeSpec})))
	if e, _ := w.Get(refOf("plan -/free")); e.Revision != 3 {
		t.Errorf("want version 3, got %d", e.Revision)
	}
}

func TestDataplaneLives(t *testing.T) {
	const eu, main = "dataplane -/eu", `{"spec":{"account":"main","region":"eu-central"}}`
	wide := `{"spec":{"account":"-/main","region":"eu-central","systemPool":{"max":9}}}`
	requested := history(accountReady(), dataplaneIs("-/eu", asIs))
	networking := dataplaneIs("-/eu", asIs, built()[:1]...)
	clusterCreating := dataplaneIs("-/eu", asIs, built()[:2]...)
	bootstrapping := dataplaneIs("-/eu", asIs, built()[:3]...)
	pooled := dataplaneIs("-/eu", asIs, built()[:4]...)
	wider := euSpec
	wider.SystemPool.Max = 9
	updating := history(accountReady(), euBuilt(ev.UpdateRequested[ev.DataplaneSpec]{Spec: wider}))
	degraded := history(updating, is(eu, ev.Degraded{Reason: attempt(0, ev.QuotaExceeded).Reason}))
	broken := history(accountReady(), dataplaneIs("-/eu", asIs, ev.NetworkingStarted{Account: simAccount}, givenUp(ev.ConfigProblem)))
	live(t, []life{
		{name: "requested in an account that is there", given: accountReady(), when: create(eu, main), then: []string{eu + " requested"}, phase: Requested},
		{name: "requested in an account that is not ready yet", given: accountIs(), when: create(eu, main), then: []string{eu + " requested"},
			why: "dependency: waits for account -/main, which is Requested"},
		{name: "no such account", given: accountReady(), when: create(eu, `{"spec":{"account":"mian","region":"eu-central"}}`),
			not: `invalid…spec.account: there is no account -/mian; did you mean "main"?`},
		{name: "no account at all", when: create(eu, main), not: "invalid…spec.account: there is no account -/main: create it first"},
		{name: "in another customer's account", given: history(customerIs("acme"), customerIs("other"), is("account other/own", ev.Requested[ev.AccountSpec]{UID: "u", Spec: mainSpec})),
			when: create("dataplane acme/own", `{"spec":{"account":"other/own","region":"eu-central"}}`), not: "invalid…spec.account: account other/own belongs to other"},

		{name: "the account is ready", given: requested, when: settle(eu), then: []string{eu + " networking_started"}, phase: Networking, why: "in_progress: ensure_network"},
		{name: "the account is not ready", given: history(accountIs(), dataplaneIs("-/eu", asIs)), when: settle(eu), phase: Requested},
		{name: "the network is there", given: networking, when: done(eu, ev.NetworkReady{Network: "net"}), then: []string{eu + " network_ready"}, phase: ClusterCreating},
		{name: "the cluster is there", given: clusterCreating, when: done(eu, ev.ClusterReady{Cluster: "c"}), then: []string{eu + " cluster_ready"}, phase: Bootstrapping, why: "ensure_system_pool"},
		{name: "its machines are there", given: bootstrapping, when: done(eu, ev.SystemPoolReady{Nodes: 1}), then: []string{eu + " system_pool_ready"}, phase: Bootstrapping, why: "ensure_cloud_addons"},
		{name: "its add-ons are there", given: pooled, when: done(eu, allAddons), then: []string{eu + " cloud_addons_ready"}, phase: Bootstrapping, why: "ensure_base"},
		{name: "its base is there", given: history(pooled, is(eu, allAddons)), when: done(eu, ev.Activated{}), then: []string{eu + " activated"}, phase: Active, why: "-"},
		{name: "an outcome of another step", given: networking, when: done(eu, ev.Activated{}), not: "refused…activated in phase Networking: the table of dataplane has no such row"},
		{name: "a network too late for a cluster in creation", given: clusterCreating, when: late(eu, networking, ev.NetworkReady{Network: "other"}), phase: ClusterCreating},
		{name: "a report when nothing is owed", given: euBuilt(), when: late(eu, history(pooled, is(eu, allAddons)), ev.Activated{}), phase: Active},

		{name: "the first failure is one of five", given: networking, when: failed(eu, ev.InternalReason), then: []string{eu + " attempt_failed"}, phase: Networking, why: "internal: the cloud said so"},
		{name: "the fifth failure gives up", given: history(networking, is(eu, tried(4))), when: failed(eu, ev.InternalReason), then: []string{eu + " attempt_failed", eu + " failed"}, phase: Failed},
		{name: "a full cloud does not count", given: history(networking, is(eu, tried(4))), when: failed(eu, ev.CapacityUnavailable), then: []string{eu + " attempt_failed"}, phase: Networking},
		{name: "a wrong wish is given up at once", given: networking, when: failed(eu, ev.ConfigProblem), then: []string{eu + " attempt_failed", eu + " failed"}, phase: Failed, why: "config_problem"},
		{name: "progress is a new beginning", given: history(networking, is(eu, tried(4), ev.NetworkReady{Network: "net"})), when: failed(eu, ev.InternalReason),
			then: []string{eu + " attempt_failed"}, phase: ClusterCreating},
		{name: "an hour for a cluster is enough", given: clusterCreating, when: expired(eu), then: []string{eu + " failed"}, phase: Failed, why: "timeout: ensure_cluster was not done within 1h"},
		{name: "a deadline says what went wrong last", given: history(clusterCreating, is(eu, tried(1))), when: expired(eu), then: []string{eu + " failed"}, why: "internal: not done within 1h0m0s; last: the cloud said so"},
		{name: "a deadline of a phase long left", given: bootstrapping, when: ask(eu, ev.Expire{Since: start.Add(-1)}), phase: Bootstrapping},

		{name: "retried from the start, in sight of the account", given: broken, when: retry(eu), then: []string{eu + " retry_requested"}, phase: Requested},
		{name: "retried before the next attempt", given: history(networking, is(eu, tried(2))), when: retry(eu), then: []string{eu + " retry_requested"}, phase: Networking, why: "in_progress"},
		{name: "nothing failed, nothing to retry", given: networking, when: retry(eu)},
		{name: "a failed wish may be put right", given: broken, when: update(eu, `{"spec":{"account":"main","region":"us-east"}}`), then: []string{eu + " update_requested"}, phase: Requested},

		{name: "more machines", given: history(accountReady(), euBuilt()), when: update(eu, wide), then: []string{eu + " update_requested"}, phase: Updating},
		{name: "more machines are there", given: updating, when: done(eu, ev.SystemPoolReady{Nodes: 3}), then: []string{eu + " system_pool_ready", eu + " update_done"}, phase: Active, why: "-"},
		{name: "an update that fails leaves what was there", given: updating, when: failed(eu, ev.ConfigProblem), then: []string{eu + " attempt_failed", eu + " degraded"}, phase: Degraded, why: "config_problem"},
		{name: "an update that takes too long leaves what was there", given: updating, when: expired(eu), then: []string{eu + " degraded"}, phase: Degraded},
		{name: "a degraded one is retried", given: degraded, when: retry(eu), then: []string{eu + " retry_requested"}, phase: Updating},
		{name: "it stays where it is", given: history(accountReady(), euBuilt()), when: update(eu, `{"spec":{"account":"-/main","region":"us-east"}}`),
			not: "refused: update dataplane -/eu…spec.region: can't be changed any more: it is"},
		{name: "it stays what it is", given: history(accountReady(), dataplaneIs("-/eu", asIs)), when: update(eu, `{"spec":{"account":"-/main","region":"eu-central","type":"dedicated"}}`),
			not: "refused…spec.type: can't be changed"},
		{name: "labels touch nothing", given: euBuilt(), when: update(eu, `{"labels":{"a":"b"}}`), then: []string{eu + " labels_changed"}, phase: Active, why: "-"},
		{name: "labels do not end the counting", given: history(networking, is(eu, tried(4), ev.LabelsChanged{})), when: failed(eu, ev.InternalReason),
			then: []string{eu + " attempt_failed", eu + " failed"}},
	})
}

func TestExpectationsOfACommand(t *testing.T) {
	with := func(f func(*ev.Command)) question {
		return func(t *testing.T, w *World) ev.Command {
			c := update("customer acme", `{"labels":{"a":"b"}}`)(t, w)
			f(&c)
			return c
		}
	}
	one, two := uint64(1), uint64(2)
	live(t, []life{
		{name: "the sequence is as expected", given: customerIs("acme"), when: with(func(c *ev.Command) { c.ExpectedSeq = &one }), then: []string{"customer acme labels_changed"}},
		{name: "the entity has moved on", given: customerIs("acme"), when: with(func(c *ev.Command) { c.ExpectedSeq = &two }), not: "conflict: customer acme is at sequence 1, not at the expected 2"},
		{name: "the incarnation is as expected", given: customerIs("acme"), when: with(func(c *ev.Command) { c.ExpectedUID = "u-acme" }), then: []string{"customer acme labels_changed"}},
		{name: "the name is somebody else's", given: customerIs("acme"), when: with(func(c *ev.Command) { c.ExpectedUID = "u-other" }), not: "conflict…belongs to another incarnation"},
	})
}

func TestAReportForAnotherIncarnationTouchesNothing(t *testing.T) {
	w := worldOf(t, dataplaneIs("-/eu", asIs, built()[:1]...))
	c := report("dataplane -/eu", func(r *ev.Report) { r.UID, r.Outcome = "another", ev.NetworkReady{} })(t, w)
	if changes, err := decideIn(w, c); len(changes) > 0 || err != nil {
		t.Errorf("got %v, %v", changes, err)
	}
}

func TestTheNetworkRangeIsKept(t *testing.T) {
	given := DataplaneData{Spec: euSpec}
	if a, b := given.networkRange("u1"), given.networkRange("u1"); a != b || a == "" {
		t.Errorf("%q and %q", a, b)
	}
	given.Spec.Network.Range = "10.1.0.0/16"
	if got := given.networkRange("u1"); got != "10.1.0.0/16" {
		t.Errorf("got %q", got)
	}
}

func TestConditionsKeepTheTimeOfTheirLastChange(t *testing.T) {
	w := worldOf(t, history(accountReady(), euBuilt(), is("dataplane -/eu", ev.LabelsChanged{})))
	e, _ := w.Get(refOf("dataplane -/eu"))
	i := slices.IndexFunc(e.Conditions, func(c Condition) bool { return c.Type == ConditionReady })
	if got := e.Conditions[i].Since; got.Equal(w.Time) || !e.Since.Equal(got) {
		t.Errorf("Ready since %s, Active since %s, labels changed at %s", got, e.Since, w.Time)
	}
}
