package fsm_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// roamer is a plan to which tenants come from other clusters, with a template for what is missing.
func roamer(with ...func(*ev.PlanSpec)) ev.PlanSpec {
	s := fsmtest.FreeSpec
	s.Move = &ev.PlanMove{Data: ev.DataNone, Hold: "1s", Cut: "15m"}
	s.Provision = []ev.Provision{template(fsmtest.AsIs)}
	for _, change := range with {
		change(&s)
	}
	return s
}

func forOne(s *ev.PlanSpec)      { s.Deployment = "dedicated" }
func larger(s *ev.PlanSpec)      { s.Apps = []ev.PlanApp{{Type: "pg", Size: "large"}} }
func madeOnce(s *ev.PlanSpec)    { s.Provision[0].Max = 1 }
func inCells(s *ev.PlanSpec)     { s.Provision[0].TenantInfra.Cells = cellsOf(2, 1) }
func multiTenant(s *ev.PlanSpec) { s.Deployment = ev.MultiTenant; inCells(s); shares(s) }

func shares(s *ev.PlanSpec) {
	s.Applications, s.Tenants = fsmtest.ManySpec.Applications, fsmtest.ManySpec.Tenants
}

// madeHome has a tenant on the only place that is there, and plans whose places are missing.
func madeHome(t *testing.T, plans map[string]ev.PlanSpec) *plant {
	t.Helper()
	p := newPlant(t, func(s *ev.PlanSpec) { s.Move = roamer().Move })
	p.withInfra(fsmtest.AsIs)
	for name, spec := range plans {
		p.do("plan -/"+name, ev.Create{Spec: spec}, false)
	}
	p.subscribe("acme/prod")
	p.run()
	p.want(p.why("tenant acme/prod"), "-")
	return p
}

// begin begins a move of which the cluster has said what the tenant uses.
func (p *plant) begin(ask ev.Move) (told []string, err error) {
	p.t.Helper()
	c := p.command("tenant acme/prod", ask)
	c.Use = &ev.TenantUse{}
	if _, err := fsmtest.DecideIn(p.w, c); err != nil {
		return nil, err
	}
	return p.decide(c), nil
}

// A tenant that moves to a plan whose place is missing has it made, with all that it needs: what is born stands before who goes there. A
// dry run says so without a name, and holds. Back again, what was made goes when nobody has been on it for its time.
func TestAMoveMakesItsPlace(t *testing.T) {
	for _, row := range []struct {
		name   string
		spec   ev.PlanSpec
		kind   string
		births string // after the dataplane's; @ is its path, # the cell's
		made   string
	}{
		{"for all", roamer(larger), ev.MoveCluster, "tenantinfra @_pg-large requested tenant acme/prod move_started",
			"[a shared dataplane in eu-central, by template eu of plan -/pro a tenant infra for pg of size large on it namespace acme--prod on the dataplane that is made for it, with 0 of its applications]"},
		{"for one customer", roamer(forOne), ev.MoveCluster, "dataplane @ claimed tenantinfra @_pg-small requested tenant acme/prod move_started",
			"[a dedicated dataplane in eu-central, by template eu of plan -/pro a tenant infra for pg of size small on it"},
		{"with cells", roamer(larger, inCells), ev.MoveCluster, "tenantinfra @_pg-large requested cell # requested cell # slot_taken tenant acme/prod move_started",
			"on the dataplane that is made for it, with 0 of its applications a cell on that tenant infra a slot in that cell]"},
		{"with shared applications", roamer(multiTenant), ev.MoveCluster, "tenantinfra @_pg-small requested cell # requested cell # slot_taken cellapplication #_web requested tenant acme/prod move_started",
			"its record in the cell that it goes to, on the dataplane that is made for it a cell on that tenant infra a slot in that cell]"},
		{"with machines of its own", roamer(larger, own), ev.MoveCluster, "tenant acme/prod move_started",
			"[a shared dataplane in eu-central, by template eu of plan -/pro machines of its own on it namespace"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := madeHome(t, map[string]ev.PlanSpec{"pro": row.spec})
			plan, told := p.move(ev.Move{Plan: "pro"})
			p.want(plan.Kind, row.kind)
			p.want(plan.Made, row.made)
			if plan.To.Dataplane+plan.To.TenantInfra+plan.To.Cell != "" {
				t.Errorf("a dry run names what another command would name otherwise: %+v", plan.To)
			}
			data, _ := json.Marshal(plan)
			if strings.Contains(string(data), "-/eu-") {
				t.Errorf("a dry run says %s", data)
			}
			at := p.place("acme/prod")
			p.want(at.Dataplane, "-/eu-")
			p.want(told, "dataplane "+at.Dataplane+" requested")
			p.want(told, strings.ReplaceAll(strings.ReplaceAll(row.births, "@", at.Dataplane), "#", at.Cell))
			e, _ := p.w.Get(fsmtest.RefOf("dataplane " + at.Dataplane))
			if made := e.Data.(fsm.DataplaneData).Origin.Made; made == nil || *made != (ev.Made{Plan: "-/pro", Version: 1, Template: "eu", KeepEmpty: "24h"}) {
				t.Errorf("it was made for %+v", made)
			}
			p.move(ev.Move{Plan: "free"})
			p.want(p.place("acme/prod").Dataplane, "-/eu")
			for range 5 { // a cell that is empty stays for its time too
				p.pass(25 * time.Hour)
			}
			p.want(p.dataplanes(), "[-/eu]")
		})
	}
}

