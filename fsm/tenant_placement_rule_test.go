package fsm_test

import (
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

func pricedSpec() ev.AccountSpec {
	s := fsmtest.MainSpec
	s.Prices = []ev.MachinePrice{{Machine: "m4", Hourly: "0.16"}}
	return s
}

// Why a tenant was put somewhere says what the rule went by.
func TestAPlacementSaysWhatItsRuleWentBy(t *testing.T) {
	for _, row := range []struct {
		rule, near string
		priced     bool
		want       string
	}{
		{"spread", "", true, "tenantinfra -/a_pg"},
		{"cheapest", "", true, "tenantinfra -/a_pg, whose machines cost 0.16 an hour"},
		{"cheapest", "", false, "tenantinfra -/a_pg, whose price is not known"},
		{"nearest", "eu-west-1", false, "tenantinfra -/a_pg, 1091 km from eu-west-1"},
		{"nearest", "", false, "tenantinfra -/a_pg, and the tenant has no near"},
	} {
		facts := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.AccountReady(), fsmtest.PlanIs("free", func(s *ev.PlanSpec) { s.Placement = row.rule }),
			spot{dataplane: "-/a"}.facts(), fsmtest.Is("tenant acme/prod", ev.Requested[ev.TenantSpec]{UID: "u", Spec: ev.TenantSpec{Plan: "-/free", Near: row.near}}, ev.PlacingStarted{}))
		if row.priced {
			facts = append(facts, fsmtest.Is("account -/main", ev.UpdateRequested[ev.AccountSpec]{Spec: pricedSpec()})...)
		}
		w := fsmtest.WorldOf(t, facts)
		changes, err := fsmtest.DecideIn(w, settle("tenant acme/prod")(t, w))
		if err != nil || len(changes) == 0 {
			t.Fatal(row.rule, changes, err)
		}
		if why := changes[0].Events[0].(ev.Placed).Placement.Why; !strings.HasSuffix(why, row.want) {
			t.Errorf("%s: %q, want it to end in %q", row.rule, why, row.want)
		}
	}
}

func TestNearIsARegionThatSomebodyKnows(t *testing.T) {
	live(t, []life{
		{name: "known", given: fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.PlanReady()), when: create(prod, `{"spec":{"plan":"free","near":"sa-east-1"}}`), then: []string{prod + " requested"}},
		{name: "not known", given: fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.PlanReady()), when: create(prod, `{"spec":{"plan":"free","near":"sa-west-1"}}`), not: `invalid…spec.near: "sa-west-1" is no region that aerie knows; there are sa-east-1`},
	})
}

// Other prices keep nobody from working in an account, and wake nobody: they make no place.
func TestPricesOfAnAccountChange(t *testing.T) {
	facts := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.AccountReady(), spot{dataplane: "-/a"}.facts(),
		fsmtest.PlanIs("free", func(s *ev.PlanSpec) { s.Capacity = "spot" }), fsmtest.Is("tenant acme/prod", ev.Requested[ev.TenantSpec]{UID: "u", Spec: ev.TenantSpec{Plan: "-/free"}}, ev.PlacingStarted{}))
	w := fsmtest.WorldOf(t, facts)
	decision := fsmtest.Recorded(w, fsmtest.RefOf("account -/main"), []ev.Event{ev.UpdateRequested[ev.AccountSpec]{Spec: pricedSpec()}})
	if err := w.Apply(decision); err != nil {
		t.Fatal(err)
	}
	if acc := mustGet(t, w, "account -/main"); !acc.Holds(fsm.ConditionReady) {
		t.Errorf("it is not Ready any more: %s", acc.Phase())
	}
	w.Woken(decision, func(who ev.Ref, _ ev.Recorded, of fsm.Awaited) { t.Errorf("%s is woken by %+v", who, of) })
}
