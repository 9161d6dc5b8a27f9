package fsm_test

import (
	"fmt"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// A retired plan takes nobody new; who is on it is placed and changed as before.
func TestRetiredPlans(t *testing.T) {
	const free, prod = "plan -/free", "tenant acme/prod"
	home := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt())
	retired := fsmtest.Is(free, ev.Retired{})
	draft := fsmtest.PlanIs("free", func(s *ev.PlanSpec) { s.Draft = true })
	live(t, []life{
		{name: "retired", given: home, when: send(free, ev.VerbRetire, ""), then: []string{free + " retired"}, phase: fsm.Retired, why: "-"},
		{name: "retired twice", given: fsmtest.History(home, retired), when: send(free, ev.VerbRetire, "")},
		{name: "a draft has nobody on it", given: draft, when: send(free, ev.VerbRetire, ""), not: "refused: plan -/free is a draft"},
		{name: "released again", given: fsmtest.History(home, retired), when: send(free, ev.VerbRelease, ""), then: []string{free + " released"}, phase: fsm.Released},
		{name: "released twice", given: home, when: send(free, ev.VerbRelease, "")},
		{name: "a draft is released", given: draft, when: send(free, ev.VerbRelease, ""), then: []string{free + " updated", free + " released"}, phase: fsm.Released},
		{name: "nobody new", given: fsmtest.History(home, retired), when: create(prod, `{"spec":{"plan":"free"}}`), not: "invalid…spec.plan: plan -/free is retired: it takes no new tenants"},
		{name: "who is on it is placed", given: fsmtest.History(home, fsmtest.TenantIs("acme/prod", ev.PlacingStarted{}), retired), when: settle(prod), then: []string{prod + " placed", prod + " provisioning_started"}, phase: fsm.Provisioning},
		{name: "who is on it may change", given: fsmtest.History(fsmtest.TenantHome(), retired), when: update(prod, `{"spec":{"plan":"-/free","app":"pg","allowNamespaces":["ops"]}}`),
			then: []string{prod + " update_requested"}, phase: fsm.Provisioning},
		{name: "who was on it is new again", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.Is(prod, ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{}), retired),
			when: create(prod, `{"spec":{"plan":"free"}}`), not: "invalid…spec.plan: plan -/free is retired"},
	})
}

// A customer's hosting bounds on which plans its new tenants may be, and says where those of a plan of any hosting run.
func TestHostings(t *testing.T) {
	const prod = "tenant acme/prod"
	acme := func(s ev.CustomerSpec) []fsmtest.Fact {
		return fsmtest.Is("customer acme", ev.Created[ev.CustomerSpec]{UID: "u", Spec: s})
	}
	hosted := func(id, hosting string) []fsmtest.Fact {
		return fsmtest.PlanIs(id, func(s *ev.PlanSpec) { s.Hosting = hosting })
	}
	plans := fsmtest.History(hosted("own", "customer"), hosted("any", ev.AnyHosting), fsmtest.PlanReady(), fsmtest.AccountReady(), fsmtest.EuBuilt(), fsmtest.InfraBuilt())
	both := acme(ev.CustomerSpec{Hosting: "provider", Hostings: []string{"provider", "customer"}})
	placing := func(plan string) []fsmtest.Fact {
		return fsmtest.Is(prod, ev.Requested[ev.TenantSpec]{UID: "u", Spec: ev.TenantSpec{Plan: "-/" + plan}}, ev.PlacingStarted{})
	}
	live(t, []life{
		{name: "its own hosting", given: fsmtest.History(plans, acme(ev.CustomerSpec{Hosting: "provider"})), when: create(prod, `{"spec":{"plan":"free"}}`), then: []string{prod + " requested"}},
		{name: "another hosting", given: fsmtest.History(plans, acme(ev.CustomerSpec{Hosting: "provider"})), when: create(prod, `{"spec":{"plan":"own"}}`),
			not: "invalid…spec.plan: plan -/own runs in accounts of hosting customer, customer acme takes provider: choose another plan, or add customer to the hostings"},
		{name: "one of several", given: fsmtest.History(plans, both), when: create(prod, `{"spec":{"plan":"own"}}`), then: []string{prod + " requested"}},
		{name: "a plan of any is for everybody", given: fsmtest.History(plans, acme(ev.CustomerSpec{Hosting: "customer"})), when: create(prod, `{"spec":{"plan":"any"}}`), then: []string{prod + " requested"}},
		{name: "any is the customer's: where there is a place", given: fsmtest.History(plans, acme(ev.CustomerSpec{Hosting: "provider"}), placing("any")), when: settle(prod), then: []string{prod + " placed", prod + " provisioning_started"}},
		{name: "any is the customer's: where there is none", given: fsmtest.History(plans, acme(ev.CustomerSpec{Hosting: "customer"}), placing("any")), when: settle(prod), phase: fsm.Placing, why: "capacity_unavailable: no tenant infra fits: plan -/any wants pg of size small on a shared dataplane in an account of hosting customer"},
		{name: "who is there stays", given: fsmtest.History(fsmtest.TenantHome(), fsmtest.Is("customer acme", ev.Updated[ev.CustomerSpec]{Spec: ev.CustomerSpec{Hosting: "customer"}})),
			when: update(prod, `{"spec":{"plan":"-/free","app":"pg","allowNamespaces":["ops"]}}`), then: []string{prod + " update_requested"}},
	})
}

// The fold keeps the newest versions of a plan, each as it was.
func TestVersionsOfAPlan(t *testing.T) {
	w := state.New()
	ref := fsmtest.RefOf("plan -/free")
	priced := func(n int) ev.PlanSpec {
		s := fsmtest.FreeSpec
		s.Price.Monthly = fmt.Sprint(n)
		return s
	}
	of := func() fsm.Entity[fsm.PlanData] {
		e, _ := w.Get(ref)
		return fsm.Entity[fsm.PlanData]{Base: e.Base, Data: e.Data.(fsm.PlanData)}
	}
	apply := func(e ev.Event) {
		if err := w.Apply([]ev.Recorded{{Ref: ref, Seq: w.Seq + 1, Event: e}}); err != nil {
			t.Fatal(err)
		}
	}
	apply(ev.Created[ev.PlanSpec]{UID: "p", Spec: priced(1)})
	apply(ev.Released{})
	for n := 2; n <= 507; n++ {
		apply(ev.Updated[ev.PlanSpec]{Spec: priced(n)})
		early := n - 1
		if s, ok := fsm.Version(of(), early); !ok || s.Price.Monthly != fmt.Sprint(early) {
			t.Fatalf("version %d of %d is %+v, %t", early, n, s.Price, ok)
		}
	}
	for n, want := range map[int]bool{0: false, 7: false, 8: true, 300: true, 507: true, 508: false} {
		if s, ok := fsm.Version(of(), n); ok != want || ok && s.Price.Monthly != fmt.Sprint(n) {
			t.Errorf("version %d is %+v, %t", n, s.Price, ok)
		}
	}
	if first := fsm.FirstVersion(of()); first != 8 {
		t.Errorf("the first version kept is %d, want 8", first)
	}
}