// Where the dataplane is there that a template makes, and lacks machines, these alone are made. On the tenant's own dataplane they are waited
// for before its pods go there.
func TestAMoveMakesMachines(t *testing.T) {
	for name, kind := range map[string][]func(*ev.PlanSpec){"for all": nil, "of its own": {own}} {
		t.Run(name, func(t *testing.T) {
			p := madeHome(t, map[string]ev.PlanSpec{"pro": roamer(larger)})
			p.move(ev.Move{Plan: "pro"})
			home := p.place("acme/prod")
			spec := roamer(append(kind, func(s *ev.PlanSpec) { s.Apps = []ev.PlanApp{{Type: "pg", Size: "huge"}} })...)
			p.do("plan -/pro", ev.Update{Spec: spec}, false)
			plan, told := p.move(ev.Move{Plan: "pro"})
			p.want(plan.Kind, ev.MoveMachines)
			p.want(told[0], "tenantinfra "+home.Dataplane+"_pg-huge")
			p.want(told, "move_made tenant acme/prod move_reserved")
			p.want(plan.Made, " on dataplane "+home.Dataplane+", by template eu of plan -/pro")
			at := p.place("acme/prod")
			p.want(at.TenantInfra, home.Dataplane+"_pg-huge")
			p.want(len(p.dataplanes()), "2")
			e, _ := p.w.Get(fsmtest.RefOf("dataplane " + at.Dataplane))
			if e.Data.(fsm.DataplaneData).Origin.Kept {
				t.Error("a move has made it somebody's")
			}
		})
	}
}

// The tenant's own dataplane goes before others that the template has made, whatever they are called.
func TestAMoveStaysOnItsDataplane(t *testing.T) {
	for shift := range 10 { // names follow from commands: in one of these the other one comes first
		p := madeHome(t, map[string]ev.PlanSpec{"pro": roamer(larger, inCells)})
		for i := range shift {
			p.do("customer other", ev.Update{Labels: map[string]string{"n": fmt.Sprint(i)}}, false)
		}
		for _, name := range []string{"a", "b"} { // who fill one
			p.do("tenant other/"+name, ev.Create{Spec: ev.TenantSpec{Plan: "-/pro"}}, false)
			p.run()
		}
		p.move(ev.Move{Plan: "pro"})
		before := p.place("acme/prod").Dataplane
		if other := p.place("other/a").Dataplane; other > before {
			continue
		}
		p.do("plan -/pro", ev.Update{Spec: roamer(func(s *ev.PlanSpec) { s.Apps = []ev.PlanApp{{Type: "pg", Size: "huge"}} })}, false)
		plan, _ := p.move(ev.Move{Plan: "pro"})
		p.want(plan.Kind, ev.MoveMachines)
		p.want(p.place("acme/prod").Dataplane, before)
		return
	}
	t.Fatal("the other one never comes first by name: this shows nothing")
}

