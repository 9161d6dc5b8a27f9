package fsm

import (
	"fmt"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// Origin is how something came to be that nobody has asked for by name, and what became of it since.
type Origin struct {
	Made       *ev.Made  // nil: somebody has asked for it
	Kept       bool      // a person had to do with it: it is theirs, and never removed by itself
	EmptySince time.Time // since when nobody is on it; zero: somebody is, or it was not seen yet
	Warm       bool      // it is empty, and stays for those who come
}

// byItself tells whether it may be removed by itself.
func (o Origin) byItself() bool { return o.Made != nil && !o.Kept }

func (o Origin) evolve(happened ev.Event) Origin {
	switch e := happened.(type) {
	case ev.Kept:
		return Origin{Made: o.Made, Kept: true}
	case ev.Emptied:
		o.EmptySince, o.Warm = e.Since, false
	case ev.Occupied:
		o.EmptySince, o.Warm = time.Time{}, false
	case ev.KeptWarm:
		o.Warm = true
	}
	return o
}

// leased adds what happens to a dataplane that was made for a plan.
func leased(rows ...Row) []Row {
	return append(rows,
		Row{ev.Kept{}, attachable, Stay},
		Row{ev.Emptied{}, []Phase{Active}, Stay},
		Row{ev.Occupied{}, []Phase{Active}, Stay},
		Row{ev.KeptWarm{}, []Phase{Active}, Stay})
}

// owedMade is what a dataplane that was made for a plan waits for: that somebody comes or leaves, and that it has been empty
// for its time.
func (d DataplaneData) owedMade(b Base) ev.Effect {
	if !d.Origin.byItself() {
		return nil
	}
	w := WaitFor{On: []Dependency{{Ref: b.Ref, Class: TenantsOn}}, Resting: true}
	switch {
	case b.Phase() == Failed || d.Origin.EmptySince.IsZero():
	case d.Origin.Warm:
		w.On = append(w.On, ready(ev.Plan, d.Origin.Made.Plan))
	default:
		w.Since, w.Within = d.Origin.EmptySince, d.Origin.Made.Kept()
	}
	return w
}

// settleMade notes whether somebody is on a dataplane that was made for a plan. A failed one that nobody is on goes.
func settleMade(e Entity[DataplaneData], refs *Refs) []ev.Change {
	o := e.Data.Origin
	if !o.byItself() || e.Phase() != Active && e.Phase() != Failed {
		return nil
	}
	switch empty := refs.deserted(e.Ref); {
	case e.Phase() == Failed && empty:
		return refs.removeMade(e.Ref)
	case e.Phase() == Failed:
		return nil
	case empty && (o.EmptySince.IsZero() || o.Warm && !refs.keepsWarm(e)):
		return changed(e.Base, ev.Emptied{Since: refs.command.Time})
	case !empty && !o.EmptySince.IsZero():
		return changed(e.Base, ev.Occupied{})
	}
	return nil
}

// elapsedMade removes a dataplane that has been empty for its time, unless somebody has come or its plan keeps so many.
func elapsedMade(e Entity[DataplaneData], refs *Refs) []ev.Change {
	switch {
	case !refs.deserted(e.Ref):
		return changed(e.Base, ev.Occupied{})
	case refs.keepsWarm(e):
		return changed(e.Base, ev.KeptWarm{})
	}
	return refs.removeMade(e.Ref)
}

// keepsWarm tells whether a plan needs an empty dataplane to have as many as are to stand empty.
func (r *Refs) keepsWarm(e Entity[DataplaneData]) bool {
	made := e.Data.Origin.Made
	p, there := find[PlanData](r, ready(ev.Plan, made.Plan).Ref)
	t, has := p.Data.Spec.TemplateOf(made.Template)
	if !there || !has || p.Phase() != Released || len(e.Data.Customers) > 0 {
		return false
	}
	return r.standing(made.Plan, made.Template, e.Ref) < t.Warm
}

// everyone is the use of users by which none is left out.
func everyone(Entity[Data]) bool { return true }

// deserted tells whether nobody is on a dataplane, and no place on it is taken.
func (r *Refs) deserted(dp ev.Ref) bool {
	for _, infra := range r.users(dp, everyone, ev.TenantInfra) {
		if !r.vacant(infra) {
			return false
		}
	}
	return true
}

// vacant tells whether nobody is on a tenant infra, and no slot of its cells is taken.
func (r *Refs) vacant(infra ev.Ref) bool {
	taken := slices.ContainsFunc(r.cellsOn(infra), func(c CellRoom) bool { return c.Used > 0 })
	return !taken && len(r.users(infra, everyone, ev.Tenant)) == 0
}

// removeMade begins the end of something that was made, and of what is on it.
func (r *Refs) removeMade(ref ev.Ref) []ev.Change {
	e, _ := r.Get(ref)
	changes, err := Machines[ref.Kind].propose(e, ev.Command{Ref: ref, Payload: ev.Delete{Cascade: ref.Kind == ev.Dataplane}}, r)
	if err != nil {
		return nil // somebody is on it after all
	}
	return changes
}

// owedMadeInfra is the wait of a tenant infra that was made and has failed: that nobody is on it.
func owedMadeInfra(e Entity[TenantInfraData]) ev.Effect {
	if e.Data.Origin.Made == nil {
		return nil
	}
	return WaitFor{On: []Dependency{{Ref: e.Ref, Class: TenantsOn}}, Resting: true}
}

// settleMadeInfra removes a tenant infra that was made and has failed once nobody is on it, and its dataplane with it if
// there is nothing else on that.
func settleMadeInfra(e Entity[TenantInfraData], refs *Refs) []ev.Change {
	if e.Phase() != Failed || e.Data.Origin.Made == nil {
		return nil
	}
	dp, _ := find[DataplaneData](refs, e.dataplane().Ref)
	if dp.Data.Origin.Kept || dp.terminating(Deleting) || !refs.vacant(e.Ref) {
		return nil
	}
	users := refs.users(dp.Ref, everyone, ev.TenantInfra, ev.Addon)
	if dp.Data.Origin.byItself() && len(users) == 1 {
		return refs.removeMade(dp.Ref)
	}
	return refs.removeMade(e.Ref)
}

// addForMade adds to a decision what follows for what was made for plans: what a person has to do with is theirs, and a plan
// hears of what failed and of what works.
func (r *Refs) addForMade(c ev.Command, changes []ev.Change) []ev.Change {
	if len(changes) == 0 {
		return changes
	}
	on := c.Ref
	switch c.Ref.Kind {
	case ev.TenantInfra, ev.Addon:
		on = Base{Ref: c.Ref}.dataplane().Ref
	case ev.Cell:
		on = Base{Ref: ev.Ref{Kind: ev.TenantInfra, Owner: c.Ref.Owner, ID: c.Ref.Parent()}}.dataplane().Ref
	case ev.Dataplane:
	default:
		return changes
	}
	known, _ := r.reader.Get(on)
	if o := typed[DataplaneData](known).Data.Origin; o.Made == nil || o.Kept {
		return changes
	}
	dp, _ := find[DataplaneData](r, on)
	if _, ends := c.Payload.(ev.Delete); !c.Internal && !(ends && c.Ref == on) && slices.Contains(attachable, dp.Phase()) {
		for _, one := range changed(dp.Base, ev.Kept{}) {
			changes = join(changes, one)
		}
		return changes
	}
	for _, ch := range changes {
		if ch.Ref == c.Ref {
			for _, note := range r.tellPlan(ch) {
				changes = join(changes, note)
			}
		}
	}
	return changes
}

// tellPlan is what a plan hears of what was made for it.
func (r *Refs) tellPlan(ch ev.Change) []ev.Change {
	made := r.madeOf(ch.Ref)
	if made == nil {
		return nil
	}
	p, there := find[PlanData](r, ready(ev.Plan, made.Plan).Ref)
	if !there || p.Phase() == Gone || p.Revision != made.Version {
		return nil
	}
	for _, happened := range ch.Events {
		switch e := happened.(type) {
		case ev.Failed:
			return changed(p.Base, p.failed(made.Template, ch.Ref, e.Reason)...)
		case ev.Activated:
			if ch.Ref.Kind == ev.TenantInfra && p.Data.Provision.failures(made.Template) > 0 {
				return changed(p.Base, ev.ProvisionSucceeded{Template: made.Template, Made: ch.Ref.String()})
			}
		}
	}
	return nil
}

// madeOf says for what something that is being built was made; nil if it was not, or is not.
func (r *Refs) madeOf(ref ev.Ref) *ev.Made {
	e, _ := r.reader.Get(ref)
	switch d := e.Data.(type) {
	case DataplaneData:
		if !d.WasActive {
			return d.Origin.Made
		}
	case TenantInfraData:
		if e.Phase() == Provisioning {
			return d.Origin.Made
		}
	}
	return nil
}

// failed is what happens to a plan when something that was made for it has failed.
func (e Entity[D]) failed(template string, made ev.Ref, why ev.Reason) []ev.Event {
	d, _ := any(e.Data).(PlanData)
	happened := []ev.Event{ev.ProvisionFailed{Template: template, Made: made.String(), Message: why.Message}}
	if n := d.Provision.failures(template) + 1; n >= MostFailures && (e.Failure == nil || e.Failure.Code != ev.ProvisionStopped) {
		happened = append(happened, ev.ProvisionBlocked{Reason: ev.Reason{Code: ev.ProvisionStopped, Fault: ev.ByUser, Message: fmt.Sprintf(
			"%d that template %s made failed one after the other, the last one %s: %s. Nothing more is made: mend it, then aerie plan retry %s, or write a new version",
			n, template, made, why.Message, e.Ref.ID)}})
	}
	return happened
}

// joinAll adds changes to those of a decision.
func joinAll(all, more []ev.Change) []ev.Change {
	for _, c := range more {
		all = join(all, c)
	}
	return all
}

// join adds a change to those of a decision, each of another entity.
func join(all []ev.Change, c ev.Change) []ev.Change {
	for i := range all {
		if all[i].Ref == c.Ref {
			all[i].Events = append(all[i].Events, c.Events...)
			return all
		}
	}
	return append(all, c)
}
