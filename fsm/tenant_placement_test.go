package fsm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// A spot is a dataplane with one tenant infra and some tenants on it already.
type spot struct {
	dataplane string
	with      func(*ev.DataplaneSpec)
	infra     func(*ev.TenantInfraSpec)
	tenants   int
	building  bool
	claimed   string
	attached  string
}

func (p spot) facts() []fsmtest.Fact {
	infra := p.dataplane + "_pg"
	if p.infra == nil {
		p.infra = fsmtest.AsIs
	}
	if p.with == nil {
		p.with = fsmtest.AsIs
	}
	if p.building {
		return fsmtest.History(fsmtest.DataplaneIs(p.dataplane, p.with), fsmtest.InfraIs(infra, p.infra))
	}
	all := fsmtest.History(fsmtest.DataplaneIs(p.dataplane, p.with, fsmtest.Built()...), fsmtest.InfraIs(infra, p.infra, ev.ProvisioningStarted{}, fsmtest.PoolsUp, ev.Activated{}))
	if p.claimed != "" {
		all = append(all, fsmtest.Is("dataplane "+p.dataplane, ev.Claimed{Customer: p.claimed})...)
	}
	if p.attached != "" {
		all = append(all, fsmtest.Is("dataplane "+p.dataplane, ev.Attached{Customer: p.attached})...)
	}
	for i := range p.tenants {
		placed := ev.Placed{Placement: ev.Placement{Dataplane: p.dataplane, TenantInfra: infra}}
		name := strings.ReplaceAll(strings.TrimPrefix(p.dataplane, "-/"), "/", "-")
		all = append(all, fsmtest.TenantIs(fmt.Sprintf("acme/on-%s-%d", name, i), ev.PlacingStarted{}, placed)...)
	}
	return all
}

func in(region string) func(*ev.DataplaneSpec) {
	return func(s *ev.DataplaneSpec) { s.Region = region }
}

func dedicated(s *ev.DataplaneSpec) { s.Type = "dedicated" }

func spotPools(s *ev.TenantInfraSpec) {
	s.Pools = []ev.Pool{{Name: "a", Machine: "m4", Max: 3, Priority: "spot"}}
}

func mixedPools(s *ev.TenantInfraSpec) {
	spotPools(s)
	s.Pools = append(s.Pools, ev.Pool{Name: "b", Machine: "m4", Max: 3, Priority: "on-demand"})
}

