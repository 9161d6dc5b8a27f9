package fsm

import (
	"time"

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
		return resume(e, refs)
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
			return suspendBy(e, refs)
		}
		return nil, nil // asked twice
	case Active, Resuming:
	default:
		return nil, ev.Refuse(ev.Refused, "%s is %s: only what is %s can be suspended; wait until it is, or delete it", e.Ref, e.Phase(), Active)
	}
	changes, err := suspendBy(e, refs)
	if err != nil {
		return nil, err
	}
	return holdApplications(e, changes, "suspend", refs)
}

// mostPrograms is how many programs have operators stop what they run for a tenant.
const mostPrograms = 20

// suspendBy has a tenant sleep by the programs that are named now.
func suspendBy(e Entity[TenantData], refs *Refs) ([]ev.Change, error) {
	p := suspensionOf(e, refs)
	if p != nil && len(stopping(p)) > mostPrograms {
		return nil, ev.Refuse(ev.Refused, "%d programs would have operators stop what they run for %s, too many: %d at most", len(stopping(p)), e.Ref, mostPrograms)
	}
	return changed(e.Base, ev.SuspendRequested{Programs: p}), nil
}

// stopping are the applications whose programs have operators stop what they run, and "" if those of the plan do.
func stopping(p *ev.SuspensionPrograms) (apps []string) {
	for _, j := range p.Jobs {
		if j.Step == ev.StepSuspend {
			apps = append(apps, j.App)
		}
	}
	return apps
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
func resume(e Entity[TenantData], refs *Refs) ([]ev.Change, error) {
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
		again := ev.ResumeRequested{}
		if e.Data.Programs != nil {
			again.Programs = suspensionOf(e, refs)
		}
		return changed(e.Base, again), nil
	}
	return nil, ev.Refuse(ev.Refused, "%s is %s: only what is %s can be resumed", e.Ref, e.Phase(), Suspended)
}

// evolveSuspension notes whether the tenant has slept, and when it is to do so, or to wake, anew.
func (d TenantData) evolveSuspension(happened ev.Event) TenantData {
	d.Programs = d.evolvePrograms(happened)
	switch happened.(type) {
	case ev.SuspendRequested, ev.SuspendGivenUp, ev.ResumeRequested, ev.RepairStarted, ev.RetryRequested, ev.TakenIn,
		ev.UpdateRequested[ev.TenantSpec]:
		d.Round++
	}
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
		return resume(e, refs)
	}
	return nil, nil
}

// suspensionOf are the programs by which operators stop what they run for a tenant, and run it again, as its plan and what is installed
// for it name them now. Who names none any more keeps those that have stopped it, and who is gone has none. nil if nobody names any, and
// nobody did.
func suspensionOf(e Entity[TenantData], refs *Refs) *ev.SuspensionPrograms {
	p := ev.SuspensionPrograms{Jobs: []ev.MoveJob{}}
	if was := e.Data.Programs; was != nil {
		p.Egress = was.Egress
	}
	on, _ := find[PlanData](refs, ready(ev.Plan, e.Data.Placement.Plan).Ref)
	var planned []ev.MoveJob
	if is, known := Version(on, e.Data.Placement.PlanVersion); known && is.Suspension != nil {
		planned, p.Egress = is.Suspension.Jobs(), is.Suspension.Egress
	}
	p.Jobs = append(p.Jobs, e.Data.programsOf("", planned)...)
	for _, u := range refs.ownApplications(e.Ref) {
		app, _ := find[ApplicationData](refs, u)
		if app.Data.Cluster == "" || e.Data.Programs != nil && app.Phase() == Uninstalling {
			continue
		}
		p.Jobs = append(p.Jobs, e.Data.programsOf(u.Local(), app.Data.Spec.Suspension.Jobs(u.Local()))...)
	}
	if len(p.Jobs) == 0 && e.Data.Programs == nil {
		return nil
	}
	return &p
}

// programsOf are the programs of an application, or of the plan: those that it names, or else those that have stopped what is its.
func (d TenantData) programsOf(app string, named []ev.MoveJob) []ev.MoveJob {
	if len(named) > 0 || d.Programs == nil {
		return named
	}
	for _, j := range d.Programs.Jobs {
		if j.App == app {
			named = append(named, j)
		}
	}
	return named
}

