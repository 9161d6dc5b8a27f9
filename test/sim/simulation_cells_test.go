package sim

import (
	"strings"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// many is the multi-tenant plan.
var many = ev.Ref{Kind: ev.Plan, Owner: ev.Platform, ID: "many"}

// roamsCells is a life of tenants that go from one cell to another whose applications are shared; in some lives also to such ones of
// another plan, and to a plan with applications of their own and back.
func (l *life) roamsCells(steps int) {
	l.chaos = false
	create := func(ref ev.Ref, spec string) { l.ask(l.request(ref, ev.VerbCreate, `{"spec":`+spec+`}`)) }
	moving := func(plan string) string {
		return strings.Replace(plan, `"move":{"data":"none"}`, `"move":`+pick(&l.script, append(movesByJobs, `{"data":"none"}`)), 1)
	}
	create(refs(ev.Customer)[0], specs[ev.Customer][0])
	create(refs(ev.Account)[0], specs[ev.Account][0])
	create(many, moving(manyJSON("1")))
	l.tiers = l.chance(2)
	most := 3
	if l.tiers {
		most = 5
		create(refs(ev.Plan)[0], moving(manyJSON("2")))
		create(refs(ev.Plan)[1], strings.TrimSuffix(moving(planJSON("resource-shared", "spread", false)), "}")+`,"applications":[{"name":"pg",`+pick(&l.script, []string{appJSON("one"), runsJSON("")})[1:]+`]}`)
	}
	for i := range 2 {
		create(refs(ev.Dataplane)[i], specs[ev.Dataplane][i])
		create(refs(ev.TenantInfra)[i], cellsJSON(2, most, 0))
		create(refs(ev.Tenant)[i], `{"plan":"-/many"}`)
	}
	l.rest()
	l.openCell()
	l.rest()
	l.chaos = true
	if l.tiers {
		l.tour()
	}
	l.wander(steps)
}

// tour has a tenant go up to applications of its own, down to shared ones, and on to those of another plan, under crashes and calls that come late,
// but nobody gives that up.
func (l *life) tour() {
	ref := refs(ev.Tenant)[0]
	for _, plan := range []string{"business", "free", "many"} {
		l.ask(l.request(ref, ev.VerbMove, `{"plan":"`+plan+`"}`))
		for range 500 {
			e, _ := l.world.Get(ref)
			if e.Phase() != fsm.Moving {
				break
			}
			l.turn()
			switch n := l.rnd.IntN(50); {
			case e.Data.(fsm.TenantData).Move.Step == ev.StepConfirm:
				l.ask(l.request(ref, ev.VerbConfirm, ""))
			case n == 0:
				l.restartOne(l.rnd.IntN(len(l.servers)))
			case n < 5 && len(l.slow) > 0:
				l.arrive()
			case n < 10 && len(l.mail) > 0:
				m := l.mail[0]
				l.mail = l.mail[1:]
				l.deliver(m)
			default:
				l.work()
			}
		}
	}
}

// openCell asks for another cell, so that there is one to go to on the same dataplane.
func (l *life) openCell() {
	l.ask(l.request(refs(ev.Cell)[l.rnd.IntN(2)], ev.VerbCreate, `{"spec":{"tenants":2,"plan":"-/many","planVersion":1}}`))
}

// goals are where a tenant may be asked to go: to another dataplane, or to a cell whose applications are shared.
func (l *life) goals(elsewhere string) []string {
	if e, born := l.world.Get(many); !born || e.Phase() == fsm.Gone {
		return []string{elsewhere, `{"plan":"business",` + elsewhere[1:], `{"plan":"business"}`, `{"plan":"free"}`}
	}
	if l.chance(3) {
		l.openCell()
	}
	all := []string{elsewhere}
	if l.tiers {
		if l.chance(3) {
			l.ask(l.request(refs(ev.Application)[1], ev.VerbCreate, `{"spec":`+appJSON("two")+`}`))
		}
		for _, plan := range []string{"free", "business", "business", "many"} {
			all = append(all, `{"plan":"`+plan+`"}`, `{"plan":"`+plan+`",`+elsewhere[1:])
		}
	}
	if cell := l.anyCell(); cell != "" {
		all = append(all, `{"cell":"`+cell+`"}`, `{"cell":"`+cell+`"}`)
	}
	return all
}

// rescueCell has a person repair what a tenant on its way waits for, where aerie only reports what was deleted by hand.
func (l *life) rescueCell(path string) {
	in, _ := ev.ParseRef(ev.Cell, path)
	infra := ev.Ref{Kind: ev.TenantInfra, Owner: in.Owner, ID: in.Parent()}
	for _, ref := range []ev.Ref{infra, in, in.Child(ev.CellApplication, "web")} {
		l.ask(l.request(ref, ev.VerbRetry, ""))
	}
}
