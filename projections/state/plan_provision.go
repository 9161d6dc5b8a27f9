package state

import (
	"cmp"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// made are the dataplanes that were made for plans: those that live, and those that were begun lately. In an Overlay they are
// those that it has changed.
type made map[ev.Ref]fsm.MadePlace

// LimitProvision bounds what is made for plans in all.
func (w *Entities) LimitProvision(limit fsm.ProvisionLimit) { w.limit = limit }

// Provisioned is what was made for plans, and what may be.
func (w *Entities) Provisioned() fsm.Provisioned {
	p := fsm.Provisioned{Limit: w.limit, Time: w.Time}
	shadowed := made{}
	for layer := w; layer != nil; layer = layer.under {
		for ref, m := range layer.made {
			if _, newer := shadowed[ref]; !newer {
				p.Made = append(p.Made, m)
			}
			if w.under != nil {
				shadowed[ref] = m
			}
		}
	}
	return p
}

// remade keeps what decisions see of a made dataplane, as it has become, and says who may wait for that.
func (w *Entities) remade(dp fsm.Entity[fsm.Data]) {
	now, is := fsm.MadePlaceOf(dp, w.Get)
	before, was := w.made[dp.Ref]
	if !is && !was {
		return
	}
	if is {
		w.made[dp.Ref] = now
	} else {
		delete(w.made, dp.Ref) // the name is another's now
	}
	if w.under != nil {
		return
	}
	for ref, m := range w.made {
		if !m.Lives && !m.Recent(w.Time) {
			delete(w.made, ref)
		}
	}
	if !now.SameBudget(before) {
		w.news[fsm.Awaited{Class: fsm.Budget}]++
		w.news[fsm.Awaited{Ref: ev.Ref{Kind: ev.Plan}, Class: fsm.Budget}] = everybody
	}
	w.tellPlan(cmp.Or(now.Made.Plan, before.Made.Plan))
}

// moved notes that somebody came to a tenant infra, or left it, where nobody is besides.
func (w *Entities) moved(path string, alone int) {
	infra, faults := ev.ParseRef(ev.TenantInfra, path)
	if w.under != nil || path == "" || faults != nil || w.placed[path] != alone {
		return
	}
	dp := ev.Ref{Kind: ev.Dataplane, Owner: infra.Owner, ID: infra.Parent()}
	m, is := w.made[dp]
	if !is {
		return
	}
	w.news[fsm.Awaited{Ref: infra, Class: fsm.TenantsOn}] = everybody
	w.news[fsm.Awaited{Ref: dp, Class: fsm.TenantsOn}] = everybody
	w.tellPlan(m.Made.Plan)
}

// tellPlan notes that something happened to what was made for a plan.
func (w *Entities) tellPlan(path string) {
	if plan, faults := ev.ParseRef(ev.Plan, path); faults == nil {
		w.news[fsm.Awaited{Ref: plan, Class: fsm.MadeFor}] = everybody
	}
}

// entered notes that an account of a customer can be worked in, and any news of one: its cloud may have something else.
func (w *Entities) entered(after fsm.Entity[fsm.Data]) {
	if w.under != nil || after.Ref.Owner == ev.Platform || !after.Holds(fsm.ConditionReady) {
		return
	}
	customer := ev.Ref{Kind: ev.Customer, Owner: after.Ref.Owner, ID: after.Ref.Owner}
	w.news[fsm.Awaited{Ref: customer, Class: fsm.AccountsOf}] = everybody
}
