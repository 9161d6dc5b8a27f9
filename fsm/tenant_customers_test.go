package fsm_test

import (
	"encoding/json"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// TestPlansForSomeCustomers: to all others there is no such plan, in the words of one that was never made, and no hint names it. Who is on
// it already stays.
func TestPlansForSomeCustomers(t *testing.T) {
	const prod = "tenant acme/prod"
	vip := func(customers ...string) []fsmtest.Fact {
		return fsmtest.PlanIs("vip", func(s *ev.PlanSpec) { s.Customers = customers })
	}
	on := func(plan string) string { return `{"spec":{"plan":"` + plan + `"}}` }
	home := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.CustomerIs("birch"))
	there := fsmtest.History(home, vip("birch"), fsmtest.TenantIs("acme/prod", fsmtest.Starting...))
	withdrawn := fsmtest.History(home, vip(), fsmtest.Is(prod, ev.Requested[ev.TenantSpec]{UID: "u-prod", Spec: ev.TenantSpec{Plan: "-/vip", App: "pg"}}),
		fsmtest.Is("plan -/vip", ev.Updated[ev.PlanSpec]{Spec: only("birch")}))
	live(t, []life{
		{name: "for it", given: fsmtest.History(home, vip("birch", "acme")), when: create(prod, on("vip")), then: []string{prod + " requested"}, phase: fsm.Requested},
		{name: "for everybody", given: fsmtest.History(home, vip()), when: create(prod, on("vip")), then: []string{prod + " requested"}, phase: fsm.Requested},
		{name: "for another", given: fsmtest.History(home, vip("birch")), when: create(prod, on("vip")), not: `invalid…spec.plan: there is no plan -/vip; known: free`},
		{name: "that is not there", given: home, when: create(prod, on("vip")), not: `invalid…spec.plan: there is no plan -/vip; known: free`},
		{name: "no hint names it", given: fsmtest.History(home, vip("birch")), when: create(prod, on("vipp")), not: `invalid…spec.plan: there is no plan -/vipp; known: free`},
		{name: "a hint to whom it is for", given: fsmtest.History(home, vip("acme")), when: create(prod, on("vipp")), not: `invalid…there is no plan -/vipp; did you mean "vip"?`},
		{name: "it is not moved there", given: fsmtest.History(there, fsmtest.Is(prod, ev.Activated{})), when: ask(prod, ev.Move{Plan: "-/vip"}), not: "refused…plan: there is no plan -/vip"},
		{name: "who is on it is updated", given: withdrawn, when: update(prod, `{"spec":{"plan":"-/vip","app":"pg","allowNamespaces":["ops"]}}`), then: []string{prod + " update_requested"}, phase: fsm.Requested},
	})
}