// evolvePrograms notes by which programs operators stop what they run. One that is to wake, or to sleep after all, keeps those that stopped
// it if the event says nothing of them.
func (d TenantData) evolvePrograms(happened ev.Event) *ev.SuspensionPrograms {
	switch e := happened.(type) {
	case ev.SuspendRequested:
		if e.Programs != nil || !d.Sleeps && !d.Waking {
			return orNone(e.Programs)
		}
	case ev.ResumeRequested:
		if e.Programs != nil {
			return orNone(e.Programs)
		}
	case ev.Resumed:
		return nil
	}
	return d.Programs
}

// orNone are programs; nil if there are none.
func orNone(p *ev.SuspensionPrograms) *ev.SuspensionPrograms {
	if p == nil || len(p.Jobs) == 0 {
		return nil
	}
	return p
}

// programsAt are those of a step, once those of the other one have ended; nil if there are none.
func (d TenantData) programsAt(step string) *ev.MovePrograms {
	if d.Programs == nil {
		return nil
	}
	p := ev.MovePrograms{Source: d.Placement.Namespace, Egress: d.Programs.Egress, Round: d.Round}
	for _, j := range d.Programs.Jobs {
		if j.Step == step {
			p.Jobs = append(p.Jobs, j)
		} else {
			p.Stops = append(p.Stops, j.App)
		}
	}
	return &p
}

// asleep owes the namespace of a tenant in which nothing runs, without a program that would stop something.
func (d TenantData) asleep(b Base) ev.SuspendTenant {
	e := ev.SuspendTenant{EnsureTenant: d.ensure(b), Since: b.PhaseSince}
	if d.Programs != nil {
		e.Operated = stopping(d.Programs)
	}
	return e
}

// The bounds of a tenant that falls asleep, and of one that wakes, without programs.
var (
	suspendingLimits = PhaseLimits{Within: 30 * time.Minute, Attempts: 5, Usual: 5 * time.Second}
	resumingLimits   = PhaseLimits{Within: 30 * time.Minute, Attempts: 5, Usual: 10 * time.Second}
)

// boundsOfSuspension are those of a tenant that falls asleep or wakes by programs, which may take their time; false if it does not.
func boundsOfSuspension(e Entity[TenantData]) (l PhaseLimits, is bool) {
	switch {
	case e.Data.Programs == nil:
		return l, false
	case e.Phase() == Suspending:
		l = suspendingLimits
	case e.Phase() == Resuming:
		l = resumingLimits
	default:
		return l, false
	}
	longest := time.Duration(0)
	for _, j := range e.Data.Programs.Jobs {
		longest = max(longest, j.Job.Within())
	}
	l.Within += longest
	return l, true
}

// owedSuspension is what is owed to a tenant that falls asleep or wakes.
func (d TenantData) owedSuspension(b Base) ev.Effect {
	switch b.Phase() {
	case Suspending:
		owed := d.asleep(b)
		owed.Programs = d.programsAt(ev.StepSuspend)
		return owed
	case Resuming:
		return ev.ResumeTenant{EnsureTenant: d.ensure(b), Since: b.PhaseSince, Programs: d.programsAt(ev.StepResume)}
	}
	return nil
}

// serves tells whether a tenant that can't be woken has never slept, so that all that has a scale runs: it was started before programs were
// run, and one of these is what fails.
func serves(e Entity[TenantData], why ev.Reason) bool {
	neverSlept := e.Phase() == Resuming && !e.Data.Sleeps && e.Data.Programs != nil
	return neverSlept && (why.Code == ev.ConfigProblem || why.Code == ev.Dependency) // the latter of a Secret that is not there
}

// giveUpTenant ends the attempts. One that has slept sleeps on; one that was to sleep for the first time is woken, and stays so.
func giveUpTenant(e Entity[TenantData], why ev.Reason) ev.Event {
	switch {
	case e.Phase() == Moving:
		return ev.MoveAborting{Reason: why}
	case e.Phase() == Suspending && !e.Data.Sleeps:
		return ev.SuspendGivenUp{Reason: why}
	case serves(e, why):
		return ev.Resumed{Unmet: &why}
	case e.Phase() == Suspending, e.Phase() == Resuming:
		return ev.UpdateFailed{Reason: why, Repair: e.Drift != ""}
	}
	return ev.Failed{Reason: why}
}
