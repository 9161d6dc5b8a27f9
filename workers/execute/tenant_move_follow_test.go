package execute

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// telling is a cluster whose errors say what it was given.
type telling struct{ *memory.Store }

func (c telling) Apply(ctx context.Context, o kube.Object) (bool, error) {
	if o.Kind() == "Secret" {
		raw, _ := base64.StdEncoding.DecodeString(kube.StringOf(kube.MapOf(o["data"])["password"]))
		return false, kube.Fail(kube.Invalid, "apply", o.Key(), fmt.Sprintf("%s is no good, nor is %v", raw, o["data"]))
	}
	return c.Store.Apply(ctx, o)
}

// twoClusters is a cloud with a cluster in each of two regions, and a tenant that goes from eu to us.
type twoClusters struct {
	eu *memory.Store
	us kube.API
}

func (c twoClusters) clouds(names ...string) map[string]Cloud {
	all := map[string]Cloud{}
	for _, name := range names {
		all[name] = Cloud{Kube: func(_ context.Context, s cloud.Scope, _ string) (kube.API, error) {
			switch {
			case s.Region == "eu":
				return c.eu, nil
			case c.us == nil:
				return nil, errors.New("no route to host")
			}
			return c.us, nil
		}}
	}
	return all
}

func placeIn(region string) ev.Target {
	return ev.Target{Account: ev.CloudAccount{Cloud: "sim-" + region}, Region: region, Dataplane: "-/" + region}
}

// relocates does a step of the tenant's move.
func (c twoClusters) relocates(t *testing.T, step string, revision uint64) (*Task, Result) {
	t.Helper()
	e := movingStep(step)
	e.Target, e.Closed = placeIn("us"), true
	e.Follow = &ev.MoveFollow{Site: placeIn("eu"), Namespace: "acme--prod", Stay: "s1", Some: true}
	if step == ev.StepQuiesce {
		e.Target, e.Follow.Site = e.Follow.Site, e.Target
	}
	task := NewTask(ev.Work{UID: "U1", Revision: revision, Effect: e.Effect()}, c.clouds("sim-eu", "sim-us"), nil)
	args, err := ev.Encode(e)
	kubetest.Must(t, err)
	task.Args = args
	return task, task.Do(t.Context())
}

func password(t *testing.T, api kube.API) string {
	t.Helper()
	o, err := kube.Find(t.Context(), api, kube.Key{APIVersion: "v1", Kind: "Secret", Namespace: "acme--prod", Name: "db"})
	kubetest.Must(t, err)
	return kube.StringOf(kube.MapOf(o["data"])["password"])
}

func secretIs(t *testing.T, m *memory.Store, value string) {
	t.Helper()
	o := kubetest.Object("v1", "Secret", "acme--prod", "db", map[string]any{"data": map[string]any{"password": base64.StdEncoding.EncodeToString([]byte(value))}})
	_, err := m.Apply(t.Context(), o.Marked("", map[string]string{kube.LabelFollow: "true"}, nil))
	kubetest.Must(t, err)
}

// What follows is there before anything is installed, and what it says at last before the tenant opens. Neither an event nor an error
// has it.
func TestSecretsFollowThroughOneExecutor(t *testing.T) {
	us := kubetest.Store(t)
	c := twoClusters{kubetest.Store(t), us}
	_, err := tenant.Ensure(t.Context(), c.eu, movingSpec(1))
	kubetest.Must(t, err)
	for i, value := range []string{"hunter2", "correct horse"} {
		step := []string{ev.StepPrepare, ev.StepQuiesce}[i]
		secretIs(t, c.eu, value)
		task, r := c.relocates(t, step, uint64(2+i))
		kubetest.Must(t, r.Err)
		if got := password(t, us); got != password(t, c.eu) || got == "" {
			t.Errorf("after %s it says %s there", step, got)
		}
		if said := fmt.Sprint(r.Outcome, task.Calls()); strings.Contains(said, value) {
			t.Errorf("%s says %s", step, said)
		}
	}
	c.us = telling{us}
	secretIs(t, c.eu, "battery staple")
	task, r := c.relocates(t, ev.StepQuiesce, 4)
	if r.Err == nil || !strings.Contains(r.Err.Error(), "battery staple") {
		t.Fatalf("the test's cluster says nothing: %v", r.Err)
	}
	if said := task.Hidden(r.Err); strings.Contains(said, "battery") || !strings.Contains(said, "is no good") {
		t.Errorf("what is said of the error is %s", said)
	}
}

// One whose Secrets no server carries there is told so before it moves, by name of what is not reached.
func TestSecretsThatNobodyCarries(t *testing.T) {
	c := twoClusters{kubetest.Store(t), kubetest.Store(t)}
	_, err := tenant.Ensure(t.Context(), c.eu, movingSpec(1))
	kubetest.Must(t, err)
	for _, row := range []struct {
		name, into string
		clouds     []string
		secret     bool
		reached    bool
		want       string
	}{
		{"nothing follows", "c2", []string{"sim-eu"}, false, true, "[] []"},
		{"both are reached", "c2", []string{"sim-eu", "sim-us"}, true, true, "[Secret db] []"},
		{"the other is in another server's cloud", "c2", []string{"sim-eu"}, true, true, `[Secret db] [Secrets labelled aerie.io/follow follow it through the memory of one server or one agent, which must reach both clusters, and that of -/us is not reached: survey: invalid (UnknownCloud): this server works in no cloud called "sim-us"`},
		{"and not made yet", "", []string{"sim-eu"}, true, true, "[Secret db] [Secrets"},
		{"it is not made yet", "", []string{"sim-eu", "sim-us"}, true, true, "[Secret db] []"},
		{"nobody gets there", "c2", []string{"sim-eu", "sim-us"}, true, false, "[Secret db] [Secrets labelled aerie.io/follow follow it through the memory of one server or one agent, which must reach both clusters, and that of -/us is not reached: no route to host; take the label away, or choose a dataplane that it reaches]"},
	} {
		if row.secret {
			secretIs(t, c.eu, "hunter2")
		}
		at := c
		if !row.reached {
			at.us = nil
		}
		var of ev.TenantSurvey
		of.Placement, of.Target, of.Elsewhere = movingStep("").Placement, placeIn("eu"), true
		of.There, of.Into = placeIn("us"), row.into
		use, err := SurveyTenant(t.Context(), at.clouds(row.clouds...), of)
		if got := fmt.Sprint(use.Follow, use.Blocked); err != nil || !strings.HasPrefix(got, row.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %s, %v", row.name, got, err)
		}
	}
}