func TestPlacement(t *testing.T) {
	pack := func(s *ev.PlanSpec) { s.Placement = "pack" }
	alone := func(s *ev.PlanSpec) { s.Deployment = "dedicated" }
	by := func(rule string) func(*ev.PlanSpec) { return func(s *ev.PlanSpec) { s.Placement = rule } }
	of := func(machine string) func(*ev.TenantInfraSpec) {
		return func(s *ev.TenantInfraSpec) { s.Pools = []ev.Pool{{Name: "a", Machine: machine, Max: 3}} }
	}
	prices := []ev.MachinePrice{{Machine: "m8", Hourly: "0.32"}, {Machine: "m4", Region: "us-east", Hourly: "0.4", Spot: "0.3"}, {Machine: "m4", Hourly: "0.16", Spot: "0.051"}}
	rows := []struct {
		name   string
		plan   func(*ev.PlanSpec)
		tenant ev.TenantSpec
		places []spot
		prices []ev.MachinePrice
		want   string // the dataplane; empty: none fits
		claims bool
	}{
		{name: "spread takes the emptiest", places: []spot{{dataplane: "-/a", tenants: 2}, {dataplane: "-/b", tenants: 1}}, want: "-/b"},
		{name: "pack takes the fullest", plan: pack, places: []spot{{dataplane: "-/a", tenants: 1}, {dataplane: "-/b", tenants: 2}}, want: "-/b"},
		{name: "equals go by name", places: []spot{{dataplane: "-/b"}, {dataplane: "-/a"}}, want: "-/a"},
		{name: "what is ready goes before what is empty", places: []spot{{dataplane: "-/a", building: true}, {dataplane: "-/b", tenants: 3}}, want: "-/b"},
		{name: "what is being built is better than nothing", places: []spot{{dataplane: "-/a", building: true}}, want: "-/a"},
		{name: "the region that was asked for", tenant: ev.TenantSpec{Region: "us-east"}, places: []spot{{dataplane: "-/a"}, {dataplane: "-/b", with: in("us-east"), tenants: 9}}, want: "-/b"},
		{name: "no such region", tenant: ev.TenantSpec{Region: "us-west"}, places: []spot{{dataplane: "-/a"}}},
		{name: "where its plan lets it reside", plan: func(s *ev.PlanSpec) { s.Residency.Regions = []string{"us-east"} }, places: []spot{{dataplane: "-/a"}, {dataplane: "-/b", with: in("us-east"), tenants: 9}}, want: "-/b"},
		{name: "in a cloud where its plan lets it reside", plan: func(s *ev.PlanSpec) { s.Residency.Clouds = []string{"aws"} }, places: []spot{{dataplane: "-/a"}}},
		{name: "on machines as its plan wants them", plan: func(s *ev.PlanSpec) { s.Capacity = "spot" }, places: []spot{{dataplane: "-/a"}, {dataplane: "-/b", infra: spotPools, tenants: 9}}, want: "-/b"},
		{name: "pools of several priorities are none of one", plan: func(s *ev.PlanSpec) { s.Capacity = "spot" }, places: []spot{{dataplane: "-/a", infra: mixedPools}}},
		{name: "another size does not fit", places: []spot{{dataplane: "-/a", infra: func(s *ev.TenantInfraSpec) { s.Size = "big" }}}},
		{name: "another application type does not fit", places: []spot{{dataplane: "-/a", infra: func(s *ev.TenantInfraSpec) { s.App = "mysql" }}}},
		{name: "an account of another hosting does not fit", plan: func(s *ev.PlanSpec) { s.Hosting = "customer" }, places: []spot{{dataplane: "-/a"}}},
		{name: "a neighbour's dataplane does not fit", places: []spot{{dataplane: "other/own"}}},
		{name: "the customer's own shared dataplane fits", places: []spot{{dataplane: "acme/own"}}, want: "acme/own"},
		{name: "a shared dataplane is none of one's own", plan: alone, places: []spot{{dataplane: "-/a"}}},
		{name: "a dedicated dataplane is not shared", places: []spot{{dataplane: "-/a", with: dedicated}}},
		{name: "a free dedicated dataplane is claimed", plan: alone, places: []spot{{dataplane: "-/a", with: dedicated}}, want: "-/a", claims: true},
		{name: "one's own goes before one to claim", plan: alone, places: []spot{{dataplane: "-/a", with: dedicated}, {dataplane: "acme/own", with: dedicated, tenants: 5}}, want: "acme/own", claims: true},
		{name: "what is claimed already goes before one to claim", plan: alone, places: []spot{{dataplane: "-/a", with: dedicated}, {dataplane: "-/b", with: dedicated, claimed: "acme", tenants: 2}}, want: "-/b"},
		{name: "what somebody else claimed does not fit", plan: alone, places: []spot{{dataplane: "-/a", with: dedicated, claimed: "other"}}},
		{name: "where the customer is attached goes before where it is not", places: []spot{{dataplane: "-/a"}, {dataplane: "-/b", attached: "acme", tenants: 3}}, want: "-/b"},
		{name: "where others are attached it goes by the rule", places: []spot{{dataplane: "-/a"}, {dataplane: "-/b", attached: "other"}}, want: "-/a"},
		{name: "nothing is there", places: nil},
		{name: "cheapest takes the cheapest", plan: by("cheapest"), prices: prices, places: []spot{{dataplane: "-/a", infra: of("m8")}, {dataplane: "-/b", infra: of("m4"), tenants: 9}}, want: "-/b"},
		{name: "by the price in its region", plan: by("cheapest"), prices: prices, places: []spot{{dataplane: "-/a", infra: of("m4"), with: in("us-east")}, {dataplane: "-/b", infra: of("m4"), tenants: 9}}, want: "-/b"},
		{name: "by that of what the cloud may take back", plan: by("cheapest"), prices: prices, places: []spot{{dataplane: "-/a", infra: of("m4")}, {dataplane: "-/b", infra: spotPools, tenants: 9}}, want: "-/b"},
		{name: "by that of all pools", plan: by("cheapest"), prices: prices, places: []spot{{dataplane: "-/a", infra: mixedPools}, {dataplane: "-/b", infra: of("m4"), tenants: 9}}, want: "-/b"},
		{name: "an unknown price comes last", plan: by("cheapest"), prices: prices, places: []spot{{dataplane: "-/a", infra: of("x9")}, {dataplane: "-/b", infra: of("m8"), tenants: 9}}, want: "-/b"},
		{name: "but is better than none", plan: by("cheapest"), prices: prices, places: []spot{{dataplane: "-/a", infra: of("x9")}}, want: "-/a"},
		{name: "of equal prices the emptiest", plan: by("cheapest"), prices: prices, places: []spot{{dataplane: "-/a", tenants: 2}, {dataplane: "-/b", tenants: 1}}, want: "-/b"},
		{name: "what is ready goes before what is cheap", plan: by("cheapest"), prices: prices, places: []spot{{dataplane: "-/a", infra: of("m4"), building: true}, {dataplane: "-/b", infra: of("m8")}}, want: "-/b"},
		{name: "where the customer is attached goes before what is cheap", plan: by("cheapest"), prices: prices, places: []spot{{dataplane: "-/a", infra: of("m4")}, {dataplane: "-/b", infra: of("m8"), attached: "acme"}}, want: "-/b"},
		{name: "nearest takes the nearest", plan: by("nearest"), tenant: ev.TenantSpec{Near: "eu-south-1"}, places: []spot{{dataplane: "-/a", with: in("us-east")}, {dataplane: "-/b", tenants: 9}, {dataplane: "-/c", with: in("eu-west")}}, want: "-/b"},
		{name: "an unknown region comes last", plan: by("nearest"), tenant: ev.TenantSpec{Near: "eu-south-1"}, places: []spot{{dataplane: "-/a", with: in("moon-1")}, {dataplane: "-/b", with: in("us-west"), tenants: 9}}, want: "-/b"},
		{name: "of those as near the emptiest", plan: by("nearest"), tenant: ev.TenantSpec{Near: "us-east"}, places: []spot{{dataplane: "-/a", tenants: 2}, {dataplane: "-/b", tenants: 1}}, want: "-/b"},
		{name: "near to nothing it goes by tenants", plan: by("nearest"), places: []spot{{dataplane: "-/a", tenants: 2}, {dataplane: "-/b", with: in("us-east"), tenants: 1}}, want: "-/b"},
		{name: "near is no filter, the region is", plan: by("nearest"), tenant: ev.TenantSpec{Near: "eu-central", Region: "us-east"}, places: []spot{{dataplane: "-/a"}, {dataplane: "-/b", with: in("us-east"), tenants: 9}}, want: "-/b"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			facts := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.CustomerIs("other"), fsmtest.AccountReady(), fsmtest.PlanIs("free", func(s *ev.PlanSpec) {
				if row.plan != nil {
					row.plan(s)
				}
			}))
			for _, p := range row.places {
				facts = append(facts, p.facts()...)
			}
			if row.prices != nil {
				priced := fsmtest.MainSpec
				priced.Prices = row.prices
				facts = append(facts, fsmtest.Is("account -/main", ev.UpdateRequested[ev.AccountSpec]{Spec: priced})...)
			}
			row.tenant.Plan = "-/free"
			facts = append(facts, fsmtest.Is("tenant acme/prod", ev.Requested[ev.TenantSpec]{UID: "u", Spec: row.tenant}, ev.PlacingStarted{})...)
			checkPlacement(t, facts, row.want, row.claims)
		})
	}
}

