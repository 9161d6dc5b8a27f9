package fsm

import (
	"cmp"
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// A tenant goes to machines of its own, or from there to those of others, as it goes to any: the decision that begins the move gives birth
// to what it will have alone, and the one after which it no longer has that place begins the end of it (see tenantinfra_machines.go).

// machines chooses those that a tenant goes to. If its plan wants machines of its own, and those that it has are not what that
// wants, or elsewhere, they are born, like those that the plan's rule chooses.
func (t target) machines(e Entity[TenantData], ask ev.Move, refs *Refs) (infra Entity[TenantInfraData], made *newPlace, err error) {
	if !t.want.own {
		return t.infra(e, ask, refs)
	}
	from := e.Data.Placement
	at := cmp.Or(ask.Dataplane, from.Dataplane)
	here, _ := find[TenantInfraData](refs, ready(ev.TenantInfra, from.TenantInfra).Ref)
	switch {
	case ask.Cell != "":
		return here, nil, ev.Refuse(ev.Refused, "move: this is not possible").With([]ev.FieldError{{Field: "cell",
			Message: fmt.Sprintf("plan %s wants %s, which are in no cell: name a dataplane, or nothing", t.plan.Ref.Path(), t.want)}})
	case at == from.Dataplane && here.Data.Spec.For == e.Ref.Path() && len(t.want.misfits(Entity[Data]{here.Base, here.Data}, refs.Get)) == 0:
		return here, nil, nil
	}
	like, made, err := t.chosen(e, at, ask, refs)
	if err != nil || made != nil { // a template has them made
		return like, made, err
	}
	birth := refs.newOwnInfra(like.dataplane().Ref, like.Data.Spec, e.Ref.Path(), nil)
	infra, _ = find[TenantInfraData](refs, birth.Ref)
	return infra, &newPlace{births: []ev.Change{birth}, like: like.Ref}, nil
}

// makes tells whether a move within a cluster waits for machines that are made for it.
func (d destination) makes() bool { return d.made != nil && d.kind == ev.MoveMachines }

// machines are those that it goes to, in words.
func (d destination) machines() string {
	switch {
	case d.made == nil:
		return d.to.TenantInfra
	case d.made.alone():
		return "machines of its own"
	}
	return "one that is made for it"
}

// sayMachines adds to a plan what it does on machines.
func (d destination) sayMachines(p *ev.MovePlan, e Entity[TenantData], from ev.Placement) {
	room := "tenantinfra " + d.to.TenantInfra
	if d.made != nil {
		p.Made = append(p.Made, d.made.words()...)
		if room = "that tenant infra"; d.made.alone() {
			room = "its own"
		}
	}
	if d.kind == ev.MoveMachines {
		p.Interrupted = "its pods go one of a workload at a time, as budgets let them; a workload with one pod is away until the next is ready"
		p.Made = append(p.Made, "room for its pods on the machines of "+room)
		p.Removed = append(p.Removed, "its pods on the machines of tenantinfra "+from.TenantInfra)
	}
	if d.leavesOwn && from.TenantInfra != d.to.TenantInfra {
		p.Removed = append(p.Removed, "tenantinfra "+from.TenantInfra+", the machines of its own, when it has left them")
	}
}

// reserveMachines is the first step of a move to other machines of a cluster.
func (c course) reserveMachines() ev.MovePlanStep {
	s := ev.MovePlanStep{Name: ev.StepReserve, Does: "takes the place and holds room for its pods there", Events: []string{ev.MoveStarted{}.Type()}}
	if c.makes {
		s.Does = "has machines made for it, waits until they are ready, and holds room for its pods there"
		s.Events = append(s.Events, ev.MoveMade{}.Type())
	}
	s.Events = append(s.Events, ev.MoveReserved{}.Type())
	return s
}

// awaitMachines goes on when the machines are ready that are made for a move; if they can't be made, the tenant stays where it is.
func awaitMachines(e Entity[TenantData], refs *Refs) ([]ev.Change, *Blocker) {
	if m := e.Data.Move; !m.Makes || m.Step != ev.StepReserve {
		return nil, nil
	}
	if back, w := awaitPlace(e, refs); w != nil {
		return back, w
	}
	return changed(e.Base, ev.MoveMade{}), nil
}