// TestPlansThatACustomerMayNotSee: to a customer's people a draft, and a plan for others, are as what was never made: in each word of a
// refusal, and in every hint. To the staff a draft is what it is.
func TestPlansThatACustomerMayNotSee(t *testing.T) {
	const prod = "tenant acme/prod"
	some := fsmtest.History(fsmtest.CustomerIs("birch"), fsmtest.PlanIs("draft", func(s *ev.PlanSpec) { s.Draft = true }), fsmtest.PlanIs("theirs", func(s *ev.PlanSpec) { s.Customers = []string{"birch"} }),
		fsmtest.History(fsmtest.PlanIs("retired", func(s *ev.PlanSpec) { s.Customers = []string{"birch"} }), fsmtest.Is("plan -/retired", ev.Retired{})),
		fsmtest.PlanIs("shared", func(s *ev.PlanSpec) {
			s.Customers, s.Deployment, s.Hosting = []string{"birch"}, ev.MultiTenant, "customer"
		}))
	home := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), some)
	leads := fsmtest.PlanIs("free", func(s *ev.PlanSpec) {
		s.Move = &ev.PlanMove{Data: "none", To: []string{"big", "draft", "theirs", "never"}}
	})
	there := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.AccountReady(), leads, fsmtest.EuBuilt(), fsmtest.InfraBuilt(), fsmtest.TenantActive(), bigPlan(), tinyPlan(), some)
	refusal := func(given []fsmtest.Fact, q question) string {
		w := fsmtest.WorldOf(t, given)
		_, err := fsmtest.DecideIn(w, byCustomer(q)(t, w))
		data, _ := json.Marshal(err)
		return string(data)
	}
	for _, plan := range []string{"draft", "theirs", "retired", "shared"} {
		for _, asks := range []struct {
			given []fsmtest.Fact
			of    func(plan string) question
		}{
			{home, func(plan string) question { return create(prod, `{"spec":{"plan":"`+plan+`"}}`) }},
			{home, func(plan string) question {
				return create(prod, `{"spec":{"plan":"`+plan+`","app":"mail","allowNamespaces":["ops"]}}`)
			}},
			{there, func(plan string) question { return update(moving, `{"spec":{"plan":"`+plan+`","app":"mail"}}`) }},
			{there, func(plan string) question { return ask(moving, ev.Move{Plan: "-/" + plan}) }},
			{there, func(plan string) question { return ask(moving, ev.Move{Plan: "-/" + plan + "@7"}) }},
		} {
			hidden, never := refusal(asks.given, asks.of(plan)), refusal(asks.given, asks.of("never"))
			if hidden != strings.ReplaceAll(never, "never", plan) || !strings.Contains(hidden, "there is no plan -/"+plan) {
				t.Errorf("of %s it is said  %s\nand of what was never made %s", plan, hidden, never)
			}
		}
	}
	waits := fsmtest.History(home, fsmtest.Is(prod, ev.Requested[ev.TenantSpec]{UID: "u-prod", Spec: ev.TenantSpec{Plan: "-/draft", App: "pg"}}))
	live(t, []life{
		{name: "no hint to a customer names a draft", given: home, when: byCustomer(create(prod, `{"spec":{"plan":"draftt"}}`)), not: "invalid…there is no plan -/draftt; known: free"},
		{name: "a hint to the staff does", given: home, when: create(prod, `{"spec":{"plan":"draftt"}}`), not: `invalid…there is no plan -/draftt; did you mean "draft"?`},
		{name: "the staff puts a tenant on a draft", given: home, when: create(prod, `{"spec":{"plan":"draft"}}`), then: []string{prod + " requested"}, phase: fsm.Requested,
			why: "dependency: waits for plan -/draft, which is Draft"},
		{name: "which is updated by its customer then", given: waits, when: byCustomer(update(prod, `{"spec":{"plan":"-/draft","app":"pg","allowNamespaces":["ops"]}}`)), then: []string{prod + " update_requested"}, phase: fsm.Requested},
		{name: "where a plan lets its tenants go", given: there, when: byCustomer(ask(moving, ev.Move{Plan: "-/tiny"})), not: "refused…lets its tenants move to big, not to tiny"},
	})
}

// byCustomer has a customer's people ask.
func byCustomer(q question) question {
	return func(t *testing.T, w *state.Entities) ev.Command {
		c := q(t, w)
		c.OfCustomer = true
		return c
	}
}

func only(customers ...string) ev.PlanSpec {
	s := fsmtest.FreeSpec
	s.Customers = customers
	return s
}

// TestTenantsOfACustomerAreBounded: one more than it may have is refused, and what is gone gives its place back; who has more already keeps
// them.
func TestTenantsOfACustomerAreBounded(t *testing.T) {
	const third, free = "tenant acme/third", `{"spec":{"plan":"free"}}`
	may := func(tenants int) []fsmtest.Fact {
		return fsmtest.Is("customer acme", ev.Updated[ev.CustomerSpec]{Spec: ev.CustomerSpec{Hosting: "provider", Tenants: tenants}})
	}
	two := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.CustomerIs("birch"), fsmtest.TenantIs("acme/prod"), fsmtest.TenantIs("acme/test"), fsmtest.TenantIs("birch/prod"))
	refused := "invalid…owner: customer acme may have 2 tenants, and has 2"
	live(t, []life{
		{name: "any number", given: fsmtest.History(two, may(0)), when: create(third, free), then: []string{third + " requested"}, phase: fsm.Requested},
		{name: "there is room", given: fsmtest.History(two, may(3)), when: create(third, free), then: []string{third + " requested"}, phase: fsm.Requested},
		{name: "there is none", given: fsmtest.History(two, may(2)), when: create(third, free), not: refused},
		{name: "for another there is", given: fsmtest.History(two, may(2)), when: create("tenant birch/test", free), then: []string{"tenant birch/test requested"}, phase: fsm.Requested},
		{name: "one that is going counts", given: fsmtest.History(two, may(2), fsmtest.Is("tenant acme/test", ev.DeletionRequested{})), when: create(third, free), not: refused},
		{name: "one that is gone does not", given: fsmtest.History(two, may(2), fsmtest.Is("tenant acme/test", ev.DeletionRequested{}, ev.Deleted{})), when: create(third, free), then: []string{third + " requested"}, phase: fsm.Requested},
		{name: "those that are there are updated", given: fsmtest.History(two, may(1)), when: update("tenant acme/test", `{"spec":{"plan":"-/free","app":"pg","allowNamespaces":["ops"]}}`), then: []string{"tenant acme/test update_requested"}, phase: fsm.Requested},
	})
}
