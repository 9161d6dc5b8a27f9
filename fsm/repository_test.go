package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

func TestLivesOfRepositories(t *testing.T) {
	const charts, web = "repository acme/charts", "application acme/prod_web"
	acme := fsmtest.Is("customer acme", ev.Created[ev.CustomerSpec]{UID: "u1", Spec: ev.CustomerSpec{Hosting: "provider"}})
	prod := fsmtest.History(fsmtest.Is("plan -/free", ev.Created[ev.PlanSpec]{UID: "u2", Spec: fsmtest.FreeSpec}), acme,
		fsmtest.Is("tenant acme/prod", ev.Requested[ev.TenantSpec]{UID: "u3", Spec: fsmtest.ProdSpec}))
	spec := fsmtest.RepositorySpec("https://charts.example.com")
	there := fsmtest.Is(charts, ev.Created[ev.RepositorySpec]{UID: "u4", Spec: spec})
	gone := fsmtest.Is(charts, ev.Deleted{})
	from := func(url string) ev.Create {
		return ev.Create{Spec: ev.ApplicationSpec{Chart: ev.Chart{Name: "web", Version: "1.0.0", Repository: url, Credentials: "charts"}}}
	}
	live(t, []life{
		{name: "born of a customer", given: acme, when: ask(charts, ev.Create{Spec: spec}), then: []string{charts + " created"}, phase: fsm.Active},
		{name: "of nobody who is not there", when: ask(charts, ev.Create{Spec: spec}), not: "invalid"},
		{name: "its password moves to another store", given: fsmtest.History(acme, there), when: ask(charts, ev.Update{Spec: fsmtest.RepositorySpec("https://other.example.com")}), then: []string{charts + " updated"}, phase: fsm.Active},
		{name: "gone at once", given: fsmtest.History(acme, there), when: ask(charts, ev.Delete{}), then: []string{charts + " deleted"}, phase: fsm.Removed},
		{name: "it is not in the way of its customer", given: fsmtest.History(acme, there), when: ask("customer acme", ev.Delete{}), then: []string{"customer acme deletion_requested"}, phase: fsm.Closing},
		{name: "a chart below its URL", given: fsmtest.History(prod, there), when: ask(web, from("https://charts.example.com/stable")), then: []string{web + " requested"}, phase: fsm.Pending},
		{name: "a chart from elsewhere", given: fsmtest.History(prod, there), when: ask(web, from("https://charts.example.com.evil.org")), not: "invalid"},
		{name: "a login that is a file", given: prod, when: ask(web, from("https://anywhere.example.com")), then: []string{web + " requested"}, phase: fsm.Pending},
		{name: "a login that is a file again", given: fsmtest.History(prod, there, gone), when: ask(web, from("https://anywhere.example.com")), then: []string{web + " requested"}, phase: fsm.Pending},
	})
}

// Applications of a plan have the login of the cell's owner: one that is for another repository is refused with the plan, and, where it
// was made later, with the cell.
func TestLoginsOfPlans(t *testing.T) {
	const elsewhere = "https://other.example.com"
	logs := func(owner, url string) []fsmtest.Fact {
		return fsmtest.Is("repository "+owner+"/charts", ev.Created[ev.RepositorySpec]{UID: "r", Spec: fsmtest.RepositorySpec(url)})
	}
	charted := func(hosting string) ev.PlanSpec {
		s := fsmtest.ManySpecOf("2")
		s.Hosting = hosting
		s.Applications[0].Manifests = nil
		s.Applications[0].Chart = ev.Chart{Name: "web", Version: "1.0.0", Repository: "https://charts.example.com/stable", Credentials: "charts"}
		return s
	}
	ground := func(login ...fsmtest.Fact) []fsmtest.Fact {
		return fsmtest.History(fsmtest.Platform(), fsmtest.PlanIs("many", func(s *ev.PlanSpec) { *s = charted("provider") }),
			infraWithCells(ev.Cells{Tenants: 2, Isolation: "policy", Max: 3, KeepEmpty: "1h"}), login)
	}
	cell := ev.Create{Spec: ev.CellSpec{Tenants: 2, KeepEmpty: "1h", Plan: "-/many", Version: 1}}
	older := fsmtest.History(manyCells(), manyCell(opening, ev.CellPrepared{}), fsmtest.Is(web, deployed...), fsmtest.Is(c1, ev.CellOpened{}),
		fsmtest.Is(many, ev.Updated[ev.PlanSpec]{Spec: charted("provider")}), logs("-", elsewhere))
	live(t, []life{
		{name: "a plan of charts from elsewhere", given: fsmtest.History(fsmtest.Platform(), logs("-", elsewhere)), when: ask("plan -/new", ev.Create{Spec: charted("provider")}),
			not: "invalid…spec.applications[0].chart.credentials"},
		{name: "and its update", given: fsmtest.History(manyCells(), logs("-", elsewhere)), when: ask(many, ev.Update{Spec: charted("provider")}), not: "invalid"},
		{name: "a plan of a login that fits", given: fsmtest.History(fsmtest.Platform(), logs("-", "https://charts.example.com")), when: ask("plan -/new", ev.Create{Spec: charted("provider")}),
			then: []string{"plan -/new created", "plan -/new released"}, phase: fsm.Released},
		{name: "a plan of a login that is a file", given: fsmtest.Platform(), when: ask("plan -/new", ev.Create{Spec: charted("provider")}), then: []string{"plan -/new created", "plan -/new released"}, phase: fsm.Released},
		{name: "a plan for customers' own dataplanes, who have logins of their own", given: fsmtest.History(fsmtest.Platform(), logs("-", elsewhere)), when: ask("plan -/new", ev.Create{Spec: charted("customer")}),
			then: []string{"plan -/new created", "plan -/new released"}, phase: fsm.Released},
		{name: "a cell whose owner's login is for elsewhere", given: ground(logs("-", elsewhere)...), when: ask(c1, cell), not: "invalid…applications[0] of many@1"},
		{name: "a cell of a login that fits", given: ground(logs("-", "https://charts.example.com")...), when: ask(c1, cell),
			then: []string{c1 + " requested", web + " requested"}, phase: fsm.Opening},
		{name: "an upgrade to a version whose login is for elsewhere", given: older, when: ask(c1, ev.UpgradeCell{Plan: "many@2"}), not: "invalid"},
	})
}
