package fsm

import (
	"fmt"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// A tenant that moves and finds no place has one made by the templates of the plan that it goes to, as one that is created has: in the
// decision that begins the move. What is made is a place like any other that was made for a plan. So it goes when nobody has been on it
// for its time, also if the move is given up, or the tenant is deleted on its way.

// newPlace is what is made for a move alone: machines, and the dataplane that they are on.
type newPlace struct {
	births []ev.Change // of the dataplane, if that is made too, and of the machines behind it
	like   ev.Ref      // the tenant infra whose pools a tenant's own machines are like, if no template says them
}

// provided has the place made that is missing, by the templates of the version of the plan that a tenant goes to. Nil if none suits, and
// maybe why nothing is made.
func (t target) provided(refs *Refs) (infra ev.Ref, made *newPlace, why *Blocker) {
	p := t.plan
	p.Data.Spec, p.Revision = t.spec, t.version
	o, births, why := t.want.provide(p, refs)
	if why != nil || len(births) == 0 {
		return infra, nil, why
	}
	return o.Infra, &newPlace{births: births}, nil
}

// noPlace refuses a move for which there is no place, and none is made. What bounds that is the platform's affair: customers are told
// that it is so.
func (t target) noPlace(e Entity[TenantData], where string, why *Blocker, refs *Refs) error {
	not := ""
	switch {
	case why == nil:
	case refs.command.OfCustomer && why.Code != ev.Dependency:
		not = fmt.Sprintf("; its plan has none made now (%s)", why.Code)
	case refs.command.OfCustomer:
		not = "; its plan has none made now: " + ev.TextFor(e.Ref.Owner, why.Message)
	default:
		not = "; its plan has none made now: " + why.Message
		if !why.NextAt.IsZero() {
			not += "; ask again at " + why.NextAt.UTC().Format(time.RFC3339)
		}
	}
	return ev.Refuse(ev.Refused, "%s can't move: no tenant infra %s fits: plan %s wants %s; create one, or %s where it fits%s",
		e.Ref, where, t.plan.Ref.Path(), t.want, t.want.more(), not)
}

// infra is the birth of the machines.
func (m *newPlace) infra() (ev.Ref, ev.Requested[ev.TenantInfraSpec]) {
	last := m.births[len(m.births)-1]
	return last.Ref, last.Events[0].(ev.Requested[ev.TenantInfraSpec])
}

// dataplane is the birth of the dataplane; false if that was there.
func (m *newPlace) dataplane() (born ev.Requested[ev.DataplaneSpec], is bool) {
	if m == nil {
		return born, false
	}
	born, is = m.births[0].Events[0].(ev.Requested[ev.DataplaneSpec])
	return born, is
}

// alone tells whether the machines are for the tenant alone.
func (m *newPlace) alone() bool {
	_, born := m.infra()
	return born.Spec.For != ""
}

// words say what is made, without the names that follow from the command.
func (m *newPlace) words() (all []string) {
	ref, infra := m.infra()
	what, on, by := "machines of its own", "dataplane "+Base{Ref: ref}.dataplane().Ref.Path(), fmt.Sprintf(", like those of %s", m.like)
	if !m.alone() {
		what = fmt.Sprintf("a tenant infra for %s of size %s", infra.Spec.App, infra.Spec.Size)
	}
	if infra.Made != nil {
		by = fmt.Sprintf(", by template %s of plan %s", infra.Made.Template, infra.Made.Plan)
	}
	if dp, is := m.dataplane(); is {
		where := dp.Spec.Region
		if owner := m.births[0].Ref.Owner; owner != ev.Platform {
			where += " in account " + dp.Spec.Account
		}
		all = append(all, fmt.Sprintf("a %s dataplane in %s%s", dp.Spec.Type, where, by))
		on, by = "it", ""
	}
	return append(all, what+" on "+on+by)
}

// makesDataplane tells whether the dataplane itself is made for the move.
func (d destination) makesDataplane() bool {
	_, is := d.made.dataplane()
	return is
}

// there says on which dataplane a tenant will be: one that is made for the move has no name before.
func (d destination) there(word string) string {
	if d.makesDataplane() {
		return "the dataplane that is made for it"
	}
	return word + d.to.Dataplane
}

// unnamed is the place that a tenant goes to without what only the command names.
func (d destination) unnamed() ev.Placement {
	to := d.to
	if d.opens() {
		if to.Cell, to.Machines = "", ""; to.Record != "" {
			to.Namespace = "" // which has the cell's name
		}
	}
	if d.made != nil {
		to.TenantInfra = ""
	}
	if d.makesDataplane() {
		to.Dataplane = ""
	}
	to.Why, to.Stay = "", ""
	return to
}

// withBirths are the births that a move brings with it, those of its place before those of cells on it.
func (m *newPlace) withBirths(more []ev.Change) []ev.Change {
	if m == nil {
		return more
	}
	return slices.Concat(m.births, more)
}

// siteOn is where a dataplane is, or will be: one that was not begun has yet to note its account.
func (r *Refs) siteOn(dp Entity[DataplaneData]) ev.Target {
	site := dp.Data.site(dp.Base)
	if acc, there := find[AccountData](r, ready(ev.Account, dp.Data.Spec.Account).Ref); there && !dp.Data.Tried {
		site.Account = acc.Data.Cloud()
	}
	return site
}
