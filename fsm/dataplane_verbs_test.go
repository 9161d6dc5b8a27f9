package fsm_test

import (
	"fmt"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

func TestAttaching(t *testing.T) {
	const eu = "dataplane -/eu"
	acme := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.CustomerIs("other"), fsmtest.AccountReady())
	shared := fsmtest.History(acme, fsmtest.EuBuilt())
	alone := fsmtest.History(acme, fsmtest.DataplaneIs("-/eu", dedicated, fsmtest.Built()...))
	claimed := fsmtest.History(alone, fsmtest.Is(eu, ev.Claimed{Customer: "acme"}))
	attach := func(name, customer string) question {
		return send(name, ev.VerbAttach, fmt.Sprintf(`{"customer":%q}`, customer))
	}
	detach := func(name, customer string) question {
		return send(name, ev.VerbDetach, fmt.Sprintf(`{"customer":%q}`, customer))
	}
	live(t, []life{
		{name: "a shared one takes a customer", given: shared, when: attach(eu, "acme"), then: []string{eu + " attached"}, phase: fsm.Active, why: "-"},
		{name: "and another", given: fsmtest.History(shared, fsmtest.Is(eu, ev.Attached{Customer: "acme"})), when: attach(eu, "other"), then: []string{eu + " attached"}},
		{name: "attached twice is attached once", given: fsmtest.History(shared, fsmtest.Is(eu, ev.Attached{Customer: "acme"})), when: attach(eu, "acme")},
		{name: "while it is being built", given: fsmtest.History(acme, fsmtest.DataplaneIs("-/eu", fsmtest.AsIs)), when: attach(eu, "acme"), then: []string{eu + " attached"}, phase: fsm.Requested},
		{name: "a dedicated one is claimed", given: alone, when: attach(eu, "acme"), then: []string{eu + " claimed"}},
		{name: "a dedicated one is attached twice", given: claimed, when: attach(eu, "acme")},
		{name: "a dedicated one is one customer's", given: claimed, when: attach(eu, "other"), not: "refused: dataplane -/eu is dedicated to customer acme"},
		{name: "a customer's own is nobody else's", given: fsmtest.History(acme, fsmtest.DataplaneIs("acme/own", fsmtest.AsIs)), when: attach("dataplane acme/own", "other"), not: "refused: dataplane acme/own belongs to customer acme"},
		{name: "no such customer", given: shared, when: attach(eu, "acne"), not: "invalid…customer: there is no customer acne"},
		{name: "a customer that is going away", given: fsmtest.History(shared, fsmtest.Is("customer acme", ev.DeletionRequested{})), when: attach(eu, "acme"), not: "refused…customer acme is being deleted"},
		{name: "a dataplane that is going away", given: fsmtest.History(shared, fsmtest.Is(eu, ev.DeletionRequested{})), when: attach(eu, "acme"), not: "refused: dataplane -/eu is being deleted"},
		{name: "no such dataplane", given: acme, when: attach(eu, "acme"), not: "not_found"},

		{name: "detached", given: fsmtest.History(shared, fsmtest.Is(eu, ev.Attached{Customer: "acme"})), when: detach(eu, "acme"), then: []string{eu + " detached"}, phase: fsm.Active},
		{name: "detached twice", given: shared, when: detach(eu, "acme")},
		{name: "a claim is given back", given: claimed, when: detach(eu, "acme"), then: []string{eu + " detached"}},
		{name: "another may claim it then", given: fsmtest.History(claimed, fsmtest.Is(eu, ev.Detached{Customer: "acme"})), when: attach(eu, "other"), then: []string{eu + " claimed"}},
		{name: "its tenants are in the way", given: fsmtest.TenantHome(), when: detach(eu, "acme"), not: "refused: customer acme has tenant acme/prod on dataplane -/eu: delete these first"},
		{name: "nobody else's tenants are", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.CustomerIs("other"), fsmtest.Is(eu, ev.Attached{Customer: "other"})), when: detach(eu, "other"), then: []string{eu + " detached"}},
	})
}

// A customer that ends leaves nothing behind: the name's next owner starts anew.
func TestACustomerThatEndsIsDetached(t *testing.T) {
	const acme, eu = "customer acme", "dataplane -/eu"
	attached := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.AccountReady(), fsmtest.EuBuilt(ev.Attached{Customer: "acme"}))
	live(t, []life{
		{name: "the end begins", given: attached, when: ask(acme, ev.Delete{}), then: []string{acme + " deletion_requested"}, phase: fsm.Closing, why: "in_progress: leaves what it is attached to"},
		{name: "it is detached", given: fsmtest.History(attached, fsmtest.Is(acme, ev.DeletionRequested{})), when: settle(acme), then: []string{eu + " detached"}, phase: fsm.Closing},
		{name: "it is gone", given: fsmtest.History(attached, fsmtest.Is(acme, ev.DeletionRequested{}), fsmtest.Is(eu, ev.Detached{Customer: "acme"})), when: settle(acme),
			then: []string{acme + " drained", acme + " deleted"}, phase: fsm.Closed},
	})
}

// A place that can't be built is given up before anything was made there, and never after.
func TestAPlaceThatFailsIsGivenUp(t *testing.T) {
	const prod = "tenant acme/prod"
	home := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.PlanReady(), fsmtest.AccountReady(), fsmtest.EuBuilt())
	failed := fsmtest.History(home, fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs, ev.ProvisioningStarted{}, givenUp(ev.ConfigProblem)))
	waiting := fsmtest.TenantIs("acme/prod", fsmtest.Starting[:2]...)
	begun := fsmtest.TenantIs("acme/prod", append(append([]ev.Event{}, fsmtest.Starting...), givenUp(ev.InternalReason), ev.RetryRequested{})...)
	live(t, []life{
		{name: "its tenant infra has failed", given: fsmtest.History(failed, waiting), when: settle(prod), then: []string{prod + " place_given_up"}, phase: fsm.Placing, why: "capacity_unavailable"},
		{name: "it is not taken again", given: fsmtest.History(failed, waiting, fsmtest.Is(prod, ev.PlaceGivenUp{})), when: settle(prod), phase: fsm.Placing},
		{name: "another is found", given: fsmtest.History(failed, fsmtest.InfraIs("-/eu_pg2", fsmtest.AsIs), waiting, fsmtest.Is(prod, ev.PlaceGivenUp{})), when: settle(prod), then: []string{prod + " placed"}, phase: fsm.Waiting},
		{name: "its dataplane has failed", given: fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, ev.NetworkingStarted{}, givenUp(ev.ConfigProblem)), fsmtest.CustomerIs("acme"), fsmtest.PlanReady(), fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs), waiting),
			when: settle(prod), then: []string{prod + " place_given_up"}, phase: fsm.Placing},
		{name: "where something was made it stays", given: fsmtest.History(failed, begun), when: settle(prod), phase: fsm.Waiting, why: "dependency: waits for tenantinfra -/eu_pg, which is Failed"},
	})
}
