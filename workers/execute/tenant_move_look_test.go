package execute

import (
	"context"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// lookedAt is something that is in a tenant's namespace when it is looked at again, and what becomes of that.
type lookedAt struct {
	name  string
	there []kube.Object
	look  ev.MoveLook
	want  string // what is said; empty: the step goes on
}

// runsThere is a Deployment of the tenant's application of so many pods.
func runsThere(pods int64) kube.Object {
	spec := map[string]any{"replicas": pods, "template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "pg"}}}}}
	return kubetest.Object("apps/v1", "Deployment", "acme--prod", "pg", map[string]any{"spec": spec}).
		Marked("", map[string]string{kube.LabelApplication: "pg"}, nil)
}

// What has come since a move began, and would be lost or has no room where it goes, ends the step before the tenant is closed. Once it is closed
// nobody asks again.
func TestATenantIsLookedAtBeforeItIsClosed(t *testing.T) {
	claim := kubetest.Named("v1", "PersistentVolumeClaim", "acme--prod", "data")
	theirs := kubetest.Named("v1", "ConfigMap", "acme--prod", "theirs")
	fits := ev.Placement{Plan: "-/small", PlanVersion: 2, Quota: ev.PlanQuota{CPU: "1", Memory: "1Gi", Storage: "1Gi", Pods: 2}}
	for _, row := range []lookedAt{
		{"nothing has come", []kube.Object{runsThere(2)}, ev.MoveLook{To: fits, Lower: true, Data: ev.DataNone}, ""},
		{"a volume", []kube.Object{claim}, ev.MoveLook{Data: ev.DataNone}, "claim data holds data"},
		{"a volume that programs bring along", []kube.Object{claim}, ev.MoveLook{Data: ev.DataJobs}, ""},
		{"what is not aerie's", []kube.Object{theirs}, ev.MoveLook{Data: ev.DataNone}, "ConfigMap theirs is not aerie's"},
		{"and was to stay behind", []kube.Object{theirs}, ev.MoveLook{Data: ev.DataNone, Leave: true}, ""},
		{"more than it will have", []kube.Object{runsThere(3)}, ev.MoveLook{To: fits, Lower: true, Data: ev.DataNone}, "the tenant uses 3 of pods, version 2 of plan -/small allows 2"},
		{"as much as it had", []kube.Object{runsThere(3)}, ev.MoveLook{To: fits, Data: ev.DataNone}, ""},
	} {
		c := newMovingCluster(t)
		for _, o := range row.there {
			_, err := c.Apply(t.Context(), o)
			kubetest.Must(t, err)
		}
		e := movingStep(ev.StepQuiesce)
		e.Placement.Dataplane, e.Look, e.Closed = "-/eu", &row.look, true
		task := NewTask(ev.Work{UID: "U1", Revision: 2}, nil, nil)
		done, err := task.relocateStep(t.Context(), c.api(), e)
		switch {
		case row.want == "" && (!done || err != nil || c.open(t)):
			t.Errorf("%s: it is done: %t, open: %t, %v", row.name, done, c.open(t), err)
		case row.want != "" && (kube.CodeOf(err) != kube.Invalid || !strings.Contains(err.Error(), row.want) || !c.open(t)):
			t.Errorf("%s: it is open: %t, %v", row.name, c.open(t), err)
		}
		kubetest.Must(t, tenant.Close(t.Context(), c.api(), movingSpec(2)))
		if done, err := task.relocateStep(t.Context(), c.api(), e); !done || err != nil {
			t.Errorf("%s: closed already it is done: %t, %v", row.name, done, err)
		}
	}
}

// Before pods go to other machines what is in their way is waited for, by name, and the namespace says the old ones.
func TestATenantIsLookedAtBeforeItsPodsGo(t *testing.T) {
	c := newMovingCluster(t)
	_, err := c.Apply(t.Context(), runsThere(3))
	kubetest.Must(t, err)
	var e ev.MoveTenant
	e.Customer, e.Tenant, e.Step, e.Move, e.To = "acme", "prod", ev.StepPrepare, "M1", "-/eu_large"
	e.Placement = ev.Placement{Namespace: "acme--prod", Stay: "s1", Plan: "-/small", TenantInfra: "-/eu_large"}
	e.Look = &ev.MoveLook{To: ev.Placement{Quota: ev.PlanQuota{CPU: "1", Memory: "1Gi", Storage: "1Gi", Pods: 2}}, Lower: true}
	task := NewTask(ev.Work{UID: "U1", Revision: 2}, nil, nil)
	_, err = task.moveStep(t.Context(), c.api(), e, task.moveSpec(e))
	if kubetest.Is(t, kube.Held, err); !strings.Contains(err.Error(), "uses 3 of pods") {
		t.Error(err)
	}
	there, err := kube.Find(t.Context(), c.api(), kube.NamespaceKey("acme--prod"))
	if kubetest.Must(t, err); there.Labels()[kube.LabelTenantInfra] != "" {
		t.Errorf("its namespace says %s", there.Labels()[kube.LabelTenantInfra])
	}
}

// A step of a move to other machines that comes late, when the tenant has gone elsewhere, holds no room, and opens nothing.
func TestACallOfAMoveToMachinesThatHasEnded(t *testing.T) {
	c := newMovingCluster(t)
	var e ev.MoveTenant
	e.Customer, e.Tenant, e.Move, e.To = "acme", "prod", "M1", "-/eu_large"
	e.Placement = ev.Placement{Namespace: "acme--prod", Stay: "s1", Plan: "-/small", TenantInfra: "-/eu_large"}
	_, err := tenant.Ensure(t.Context(), c.api(), movingSpec(4))
	kubetest.Must(t, err)
	late := NewTask(ev.Work{UID: "U1", Revision: 3}, nil, nil)
	e.Step = ev.StepReserve
	_, err = late.moveStep(t.Context(), c.api(), e, late.moveSpec(e))
	kubetest.Is(t, kube.Conflict, err)
	kubetest.Must(t, tenant.Delete(t.Context(), c.api(), tenant.Stay{Namespace: "acme--prod", Owner: "U1", Name: "s1", Revision: 5}))
	for _, step := range []string{ev.StepPrepare, ev.StepEvict, ev.StepAbort, ev.StepRelease} {
		e.Step = step
		if done, err := late.moveStep(t.Context(), c.api(), e, late.moveSpec(e)); done || err != nil || c.open(t) {
			t.Errorf("a late %s is done: %t, it is open: %t, %v", step, done, c.open(t), err)
		}
		kubetest.Must(t, tenant.Delete(t.Context(), c.api(), tenant.Stay{Namespace: "acme--prod", Owner: "U1", Name: "s1", Revision: 5}))
	}
}

// A tenant that goes on its way to other machines leaves no room that is held for its pods; that of others stays.
func TestWhoGoesHoldsNoRoom(t *testing.T) {
	c := newMovingCluster(t)
	_, err := c.Apply(t.Context(), kubetest.Named("v1", "Namespace", "", kube.SystemNamespace))
	kubetest.Must(t, err)
	for _, owner := range []string{"U1", "U2"} {
		room := kubetest.Named("v1", "Pod", kube.SystemNamespace, "aerie-room-"+strings.ToLower(owner)).
			Marked("", map[string]string{"aerie.io/placeholder": "true", kube.LabelOwner: owner, kube.LabelStay: "M1"}, nil)
		_, err := c.Apply(t.Context(), room)
		kubetest.Must(t, err)
	}
	owed := ev.RemoveTenant{Namespace: "acme--prod", Stay: "s1"}
	task := NewTask(ev.Work{UID: "U1", Revision: 9, Effect: owed.Effect()},
		map[string]Cloud{"": {Kube: func(context.Context, cloud.Scope, string) (kube.API, error) { return c.api(), nil }}}, nil)
	task.Args, err = ev.Encode(owed)
	kubetest.Must(t, err)
	if r := task.Do(t.Context()); r.Err != nil {
		t.Fatal(r.Err)
	}
	all, err := c.api().List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: kube.SystemNamespace})
	if kubetest.Must(t, err); len(all) != 1 || all[0].Labels()[kube.LabelOwner] != "U2" {
		t.Errorf("%v is left", all)
	}
}
