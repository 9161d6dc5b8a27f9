package fsm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// infras are the tenant infras that live, with their phases.
func (p *plant) infras() (paths []string) {
	p.w.Each(ev.TenantInfra, func(e fsm.Entity[fsm.Data]) {
		if !fsm.Ended(e) {
			paths = append(paths, e.Ref.Path()+" "+string(e.Phase()))
		}
	})
	slices.Sort(paths)
	return paths
}

// withInfra builds a dataplane with a tenant infra.
func (p *plant) withInfra(with func(*ev.TenantInfraSpec)) {
	p.t.Helper()
	p.do("dataplane -/eu", ev.Create{Spec: fsmtest.EuSpec}, false)
	s := fsmtest.InfraSpec
	with(&s)
	p.do("tenantinfra -/eu_pg", ev.Create{Spec: s}, false)
	p.run()
}

func own(s *ev.PlanSpec) { s.Machines = ev.OwnMachines }

// A tenant of a plan of own machines gets those of the place that fits, alone, and they go with it.
func TestOwnMachines(t *testing.T) {
	p := newPlant(t, own)
	p.withInfra(fsmtest.AsIs)
	p.want(p.subscribe("acme/a"), "tenant acme/a placing_started tenant acme/a placed")
	p.run()
	at := p.place("acme/a").TenantInfra
	p.want(at, "-/eu_pg-small-")
	if p.subscribe("acme/b"); p.place("acme/b").TenantInfra == at {
		t.Fatal("both have the same machines")
	}
	p.run()
	infra, _ := p.w.Get(ev.Ref{Kind: ev.TenantInfra, Owner: ev.Platform, ID: strings.TrimPrefix(at, "-/")})
	is, like := infra.Data.Wants().(ev.TenantInfraSpec), fsmtest.InfraSpec
	if is.For != "acme/a" || fmt.Sprint(is.Pools) != fmt.Sprint(like.Pools) || infra.Phase() != fsm.Active {
		t.Fatalf("its machines are %+v, %s", is, infra.Phase())
	}
	other := like.OnlyFor("acme/c")
	changes, err := fsmtest.DecideIn(p.w, ev.Command{ID: "x", Ref: fsmtest.RefOf("tenantinfra -/eu_mine"), UID: "x", Payload: ev.Create{Spec: other}})
	p.want(fmt.Sprint(changes, err), "is for aerie to say")
	_, err = fsmtest.DecideIn(p.w, ev.Command{ID: "y", Ref: infra.Ref, Payload: ev.Delete{}})
	p.want(err, "is used by tenant acme/a")
	p.do("tenant acme/a", ev.Delete{}, false)
	p.want(p.run(), "tenant acme/a deleted tenantinfra "+at+" deletion_requested tenantinfra "+at+" drained")
	p.want(len(p.infras()), "2") // those of the other one, and the ones that are like them
}

// Machines of a tenant's own that fail keep the tenant where it is: others would fail too.
func TestOwnMachinesThatFail(t *testing.T) {
	p := newPlant(t, own)
	p.withInfra(fsmtest.AsIs)
	p.breakAll(ev.TenantInfra)
	p.subscribe("acme/a")
	told := p.run()
	if at := p.place("acme/a").TenantInfra; at == "" || slices.Contains(told, "tenant acme/a place_given_up") {
		t.Fatal("it has left them: ", told)
	}
	p.want(p.why("tenant acme/a"), "the cloud said no")
	p.broken = func(ev.Ref) bool { return false }
	p.do("tenantinfra "+p.place("acme/a").TenantInfra, ev.Retry{}, false)
	p.run()
	p.want(p.why("tenant acme/a"), "-")
}

// A cluster has so many node pools and no more: then a tenant waits until some have gone.
func TestOwnMachinesAreBounded(t *testing.T) {
	p := newPlant(t, own)
	p.withInfra(fsmtest.AsIs)
	last := ""
	for i := range ev.MostNodePools {
		last = fmt.Sprint("acme/t", i)
		p.subscribe(last)
	}
	p.run()
	p.want(p.why("tenant "+last), "all the node pools that a cluster may have")
	p.do("tenant acme/t0", ev.Delete{}, false)
	p.run()
	p.want(p.why("tenant "+last), "-")
}

// A template makes a dataplane for those of whom none is there, and on it the machines of each alone.
func TestOwnMachinesOfATemplate(t *testing.T) {
	p := newPlant(t, func(s *ev.PlanSpec) {
		s.Machines, s.Provision = ev.OwnMachines, []ev.Provision{template(func(*ev.Provision) {})}
	})
	for _, who := range []string{"acme/a", "acme/b"} {
		p.subscribe(who)
		p.run()
		p.want(p.why("tenant "+who), "-")
	}
	p.want(len(p.dataplanes()), "1")
	p.want(len(p.infras()), "2")
	for _, who := range []string{"acme/a", "acme/b"} {
		p.do("tenant "+who, ev.Delete{}, false)
	}
	p.run()
	p.want(fmt.Sprint(p.infras()), "[]")
	p.pass(25 * time.Hour)
	p.want(p.dataplanes(), "[]")
}

