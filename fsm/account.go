package fsm

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// The phases of an account beside those of every life.
const (
	Requested Phase = "Requested"
	Verifying Phase = "Verifying"
	Ready     Phase = "Ready"
	Failing   Phase = "Failing"
	Removed   Phase = "Removed"
)

// requested is how an entity that the world owes something is born.
func requested[S ev.Spec](c ev.Create, uid string) []ev.Event {
	return []ev.Event{ev.Requested[S]{UID: uid, Labels: c.Labels, Spec: c.Spec.(S)}}
}

// AccountData is what an account's events say of it.
type AccountData struct {
	Spec       ev.AccountSpec
	Catalogues []RegionCatalogue // what its cloud has, by region
	Good       bool              // it could be entered with all rights when it was last tried
	Failed     int               // how often it was given up since it last could be
}

// Wants returns the spec.
func (d AccountData) Wants() ev.Spec { return d.Spec }

// Cloud is what an effect needs to know to work in the account.
func (d AccountData) Cloud() ev.CloudAccount {
	return ev.CloudAccount{Cloud: d.Spec.Cloud, Number: d.Spec.Number, Role: d.Spec.Role, ExternalID: d.Spec.ExternalID,
		Agent: d.Spec.Access == ev.AccessAgent}
}

// An account is entered once to see that it can be; any change of how it is
// entered is verified again. One that can't be is tried again by itself, less often each time: who has put it right says so
// in the cloud, and not here.
var account = Kind[AccountData]{
	Name: ev.Account,
	Table: table([]Phase{Requested, Verifying}, "", Removed,
		Row{ev.Requested[ev.AccountSpec]{}, []Phase{Unborn}, Requested},
		Row{ev.VerificationStarted{}, []Phase{Requested}, Verifying},
		Row{ev.Verified{}, []Phase{Verifying}, Ready},
		Row{ev.Failed{}, []Phase{Verifying}, Failing},
		Row{ev.UpdateRequested[ev.AccountSpec]{}, []Phase{Requested, Verifying, Ready, Failing}, Requested},
		Row{ev.RetryRequested{}, []Phase{Failing}, Requested},
		Row{ev.CatalogueChanged{}, []Phase{Requested, Verifying, Ready, Failing}, Stay},
	),
	Rules:        map[Phase]PhaseLimits{Verifying: {Within: 15 * time.Minute, Attempts: 5}},
	SteadyPhases: []Phase{Ready},
	FinalPhase:   Removed,
	Users: func(e Entity[AccountData], refs *Refs) []ev.Ref {
		return refs.users(e.Ref, func(u Entity[Data]) bool { return slices.Contains(UsedBy(u), e.Ref) }, ev.Dataplane, ev.Plan)
	},
	CreateEvents: requested[ev.AccountSpec],
	UpdateEvents: respecAccount,
	Evolve:       evolveAccount,
	EvolveAt: func(d AccountData, happened ev.Event, at time.Time) AccountData {
		if e, is := happened.(ev.CatalogueChanged); is {
			d.Catalogues = withCatalogue(d.Catalogues, e, at)
		}
		return d
	},
	Owed:    owedAccount,
	Advance: settleAccount,
	Elapsed: func(e Entity[AccountData], _ *Refs) []ev.Change {
		return changed(e.Base, ev.RetryRequested{})
	},
	Recheck:    recheckAccount,
	DecideVerb: noteCatalogue,
	Conditions: func(e Entity[AccountData]) []Condition {
		return []Condition{e.condition(ConditionReady, e.Data.Good && e.Phase() != Failing && e.Phase() != Removed)}
	},
}

func respecAccount(e Entity[AccountData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
	old, now := e.Data.Spec, s.(ev.AccountSpec)
	var faults keeper
	faults.keep("spec.cloud", old.Cloud, now.Cloud)
	faults.keep("spec.number", old.Number, now.Number)
	faults.keep("spec.access", cmp.Or(old.Access, "role"), cmp.Or(now.Access, "role"))
	return []ev.Event{ev.UpdateRequested[ev.AccountSpec]{Spec: now}}, faults
}

// recheckAccount verifies an account again that was found good: its role may have lost a right since. It is entered as
// before; that it is written down as an update lets releases read it that know of no other reason to verify.
func recheckAccount(e Entity[AccountData]) []ev.Event {
	if e.Phase() != Ready {
		return nil
	}
	return []ev.Event{ev.UpdateRequested[ev.AccountSpec]{Spec: e.Data.Spec}}
}

func evolveAccount(d AccountData, happened ev.Event) AccountData {
	switch e := happened.(type) {
	case ev.Requested[ev.AccountSpec]:
		d.Spec = e.Spec
	case ev.UpdateRequested[ev.AccountSpec]:
		d.Good = d.Good && entered(d.Spec) == entered(e.Spec) // that it is verified once more keeps nobody from working in it
		d.Spec = e.Spec
	case ev.Verified:
		d.Good, d.Failed = true, 0
	case ev.AttemptFailed:
		d.Good = d.Good && !e.LacksRights()
	case ev.Failed:
		d.Good, d.Failed = false, d.Failed+1
	}
	return d
}

// entered is all of an account that has to do with whether it can be entered.
func entered(s ev.AccountSpec) any {
	return [...]string{s.Cloud, s.Number, s.Hosting, s.Role, s.ExternalID, s.Access}
}

func owedAccount(e Entity[AccountData]) ev.Effect {
	switch e.Phase() {
	case Requested:
		return WaitFor{On: owned(e.Base)}
	case Verifying:
		effect := ev.VerifyAccount{Account: e.Data.Cloud()}
		if effect.Account.Agent {
			effect.Place = e.Ref.Owner + "." + ev.AccountPlace(e.Ref.ID)
		}
		return effect
	case Failing:
		if e.Failure != nil && e.Failure.Denied {
			return nil // asking people again and again is no verification
		}
		return WaitFor{Since: e.PhaseSince, Within: verifyAgainIn(e.Data.Failed)}
	}
	return nil
}

// How long an account that can't be entered is left, in the cloud's time: after it was given up the first time, and at most.
const (
	verifyAgainFirst = 5 * time.Minute
	verifyAgainMost  = 6 * time.Hour
)

// verifyAgainIn is how long an account is left that was given up so often.
func verifyAgainIn(times int) time.Duration {
	return min(verifyAgainFirst<<min(max(times-1, 0), 10), verifyAgainMost)
}

func settleAccount(e Entity[AccountData], refs *Refs) ([]ev.Change, *Blocker) {
	if e.Phase() != Requested {
		return nil, nil
	}
	if w := refs.unmet(owned(e.Base)); w != nil {
		return nil, w
	}
	return changed(e.Base, ev.VerificationStarted{}), nil
}

// keeper collects the fields that an update would change and may not.
type keeper []ev.FieldError

func (k *keeper) keep(field, old, now string) {
	if old != now {
		*k = append(*k, ev.FieldError{Field: field, Message: fmt.Sprintf("can't be changed any more: it is %q", old)})
	}
}
