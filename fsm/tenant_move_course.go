package fsm

import (
	"fmt"
	"slices"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// course is what a plan adds to the steps of a move to another cluster.
type course struct {
	terms ev.PlanMove
	jobs  []ev.MoveJob
	ends  ends // what is at its two ends
	makes bool // of a move within a cluster: to machines that are made for it
}

func (a *Away) course() course {
	if a == nil {
		return course{}
	}
	return course{terms: a.Terms, jobs: a.Jobs} // its steps are the same, whatever is at its ends
}

func (d destination) course() course {
	if d.terms == nil {
		return course{makes: d.makes()}
	}
	return course{terms: *d.terms, jobs: d.jobs, ends: d.ends}
}

// steps are those of a move to another cluster, in their order.
func (c course) steps(rest string) (all []ev.MovePlanStep) {
	add := func(is bool, name, does string, events ...ev.Event) {
		if !is {
			return
		}
		s := ev.MovePlanStep{Name: name, Does: does}
		for _, e := range events {
			s.Events = append(s.Events, e.Type())
		}
		all = append(all, s)
	}
	says, leaves := c.ends.words()
	closes := "closes it where it is"
	if c.snapshots() {
		closes += ", and stops all that runs for it there"
	}
	add(true, ev.StepReserve, says[ev.StepReserve], ev.MoveStarted{}, ev.MoveReserved{})
	add(true, ev.StepPrepare, says[ev.StepPrepare], ev.MovePrepared{})
	add(!c.snapshots(), ev.StepInstall, says[ev.StepInstall], ev.MoveInstalled{})
	add(c.snapshots(), ev.StepReady, "looks once more whether its place is ready", ev.MoveReadied{})
	add(c.terms.Confirm, ev.StepConfirm, fmt.Sprintf("waits until somebody confirms it; after %s it is given up", c.terms.UnconfirmedFor()), ev.MoveConfirmed{})
	add(c.terms.Window != nil, ev.StepWindow, fmt.Sprintf("waits for the time: %s", c.terms.Window), ev.MoveWindowOpened{})
	add(true, ev.StepQuiesce, closes+c.running(ev.StepQuiesce), ev.MoveQuiesced{})
	add(c.snapshots(), ev.StepCopy, "takes a snapshot of each of its volumes, and has volumes made of them there", ev.MoveCopied{})
	add(c.snapshots(), ev.StepInstall, says[ev.StepInstall], ev.MoveInstalled{})
	add(c.snapshots(), ev.StepVerify, "looks whether all of its volumes are there", ev.MoveVerified{})
	add(c.has(ev.StepCopy), ev.StepCopy, "brings its data there"+c.running(ev.StepCopy), ev.MoveCopied{})
	add(c.has(ev.StepVerify), ev.StepVerify, "looks whether all is there"+c.running(ev.StepVerify), ev.MoveVerified{})
	add(true, ev.StepSwitch, "puts the tenant on the new terms and in its new place; until then it can be aborted", ev.Moved{})
	add(true, ev.StepOpen, "opens it there", ev.MoveOpened{})
	add(c.has(ev.StepSwitch), ev.StepRedirect, "points at it from outside"+c.running(ev.StepSwitch), ev.MoveRedirected{})
	add(true, ev.StepHold, "keeps what it has left for a while, closed", ev.MoveHeld{})
	add(true, ev.StepRelease, says[ev.StepRelease], append(leaves, ev.MoveReleased{})...)
	last := &all[len(all)-1]
	last.Events = append(last.Events, rest)
	return all
}

// snapshots tells whether its volumes come along by snapshots. Then it is installed where it goes to when they are there.
func (c course) snapshots() bool { return c.terms.Data == ev.DataSnapshot }

// has tells whether a program is run at a step.
func (c course) has(step string) bool {
	return slices.ContainsFunc(c.jobs, func(j ev.MoveJob) bool { return j.Step == step })
}

// running says which programs are run at a step.
func (c course) running(step string) string {
	var all []string
	for _, j := range c.jobs {
		if j.Step == step {
			all = append(all, j.String())
		}
	}
	if len(all) == 0 {
		return ""
	}
	return ", and runs the program " + strings.Join(all, "; that ")
}

// programs are those that are run at the step that a move takes now; nil if none are.
func (d TenantData) programs() *ev.MovePrograms {
	step, m := d.Move.Step, d.Move
	switch {
	case step == ev.StepRedirect:
		step = ev.StepSwitch
	case step == ev.StepSwitch, d.Away.Forced:
		return nil
	case step == ev.StepAbort && !m.Closed.IsZero():
		step = ev.StepUnquiesce
	}
	p := ev.MovePrograms{Egress: d.Away.Terms.Egress, Ingress: d.Away.Terms.Ingress, Source: m.From.Namespace, Target: m.To.Namespace,
		Quota: d.Away.Quota, SourceRecord: m.From.Record, TargetRecord: m.To.Record, Here: d.Away.Here, There: d.Away.There}
	p.Beside = (m.From.Record == "") != (m.To.Record == "") && m.From.Dataplane == m.To.Dataplane
	for _, j := range d.Away.Jobs {
		if j.Step == step {
			p.Jobs = append(p.Jobs, j)
		}
	}
	for _, j := range d.Away.Jobs {
		if step == ev.StepUnquiesce && j.Step == ev.StepQuiesce {
			p.Stops = append(p.Stops, j.App)
		}
	}
	if len(p.Jobs)+len(p.Stops) == 0 {
		return nil
	}
	return &p
}

// checkPrograms drops the programs that are not run on this move, and refuses data that programs would copy while it is in
// use: nothing quiesces it, or the tenant is suspended.
func (d *destination) checkPrograms(e Entity[TenantData]) (faults []ev.FieldError) {
	switch {
	case d.terms.Data != ev.DataJobs:
		d.jobs = slices.DeleteFunc(d.jobs, func(j ev.MoveJob) bool { return j.App != "" || e.Data.Sleeps && j.Step != ev.StepSwitch })
	case e.Data.Sleeps:
		faults = append(faults, ev.FieldError{Field: "tenant", Message: fmt.Sprintf("it is %s, and programs bring its data along, which need what runs: resume it first", e.Phase())})
	case !d.course().has(ev.StepQuiesce):
		faults = append(faults, ev.FieldError{Field: "plan", Message: fmt.Sprintf("programs bring the data of its tenants along, and neither %s nor an application of the tenant names one in spec.move.quiesce that lets it rest first: "+
			"closing ends no connection that is open", d.to.Plan)})
	}
	return faults
}

// named are the endpoints of an application, with its name.
func named(of []ev.EndpointAddress, app string) (all []ev.EndpointAddress) {
	for _, e := range of {
		e.App = app
		all = append(all, e)
	}
	return all
}

// awaitWindow goes on when the time is there in which the tenant may be closed.
func awaitWindow(e Entity[TenantData], refs *Refs) ([]ev.Change, *Blocker) {
	w, now := e.Data.Away.Terms.Window, refs.command.Time
	opens, _ := w.Next(now)
	if back := abortUnrepairable(e, refs); back != nil {
		return back, nil
	}
	if mends := awaitRepairs(e, refs); mends != nil {
		return nil, mends
	}
	if !now.IsZero() && !opens.After(now) {
		return changed(e.Base, ev.MoveWindowOpened{At: now}), nil
	}
	opens, _ = w.Next(e.PhaseSince)
	return nil, &Blocker{Retried: true, NextAt: opens, Reason: ev.Reason{Code: ev.Dependency, Fault: ev.BySystem,
		Message: fmt.Sprintf("all is ready %s, and it waits until it may be closed: %s; next at %s", inOrOn(e.Data.Move.To), w, opens.UTC().Format(time.RFC3339))}}
}

// elapsedMove is what happens when the time is over for which a move waits.
func elapsedMove(e Entity[TenantData], refs *Refs) []ev.Change {
	switch e.Data.Move.Step {
	case ev.StepConfirm:
		return aborting(e, ev.MoveAborting{Reason: ev.Reason{Code: ev.Timeout, Fault: ev.ByUser,
			Message: fmt.Sprintf("nobody has confirmed it within %s", e.Data.Away.Terms.UnconfirmedFor())}}, refs)
	case ev.StepInstall:
		return aborting(e, ev.MoveAborting{Reason: ev.Reason{Code: ev.Timeout, Fault: ev.BySystem,
			Message: fmt.Sprintf("its applications were not installed there before it had been closed for %s", e.Data.Away.Terms.MostClosed())}}, refs)
	case ev.StepWindow:
		if changes, _ := awaitWindow(e, refs); changes != nil || awaitRepairs(e, refs) != nil {
			return changes // its time may end meanwhile, which is seen then
		}
		return changed(e.Base, ev.MoveWindowMissed{})
	}
	return changed(e.Base, ev.MoveHeld{})
}

// confirmMove lets a move go on that waits for that.
func confirmMove(e Entity[TenantData], refs *Refs) ([]ev.Change, error) {
	m := e.Data.Move
	switch {
	case !underWay(e):
		return nil, notMoving(e)
	case e.Data.Away == nil || !e.Data.Away.Terms.Confirm:
		return nil, ev.Refuse(ev.Refused, "operation %s of %s waits for nobody: the plan that it goes to does not say spec.move.confirm", m.ID, e.Ref)
	case m.Step == ev.StepConfirm && m.Paused:
		return nil, ev.Refuse(ev.Refused, "operation %s of %s is paused: continue it first", m.ID, e.Ref)
	case m.Step == ev.StepConfirm && e.Data.stepAfter(*m) == ev.StepQuiesce && awaitRepairs(e, refs) != nil:
		return nil, ev.Refuse(ev.Refused, "operation %s of %s waits: %s; confirm it then", m.ID, e.Ref, awaitRepairs(e, refs).Message)
	case m.Step == ev.StepConfirm:
		return changed(e.Base, ev.MoveConfirmed{At: refs.command.Time}), nil
	case m.Step == ev.StepAbort:
		return nil, ev.Refuse(ev.Refused, "operation %s of %s was given up: move it again", m.ID, e.Ref)
	case m.Closed.IsZero() && (m.Step == ev.StepReserve || m.Step == ev.StepPrepare || m.Step == ev.StepInstall || m.Step == ev.StepReady):
		return nil, ev.Refuse(ev.Refused, "operation %s of %s is at step %s: confirm it when all is ready there, at step %s", m.ID, e.Ref, m.Step, ev.StepConfirm)
	}
	return nil, nil // asked twice
}
