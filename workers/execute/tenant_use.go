package execute

import (
	"context"
	"fmt"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/move"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// SurveyTenant looks what a tenant's namespace takes of its quota, or takes when it is awake, and, where its pods are to go to
// other machines, what they would meet. It changes nothing.
func SurveyTenant(ctx context.Context, clouds map[string]Cloud, of ev.TenantSurvey) (use ev.TenantUse, err error) {
	t := NewTask(ev.Work{Effect: "survey"}, clouds, nil)
	err = t.inCluster(ctx, of.Target, of.Cluster, "Survey", func(api kube.API) error {
		u, err := tenant.InUse(ctx, api, t.TenantSpec(of.EnsureTenant), of.Suspended)
		if err != nil {
			return err
		}
		use = ev.TenantUse{CPU: u.CPU, Memory: u.Memory, Storage: u.Storage, Pods: u.Pods}
		switch {
		case of.Elsewhere:
			stays, err := move.Elsewhere(ctx, api, of.Placement.Namespace)
			use.Volumes, use.Foreign, use.Follow = stays.Volumes, stays.Foreign, stays.Follow
			if err == nil && len(use.Follow) > 0 {
				use.Blocked = t.carries(ctx, of)
			}
			return err
		case of.To == "":
			return nil
		}
		found, err := move.Survey(ctx, api, move.Spec{Namespace: of.Placement.Namespace, To: localInfra(of.To), Zones: of.Zones})
		use.Going, use.Budgets = int64(found.Pods), found.Budgets
		if why := found.Refusal(false); why != "" {
			use.Blocked = []string{why}
		}
		return err
	})
	return use, err
}

// carries says why Secrets can't follow a tenant to another cluster; nothing if they can. They pass through the memory of one executor,
// which so has to reach both.
func (t *Task) carries(ctx context.Context, of ev.TenantSurvey) []string {
	_, err := t.CloudOf(of.There.Account)
	if err == nil && of.Into != "" {
		err = t.inCluster(ctx, of.There, of.Into, "Survey", func(api kube.API) error {
			_, err := kube.Find(ctx, api, kube.NamespaceKey(of.Placement.Namespace))
			return err
		})
	}
	if err == nil {
		return nil
	}
	return []string{fmt.Sprintf("Secrets labelled %s follow it through the memory of one server, which must reach both clusters, and that of %s is not reached from here: %v",
		kube.LabelFollow, of.There.Dataplane, err)}
}

// localInfra is a tenant infra as its machines are labelled.
func localInfra(path string) string {
	ref, _ := ev.ParseRef(ev.TenantInfra, path)
	return ref.Local()
}