func checkPlacement(t *testing.T, facts []fsmtest.Fact, want string, claims bool) {
	t.Helper()
	w := fsmtest.WorldOf(t, facts)
	changes, err := fsmtest.DecideIn(w, settle("tenant acme/prod")(t, w))
	if err != nil {
		t.Fatal(err)
	}
	if want == "" {
		if len(changes) > 0 {
			t.Errorf("want no place, got %+v", changes)
		}
		return
	}
	if len(changes) == 0 {
		t.Fatalf("no place: %+v", w.Blocker(mustGet(t, w, "tenant acme/prod")))
	}
	p := changes[0].Events[0].(ev.Placed).Placement
	if p.Dataplane != want || p.TenantInfra != want+"_pg" || p.Namespace != "acme--prod" || !strings.Contains(p.Why, p.TenantInfra) {
		t.Errorf("placed %+v, want %s", p, want)
	}
	if claims != (len(changes) == 2) {
		t.Errorf("claims %t, got %+v", claims, changes)
	}
	if claims && (changes[1].Ref.Path() != want || changes[1].Events[0] != ev.Claimed{Customer: "acme"}) {
		t.Errorf("claimed %+v", changes[1])
	}
}

func mustGet(t *testing.T, w *state.Entities, name string) fsm.Entity[fsm.Data] {
	t.Helper()
	e, ok := w.Get(fsmtest.RefOf(name))
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	return e
}

