package execute

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/cell"
	"github.com/aeriehq/aerie/cloud/kube/job"
	ev "github.com/aeriehq/aerie/events"
)

// The steps of a tenant into its cell and out of it, as the names of their Jobs begin.
const (
	stepJoin  = "join"
	stepLeave = "leave"
)

// joinTenant tells the cell of the tenant that comes, and runs the program by which it joins.
func joinTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.JoinTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	return t.step(ctx, e.CellTenant, "JoinTenant", ev.TenantJoined{}, func(api kube.API) (bool, error) {
		there, err := t.sayRecord(ctx, api, e.CellTenant, ev.StateJoining)
		if err != nil || there == nil {
			return false, err
		}
		return job.Run(ctx, api, t.jobOf(e.CellTenant, there, stepJoin, e.Infra, e.Job, e.Try))
	})
}

// recordTenant tells the cell that the tenant is in it. The Job by which it joined goes: that it has is known for good.
func recordTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.RecordTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	return t.step(ctx, e.CellTenant, "RecordTenant", ev.Activated{}, func(api kube.API) (bool, error) {
		if there, err := t.openRecord(ctx, api, e.CellTenant, ev.StateJoining); err != nil || there == nil {
			return false, err
		}
		return job.Remove(ctx, api, e.Namespace, t.jobName(e.CellTenant, stepJoin), t.UID)
	})
}

// leaveTenant tells the cell that the tenant goes, and runs the program by which it leaves, when the one by which it joins runs
// no longer.
func leaveTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.LeaveTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	return t.step(ctx, e.CellTenant, "LeaveTenant", ev.TenantLeft{}, func(api kube.API) (bool, error) {
		there, err := t.sayRecord(ctx, api, e.CellTenant, ev.StateLeaving)
		if err != nil || there == nil {
			return false, err
		}
		if ended, err := t.endPrograms(ctx, api, e.CellTenant); err != nil || !ended {
			return false, err
		}
		gone, err := job.Remove(ctx, api, e.Namespace, t.jobName(e.CellTenant, stepJoin), t.UID)
		if err != nil || !gone {
			return false, err
		}
		return job.Run(ctx, api, t.jobOf(e.CellTenant, there, stepLeave, e.Infra, e.Job, 1))
	})
}

// forgetTenant removes what is left of a tenant in its cell.
func forgetTenant(ctx context.Context, t *Task) Result {
	e, err := args[ev.ForgetTenant](t)
	if err != nil {
		return Result{Err: err}
	}
	return t.step(ctx, e.CellTenant, "ForgetTenant", ev.Deleted{}, func(api kube.API) (bool, error) {
		if ended, err := t.endPrograms(ctx, api, e.CellTenant); err != nil || !ended {
			return false, err
		}
		for _, step := range []string{stepJoin, stepLeave} {
			if gone, err := job.Remove(ctx, api, e.Namespace, t.jobName(e.CellTenant, step), t.UID); err != nil || !gone {
				return false, err
			}
		}
		return true, cell.RemoveRecord(ctx, api, t.RecordOf(e.CellTenant, ev.StateLeaving))
	})
}

// step does something in a tenant's cell until it is done. With the cluster, or with the cell's namespace, all that a tenant
// that goes had there is gone too.
func (t *Task) step(ctx context.Context, e ev.CellTenant, call string, outcome ev.Event, do func(kube.API) (bool, error)) Result {
	r := t.untilDone(ctx, e.Target, e.Cluster, call, do, func() ev.Event { return outcome })
	switch outcome.(type) {
	case ev.TenantLeft, ev.Deleted:
		if gone := removed(r.Err, r.Again > 0); gone.Err == nil && gone.Again == 0 {
			return Result{Outcome: outcome}
		}
	}
	return r
}

// RecordOf is what the applications of a cell read of a tenant.
func (t *Task) RecordOf(e ev.CellTenant, state string) cell.Record {
	return cell.Record{Namespace: e.Namespace, Name: e.Record, Customer: e.Customer, Tenant: e.Tenant, Owner: t.UID, Revision: t.Revision,
		Data: map[string]string{"customer": e.Customer, "tenant": e.Tenant, "uid": t.UID, "plan": planName(e), "version": strconv.Itoa(e.PlanVersion), "state": state,
			"quota.cpu": e.Quota.CPU, "quota.memory": e.Quota.Memory, "quota.storage": e.Quota.Storage, "quota.pods": strconv.Itoa(e.Quota.Pods)}}
}

func planName(e ev.CellTenant) string {
	plan, _ := ev.ParseRef(ev.Plan, e.Plan)
	return plan.ID
}

// sayRecord has the record of a tenant say a state, and gives it back as it was found; nil if there was none: a call that comes late,
// when the tenant has left, makes one at most, and runs nothing. What is run then goes with the record that was found. So a call that
// is held up between the two leaves nothing running: the cluster ends what it makes for a record that is gone.
func (t *Task) sayRecord(ctx context.Context, api kube.API, e ev.CellTenant, state string) (there kube.Object, err error) {
	return t.writeRecord(ctx, api, e, state, cell.EnsureRecord)
}

// writesRecord is cell.EnsureRecord, or cell.ChangeRecord.
type writesRecord func(ctx context.Context, api kube.API, r cell.Record) error

func (t *Task) writeRecord(ctx context.Context, api kube.API, e ev.CellTenant, state string, write writesRecord) (
	there kube.Object, err error) {
	if there, err = cell.FindRecord(ctx, api, e.Namespace, e.Record, t.UID); err != nil {
		return nil, err
	}
	return there, write(ctx, api, t.RecordOf(e, state))
}

// jobName names the Job of one step of one stay of a tenant: it is one however often it is asked for.
func (t *Task) jobName(e ev.CellTenant, step string) string {
	sum := sha256.Sum256([]byte(e.Stay))
	return strings.ToLower(step + "-" + t.UID + "-" + base32.StdEncoding.EncodeToString(sum[:5]))
}

// jobOf is the Job of a step. One that has failed is another try's if more attempts at it were counted since, or its beginning
// was asked for again.
func (t *Task) jobOf(e ev.CellTenant, record kube.Object, step, infra string, of ev.PlanJob, try int) job.Spec {
	env := map[string]string{"AERIE_CUSTOMER": e.Customer, "AERIE_TENANT": e.Tenant, "AERIE_TENANT_UID": t.UID,
		"AERIE_PLAN": planName(e), "AERIE_PLAN_VERSION": strconv.Itoa(e.PlanVersion), "AERIE_RECORD": e.Record}
	quota(env, e.Quota)
	maps.Copy(env, of.Env)
	return job.Spec{Namespace: e.Namespace, Name: t.jobName(e, step), Owner: t.UID, Try: fmt.Sprintf("%d.%d", try, t.Attempt),
		Labels: map[string]string{kube.LabelCustomer: e.Customer, kube.LabelTenant: e.Tenant},
		Image:  of.Image, Command: of.Command, Env: env, Secrets: of.Secrets, Deadline: of.Within(), Attempts: of.Attempts,
		GoesWith: record, Nodes: map[string]string{"aerie.io/tenantinfra": infra}}
}