// Cells of isolation nodes have pools of their own, as their tenant infra says, and that has none.
func TestCellsWithNodes(t *testing.T) {
	p := newPlant(t, func(*ev.PlanSpec) {})
	p.withInfra(func(s *ev.TenantInfraSpec) {
		s.Cells = &ev.Cells{Tenants: 1, Isolation: ev.IsolationNodes, Max: 3, KeepEmpty: "1h"}
	})
	p.want(p.infras(), "[-/eu_pg Active]")
	p.want(p.subscribe("acme/a"), "requested")
	p.run()
	at := p.place("acme/a")
	cell := at.Cell[strings.LastIndex(at.Cell, "_")+1:]
	p.want(at.Machines, "-/eu_pg-"+cell)
	p.want(p.infras(), "[-/eu_pg Active "+at.Machines+" Active]")
	p.want(p.why("tenant acme/a"), "-")

	s := fsmtest.InfraSpec
	s.Cells = &ev.Cells{Tenants: 1, Isolation: ev.IsolationNodes, Max: 3, KeepEmpty: "1h", Warm: 1}
	s.Pools = []ev.Pool{{Name: "a", Machine: "m8", Max: 4, Priority: "on-demand"}}
	p.want(p.do("tenantinfra -/eu_pg", ev.Update{Spec: s}, false), "tenantinfra -/eu_pg update_done")
	p.run()
	p.want(len(p.infras()), "3") // one stands empty
	for _, path := range p.infras()[1:] {
		e, _ := p.w.Get(fsmtest.RefOf("tenantinfra " + strings.Fields(path)[0]))
		p.want(e.Data.Wants().(ev.TenantInfraSpec).Pools, "m8")
	}
	policy := s
	policy.Cells = &ev.Cells{Tenants: 1, Isolation: "policy", Max: 3, KeepEmpty: "1h"}
	_, err := fsmtest.DecideIn(p.w, ev.Command{ID: "z", Ref: fsmtest.RefOf("tenantinfra -/eu_pg"), Payload: ev.Update{Spec: policy}})
	p.want(err, "spec.cells.isolation: can't be changed")
	_, err = fsmtest.DecideIn(p.w, ev.Command{ID: "z", Ref: fsmtest.RefOf("tenantinfra " + at.Machines), Payload: ev.Delete{}})
	p.want(err, "is used by tenantinfra -/eu_pg")

	p.do("tenant acme/a", ev.Delete{}, false)
	p.run()
	p.want(p.pass(2*time.Hour), " drained") // those of one, and one stands empty
	p.do("tenantinfra -/eu_pg", ev.Delete{}, false)
	p.run()
	p.want(fmt.Sprint(p.infras()), "[]")
}

// A cell whose machines fail waits for them with their reason, and opens when these are changed.
func TestCellsWhoseNodesFail(t *testing.T) {
	p := newPlant(t, func(*ev.PlanSpec) {})
	p.withInfra(func(s *ev.TenantInfraSpec) {
		s.Cells = &ev.Cells{Tenants: 1, Isolation: ev.IsolationNodes, Max: 3, KeepEmpty: "1h"}
	})
	p.breakAll(ev.TenantInfra)
	p.subscribe("acme/a")
	p.run()
	p.want(p.why("cell "+p.place("acme/a").Cell), "the cloud said no")
	p.broken = func(ev.Ref) bool { return false }
	p.do("tenantinfra "+p.place("acme/a").Machines, ev.Retry{}, false)
	p.run()
	p.want(p.why("tenant acme/a"), "-")
}

// A cell of a multi-tenant plan has its applications on its own machines.
func TestCellsOfAPlanWithNodes(t *testing.T) {
	p := newPlant(t, func(s *ev.PlanSpec) { *s = fsmtest.ManySpec })
	p.withInfra(func(s *ev.TenantInfraSpec) {
		s.Cells = &ev.Cells{Tenants: 5, Isolation: ev.IsolationNodes, Max: 3, KeepEmpty: "1h"}
	})
	p.subscribe("acme/a")
	p.run()
	p.want(p.why("tenant acme/a"), "-")
	at := p.place("acme/a")
	cell, _ := p.w.Get(fsmtest.RefOf("cell " + at.Cell))
	p.want("-/eu_"+cell.Data.(fsm.CellData).Infra, at.Machines)
	p.do("tenant acme/a", ev.Delete{}, false)
	p.run()
	p.pass(2 * time.Hour)
	p.want(p.infras(), "[-/eu_pg Active]")
}

// What is wrong with machines of their own is said where the spec comes in.
func TestChecksOfOwnMachines(t *testing.T) {
	infra := fsmtest.InfraSpec
	infra.Cells = &ev.Cells{Tenants: 1, Isolation: ev.IsolationNodes, Max: ev.MostNodePools + 1}
	if faults := infra.Check(); len(faults) != 1 || faults[0].Field != "spec.cells.max" {
		t.Error(faults)
	}
	infra.Cells.Max, infra.For = 1, "acme/a"
	if faults := infra.Check(); len(faults) != 1 || faults[0].Field != "spec.cells" {
		t.Error(faults)
	}
	plan := fsmtest.ManySpec
	plan.Machines = ev.OwnMachines
	if faults := plan.Check(); len(faults) != 1 || faults[0].Field != "spec.machines" {
		t.Error(faults)
	}
}