func TestAPlacementKeepsTheTermsOfItsPlan(t *testing.T) {
	facts := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt(), fsmtest.Is("plan -/free", ev.Updated[ev.PlanSpec]{Spec: fsmtest.FreeSpec}), fsmtest.TenantIs("acme/prod", ev.PlacingStarted{}))
	w := fsmtest.WorldOf(t, facts)
	changes, err := fsmtest.DecideIn(w, settle("tenant acme/prod")(t, w))
	if err != nil {
		t.Fatal(err)
	}
	p := changes[0].Events[0].(ev.Placed).Placement
	if p.PlanVersion != 2 || p.Quota != fsmtest.FreeSpec.Quota || p.Limits != fsmtest.FreeSpec.Limits || !p.Isolation || p.Plan != "-/free" || p.Size != "small" {
		t.Errorf("got %+v", p)
	}
}

func TestADecisionSaysWhetherItLookedAtOthers(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.Platform())
	rows := []struct {
		name string
		when question
		want bool
	}{
		{"a tenant refers to its plan", create("tenant acme/prod", `{"spec":{"plan":"free"}}`), true},
		{"labels refer to nothing", update("dataplane -/eu", `{"labels":{"a":"b"}}`), false},
		{"a customer refers to nothing", create("customer other", `{}`), false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c, refs := row.when(t, w), w.Refs()
			e, _ := w.Get(c.Ref)
			if _, err := fsm.Machines[c.Ref.Kind].Decide(e, c, refs); err != nil || refs.Used() != row.want {
				t.Errorf("used %t, %v", refs.Used(), err)
			}
		})
	}
}

func TestWhoWaitsForWhom(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.PlanReady(), fsmtest.AccountIs(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs), fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs), fsmtest.TenantIs("acme/prod", ev.PlacingStarted{})))
	rows := []struct{ awaited, waiter string }{
		{"account -/main", "dataplane -/eu"},
		{"dataplane -/eu", "tenantinfra -/eu_pg"},
		{"plan -/free", "tenant acme/prod"},
	}
	for _, row := range rows {
		if got := fmt.Sprint(w.Waiting(fsmtest.RefOf(row.awaited))); !strings.Contains(got, row.waiter) {
			t.Errorf("for %s wait %s, want %s among them", row.awaited, got, row.waiter)
		}
	}
	if err := w.Apply(fsmtest.Recorded(w, fsmtest.RefOf("dataplane -/eu"), fsmtest.Built()[:1])); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(w.Waiting(fsmtest.RefOf("account -/main"))); strings.Contains(got, "dataplane") {
		t.Errorf("the dataplane has what it waited for, yet for the account wait %s", got)
	}
}

