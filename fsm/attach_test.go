package fsm

import (
	"fmt"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

func TestAttaching(t *testing.T) {
	const eu = "dataplane -/eu"
	acme := history(customerIs("acme"), customerIs("other"), accountReady())
	shared := history(acme, euBuilt())
	alone := history(acme, dataplaneIs("-/eu", dedicated, built()...))
	claimed := history(alone, is(eu, ev.Claimed{Customer: "acme"}))
	attach := func(name, customer string) question {
		return send(name, ev.VerbAttach, fmt.Sprintf(`{"customer":%q}`, customer))
	}
	detach := func(name, customer string) question {
		return send(name, ev.VerbDetach, fmt.Sprintf(`{"customer":%q}`, customer))
	}
	live(t, []life{
		{name: "a shared one takes a customer", given: shared, when: attach(eu, "acme"), then: []string{eu + " attached"}, phase: Active, why: "-"},
		{name: "and another", given: history(shared, is(eu, ev.Attached{Customer: "acme"})), when: attach(eu, "other"), then: []string{eu + " attached"}},
		{name: "attached twice is attached once", given: history(shared, is(eu, ev.Attached{Customer: "acme"})), when: attach(eu, "acme")},
		{name: "while it is being built", given: history(acme, dataplaneIs("-/eu", asIs)), when: attach(eu, "acme"), then: []string{eu + " attached"}, phase: Requested},
		{name: "a dedicated one is claimed", given: alone, when: attach(eu, "acme"), then: []string{eu + " claimed"}},
		{name: "a dedicated one is attached twice", given: claimed, when: attach(eu, "acme")},
		{name: "a dedicated one is one customer's", given: claimed, when: attach(eu, "other"), not: "refused: dataplane -/eu is dedicated to customer acme"},
		{name: "a customer's own is nobody else's", given: history(acme, dataplaneIs("acme/own", asIs)), when: attach("dataplane acme/own", "other"), not: "refused: dataplane acme/own belongs to customer acme"},
		{name: "no such customer", given: shared, when: attach(eu, "acne"), not: "invalid…customer: there is no customer acne"},
		{name: "a customer that is going away", given: history(shared, is("customer acme", ev.DeletionRequested{})), when: attach(eu, "acme"), not: "refused…customer acme is going away"},
		{name: "a dataplane that is going away", given: history(shared, is(eu, ev.DeletionRequested{})), when: attach(eu, "acme"), not: "refused: dataplane -/eu is going away"},
		{name: "no such dataplane", given: acme, when: attach(eu, "acme"), not: "not_found"},

		{name: "detached", given: history(shared, is(eu, ev.Attached{Customer: "acme"})), when: detach(eu, "acme"), then: []string{eu + " detached"}, phase: Active},
		{name: "detached twice", given: shared, when: detach(eu, "acme")},
		{name: "a claim is given back", given: claimed, when: detach(eu, "acme"), then: []string{eu + " detached"}},
		{name: "another may claim it then", given: history(claimed, is(eu, ev.Detached{Customer: "acme"})), when: attach(eu, "other"), then: []string{eu + " claimed"}},
		{name: "its tenants are in the way", given: tenantHome(), when: detach(eu, "acme"), not: "refused: customer acme has tenant acme/prod on dataplane -/eu: delete these first"},
		{name: "nobody else's tenants are", given: history(tenantHome(), customerIs("other"), is(eu, ev.Attached{Customer: "other"})), when: detach(eu, "other"), then: []string{eu + " detached"}},
	})
}

// A customer that ends leaves nothing behind: the name's next owner starts anew.
func TestACustomerThatEndsIsDetached(t *testing.T) {
	const acme, eu = "customer acme", "dataplane -/eu"
	attached := history(customerIs("acme"), accountReady(), euBuilt(ev.Attached{Customer: "acme"}))
	live(t, []life{
		{name: "the end begins", given: attached, when: ask(acme, ev.Delete{}), then: []string{acme + " deletion_requested"}, phase: Closing, why: "in_progress: leaves what it is attached to"},
		{name: "it is detached", given: history(attached, is(acme, ev.DeletionRequested{})), when: settle(acme), then: []string{eu + " detached"}, phase: Closing},
		{name: "it is gone", given: history(attached, is(acme, ev.DeletionRequested{}), is(eu, ev.Detached{Customer: "acme"})), when: settle(acme),
			then: []string{acme + " drained", acme + " deleted"}, phase: Closed},
	})
}

// A place that can't be built is given up before anything was made there, and never after.
func TestAPlaceThatFailsIsGivenUp(t *testing.T) {
	const prod = "tenant acme/prod"
	home := history(customerIs("acme"), planReady(), accountReady(), euBuilt())
	failed := history(home, infraIs("-/eu_pg", asIs, ev.ProvisioningStarted{}, givenUp(ev.ConfigProblem)))
	waiting := tenantIs("acme/prod", starting[:2]...)
	begun := tenantIs("acme/prod", append(append([]ev.Event{}, starting...), givenUp(ev.InternalReason), ev.RetryRequested{})...)
	live(t, []life{
		{name: "its tenant infra has failed", given: history(failed, waiting), when: settle(prod), then: []string{prod + " place_given_up"}, phase: Placing, why: "capacity_unavailable"},
		{name: "it is not taken again", given: history(failed, waiting, is(prod, ev.PlaceGivenUp{})), when: settle(prod), phase: Placing},
		{name: "another is found", given: history(failed, infraIs("-/eu_pg2", asIs), waiting, is(prod, ev.PlaceGivenUp{})), when: settle(prod), then: []string{prod + " placed"}, phase: Waiting},
		{name: "its dataplane has failed", given: history(accountReady(), dataplaneIs("-/eu", asIs, ev.NetworkingStarted{}, givenUp(ev.ConfigProblem)), customerIs("acme"), planReady(), infraIs("-/eu_pg", asIs), waiting),
			when: settle(prod), then: []string{prod + " place_given_up"}, phase: Placing},
		{name: "where something was made it stays", given: history(failed, begun), when: settle(prod), phase: Waiting, why: "dependency: waits for tenantinfra -/eu_pg, which is Failed"},
	})
}
