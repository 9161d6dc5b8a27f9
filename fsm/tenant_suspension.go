package fsm

import (
	ev "github.com/aeriehq/aerie/events"
)

// The phases of a tenant of which nothing is to run.
const (
	Suspending Phase = "Suspending"
	Suspended  Phase = "Suspended"
	Resuming   Phase = "Resuming"
)

// sleeping adds to the rows of a tenant those of one that sleeps. What is asked of it besides, and what has drifted, is brought about
// without waking it. One that can't be suspended is brought back; one that can't be woken sleeps on, and says why.
func sleeping(rows ...Row) []Row {
	return append(rows,
		Row{ev.SuspendRequested{}, []Phase{Active, Resuming, Suspended}, Suspending}, // of the last: it could not be woken
		Row{ev.Suspended{}, []Phase{Suspending}, Suspended},
		Row{ev.SuspendGivenUp{}, []Phase{Suspending}, Resuming},
		Row{ev.ResumeRequested{}, []Phase{Suspended, Suspending}, Resuming},
		Row{ev.Resumed{}, []Phase{Resuming}, Active},
		Row{ev.UpdateRequested[ev.TenantSpec]{}, []Phase{Suspended, Suspending}, Suspending},
		Row{ev.UpdateRequested[ev.TenantSpec]{}, []Phase{Resuming}, Stay},
		Row{ev.UpdateFailed{}, []Phase{Suspending, Resuming}, Suspended},
		Row{ev.Drifted{}, []Phase{Suspended}, Stay},
		Row{ev.DriftEnded{}, []Phase{Suspended}, Stay},
		Row{ev.RepairStarted{}, []Phase{Suspended}, Suspending},
		Row{ev.UpdateDone{}, []Phase{Suspending}, Suspended},     // it is as it was: it is to wake still
		Row{ev.RetryRequested{}, []Phase{Suspended}, Suspending}, // of one that has drifted, or could not be as its spec says
	)
}

// commandTenant decides the verbs that tenants alone have.
func commandTenant(e Entity[TenantData], ask ev.Payload, refs *Refs) ([]ev.Change, error) {
	switch ask := ask.(type) {
	case ev.Suspend:
		return suspend(e, refs)
	case ev.Resume:
		return resume(e)
	case ev.Move:
		return moveTenant(e, ask, refs)
	case ev.Pause:
		return pauseMove(e, true)
	case ev.Continue:
		return pauseMove(e, false)
	case ev.Abort:
		return abortMove(e, ask, refs)
	case ev.Confirm:
		return confirmMove(e, refs)
	}
	return nil, ev.Refuse(ev.Internal, "a %s does not know %T", ev.Tenant, ask)
}

// suspend puts a tenant to sleep. What is under way of its applications waits until it is awake again.
func suspend(e Entity[TenantData], refs *Refs) ([]ev.Change, error) {
	if e.Data.shares() {
		return nil, ev.Refuse(ev.Refused, "%s shares the applications of its cell, and nothing that runs is its own: there is nothing to suspend", e.Ref)
	}
	if err := refuseMoving("suspend", e); err != nil {
		return nil, err
	}
	switch e.Phase() {
	case Suspending, Suspended:
		if e.Phase() == Suspended && e.Data.Waking { // it could not be woken, and is to sleep after all
			return changed(e.Base, ev.SuspendRequested{}), nil
		}
		return nil, nil // asked twice
	case Active, Resuming:
	default:
		return nil, ev.Refuse(ev.Refused, "%s is %s: only what is %s can be suspended; wait until it is, or delete it", e.Ref, e.Phase(), Active)
	}
	return holdApplications(e, changed(e.Base, ev.SuspendRequested{}), "suspend", refs)
}