// Who waits for a place is woken when one of that class is there, and not by all that happens to places.
func TestWhoIsWokenForAPlace(t *testing.T) {
	facts := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.AccountReady(), fsmtest.PlanReady(),
		fsmtest.PlanIs("mysql", func(s *ev.PlanSpec) { s.Apps = []ev.PlanApp{{Type: "mysql", Size: "small"}} }),
		fsmtest.EuBuilt(), fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs), fsmtest.TenantIs("acme/prod", ev.PlacingStarted{}),
		fsmtest.Is("tenant acme/other", ev.Requested[ev.TenantSpec]{UID: "o", Spec: ev.TenantSpec{Plan: "-/mysql"}}, ev.PlacingStarted{}))
	w := fsmtest.WorldOf(t, facts)
	infra, eu := fsmtest.RefOf("tenantinfra -/eu_pg"), fsmtest.RefOf("dataplane -/eu")
	rows := []struct {
		name string
		of   ev.Ref
		is   ev.Event
		want string
	}{
		{"a step on the way", infra, ev.ProvisioningStarted{}, ""},
		{"pools are seen", infra, fsmtest.PoolsUp, ""},
		{"it is ready", infra, ev.Activated{}, "tenant acme/prod"},
		{"it has drifted", infra, ev.Drifted{Found: fsmtest.Gone("pool pg")}, ""},
		{"the customer is attached", eu, ev.Attached{Customer: "acme"}, "tenant acme/prod"},
		{"labels change", eu, ev.LabelsChanged{Labels: map[string]string{"a": "b"}}, ""},
		{"it goes", infra, ev.DeletionRequested{}, ""},
		{"the plan changes", fsmtest.RefOf("plan -/mysql"), ev.Updated[ev.PlanSpec]{}, "tenant acme/other"},
	}
	for _, row := range rows {
		decision := fsmtest.Recorded(w, row.of, []ev.Event{row.is})
		if row.name == "the plan changes" {
			p, _ := w.Get(row.of)
			decision = fsmtest.Recorded(w, row.of, []ev.Event{ev.Updated[ev.PlanSpec]{Spec: p.Data.Wants().(ev.PlanSpec)}})
		}
		w.Woken(decision, func(ev.Ref, ev.Recorded, fsm.Awaited) {}) // notes who waits
		if err := w.Apply(decision); err != nil {
			t.Fatal(row.name, err)
		}
		var woken []string
		w.Woken(decision, func(waiter ev.Ref, _ ev.Recorded, _ fsm.Awaited) { woken = append(woken, waiter.String()) })
		slices.Sort(woken)
		if got := strings.Join(slices.Compact(woken), " "); got != row.want {
			t.Errorf("%s wakes %q, want %q", row.name, got, row.want)
		}
	}
}

// Who is to go is woken by the end of those who use it, and by nothing else.
func TestWhoIsWokenByAnEnd(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.TenantHome(), fsmtest.Is("customer acme", ev.DeletionRequested{Cascade: true})))
	tenant := fsmtest.RefOf("tenant acme/prod")
	for _, row := range []struct {
		is   ev.Event
		want string
	}{
		{ev.LabelsChanged{Labels: map[string]string{"a": "b"}}, ""},
		{ev.DeletionRequested{}, ""},
		{ev.Drained{}, ""},
		{ev.Deleted{}, "customer acme"},
	} {
		decision := fsmtest.Recorded(w, tenant, []ev.Event{row.is})
		if err := w.Apply(decision); err != nil {
			t.Fatal(err)
		}
		var woken []string
		w.Woken(decision, func(waiter ev.Ref, _ ev.Recorded, _ fsm.Awaited) { woken = append(woken, waiter.String()) })
		if got := strings.Join(woken, " "); got != row.want {
			t.Errorf("%s wakes %q, want %q", row.is.Type(), got, row.want)
		}
	}
}

func TestNamespacesNeverCollide(t *testing.T) {
	// Ids up to the bound, of few letters: near one another more often than by chance.
	label := rapid.StringMatching(`[a-b]((-?[a-b2]){0,4}|(-?[a-b2]){30,39})`).Filter(ev.IsLabel)
	rapid.Check(t, func(t *rapid.T) {
		a := [2]string{label.Draw(t, "customer"), label.Draw(t, "tenant")}
		b := [2]string{label.Draw(t, "other customer"), label.Draw(t, "other tenant")}
		n := fsm.Namespace(a[0], a[1])
		if len(n) > fsm.MaxNamespace {
			t.Fatalf("%s has %d characters", n, len(n))
		}
		if a != b && n == fsm.Namespace(b[0], b[1]) {
			t.Fatalf("%v and %v share %s", a, b, n)
		}
	})
}

func TestANamespaceIsCutTheSameForEver(t *testing.T) {
	rows := []struct{ customer, tenant, want string }{
		{"acme", "prod", "acme--prod"},
		{strings.Repeat("c", 40), strings.Repeat("t", 21), strings.Repeat("c", 40) + "--" + strings.Repeat("t", 21)},
		{strings.Repeat("c", 40), strings.Repeat("t", 40), strings.Repeat("c", 40) + "--" + strings.Repeat("t", 12) + "-zilskbtb"},
	}
	for _, row := range rows {
		if got := fsm.Namespace(row.customer, row.tenant); got != row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
}
