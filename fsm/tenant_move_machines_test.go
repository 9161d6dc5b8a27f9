package fsm_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// ownHome has a tenant of a plan of shared machines, a plan of own ones, and another dataplane.
func ownHome(t *testing.T) *plant {
	p := newPlant(t, fsmtest.AsIs)
	p.withInfra(fsmtest.AsIs)
	alone := fsmtest.FreeSpec
	alone.Machines, alone.Move = ev.OwnMachines, &ev.PlanMove{Data: "none", Hold: "1s", Cut: "15m"}
	p.do("plan -/alone", ev.Create{Spec: alone}, false)
	us := fsmtest.EuSpec
	us.Region = "us-east"
	p.do("dataplane -/us", ev.Create{Spec: us}, false)
	p.do("tenantinfra -/us_pg", ev.Create{Spec: fsmtest.InfraSpec}, false)
	p.run()
	p.subscribe("acme/prod")
	p.run()
	p.want(p.why("tenant acme/prod"), "-")
	return p
}

// move asks for a move of which the cluster has said what the tenant uses, and holds what happens against what a dry run said.
func (p *plant) move(ask ev.Move) (plan *ev.MovePlan, told []string) {
	p.t.Helper()
	dry := p.command("tenant acme/prod", ask)
	dry.Use = &ev.TenantUse{Going: 1}
	e, _ := p.w.Get(dry.Ref)
	refs := p.w.Refs()
	_, err := fsm.Machines[ev.Tenant].Decide(e, dry, refs) // as a dry run is decided before it is told
	if err != nil {
		p.t.Fatal(err)
	}
	plan, err = fsm.PlanMove(e, dry, refs)
	if err != nil || plan == nil {
		p.t.Fatal(plan, err)
	}
	var promised, happened []string
	for _, s := range plan.Steps {
		promised = append(promised, s.Events...)
	}
	c := p.command("tenant acme/prod", ask)
	c.ID, c.Use = "another-"+dry.ID, dry.Use
	ask.PlanID = plan.PlanID // it names nothing that another command would name otherwise
	c.Payload = ask
	told = append(p.decide(c), p.run()...)
	told = append(told, p.pass(2*time.Second)...)
	for _, one := range told {
		if typ, of := strings.CutPrefix(one, "tenant acme/prod "); of {
			happened = append(happened, typ)
		}
	}
	if !slices.Equal(happened, promised) {
		p.t.Errorf("promised was %q, and %q happened", promised, happened)
	}
	p.want(p.why("tenant acme/prod"), "-")
	return plan, told
}

// A tenant goes to machines of its own, on its dataplane or another one, and back: they are made for the move, and go when it has left.
func TestMovesToOwnMachines(t *testing.T) {
	p := ownHome(t)
	for _, on := range []string{"eu", "us"} {
		plan, told := p.move(ev.Move{Plan: "alone", Dataplane: "-/" + on})
		p.want(plan.Made, "machines of its own on dataplane -/"+on+", like those of tenantinfra -/"+on+"_pg")
		at := p.place("acme/prod").TenantInfra
		p.want(at, "-/"+on+"_pg-small-")
		p.want(told[0], "tenantinfra "+at+" requested")
		p.want(len(p.infras()), "3")
		infra, _ := p.w.Get(fsmtest.RefOf("tenantinfra " + at))
		p.want(infra.Data.Wants().(ev.TenantInfraSpec).For, "acme/prod")
		_, err := fsmtest.DecideIn(p.w, ev.Command{ID: "y", Ref: infra.Ref, Payload: ev.Delete{}})
		p.want(err, "is used by tenant acme/prod")
		if again, err := fsmtest.DecideIn(p.w, p.command("tenant acme/prod", ev.Move{})); len(again) > 0 || err != nil {
			t.Fatalf("it is there, and goes on: %v, %v", again, err)
		}
		if on == "us" {
			break
		}
		plan, told = p.move(ev.Move{Plan: "free"})
		p.want(plan.Removed, "tenantinfra "+at+", the machines of its own, when it has left them")
		p.want(told, "tenantinfra "+at+" deletion_requested")
		p.want(p.place("acme/prod").TenantInfra, "-/eu_pg")
		p.want(p.infras(), "[-/eu_pg Active -/us_pg Active]")
	}
	at := p.place("acme/prod").TenantInfra
	p.move(ev.Move{Dataplane: "-/eu"}) // from some of its own to others
	p.want(p.place("acme/prod").TenantInfra, "-/eu_pg-small-")
	p.want(len(p.infras()), "3")
	if slices.ContainsFunc(p.infras(), func(one string) bool { return strings.HasPrefix(one, at+" ") }) {
		t.Fatal("what it has left is there: ", p.infras())
	}
	p.do("tenant acme/prod", ev.Delete{}, false)
	p.run()
	p.want(p.infras(), "[-/eu_pg Active -/us_pg Active]")
}

// Machines that can't be made bring the tenant back, and go; so they do if it is given up, or deleted, while they are made.
func TestMovesToOwnMachinesThatEnd(t *testing.T) {
	for name, end := range map[string]func(*plant) []string{
		"they fail": func(p *plant) []string {
			p.breakAll(ev.TenantInfra)
			return p.run()
		},
		"it is given up": func(p *plant) []string {
			return append(p.do("tenant acme/prod", ev.Abort{}, false), p.run()...)
		},
		"it is paused and given up": func(p *plant) []string {
			p.do("tenant acme/prod", ev.Pause{}, false)
			p.breakAll(ev.Tenant) // nothing is done for it
			p.want(p.run(), "activated")
			p.broken = func(ev.Ref) bool { return false }
			return append(p.do("tenant acme/prod", ev.Abort{}, false), p.run()...)
		},
		"it is deleted": func(p *plant) []string {
			return append(p.do("tenant acme/prod", ev.Delete{}, false), p.run()...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := ownHome(t)
			c := p.command("tenant acme/prod", ev.Move{Plan: "alone"})
			c.Use = &ev.TenantUse{}
			p.want(p.decide(c), "move_started")
			p.want(p.why("tenant acme/prod"), "dependency")
			told := end(p)
			p.want(told, "deletion_requested")
			p.want(p.infras(), "[-/eu_pg Active -/us_pg Active]")
			if e, _ := p.w.Get(fsmtest.RefOf("tenant acme/prod")); e.Phase() == fsm.Active {
				p.want(told, "tenant acme/prod move_aborted tenant acme/prod activated")
				p.want(p.place("acme/prod").TenantInfra, "-/eu_pg")
			} else if name != "it is deleted" {
				t.Fatalf("it is %s", e.Phase())
			}
		})
	}
}

// Where a cluster has all the node pools that it may have, nobody goes to machines of its own; and such are in no cell.
func TestMovesToOwnMachinesThatAreRefused(t *testing.T) {
	p := ownHome(t)
	for want, ask := range map[string]ev.Move{"which are in no cell": {Plan: "alone", Cell: "-/eu_pg_c1"}} {
		_, err := fsmtest.DecideIn(p.w, p.command("tenant acme/prod", ask))
		p.want(err, want)
	}
	for i := range ev.MostNodePools {
		p.do("tenantinfra -/eu_p"+string(rune('a'+i/10))+string(rune('a'+i%10)), ev.Create{Spec: fsmtest.InfraSpec}, false)
	}
	_, err := fsmtest.DecideIn(p.w, p.command("tenant acme/prod", ev.Move{Plan: "alone", Dataplane: "-/eu"}))
	p.want(err, "no tenant infra on dataplane -/eu fits")
	p.want(err, "all the node pools that a cluster may have")
}