// What bounds what is made for who is created bounds it for who moves. Then the move is refused, which says why, and nothing has happened; when it may be
// made, the same move is taken.
func TestWhatBoundsWhatAMoveMakes(t *testing.T) {
	fill := func(p *plant) { // another one's tenant has what may be made
		p.do("tenant other/a", ev.Create{Spec: ev.TenantSpec{Plan: "-/pro"}}, false)
		p.do("tenant other/a", ev.Settle{}, true)
	}
	leave := func(p *plant) {
		p.do("tenant other/a", ev.Delete{}, false)
		p.run()
		p.pass(25 * time.Hour)
		p.want(p.dataplanes(), "[-/eu]")
	}
	for _, row := range []struct {
		name  string
		spec  ev.PlanSpec
		bound func(*plant)
		want  string
		free  func(*plant)
	}{
		{"the template's max", roamer(inCells, larger, madeOnce, func(s *ev.PlanSpec) { s.Provision[0].TenantInfra.Cells = cellsOf(1, 1) }), func(p *plant) { fill(p); p.run() },
			"template eu of plan -/pro has made 1 dataplanes, as many as its max", leave},
		{"one is built in a region at a time", roamer(forOne), fill, "one dataplane at a time is built in a region", func(p *plant) { p.run() }},
		{"the server's limit of all", roamer(forOne), func(p *plant) { fill(p); p.run(); p.w.LimitProvision(fsm.ProvisionLimit{Alive: 1, Hourly: 9}) },
			"there are 1 dataplanes that were made for plans, as many as the server's --provision-limit allows", leave},
		{"the server's limit of an hour", roamer(forOne), func(p *plant) { fill(p); p.run(); p.w.LimitProvision(fsm.ProvisionLimit{Alive: 9, Hourly: 1}) },
			"1 dataplanes were made for plans within an hour, as many as the server's --provision-limit allows; ask again at ", func(p *plant) { p.pass(61 * time.Minute) }},
		{"three that failed", roamer(forOne), func(p *plant) {
			p.breakAll(ev.TenantInfra)
			fill(p)
			p.run()
			p.want(p.why("plan -/pro"), "provision_blocked")
			p.broken = func(ev.Ref) bool { return false }
			p.do("tenant other/a", ev.Delete{}, false)
			p.run()
		}, "3 that template eu made failed one after the other", func(p *plant) { p.do("plan -/pro", ev.Retry{}, false) }},
		{"no account of one's own", roamer(func(s *ev.PlanSpec) { s.Hosting, s.Provision[0].Account = "customer", ev.CustomersAccount }),
			func(p *plant) { p.do("customer acme", ev.Update{Spec: ev.CustomerSpec{Hosting: "customer"}}, false) },
			"acme has no account of hosting customer that is Ready, and template eu makes a place in its own: aerie account create acme/NAME", func(p *plant) {
				p.do("account acme/own", ev.Create{Spec: ev.AccountSpec{Cloud: "sim", Number: "7", Hosting: "customer", Role: "r", ExternalID: "x"}}, false)
				p.do("account acme/own", ev.Settle{}, true)
				e, _ := p.w.Get(fsmtest.RefOf("account acme/own"))
				p.do("account acme/own", ev.Report{UID: e.UID, Digest: fsm.DigestOf(fsm.Machines[ev.Account].Owed(e)), Outcome: ev.Verified{}}, true)
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := madeHome(t, map[string]ev.PlanSpec{"pro": row.spec})
			row.bound(p)
			_, err := p.begin(ev.Move{Plan: "pro"})
			p.want(err, "refused: ")
			p.want(err, "tenant acme/prod can't move: no tenant infra anywhere fits")
			p.want(err, "; its plan has none made now: "+row.want)
			asked := p.command("tenant acme/prod", ev.Move{Plan: "pro"})
			asked.OfCustomer = true
			_, err = fsmtest.DecideIn(p.w, asked)
			p.want(err, "; its plan has none made now")
			if s := fmt.Sprint(err); strings.Contains(s, "-/eu-") || strings.Contains(s, "provision-limit") || strings.Contains(s, "dataplanes") {
				t.Errorf("a customer is told %s", s)
			}
			row.free(p)
			told, err := p.begin(ev.Move{Plan: "pro"})
			if err != nil {
				t.Fatal(err)
			}
			p.want(told, "move_started")
			p.run()
			p.pass(2 * time.Second)
			p.want(p.place("acme/prod").Plan, "-/pro")
			p.want(p.why("tenant acme/prod"), "-")
		})
	}
}

