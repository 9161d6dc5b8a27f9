package sim

import (
	"strings"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// many is the multi-tenant plan.
var many = ev.Ref{Kind: ev.Plan, Owner: ev.Platform, ID: "many"}

// roamsCells is a life of tenants that go from one cell to another whose applications are shared.
func (l *life) roamsCells(steps int) {
	l.chaos = false
	create := func(ref ev.Ref, spec string) { l.ask(l.request(ref, ev.VerbCreate, `{"spec":`+spec+`}`)) }
	create(refs(ev.Customer)[0], specs[ev.Customer][0])
	create(refs(ev.Account)[0], specs[ev.Account][0])
	create(many, strings.Replace(manyJSON("1"), `"move":{"data":"none"}`, `"move":`+pick(&l.script, append(movesByJobs, `{"data":"none"}`)), 1))
	for i := range 2 {
		create(refs(ev.Dataplane)[i], specs[ev.Dataplane][i])
		create(refs(ev.TenantInfra)[i], cellsJSON(2, 3, 0))
		create(refs(ev.Tenant)[i], `{"plan":"-/many"}`)
	}
	l.rest()
	l.openCell()
	l.rest()
	l.chaos = true
	l.wander(steps)
}

// openCell asks for another cell, so that there is one to go to on the same dataplane.
func (l *life) openCell() {
	l.ask(l.request(refs(ev.Cell)[l.rnd.IntN(2)], ev.VerbCreate, `{"spec":{"tenants":2,"plan":"-/many","planVersion":1}}`))
}

// goals are where a tenant may be asked to go: to another dataplane, or to a cell whose applications are shared.
func (l *life) goals(elsewhere string) []string {
	if e, born := l.world.Get(many); !born || e.Phase() == fsm.Gone {
		return []string{elsewhere, `{"plan":"business",` + elsewhere[1:]}
	}
	if l.chance(3) {
		l.openCell()
	}
	all := []string{elsewhere}
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
