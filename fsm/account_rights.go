package fsm

import (
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// AccountOf is the class of waiting for the account of a dataplane, by who stands on that.
const AccountOf = "account"

// accountsBack is what an entity waits for that was given up because of its account: that the account is Ready again, if rights
// were missing in it, or that its cloud has what it may not have had. Nil if neither can be what is the matter.
func accountsBack(b Base, d Data) (on []Dependency) {
	if !b.Failure.LacksRights() && !mayLackOffer(b, d) {
		return nil
	}
	switch d := d.(type) {
	case DataplaneData:
		return []Dependency{ready(ev.Account, d.Spec.Account)}
	case TenantInfraData:
		return []Dependency{{Ref: b.dataplane().Ref, Class: AccountOf}}
	case PlanData:
		for _, n := range needs(b, d, nil) {
			on = append(on, Dependency{Ref: n.account, Condition: ConditionReady})
		}
		return on
	}
	dp, ok := dataplaneOf(b, d)
	if !ok {
		return nil
	}
	return []Dependency{{Ref: dp, Class: AccountOf}}
}

// dataplaneOf is the dataplane that an entity is, or stands on; false if it has none.
func dataplaneOf(b Base, d Data) (ev.Ref, bool) {
	if b.Ref.Kind == ev.Dataplane {
		return b.Ref, true
	}
	at, is := d.(interface{ target() ev.Target })
	if !is || at.target().Dataplane == "" {
		return ev.Ref{}, false
	}
	return ready(ev.Dataplane, at.target().Dataplane).Ref, true
}

func (d TenantInfraData) target() ev.Target { return d.Site }
func (d TenantData) target() ev.Target      { return d.Site }
func (d ReleaseData[S]) target() ev.Target  { return d.Site }

// hasRights tells whether an account has the rights again because of which something was given up: since then it was not Ready,
// and is now. What an account that stayed Ready refuses is not for the account to give.
func (r *Refs) hasRights(b Base, d Data) bool {
	if !b.Failure.LacksRights() {
		return false
	}
	acc, ok := r.accountOf(b, d)
	return ok && acc.Holds(ConditionReady) && acc.Conditions[len(acc.Conditions)-1].Since.After(b.PhaseSince)
}

// accountOf is the account in which something is made for an entity; false if there is none.
func (r *Refs) accountOf(b Base, d Data) (acc Entity[AccountData], ok bool) {
	on, ok := dataplaneOf(b, d)
	if !ok {
		return acc, false
	}
	dp, ok := find[DataplaneData](r, on)
	if !ok {
		return acc, false
	}
	return find[AccountData](r, ready(ev.Account, dp.Data.Spec.Account).Ref)
}

// doubted verifies the account again in which work was refused for rights: it is then Failing, and says which right is
// missing, or stays Ready, if it is not for the account to give. Each reason to doubt is one: the first refusal, and that
// it was given up.
func (r *Refs) doubted(b Base, d Data, report ev.Report, happened []ev.Event) []ev.Change {
	f := report.Failure
	if f == nil || !f.LacksRights() || !ofCloud(b.Ref.Kind, *f) {
		return nil
	}
	if again := b.Attempt != nil && b.Attempt.LacksRights(); again && len(happened) < 2 {
		return nil
	}
	acc, ok := r.accountOf(b, d)
	if !ok {
		return nil
	}
	return changed(acc.Base, recheckAccount(acc)...)
}

// access is the call by which a cloud tells the way into a cluster.
const access = "Access"

// ofCloud tells whether it was a cloud that refused, and not a cluster what is put into it.
func ofCloud(k ev.Kind, f ev.AttemptFailed) bool {
	if k == ev.Dataplane || k == ev.TenantInfra {
		return true
	}
	return slices.ContainsFunc(f.Calls, func(c ev.Call) bool { return c.API == access && c.Code != "ok" })
}
