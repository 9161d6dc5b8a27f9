package execute

import (
	"context"
	"errors"
	"strconv"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/cell"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// stepMove begins the name of the policy that lets in the programs of a move.
const stepMove = "move"

// cellStep does what it can of a step of a tenant's move from one cell to another, and tells whether it is done. Its programs run in
// the cell's namespace, as those do by which it joins and leaves.
func (t *Task) cellStep(ctx context.Context, api kube.API, e ev.RelocateTenant) (done bool, err error) {
	in := e.InCell()
	switch e.Step {
	case ev.StepOpen, ev.StepRedirect, ev.StepAbort:
		return t.openStep(ctx, api, in, e)
	}
	write := cell.ChangeRecord // who is told late, when the tenant has left, makes none
	if e.Step == ev.StepPrepare {
		write = cell.EnsureRecord
	}
	record, err := t.closeRecord(ctx, api, in, write)
	if e.Step == ev.StepStop && kube.CodeOf(err) == kube.NotFound {
		return t.endPrograms(ctx, api, in)
	}
	if err != nil || record == nil {
		return false, err
	}
	switch e.Step {
	case ev.StepPrepare:
		if e.Join == nil {
			return true, nil
		}
		return job.Run(ctx, api, t.jobOf(in, record, stepJoin, localInfra(e.Placement.Nodes()), *e.Join, 1))
	case ev.StepStop:
		return t.endPrograms(ctx, api, in)
	}
	if e.Step == ev.StepQuiesce && e.Programs != nil { // from here on there may be something to undo
		lets := cell.Programs{Namespace: in.Namespace, Name: t.jobName(in, stepMove), Customer: in.Customer, Tenant: in.Tenant, Owner: t.UID,
			From: e.Programs.Target, Ranges: e.Programs.Ingress, Revision: t.Revision}
		if e.Programs.TargetRecord == "" {
			lets.From = tenant.ProgramsNamespace(lets.From)
		}
		if err := t.letIn(ctx, api, in, lets); err != nil {
			return false, err
		}
	}
	return t.runInCell(ctx, api, in, record, e)
}

// letIn lets the programs of a move into the cell that its tenant leaves, unless it has left meanwhile. If this program dies in between,
// the sweeper removes the policy.
func (t *Task) letIn(ctx context.Context, api kube.API, in ev.CellTenant, lets cell.Programs) error {
	if err := cell.LetIn(ctx, api, lets); err != nil {
		return err
	}
	err := cell.ChangeRecord(ctx, api, t.RecordOf(in, ev.StateClosed))
	if code := kube.CodeOf(err); code == kube.NotFound || code == kube.Conflict {
		err = errors.Join(err, cell.KeepOut(ctx, api, lets.Namespace, lets.Name, lets.Owner, lets.Revision))
	}
	return err
}

// openStep opens a tenant's record, where it goes to or where it stays after all, and takes away what is there for its move alone.
func (t *Task) openStep(ctx context.Context, api kube.API, in ev.CellTenant, e ev.RelocateTenant) (done bool, err error) {
	if e.Step == ev.StepAbort {
		if undone, err := t.undoRest(ctx, api, in, e); err != nil || !undone {
			return false, err
		}
	}
	record, err := t.openRecord(ctx, api, in, ev.StateClosed)
	if err != nil || record == nil {
		return false, err
	}
	if e.Step == ev.StepRedirect {
		if done, err := t.runInCell(ctx, api, in, record, e); err != nil || !done {
			return false, err
		}
		_, err := t.endPrograms(ctx, api, in)
		return err == nil, err // asked again it would run them again
	}
	if ended, err := t.endPrograms(ctx, api, in); err != nil || !ended {
		return false, err
	}
	return job.Remove(ctx, api, in.Namespace, t.jobName(in, stepJoin), t.UID)
}

// undoRest undoes what the programs have done that had a tenant rest. When its record is open again that has been done: then it is
// open for good. Where none was ever asked to have it rest there is nothing to undo.
func (t *Task) undoRest(ctx context.Context, api kube.API, in ev.CellTenant, e ev.RelocateTenant) (done bool, err error) {
	state, err := cell.RecordState(ctx, api, in.Namespace, in.Record, t.UID)
	if err != nil || e.Programs == nil || state == ev.StateActive {
		return err == nil, err
	}
	record, err := t.closeRecord(ctx, api, in, cell.EnsureRecord) // from here on a call that comes late runs none
	if err != nil || record == nil {
		return false, err
	}
	if had, err := cell.LetsIn(ctx, api, in.Namespace, t.jobName(in, stepMove)); err != nil || !had {
		return !had && err == nil, err
	}
	if gone, err := t.endJobs(ctx, api, in.Namespace, e, ev.StepQuiesce); err != nil || !gone {
		return false, err
	}
	return t.runInCell(ctx, api, in, record, e)
}

// closeRecord has the record of a tenant say that this cell does not serve it, and reads that back. It gives back the record that was
// found; nil if there was none, or it does not say so yet.
func (t *Task) closeRecord(ctx context.Context, api kube.API, in ev.CellTenant, write writesRecord) (record kube.Object, err error) {
	if record, err = t.writeRecord(ctx, api, in, ev.StateClosed, write); err != nil {
		return nil, err
	}
	found, err := cell.RecordDrift(ctx, api, t.RecordOf(in, ev.StateClosed))
	if err != nil || len(found) > 0 {
		return nil, err
	}
	return record, nil
}

// openRecord has the record of a tenant say that this cell serves it, and gives it back as it was found. If there is none it makes one in
// another state: a call that comes late, when the tenant has left, opens nothing.
func (t *Task) openRecord(ctx context.Context, api kube.API, in ev.CellTenant, first string) (record kube.Object, err error) {
	record, err = cell.FindRecord(ctx, api, in.Namespace, in.Record, t.UID)
	if err != nil {
		return nil, err
	}
	state := first
	if record != nil {
		state = ev.StateActive
	}
	return record, cell.EnsureRecord(ctx, api, t.RecordOf(in, state))
}

// endPrograms ends the programs of a move that run in a cell, and what lets others in for it, and tells whether none runs any more.
func (t *Task) endPrograms(ctx context.Context, api kube.API, in ev.CellTenant) (ended bool, err error) {
	if in.Stay == "" {
		return true, nil
	}
	ended, err = job.RemoveAll(ctx, api, in.Namespace, t.UID, map[string]string{kube.LabelStay: in.Stay})
	if err != nil || !ended {
		return false, err
	}
	return true, cell.KeepOut(ctx, api, in.Namespace, t.jobName(in, stepMove), t.UID, t.Revision)
}

// runInCell runs the programs of a step in the cell's namespace, and tells whether all have come to a good end. They go with the record.
func (t *Task) runInCell(ctx context.Context, api kube.API, in ev.CellTenant, record kube.Object, e ev.RelocateTenant) (
	done bool, err error) {
	if e.Programs == nil {
		return true, nil
	}
	return runAll(ctx, api, e.Programs.Jobs, func(j ev.MoveJob) job.Spec {
		s := t.programOf(tenant.Spec{Infra: localInfra(e.Placement.Nodes())}, e, j)
		s.Namespace, s.Labels[kube.LabelStay], s.GoesWith = in.Namespace, in.Stay, record
		for name, value := range map[string]string{"AERIE_PLAN": planName(in), "AERIE_PLAN_VERSION": strconv.Itoa(in.PlanVersion), "AERIE_RECORD": in.Record} {
			if _, own := s.Env[name]; !own {
				s.Env[name] = value
			}
		}
		return s
	})
}
