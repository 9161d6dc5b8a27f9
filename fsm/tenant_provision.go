package fsm

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// provide makes the place that a tenant does not find, by the first template of its plan that suits: what is born stands in
// the order in which it refers to each other. Or it says why nothing is made; then the changes are what is noted of that.
func (w want) provide(p Entity[PlanData], refs *Refs) (o Offer, changes []ev.Change, why *Blocker) {
	for _, t := range p.Data.Spec.Provision {
		if w.region != "" && t.Dataplane.Region != w.region {
			continue
		}
		acc, missing := w.accountFor(t, refs)
		if missing != nil {
			why = cmp.Or(why, missing)
			continue
		}
		if acc.Data.Spec.Hosting != w.class.Hosting || !w.residency.Allows(acc.Data.Spec.Cloud, t.Dataplane.Region) {
			continue
		}
		s := provisionStep{template: t, plan: p, account: acc}
		if w.class.Dedicated {
			s.customer = w.customer
		}
		if w.own {
			s.tenant = w.tenant
		}
		births, not := s.infraOn(w, refs)
		if len(births) == 0 && not == nil {
			births, not = s.both(w, refs)
		}
		if not != nil {
			why = cmp.Or(why, not)
			changes = append(changes, births...)
			continue
		}
		infra := births[len(births)-1].Ref
		e, _ := refs.Get(infra)
		o, _ = offerOf(e, refs.Get)
		return o, births, nil
	}
	return o, changes, why
}

// whyMade says why a tenant is where nothing was before.
func (w want) whyMade(o Offer, p Entity[PlanData]) string {
	return fmt.Sprintf("wants %s; nothing fits, so %s makes it: %s", w, p.Ref, o.Infra)
}

// accountFor is the account in which a template makes something for a tenant, or why there is none.
func (w want) accountFor(t ev.Provision, refs *Refs) (acc Entity[AccountData], why *Blocker) {
	if t.Account != ev.CustomersAccount {
		ref, _ := ev.ParseRef(ev.Account, t.Account)
		acc, _ = find[AccountData](refs, ref)
		return acc, refs.unmet([]Dependency{{Ref: ref, Condition: ConditionReady}})
	}
	own := refs.users(ev.Ref{Kind: ev.Customer, Owner: w.customer, ID: w.customer}, everyone, ev.Account)
	for _, ref := range own {
		if acc, _ = find[AccountData](refs, ref); acc.Holds(ConditionReady) && acc.Data.Spec.Hosting == w.class.Hosting {
			return acc, nil
		}
	}
	return acc, &Blocker{Retried: true, Reason: ev.Reason{Code: ev.Dependency, Fault: ev.ByUser, Message: fmt.Sprintf(
		"%s has no account of hosting %s that is Ready, and template %s makes a place in its own: aerie account create %s/NAME --cloud CLOUD --number NUMBER --hosting %s",
		w.customer, w.class.Hosting, t.Name, w.customer, w.class.Hosting)}}
}

// infraOn makes a tenant infra on a dataplane of the template that is there and has none of that type and size; nothing if
// there is no such dataplane.
func (s provisionStep) infraOn(w want, refs *Refs) ([]ev.Change, *Blocker) {
	all := refs.provisioned().Made
	elsewhere := func(m MadePlace) int {
		if m.Ref.Path() == w.at {
			return 0
		}
		return 1
	}
	// The dataplane that the tenant is on comes first, then those of its customer, then those that nobody has.
	slices.SortFunc(all, func(a, b MadePlace) int {
		return cmp.Or(elsewhere(a)-elsewhere(b), strings.Compare(b.Customer, a.Customer), compare(a.Ref, b.Ref))
	})
	for _, m := range all {
		dp, _ := find[DataplaneData](refs, m.Ref)
		switch {
		case m.Made.Plan != s.plan.Ref.Path() || m.Made.Template != s.template.Name || !m.Usable:
		case dp.Data.Spec.Account != s.account.Ref.Path() || !dp.Data.takes(w.customer):
		case w.region != "" && m.Region != w.region || !w.residency.Allows(m.Cloud, m.Region):
		default:
			if births, why := s.makeInfra(m.Ref, w.class.App, w.class.Size, refs); len(births) > 0 || why != nil {
				return births, why
			}
		}
	}
	return nil, nil
}