// A move whose place can't be made, or that is given up or deleted on the way, leaves what was made to the rule of all that was made for plans; until the
// switch the tenant is where it was.
func TestAMoveToAMadePlaceThatEnds(t *testing.T) {
	for name, end := range map[string]func(*plant) []string{
		"its machines fail": func(p *plant) []string {
			p.breakAll(ev.TenantInfra)
			return p.run()
		},
		"its dataplane fails": func(p *plant) []string {
			p.breakAll(ev.Dataplane)
			return p.run()
		},
		"it is given up": func(p *plant) []string {
			told := p.do("tenant acme/prod", ev.Abort{}, false)
			return append(told, p.run()...)
		},
		"it can't be had there": func(p *plant) []string {
			p.broken = func(r ev.Ref) bool { // nothing is made for it there
				e, _ := p.w.Get(r)
				d, is := e.Data.(fsm.TenantData)
				return is && d.Move != nil && d.Move.Step == ev.StepPrepare
			}
			return p.run()
		},
		"it is deleted": func(p *plant) []string {
			told := p.do("tenant acme/prod", ev.Delete{}, false)
			return append(told, p.run()...)
		},
		"it is deleted when all is there": func(p *plant) []string {
			p.do("tenant acme/prod", ev.Pause{}, false)
			told := p.run()
			told = append(told, p.do("tenant acme/prod", ev.Delete{}, false)...)
			return append(told, p.run()...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := madeHome(t, map[string]ev.PlanSpec{"pro": roamer(forOne)})
			if _, err := p.begin(ev.Move{Plan: "pro"}); err != nil {
				t.Fatal(err)
			}
			p.want(p.place("acme/prod").Dataplane, "-/eu")
			p.want(p.why("tenant acme/prod"), "dependency: waits for dataplane -/eu-")
			told := end(p)
			e, _ := p.w.Get(fsmtest.RefOf("tenant acme/prod"))
			switch deleted := strings.HasPrefix(name, "it is deleted"); {
			case deleted && e.Phase() != fsm.Gone, !deleted && e.Phase() != fsm.Active:
				t.Fatalf("it is %s: %s", e.Phase(), p.why("tenant acme/prod"))
			case !deleted:
				p.want(told, "move_aborted tenant acme/prod activated")
				p.want(p.place("acme/prod").Dataplane, "-/eu")
			}
			if strings.Contains(name, " fail") {
				p.want(told, "plan -/pro provision_failed")
				p.want(p.dataplanes(), "[-/eu]")
				return
			}
			p.want(told, "emptied")
			p.want(len(p.dataplanes()), "2")
			p.pass(23 * time.Hour)
			p.want(len(p.dataplanes()), "2")
			p.pass(2 * time.Hour)
			p.want(p.dataplanes(), "[-/eu]")
		})
	}
}

