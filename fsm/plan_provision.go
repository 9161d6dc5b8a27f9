package fsm

import (
	"fmt"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// What those wait for who have to do with what is made for plans.
const (
	// TenantsOn is what a place that was made for a plan awaits of itself: that the first tenant comes, or the last one leaves.
	TenantsOn = "tenants"
	// MadeFor is what a plan awaits of itself: that something happens to what was made for it.
	MadeFor = "made"
	// AccountsOf is what a tenant awaits of its customer for whom a place is to be made: an account of its own.
	AccountsOf = "accounts"
	// Budget is what those await who wait until more may be made for plans: the tenants in a line, and all plans.
	Budget = "budget"
)

// ProvisionLimit bounds what is made for plans in all, whatever they say.
type ProvisionLimit struct {
	Alive  int // dataplanes at once
	Hourly int // dataplanes begun within an hour
}

// DefaultProvisionLimit is the limit where nobody gives one.
var DefaultProvisionLimit = ProvisionLimit{Alive: 20, Hourly: 10}

// MostFailures is how many of a template may fail one after the other until nothing more is made for its plan.
const MostFailures = 3

// MadePlace is a dataplane that a plan's template has made, as decisions see it.
type MadePlace struct {
	Ref           ev.Ref
	Seq           uint64 // of its last event
	Made          ev.Made
	Cloud, Region string
	Customer      string // whose alone it is; empty: nobody's yet, or it is shared
	Born          time.Time
	Lives         bool // it has not ended
	Building      bool // it never worked yet, and has not failed
	Usable        bool // more can be put on it by itself
	Warm          bool // it stands, or is built, for those who come
}

// MadePlaceOf is a made dataplane as decisions see it; false for everything else.
func MadePlaceOf(e Entity[Data], get func(ev.Ref) (Entity[Data], bool)) (MadePlace, bool) {
	d, _ := e.Data.(DataplaneData)
	if d.Origin.Made == nil {
		return MadePlace{}, false
	}
	acc, _ := get(ready(ev.Account, d.Spec.Account).Ref)
	m := MadePlace{Ref: e.Ref, Seq: e.Seq, Made: *d.Origin.Made, Cloud: typed[AccountData](acc).Data.Spec.Cloud, Region: d.Spec.Region,
		Born: e.Created, Lives: !Ended(e)}
	if d.Spec.Type == "dedicated" && len(d.Customers) > 0 {
		m.Customer = d.Customers[0]
	}
	going := e.terminating(Deleting)
	m.Building = m.Lives && !going && !d.WasActive && e.Failure == nil
	m.Usable = m.Lives && e.offers() && !d.Origin.Kept
	m.Warm = m.Usable && m.Customer == ""
	return m, true
}

// SameBudget tells whether two states of a made dataplane count alike in every budget.
func (m MadePlace) SameBudget(other MadePlace) bool {
	return m.Lives == other.Lives && m.Building == other.Building
}

// Provisioned is what was made for plans: all that lives, and what was begun within the last hour.
type Provisioned struct {
	Limit ProvisionLimit
	Time  time.Time // of the last event
	Made  []MadePlace
}

// mostRecent is how long a beginning counts in the hourly limit.
const mostRecent = time.Hour

// Recent tells whether something begun then counts in the hourly limit at a time.
func (m MadePlace) Recent(at time.Time) bool { return m.Born.Add(mostRecent).After(at) }

// provisioned is what was made for plans. The decision depends on all of it.
func (r *Refs) provisioned() Provisioned {
	all := r.reader.Provisioned()
	r.made = &crowd{}
	*r.made = crowdOfMade(all.Made)
	for _, e := range r.born {
		if m, is := MadePlaceOf(e, r.Get); is {
			all.Made = append(all.Made, m)
		}
	}
	return all
}

func crowdOfMade(made []MadePlace) (c crowd) {
	for _, m := range made {
		if m.Lives { // that the others are forgotten is no news
			c.cells++
		}
		c.last = max(c.last, m.Seq)
	}
	return c
}

// now is when the command that is decided was given; where nothing is decided, when something happened last.
func (r *Refs) now(all Provisioned) time.Time {
	if r.command.Time.IsZero() {
		return all.Time
	}
	return r.command.Time
}

// provisionStep is one that something is made by: a template of a plan, in an account, for a customer or nobody yet.
type provisionStep struct {
	template ev.Provision
	plan     Entity[PlanData]
	account  Entity[AccountData]
	customer string // of a dedicated plan
	tenant   string // the path of the one for whom alone the tenant infra is; empty: it is for all
}

// overBudget says why no dataplane more may be made now; nil if one may. If time alone ends that, until is when.
func (s provisionStep) overBudget(refs *Refs) (why *Blocker, until time.Time) {
	all := refs.provisioned()
	now := refs.now(all)
	cloud, region := s.account.Data.Spec.Cloud, s.template.Dataplane.Region
	alive, ofTemplate := 0, 0
	var recent []time.Time
	for _, m := range all.Made {
		if m.Recent(now) {
			recent = append(recent, m.Born)
		}
		if !m.Lives {
			continue
		}
		alive++
		if m.Made.Plan == s.plan.Ref.Path() && m.Made.Template == s.template.Name && (s.customer == "" || m.Customer == s.customer) {
			ofTemplate++
		}
		if m.Building && m.Cloud == cloud && m.Region == region {
			why = exceeded(ev.BySystem, "one dataplane at a time is built in a region, and %s is being built in %s of %s", m.Ref, region, cloud)
		}
	}
	switch {
	case s.plan.provisionStopped():
		return &Blocker{Retried: true, Reason: *s.plan.Failure}, until
	case ofTemplate >= s.template.Max:
		whose := ""
		if s.customer != "" {
			whose = " for " + s.customer
		}
		return exceeded(ev.ByUser, "template %s of %s has made %d dataplanes%s, as many as its max", s.template.Name, s.plan.Ref, ofTemplate, whose), until
	case alive >= all.Limit.Alive:
		return exceeded(ev.ByUser, "there are %d dataplanes that were made for plans, as many as the server's --provision-limit allows", alive), until
	case len(recent) >= all.Limit.Hourly:
		if all.Limit.Hourly > 0 {
			slices.SortFunc(recent, time.Time.Compare)
			until = recent[len(recent)-all.Limit.Hourly].Add(mostRecent)
		}
		why = exceeded(ev.ByUser, "%d dataplanes were made for plans within an hour, as many as the server's --provision-limit allows", len(recent))
		why.NextAt = until
	}
	return why, until
}

func exceeded(fault ev.Blame, format string, args ...any) *Blocker {
	return &Blocker{Retried: true, Reason: ev.Reason{Code: ev.QuotaExceeded, Fault: fault, Message: fmt.Sprintf(format, args...)}}
}

// Failures is how many of a template have failed one after the other.
type Failures struct {
	Template string
	Count    int
}

// ProvisionState is what a plan's events say of what is made for it.
type ProvisionState struct {
	Failures            []Failures
	PausedSince, Paused time.Time // since when, and until when, nothing is made; zero: something may be
}

func (s ProvisionState) failures(template string) int {
	for _, f := range s.Failures {
		if f.Template == template {
			return f.Count
		}
	}
	return 0
}

// with never changes the list that it is given: the fold shares it.
func (s ProvisionState) with(template string, n int) ProvisionState {
	s.Failures = slices.DeleteFunc(slices.Clone(s.Failures), func(f Failures) bool { return f.Template == template })
	if n > 0 {
		s.Failures = append(s.Failures, Failures{template, n})
	}
	return s
}

func (s ProvisionState) evolve(happened ev.Event) ProvisionState {
	switch e := happened.(type) {
	case ev.ProvisionFailed:
		return s.with(e.Template, s.failures(e.Template)+1)
	case ev.ProvisionSucceeded:
		return s.with(e.Template, 0)
	case ev.ProvisionPaused:
		s.PausedSince, s.Paused = e.Since, e.Until
	case ev.ProvisionResumed:
		s.PausedSince, s.Paused = time.Time{}, time.Time{}
	case ev.Updated[ev.PlanSpec], ev.RetryRequested, ev.Released, ev.Retired: // a person had to do with it
		s.Failures = nil
	}
	return s
}

// providing adds what happens to a plan by what is made for it.
func providing(rows ...Row) []Row {
	always := []Phase{Draft, Released, Retired}
	return append(rows,
		Row{ev.ProvisionFailed{}, always, Stay},
		Row{ev.ProvisionSucceeded{}, always, Stay},
		Row{ev.ProvisionBlocked{}, always, Stay},
		Row{ev.ProvisionPaused{}, always, Stay},
		Row{ev.ProvisionResumed{}, always, Stay},
		Row{ev.RetryRequested{}, always, Stay}) // of one for which nothing more is made
}

// owedPlan is the wait of a plan for which something stands empty, or of which the time must pass until more is made. It is
// at rest all the same.
func owedPlan(e Entity[PlanData]) ev.Effect {
	w := WaitFor{Resting: !e.Data.upgrades(), On: e.Data.awaitsCell()}
	for _, t := range e.Data.Spec.Provision {
		if t.Warm > 0 && e.Phase() == Released {
			anyPlan := ev.Ref{Kind: ev.Plan}
			w.On = append(w.On, Dependency{Ref: e.Ref, Class: MadeFor}, Dependency{Ref: anyPlan, Class: Budget}, ready(ev.Account, t.Account))
		}
	}
	if s := e.Data.Provision; !s.Paused.IsZero() {
		w.Since, w.Within, w.Wall = s.PausedSince, s.Paused.Sub(s.PausedSince), true
	}
	if len(w.On) == 0 && w.Within == 0 && w.Resting {
		return nil
	}
	return w
}

// resumePlan lets more be made for a plan, once the time is over.
func resumePlan(e Entity[PlanData], _ *Refs) []ev.Change {
	return changed(e.Base, ev.ProvisionResumed{})
}

// settlePlan makes what is to stand empty and does not, as far as the budgets allow.
func settlePlan(e Entity[PlanData], refs *Refs) (changes []ev.Change, _ *Blocker) {
	if changes = stepCells(e, refs); len(changes) > 0 {
		return changes, nil
	}
	for _, t := range e.Data.Spec.Provision {
		if t.Warm == 0 || e.Phase() != Released || refs.standing(e.Ref.Path(), t.Name, ev.Ref{}) >= t.Warm {
			continue
		}
		ref, _ := ev.ParseRef(ev.Account, t.Account)
		acc, there := find[AccountData](refs, ref)
		if !there || !acc.Holds(ConditionReady) {
			continue
		}
		s := provisionStep{template: t, plan: e, account: acc}
		why, until := s.overBudget(refs)
		if why != nil {
			changes = append(changes, pause(e, until, refs)...)
			continue
		}
		births, why := s.makeDataplane(refs)
		if why != nil {
			continue
		}
		for _, a := range e.Data.Spec.Apps {
			if e.Data.Spec.Machines == ev.OwnMachines {
				break // each tenant brings its own
			}
			more, _ := s.makeInfra(births[0].Ref, a.Type, a.Size, refs)
			births = append(births, more...)
		}
		return append(changes, births...), nil // one at a time: the next is looked at when this one works
	}
	return changes, e.Data.upgradeBlocker()
}

// standing is how many made dataplanes of a template, but for one, stand empty for who comes, or are built to.
func (r *Refs) standing(plan, template string, but ev.Ref) (n int) {
	for _, m := range r.provisioned().Made {
		if m.Warm && m.Ref != but && m.Made.Plan == plan && m.Made.Template == template && r.deserted(m.Ref) {
			n++
		}
	}
	return n
}

// pause notes on a plan until when nothing is made for it, if time alone is in the way and it is not noted yet.
func pause(p Entity[PlanData], until time.Time, refs *Refs) []ev.Change {
	if now := refs.command.Time; until.After(now) && !p.Data.Provision.Paused.After(now) {
		return changed(p.Base, ev.ProvisionPaused{Since: now, Until: until})
	}
	return nil
}

// fitsPlan refuses templates in accounts of another hosting, and charts that the platform's logins are not for, where its cells can be
// the platform's.
func fitsPlan(_ ev.Ref, s ev.Spec, refs *Refs) (faults []ev.FieldError) {
	spec := s.(ev.PlanSpec)
	for i, t := range spec.Provision {
		ref, wrong := ev.ParseRef(ev.Account, t.Account)
		if t.Account == ev.CustomersAccount || len(wrong) > 0 {
			continue
		}
		at := fmt.Sprintf("spec.provision[%d].account", i)
		acc, there := find[AccountData](refs, ref)
		if there && spec.Hosting != ev.AnyHosting && acc.Data.Spec.Hosting != spec.Hosting {
			faults = append(faults, ev.FieldError{Field: at, Message: fmt.Sprintf("%s has hosting %s, and the plan has %s", ref, acc.Data.Spec.Hosting, spec.Hosting)})
		}
	}
	if spec.Hosting != "customer" && spec.Deployment == ev.MultiTenant {
		faults = append(faults, fitsLogins(ev.Platform, "spec.applications[%d].chart.credentials", spec.Applications, refs)...)
	}
	return faults
}

// awaitedOf is what can let a plan's templates make a place for a customer.
func awaitedOf(p ev.PlanSpec, customer ev.Ref) (all []Awaited) {
	for _, t := range p.Provision {
		one := Awaited{Ref: customer, Class: AccountsOf}
		if t.Account != ev.CustomersAccount {
			one = Awaited{Ref: ready(ev.Account, t.Account).Ref}
		}
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	if len(all) > 0 {
		all = append(all, Awaited{Class: Budget})
	}
	return all
}