// holdApplications lets what is under way of a tenant's applications wait until the tenant is at rest again.
func holdApplications(e Entity[TenantData], changes []ev.Change, verb string, refs *Refs) ([]ev.Change, error) {
	held := 0
	for _, u := range refs.users(e.Ref, func(u Entity[Data]) bool { return u.tenant().Ref == e.Ref }, ev.Application) {
		app, _ := find[ApplicationData](refs, u)
		if app.Data.changes(app.Base) {
			changes = append(changes, changed(app.Base, ev.ChangeHeld{})...)
			held++
		}
	}
	if held > mostAtOnce {
		return nil, ev.Refuse(ev.Refused, "%d applications of %s are being changed, too many for one command: %s it when they are %s", held, e.Ref, verb, Deployed)
	}
	return changes, nil
}

// resume wakes a tenant.
func resume(e Entity[TenantData]) ([]ev.Change, error) {
	if err := refuseMoving("resume", e); err != nil {
		return nil, err
	}
	switch e.Phase() {
	case Active, Resuming:
		if e.Phase() == Active && e.Unmet != nil { // it could not fall asleep, and is to stay awake after all
			return changed(e.Base, ev.RetryRequested{}), nil
		}
		return nil, nil // it is awake, or asked twice
	case Suspending, Suspended:
		return changed(e.Base, ev.ResumeRequested{}), nil
	}
	return nil, ev.Refuse(ev.Refused, "%s is %s: only what is %s can be resumed", e.Ref, e.Phase(), Suspended)
}

// evolveSuspension notes whether the tenant has slept.
func (d TenantData) evolveSuspension(happened ev.Event) TenantData {
	switch happened.(type) {
	case ev.Suspended, ev.UpdateFailed:
		d.Sleeps = true
	case ev.Resumed, ev.SuspendGivenUp:
		d.Sleeps = false
	}
	switch happened.(type) {
	case ev.ResumeRequested:
		d.Waking = true
	case ev.Resumed, ev.Suspended, ev.SuspendRequested, ev.SuspendGivenUp:
		d.Waking = false
	}
	return d
}

// mended is the end of a repair of a tenant that could not fall asleep before it, or could not wake, and is to do so still; false
// if it could. Another spec of one that sleeps is brought about by the repair.
func mended(e Entity[TenantData]) (done ev.UpdateDone, is bool) {
	return done, e.Unmet != nil && (e.Phase() == Provisioning || e.Phase() == Suspending && e.Data.Waking)
}

// askTenantAgain asks again of a tenant what it could not do: to fall asleep, or to wake. One whose repair has failed, or fails, is
// repaired first, and is to do so still.
func askTenantAgain(e Entity[TenantData], refs *Refs) ([]ev.Change, error) {
	switch p := e.Phase(); {
	case e.Unmet == nil:
	case p == Failed || p == Provisioning:
		return changed(e.Base, ev.RepairStarted{}), nil
	case p == Active || p == Resuming: // of the latter the reason is that it could not fall asleep: it is being woken for that
		return suspend(e, refs)
	case e.Data.Waking && (p == Suspended || p == Suspending):
		return resume(e)
	}
	return nil, nil
}

// owedSuspension is what is owed to a tenant that falls asleep or wakes.
func (d TenantData) owedSuspension(b Base) ev.Effect {
	switch b.Phase() {
	case Suspending:
		return ev.SuspendTenant{EnsureTenant: d.ensure(b), Since: b.PhaseSince}
	case Resuming:
		return ev.ResumeTenant{EnsureTenant: d.ensure(b), Since: b.PhaseSince}
	}
	return nil
}

// giveUpTenant ends the attempts. One that has slept sleeps on; one that was to sleep for the first time is woken.
func giveUpTenant(e Entity[TenantData], why ev.Reason) ev.Event {
	switch {
	case e.Phase() == Moving:
		return ev.MoveAborting{Reason: why}
	case e.Phase() == Suspending && !e.Data.Sleeps:
		return ev.SuspendGivenUp{Reason: why}
	case e.Phase() == Suspending, e.Phase() == Resuming:
		return ev.UpdateFailed{Reason: why, Repair: e.Drift != ""}
	}
	return ev.Failed{Reason: why}
}