// What a person has to do with while a tenant is on its way there is theirs, and stays.
func TestAPlaceMadeForAMoveThatIsKept(t *testing.T) {
	p := madeHome(t, map[string]ev.PlanSpec{"pro": roamer(forOne)})
	if _, err := p.begin(ev.Move{Plan: "pro"}); err != nil {
		t.Fatal(err)
	}
	p.run()
	p.pass(2 * time.Second)
	at := p.place("acme/prod").Dataplane
	p.want(at, "-/eu-")
	p.want(p.do("dataplane "+at, ev.Update{Labels: map[string]string{"a": "b"}}, false), "kept")
	p.move(ev.Move{Plan: "free"})
	p.pass(100 * time.Hour)
	p.want(p.dataplanes(), at)
}

// The version of the plan that a tenant goes to says what is made. Who names a place has none made.
func TestWhichPlaceAMoveMakes(t *testing.T) {
	p := madeHome(t, map[string]ev.PlanSpec{"pro": roamer(forOne)})
	p.do("plan -/still", ev.Create{Spec: roamer(forOne, func(s *ev.PlanSpec) { s.Move = nil })}, false)
	p.do("plan -/pro", ev.Update{Spec: roamer(forOne, func(s *ev.PlanSpec) { s.Provision[0].Name, s.Provision[0].Dataplane.Region = "us", "us-east" })}, false)
	for want, ask := range map[string]ev.Move{
		"no tenant infra on dataplane -/eu fits": {Plan: "pro", Dataplane: "-/eu"},
		"nothing fits that is there, and what would be made is in another cluster than -/eu, and plan -/still does not say": {Plan: "still"},
	} {
		_, err := p.begin(ask)
		p.want(err, want)
	}
	p.want(p.dataplanes(), "[-/eu]")
	if _, err := p.begin(ev.Move{Plan: "pro@1"}); err != nil {
		t.Fatal(err)
	}
	p.run()
	p.pass(2 * time.Second)
	at := p.place("acme/prod")
	p.want(at.Dataplane, "-/eu-")
	e, _ := p.w.Get(fsmtest.RefOf("dataplane " + at.Dataplane))
	p.want(e.Data.(fsm.DataplaneData).Origin.Made.Version, "1")
}

// Who looks whether Secrets can follow a tenant is told in which account its place will be.
func TestTheSurveyOfAMoveToAMadePlace(t *testing.T) {
	p := madeHome(t, map[string]ev.PlanSpec{"pro": roamer(forOne)})
	e, _ := p.w.Get(fsmtest.RefOf("tenant acme/prod"))
	of, must := fsm.SurveyOfMove(e, ask(prod, ev.Move{Plan: "pro"})(t, p.w), p.w.Refs())
	if !must || !of.Elsewhere || of.Into != "" || of.There.Account == (ev.CloudAccount{}) || of.There.Account != of.Target.Account {
		t.Errorf("%t, and it is looked at %+v", must, of)
	}
}

// Who looks before a move counts the limit of an hour by the command's time: the log may have been silent since.
func TestTheSurveyCountsByTheCommandsTime(t *testing.T) {
	p := madeHome(t, map[string]ev.PlanSpec{"pro": roamer(forOne)})
	p.do("tenant other/a", ev.Create{Spec: ev.TenantSpec{Plan: "-/pro"}}, false)
	p.do("tenant other/a", ev.Settle{}, true)
	p.run()
	p.w.LimitProvision(fsm.ProvisionLimit{Alive: 9, Hourly: 1})
	e, _ := p.w.Get(fsmtest.RefOf("tenant acme/prod"))
	asked := p.command("tenant acme/prod", ev.Move{Plan: "pro"})
	if _, must := fsm.SurveyOfMove(e, asked, p.w.Refs()); must {
		t.Error("nothing can be made within the hour, and it is looked at")
	}
	asked.Time = asked.Time.Add(2 * time.Hour)
	if _, must := fsm.SurveyOfMove(e, asked, p.w.Refs()); !must {
		t.Error("it may move by now, and is not looked at")
	}
}
