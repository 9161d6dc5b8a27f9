package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/move"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// SurveyTenant looks what a tenant's namespace takes of its quota, or takes when it is awake, and, where its pods are to go to
// other machines, what they would meet. It changes nothing.
func SurveyTenant(ctx context.Context, clouds map[string]Cloud, of ev.TenantSurvey) (use ev.TenantUse, err error) {
	t := NewTask(ev.Work{Effect: "survey"}, clouds, nil)
	err = t.inCluster(ctx, of.Target, of.Cluster, "Survey", func(api kube.API) (err error) {
		use, err = t.survey(ctx, api, of)
		return err
	})
	return use, err
}

// survey looks into the cluster that a tenant is in.
func (t *Task) survey(ctx context.Context, api kube.API, of ev.TenantSurvey) (use ev.TenantUse, err error) {
	u, err := tenant.InUse(ctx, api, t.TenantSpec(of.EnsureTenant), of.Suspended)
	if err != nil {
		return use, err
	}
	use = ev.TenantUse{CPU: u.CPU, Memory: u.Memory, Storage: u.Storage, Pods: u.Pods}
	switch {
	case of.Elsewhere:
		stays, err := move.Elsewhere(ctx, api, of.Placement.Namespace)
		use.Volumes, use.Foreign, use.Follow = stays.Volumes, stays.Foreign, stays.Follow
		if err == nil && len(use.Follow) > 0 && !of.Shared {
			use.Blocked = t.carries(ctx, of)
		}
		if err == nil && of.Snapshots {
			var blocked []string
			use.Volumes, blocked, err = t.surveyVolumes(ctx, api, of)
			use.Blocked = append(use.Blocked, blocked...)
		}
		return use, err
	case of.To == "":
		return use, nil
	}
	found, err := move.Survey(ctx, api, move.Spec{Namespace: of.Placement.Namespace, To: localInfra(of.To), Zones: of.Zones})
	use.Going, use.Budgets = int64(found.Pods), found.Budgets
	if why := found.Refusal(false); why != "" {
		use.Blocked = []string{why}
	}
	return use, err
}

// lookAgain looks once more whether a tenant fits where it goes, before it is interrupted. What does not is an error of a code that its
// caller chooses.
func (t *Task) lookAgain(ctx context.Context, api kube.API, of ev.TenantSurvey, l ev.MoveLook, code kube.Code) error {
	of.Elsewhere, of.Shared, of.There, of.Into, of.Snapshots = l.Data != "", l.To.Record != "", l.Site, l.Into, l.Data == ev.DataSnapshot
	use, err := t.survey(ctx, api, of)
	if err != nil {
		return err
	}
	if why := fsm.Unfit(l, of.Placement.Dataplane, use); len(why) > 0 {
		err = kube.Fail(code, "move", kube.NamespaceKey(of.Placement.Namespace), strings.Join(why, "; "))
	}
	return err
}

// carries says why Secrets can't follow a tenant to another cluster; nothing if they can. They pass through the memory of one executor,
// which so has to reach both.
func (t *Task) carries(ctx context.Context, of ev.TenantSurvey) []string {
	_, err := t.CloudOf(of.There.Account)
	if of.Target.Account.Agent != of.There.Account.Agent {
		err = errors.New("an agent works on one of the two")
	}
	if err == nil && of.Into != "" {
		err = t.inCluster(ctx, of.There, of.Into, "Survey", func(api kube.API) error {
			_, err := kube.Find(ctx, api, kube.NamespaceKey(of.Placement.Namespace))
			return err
		})
	}
	if err == nil {
		return nil
	}
	return []string{fmt.Sprintf("Secrets labelled %s follow it through the memory of one server or one agent, which must reach both clusters, and that of %s is not reached: %v; take the label away, or choose a dataplane that it reaches",
		kube.LabelFollow, of.There.Dataplane, err)}
}

// localInfra is a tenant infra as its machines are labelled.
func localInfra(path string) string {
	ref, _ := ev.ParseRef(ev.TenantInfra, path)
	return ref.Local()
}
