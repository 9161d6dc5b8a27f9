package fsm

import (
	"fmt"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// Away is what a tenant that goes to another cluster has there; from the switch on, what it has where it was.
type Away struct {
	Terms    ev.PlanMove
	Apps     []string // the ids of the applications that go with it
	Jobs     []ev.MoveJob
	Here     []ev.EndpointAddress // where its applications are reached at the source
	There    []ev.EndpointAddress // and at the target
	Site     ev.Target            // of the other place
	Cluster  string               // empty: nothing was made there
	Begun    bool                 // programs were begun at the target
	Stopped  bool                 // the move was given up, and none of them runs any more
	Reopened bool                 // and its source is open again
	Forced   bool                 // which waits for no program
	Mends    bool                 // its namespace is made again as it was where it serves
	Follow   bool                 // Secrets follow it, as was seen when the move began
	Leave    bool                 // what aerie did not make stays behind, as was said then
	Apart    bool                 // nobody works in both clusters, so that no Secret follows
	Quota    ev.PlanQuota         // what programs are told that it may use where it goes
	InCell   CellStay             // how far it is into the other place, or out of it, if that is a cell whose applications are shared
}

// stops tells whether programs may run at the target of a move that is given up, which end before the source opens.
func (a *Away) stops() bool { return a.Begun && !a.Stopped && !a.Forced }

// waits tells whether a tenant that is closed where it was waits for programs before it opens there again, or would.
func (a *Away) waits(m *ev.MoveState) bool {
	return a != nil && !m.Closed.IsZero() && !a.Reopened && !a.Forced
}

// leavesSome tells whether something stays behind that aerie did not make, as was agreed to when a move began: into a cell also Secrets
// that would follow elsewhere.
func leavesSome(s ev.MoveStarted) bool {
	return s.Use != nil && (len(s.Use.Foreign) > 0 || s.To.Record != "" && len(s.Use.Follow) > 0)
}

// evolveAway notes what a tenant has in another cluster.
func (d TenantData) evolveAway(happened ev.Event) TenantData {
	if started, ok := happened.(ev.MoveStarted); ok && started.Kind == ev.MoveCluster && started.Terms != nil {
		d.Away = &Away{Terms: *started.Terms, Apps: started.Apps, Jobs: started.Jobs,
			Follow: started.Use != nil && len(started.Use.Follow) > 0, Leave: leavesSome(started), Apart: started.Apart, Quota: started.Quota}
		return d
	}
	if d.Away == nil {
		return d
	}
	now := *d.Away // the fold shares it
	now.Mends = now.mends(happened)
	now.InCell, _ = now.InCell.after(happened)
	switch e := happened.(type) {
	case ev.MoveReserved:
		if e.Site != nil {
			now.Site, now.Cluster = *e.Site, e.Cluster
		}
		now.InCell.Join = e.Join
	case ev.MoveInstalled:
		now.Here, now.There = e.Here, e.There
	case ev.Moved:
		d.Site, d.Cluster, now.Site, now.Cluster = now.Site, now.Cluster, d.Site, d.Cluster
		if d.Shared = nil; e.Record != "" {
			d.Shared = &CellStay{Join: now.InCell.Join, Tries: 1, Joined: true}
		}
		now.InCell = CellStay{}
	case ev.MoveQuiesced:
		now.Begun = d.Away.course().has(ev.StepCopy) || d.Away.course().has(ev.StepVerify)
	case ev.MoveStopped:
		now.Stopped = true
	case ev.MoveReopened:
		now.Reopened = true
	case ev.MoveAborting:
		now.Forced = now.Forced || e.Forced
	}
	d.Away = &now
	return d
}

// otherStay is the place that a tenant goes to, or from the switch on the one that it has left.
func (d TenantData) otherStay() ev.Placement {
	if committed(d.Move) {
		return d.Move.From
	}
	return d.Move.To
}

// leaves owes the end of what a tenant has at its other place.
func (d TenantData) leaves(b Base) ev.Effect {
	at := d.otherStay()
	if at.Record != "" {
		there := d.ensure(b)
		there.Placement, there.Target, there.Cluster = at, d.Away.Site, d.Away.Cluster
		return d.Away.InCell.owedLeave(there.InCell(), at)
	}
	return ev.RemoveTenant{Target: d.Away.Site, Cluster: d.Away.Cluster, Namespace: at.Namespace, Stay: at.Stay}
}

// relocate owes the tenant's namespace at one of its two places, open or closed.
func (d TenantData) relocate(b Base, there, closed bool) ev.RelocateTenant {
	e := ev.RelocateTenant{EnsureTenant: d.ensure(b), Step: d.Move.Step, Move: d.Move.ID, Sleeps: d.Sleeps, Since: d.Move.Closed}
	if there {
		e.Placement, e.Target, e.Cluster = d.Move.To, d.Away.Site, d.Away.Cluster
	}
	e.Closed, e.Programs, e.Follow, e.Look, e.Volumes = closed, d.programs(), d.follow(), d.look(), d.volumes()
	if e.Step == ev.StepPrepare {
		e.Join = d.Away.InCell.Join
	}
	return e
}

// follow is where Secrets come from or go to at a step: at prepare, since what is installed there needs them, and once more when the
// source is closed and rests, with what they say at last. Then it is looked again whether some do.
func (d TenantData) follow() *ev.MoveFollow {
	switch m := d.Move; {
	case m.From.Record != "", m.To.Record != "": // a cell's Secrets are its applications'
	case d.Away.Apart:
	case m.Step == ev.StepPrepare && d.Away.Follow:
		return &ev.MoveFollow{Site: d.Site, Cluster: d.Cluster, Namespace: m.From.Namespace, Stay: m.From.Stay, Some: true}
	case m.Step == ev.StepQuiesce:
		return &ev.MoveFollow{Site: d.Away.Site, Cluster: d.Away.Cluster, Namespace: m.To.Namespace, Stay: m.To.Stay, Some: d.Away.Follow}
	}
	return nil
}

// stop owes the end of the programs at the place to which a tenant does not go.
func (d TenantData) stop(b Base) ev.Effect {
	e := d.relocate(b, true, true)
	e.Step, e.Programs = ev.StepStop, nil
	return e
}

// owedCluster is what is owed to a tenant that goes to another cluster.
func (d TenantData) owedCluster(b Base) ev.Effect {
	switch m := d.Move; {
	case d.mending() && d.shares():
		return ev.RecordTenant{CellTenant: d.ensure(b).InCell()}
	case d.mending():
		return d.ensure(b)
	case m.Paused:
		return WaitFor{}
	case m.Step == ev.StepReserve, m.Step == ev.StepInstall && m.To.Record != "":
		return WaitFor{On: awaitedAt(m.To)}
	case m.Step == ev.StepReady:
		return WaitFor{On: append(awaitedAt(m.To), d.copies(b)...)}
	case m.Step == ev.StepPrepare:
		return d.relocate(b, true, true)
	case m.Step == ev.StepInstall && !m.Closed.IsZero():
		return WaitFor{On: append(d.place()[:1], d.copies(b)...), Since: m.Closed, Within: d.Away.Terms.MostClosed()}
	case m.Step == ev.StepInstall:
		return WaitFor{On: d.copies(b)}
	case m.Step == ev.StepConfirm:
		return WaitFor{On: append(d.place()[:1:1], d.copies(b)...), Since: b.PhaseSince, Within: d.Away.Terms.UnconfirmedFor(), Wall: true}
	case m.Step == ev.StepWindow:
		opens, _ := d.Away.Terms.Window.Next(b.PhaseSince)
		return WaitFor{On: append(d.place()[:1:1], d.copies(b)...), Since: b.PhaseSince, Within: max(1, opens.Sub(b.PhaseSince)), Wall: true}
	case m.Step == ev.StepQuiesce:
		return d.relocate(b, false, true)
	case m.Step == ev.StepCopy, m.Step == ev.StepVerify:
		return d.relocate(b, true, true)
	case m.Step == ev.StepOpen, m.Step == ev.StepRedirect:
		return d.relocate(b, false, false) // the switch has put it there
	case m.Step == ev.StepHold:
		return WaitFor{On: d.place()[:1], Since: b.PhaseSince, Within: d.Away.Terms.HeldFor()}
	case d.leavesOther():
		return d.leaves(b)
	case m.Step == ev.StepAbort && !m.Closed.IsZero() && d.Away.stops():
		return d.stop(b)
	case m.Step == ev.StepAbort && !m.Closed.IsZero():
		return d.relocate(b, false, false)
	}
	return WaitFor{}
}

// leavesOther tells whether what a tenant has at its other place is to go now.
func (d TenantData) leavesOther() bool {
	m := d.Move
	return m.Step == ev.StepRelease || m.Step == ev.StepAbort && d.Away.Cluster != "" && (m.Closed.IsZero() || d.Away.Reopened)
}

// copies are the applications that go with a tenant.
func (d TenantData) copies(b Base) (all []Dependency) {
	for _, id := range d.Away.Apps {
		all = append(all, Dependency{Ref: ev.Ref{Kind: ev.Application, Owner: b.Ref.Owner, ID: id}})
	}
	return all
}

// boundsOfCluster are those of a step of a move to another cluster, all of them before the switch. A repair on the way is none of
// its steps: it takes as long as it takes, and gives up no move.
func (d TenantData) boundsOfCluster() (PhaseLimits, bool) {
	switch step := d.Move.Step; {
	case d.mending():
	case step == ev.StepPrepare:
		return PhaseLimits{Within: 30 * time.Minute, Attempts: 5}, true
	case step == ev.StepQuiesce, step == ev.StepCopy, step == ev.StepVerify:
		return PhaseLimits{Within: d.Away.Terms.MostClosed(), From: d.Move.Closed, Attempts: 5}, true
	}
	return PhaseLimits{}, false
}

// settleCluster goes on with a move to another cluster as far as it can without anybody's work.
func settleCluster(e Entity[TenantData], refs *Refs) ([]ev.Change, *Blocker) {
	switch m := e.Data.Move; {
	case m.Step == ev.StepReserve:
		return reserve(e, refs)
	case m.Step == ev.StepReady:
		if back, w := awaitPlace(e, refs); w != nil {
			return back, w
		}
		if back := abortUnrepairable(e, refs); back != nil {
			return back, nil
		}
		if mends := awaitRepairs(e, refs); mends != nil {
			return nil, mends
		}
		return changed(e.Base, ev.MoveReadied{At: refs.command.Time}), nil
	case m.Step == ev.StepInstall && m.To.Record != "":
		return lookIntoCell(e, refs)
	case m.Step == ev.StepInstall:
		return installCopies(e, refs)
	case m.Step == ev.StepConfirm:
		if back := abortUnrepairable(e, refs); back != nil {
			return back, nil
		}
		return nil, &Blocker{Since: e.PhaseSince, Reason: ev.Reason{Code: ev.Dependency, Fault: ev.ByUser,
			Message: fmt.Sprintf("all is ready %s, and it waits until somebody says \"aerie tenant confirm %s\"; after %s it is given up", inOrOn(m.To), e.Ref.Path(), e.Data.Away.Terms.UnconfirmedFor())}}
	case m.Step == ev.StepWindow:
		return awaitWindow(e, refs)
	case m.Step == ev.StepSwitch:
		return changed(e.Base, ev.Moved{Placement: m.To, Spec: *e.Data.Next}), nil
	case m.Step == ev.StepHold:
		return nil, &Blocker{Retried: true, Reason: ev.Reason{Code: ev.InProgress, Fault: ev.BySystem,
			Message: fmt.Sprintf("it has moved; what it has left %s stays for %s, closed", inOrOn(m.From), e.Data.Away.Terms.HeldFor())}}
	case m.Step == ev.StepAbort && m.Closed.IsZero() && e.Data.Away.Cluster == "":
		return changed(e.Base, ev.MoveAborted{}, e.Data.rest()), nil
	case e.Data.leavesOther():
		return startLeaving(e, refs), nil
	}
	return nil, nil
}

// reservedAt says where a place is that is ready.
func reservedAt(e Entity[TenantData], refs *Refs) ev.MoveReserved {
	dp, _ := find[DataplaneData](refs, placeOf(e.Data.Move.To)[0].Ref)
	site := dp.Data.site(dp.Base)
	site.Owner = OwnerTag(e.Base)
	return ev.MoveReserved{Site: &site, Cluster: dp.Data.Cluster.Cluster, Join: refs.stepsIn(e.Data.Move.To).Join}
}

// installCopies has the tenant's applications installed where it goes to, and waits until they are. One that can't be installed
// there brings the tenant back.
func installCopies(e Entity[TenantData], refs *Refs) (changes []ev.Change, waits *Blocker) {
	if back := abortUnrepairable(e, refs); back != nil {
		return back, nil
	}
	done := ev.MoveInstalled{At: refs.command.Time, Here: refs.endpointsIn(e.Data.Move.From)}
	for _, n := range e.Data.copies(e.Base) {
		app, there := find[ApplicationData](refs, n.Ref)
		switch c := app.Data.Copy; {
		case (app.Phase() == Deployed || app.Phase() == Pending) && c == nil: // the latter was born for the move
			changes = append(changes, changed(app.Base, copyOf(e, app))...)
		case app.Data.repairs(app.Base): // where it is
			waits = awaitRepairs(e, refs)
			continue
		case !there, app.Phase() == Uninstalling, app.Phase() == Uninstalled:
			continue
		case app.Phase() != Copying && app.Phase() != Copied: // it becomes what can be copied, or fails
		case c.Failure != nil:
			why := *c.Failure
			why.Message = fmt.Sprintf("%s can't be installed on %s: %s", n.Ref, e.Data.Move.To.Dataplane, why.Message)
			return aborting(e, ev.MoveAborting{Reason: why}, refs), nil
		case app.Phase() == Copied:
			done.Here = append(done.Here, named(app.Data.Endpoints, n.Local())...)
			done.There = append(done.There, named(c.Endpoints, n.Local())...)
			continue
		}
		waits = waitsFor(n, state(app.Base))
	}
	if waits == nil {
		return changed(e.Base, done), nil
	}
	return changes, waits
}

// aborting brings a tenant back, and has nobody install any more where it does not go. What is being made again where it serves is looked
// at there anew. What was born for the move ends: endApplications.
func aborting(e Entity[TenantData], why ev.MoveAborting, refs *Refs) []ev.Change {
	changes := changed(e.Base, why)
	if e.Data.Away == nil {
		return changes
	}
	for _, n := range e.Data.copies(e.Base) {
		if app, there := find[ApplicationData](refs, n.Ref); there && app.Data.Cluster != "" && (app.Phase() == Copying || app.Phase() == Copied && app.Data.Repairing) {
			changes = append(changes, changed(app.Base, ev.CopyDropped{})...)
		}
	}
	return changes
}

func copyOf(e Entity[TenantData], app Entity[ApplicationData]) ev.CopyStarted {
	at := ev.CopyStarted{Stay: e.Data.Move.To.Stay, Site: e.Data.Away.Site, Cluster: e.Data.Away.Cluster,
		Namespace: e.Data.Move.To.Namespace, Sleeps: e.Data.Sleeps}
	at.Site.Owner = OwnerTag(app.Base)
	return at
}

// goesWith are the applications that go with a tenant to another cluster, and why one can't. The programs that they name are
// run on the way.
func (d *destination) goesWith(e Entity[TenantData], refs *Refs) (apps []string, faults []ev.FieldError) {
	for _, u := range refs.users(e.Ref, func(u Entity[Data]) bool { return u.tenant().Ref == e.Ref }, ev.Application) {
		app, _ := find[ApplicationData](refs, u)
		switch {
		case app.Phase() == Deployed:
			apps, d.jobs = append(apps, u.ID), append(d.jobs, app.Data.Spec.Move.Jobs(u.Local())...)
		case app.Phase() == Uninstalling, app.Phase() == Pending && app.Data.Cluster == "":
		default:
			faults = append(faults, ev.FieldError{Field: "tenant", Message: fmt.Sprintf("%s is %s: what goes along must be %s; wait until it is, or delete it", u, app.Phase(), Deployed)})
		}
	}
	if len(apps) > mostAtOnce {
		faults = append(faults, ev.FieldError{Field: "tenant", Message: fmt.Sprintf("it has %d applications, and at most %d go along at once", len(apps), mostAtOnce)})
	}
	return apps, faults
}

// crosses finds what a move to another cluster takes, or why it may not be.
func (d *destination) crosses(e Entity[TenantData], refs *Refs) (faults []ev.FieldError) {
	terms := d.then.Move
	if terms == nil || terms.Data == "" {
		where := fmt.Sprintf("%s is on dataplane %s, which is another cluster than %s", d.to.TenantInfra, d.to.Dataplane, e.Data.Placement.Dataplane)
		switch {
		case e.Data.shares() && d.to.Record != "":
			where = fmt.Sprintf("cell %s has other applications than %s, in which it is now", d.to.Cell, e.Data.Placement.Cell)
		case e.Data.shares():
			where = fmt.Sprintf("it shares the applications of cell %s, and has its own then", e.Data.Placement.Cell)
		case d.to.Record != "":
			where = "it has applications of its own, and shares those of a cell then"
		case d.makesDataplane():
			where = fmt.Sprintf("nothing fits that is there, and what would be made is in another cluster than %s", e.Data.Placement.Dataplane)
		}
		return []ev.FieldError{{Field: "plan", Message: fmt.Sprintf("%s, and plan %s does not say what becomes of its data: its spec.move.data must be jobs, for programs that bring it along, or none, if there is none",
			where, d.to.Plan)}}
	}
	d.terms = terms
	d.ends = refs.endsOf(*e.Data.Placement, d.to, d.then)
	dp, _ := find[DataplaneData](refs, ready(ev.Dataplane, d.to.Dataplane).Ref)
	from, _ := find[DataplaneData](refs, ready(ev.Dataplane, e.Data.Placement.Dataplane).Ref)
	for _, on := range []Entity[DataplaneData]{dp, from} {
		switch by := on.Data.worker(); {
		case by == ByNobody:
			return []ev.FieldError{{Field: "dataplane", Message: fmt.Sprintf("%s is being handed over: wait until that has ended", on.Ref)}}
		case (d.ends.fromCell || d.ends.toCell) && (by != ByServer || on.Data.Spec.Mode == ev.ModePull):
			return []ev.FieldError{{Field: "dataplane", Message: fmt.Sprintf("%s is worked on by an agent, which does not yet move tenants into cells, or out of them: both must be push", on.Ref)}}
		}
	}
	d.apart = dp.Data.worker() != from.Data.worker() || dp.Data.worker() == ByAgent && dp.Ref.Owner != from.Ref.Owner
	if dp.Data.Spec.Type == "dedicated" && len(dp.Data.Customers) == 0 {
		d.births = joinAll(d.births, changed(dp.Base, ev.Claimed{Customer: e.Ref.Owner})) // it may be born in this decision
	}
	d.jobs, faults = terms.Jobs(), d.checkSnapshots(from, dp)
	if len(faults) > 0 {
		return faults
	}
	switch {
	case d.ends.fromCell && !d.ends.toCell:
		faults = d.gives(e, refs)
	case d.ends.toCell && !d.ends.fromCell:
		faults = d.sheds(e, refs)
	default:
		d.apps, faults = d.goesWith(e, refs)
	}
	return append(faults, d.checkPrograms(e)...)
}

// sayCluster adds to a plan what a move to another cluster does.
func (d destination) sayCluster(p *ev.MovePlan) {
	p.InterruptedMS = d.terms.MostClosed().Milliseconds()
	d.sayEnds(p)
	for _, s := range d.follow {
		p.Made = append(p.Made, s+", which follows it")
	}
	for _, v := range d.volumes {
		p.Made = append(p.Made, v+", of a snapshot that goes with what it has left")
	}
	for _, f := range d.left {
		p.Removed = append(p.Removed, f+", which aerie did not make and which does not come along")
	}
}