// both makes a dataplane and a tenant infra on it.
func (s provisionStep) both(w want, refs *Refs) ([]ev.Change, *Blocker) {
	if why, until := s.overBudget(refs); why != nil {
		return pause(s.plan, until, refs), why
	}
	births, why := s.makeDataplane(refs)
	if why != nil {
		return nil, why
	}
	more, why := s.makeInfra(births[0].Ref, w.class.App, w.class.Size, refs)
	if why != nil {
		return nil, why
	}
	return append(births, more...), nil
}

// makeDataplane requests a dataplane of the template.
func (s provisionStep) makeDataplane(refs *Refs) ([]ev.Change, *Blocker) {
	owner := s.account.Ref.Owner
	spec := s.template.DataplaneFor(s.account.Ref.Path(), s.account.Data.Cloud().Agent, s.plan.Data.Spec.Deployment == "dedicated")
	for {
		uid := refs.newUID()
		ref := ev.Ref{Kind: ev.Dataplane, Owner: owner, ID: s.template.Name + "-" + shortOf(uid)}
		if _, known := refs.Get(ref); known {
			continue // the name was another's
		}
		if err := ev.JoinRefusals(refs.check(ref, spec), ev.RefuseFaults(ref.String(), fitsDataplane(ref, spec, refs))); err != nil {
			return nil, s.unfit(err)
		}
		return []ev.Change{refs.bear(ref, ev.Requested[ev.DataplaneSpec]{UID: uid, Spec: spec, Made: s.made()})}, nil
	}
}

// makeInfra requests a tenant infra of the template on a dataplane; nothing if there is one.
func (s provisionStep) makeInfra(on ev.Ref, app, size string, refs *Refs) ([]ev.Change, *Blocker) {
	ref := on.Child(ev.TenantInfra, infraName(app, size))
	if e, _ := refs.Get(ref); s.tenant == "" && !Ended(e) {
		return nil, nil
	}
	spec := s.template.TenantInfraFor(app, size)
	if err := ev.RefuseFaults(ref.String(), fitsTenantInfra(ref, spec, refs)); err != nil {
		return nil, s.unfit(err)
	}
	if s.tenant != "" {
		if !refs.hasPools(on, spec) {
			return nil, nil
		}
		return []ev.Change{refs.newOwnInfra(on, spec, s.tenant, s.made())}, nil
	}
	return []ev.Change{refs.bear(ref, ev.Requested[ev.TenantInfraSpec]{UID: refs.newUID(), Spec: spec, Made: s.made()})}, nil
}

func (s provisionStep) made() *ev.Made {
	return &ev.Made{Plan: s.plan.Ref.Path(), Version: s.plan.Revision, Template: s.template.Name, KeepEmpty: s.template.KeepEmpty}
}

func (s provisionStep) unfit(err error) *Blocker {
	return &Blocker{Retried: true, Reason: ev.Reason{Code: ev.ConfigProblem, Fault: ev.ByUser,
		Message: fmt.Sprintf("template %s of %s can't be made: %v", s.template.Name, s.plan.Ref, err)}}
}

// infraName is the last part of the id of a tenant infra that is made for a type and a size.
func infraName(app, size string) string {
	name := app + "-" + size
	if ev.IsLabel(name) {
		return name
	}
	sum := sha256.Sum256([]byte(app + "\n" + size))
	return "i" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// shortOf is six characters that follow from a uid.
func shortOf(uid string) string {
	sum := sha256.Sum256([]byte(uid))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5])[:6])
}

// bear is the birth of an entity in the decision. Whoever is decided on after that sees it.
func (r *Refs) bear(ref ev.Ref, born ev.Event) ev.Change {
	e, _ := r.Get(ref)
	after := e.Seq
	e.Ref = ref
	e, _ = Machines[ref.Kind].Apply(e, ev.Recorded{Ref: ref, Seq: after, Event: born, Envelope: ev.Envelope{Time: r.command.Time}})
	if r.born == nil {
		r.born = map[ev.Ref]Entity[Data]{}
	}
	r.born[ref] = e
	return ev.Change{Ref: ref, After: after, Events: []ev.Event{born}}
}
