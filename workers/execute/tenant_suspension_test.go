package execute

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	ev "github.com/aeriehq/aerie/events"
)

// operated is a cluster with a tenant that has a database of an operator's, and what has a scale.
type operated struct {
	*movingCluster
	begun []string // the programs that have run
	fails string   // what one says that fails; empty: they succeed
	round int      // for the how many-th time it is to fall asleep or to wake
}

func (c *operated) api() kube.API {
	return memory.RunJobs(c.Store, c.now, func() memory.Course { return memory.Course{Ends: c.now.Add(10 * time.Second), Fails: c.fails} })
}

func newOperated(t *testing.T) *operated {
	t.Helper()
	c := &operated{movingCluster: newMovingCluster(t)}
	controlled := func(o kube.Object, kind, name string) kube.Object {
		o.Metadata()["ownerReferences"] = []any{map[string]any{"apiVersion": "example.test/v1", "kind": kind, "name": name, "controller": true}}
		return o
	}
	for _, o := range []kube.Object{
		kube.NewObject("example.test/v1", "Postgres", "acme--prod", "db", nil).Marked("", map[string]string{kube.LabelApplication: "pg"}, nil),
		controlled(kube.NewObject("apps/v1", "StatefulSet", "acme--prod", "db", map[string]any{"replicas": int64(1)}), "Postgres", "db"),
		kube.NewObject("apps/v1", "Deployment", "acme--prod", "web", map[string]any{"replicas": int64(2)}),
	} {
		_, err := c.Apply(t.Context(), o)
		kubetest.Must(t, err)
	}
	return c
}

// sleepOwed is what is owed to the tenant that is to sleep, or to wake.
func sleepOwed(step, app string, round int) ev.Effect {
	var of ev.EnsureTenant
	of.Customer, of.Tenant = "acme", "prod"
	of.Placement = ev.Placement{Namespace: "acme--prod", Stay: "s1", Plan: "-/roaming", Quota: ev.PlanQuota{Pods: 1}}
	p := &ev.MovePrograms{Source: "acme--prod", Stops: []string{app}, Round: round, Jobs: []ev.MoveJob{{Step: step, App: app, Job: ev.PlanJob{Image: step + ":1", Deadline: "10m", Attempts: 1}}}}
	if step == ev.StepSuspend {
		return ev.SuspendTenant{EnsureTenant: of, Programs: p, Operated: []string{app}}
	}
	return ev.ResumeTenant{EnsureTenant: of, Programs: p}
}

// try does what can be done at once, by somebody who dies after so many writes.
func (c *operated) try(t *testing.T, step string, revision uint64, calls int) (done bool, err error) {
	t.Helper()
	done, err = tryOnce(t, revision, sleepOwed(step, "pg", c.round), &kubetest.Dying{API: c.api(), Left: calls})
	for _, j := range strings.Fields(c.jobs(t)) {
		if name := strings.TrimPrefix(j, "acme--prod--move/"); !slices.Contains(c.begun, name) {
			c.begun = append(c.begun, name)
		}
	}
	return done, err
}

// until does it until it is done; each try but the last dies after so many writes.
func (c *operated) until(t *testing.T, step string, revision uint64, calls int) {
	t.Helper()
	untilDone(t, step, calls, &c.now, func(calls int) (bool, error) { return c.try(t, step, revision, calls) })
}

// stands tells how much is to run, and what is there for programs.
func (c *operated) stands(t *testing.T) string {
	t.Helper()
	said := ""
	for _, k := range []kube.Key{{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "acme--prod", Name: "web"}, {APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "acme--prod", Name: "db"},
		kube.NamespaceKey("acme--prod--move"), {APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy", Namespace: "acme--prod", Name: "aerie-move-ingress"}} {
		o, err := kube.Find(t.Context(), c.api(), k)
		kubetest.Must(t, err)
		if n, scaled := kube.MapOf(o["spec"])["replicas"]; scaled {
			said += fmt.Sprintf("%s %v ", k.Name, n)
		} else if o != nil {
			said += k.Kind + " "
		}
	}
	return said + c.jobs(t)
}

// Operators stop what they run by programs, and run it again by programs, whoever works on it dies after each write. Nothing of the programs
// is left.
func TestOperatorsStopByPrograms(t *testing.T) {
	for calls := range 12 {
		c := newOperated(t)
		c.until(t, ev.StepSuspend, 2, calls)
		if got := c.stands(t); got != "web 0 db 1 " || fmt.Sprint(c.begun) != "[suspend]" {
			t.Fatalf("%d writes: asleep there is %q after %v", calls, got, c.begun)
		}
		c.until(t, ev.StepResume, 3, calls)
		if got := c.stands(t); got != "web 2 db 1 " || fmt.Sprint(c.begun) != "[suspend resume]" {
			t.Fatalf("%d writes: awake there is %q after %v", calls, got, c.begun)
		}
	}
}

// Who is to wake while operators are being stopped wakes when the program that stops them has ended, and one that is late runs none.
func TestOperatorsAreNotStoppedAndStartedAtOnce(t *testing.T) {
	for calls := range 12 {
		c := newOperated(t)
		_, _ = c.try(t, ev.StepSuspend, 2, 1000)
		if got := c.jobs(t); got != "acme--prod--move/suspend" {
			t.Fatal("there are", got)
		}
		quota, err := kube.Find(t.Context(), c.api(), kube.Key{APIVersion: "v1", Kind: "ResourceQuota", Namespace: "acme--prod--move", Name: "aerie-quota"})
		if got := fmt.Sprint(kube.MapOf(quota["spec"])["hard"]); err != nil || got != "map[pods:1]" {
			t.Fatal("its programs are bounded by", got, err)
		}
		for range 20 {
			_, _ = c.try(t, ev.StepResume, 3, calls)
			if got := c.jobs(t); strings.Contains(got, "suspend") && strings.Contains(got, "resume") {
				t.Fatal("there are", got)
			}
			if _, err := c.try(t, ev.StepSuspend, 2, 1000); kube.CodeOf(err) != kube.Conflict && calls > 0 {
				t.Fatalf("%d writes: late: %v; there are %s", calls, err, c.jobs(t))
			}
		}
		c.until(t, ev.StepResume, 3, calls)
		if got := c.stands(t); got != "web 2 db 1 " {
			t.Errorf("%d writes: awake there is %q", calls, got)
		}
	}
}

// What no program stops is refused by name, before one is run.
func TestWhatNoProgramStopsIsNamedFirst(t *testing.T) {
	c := newOperated(t)
	_, err := tryOnce(t, 2, sleepOwed(ev.StepSuspend, "web", 1), c.api())
	if kube.CodeOf(err) != kube.Invalid || !strings.Contains(err.Error(), "Postgres db (an operator's)") || c.stands(t) != "web 2 db 1 " {
		t.Errorf("%v; there is %q", err, c.stands(t))
	}
}

// A program that fails says why.
func TestAProgramThatCantStopAnOperator(t *testing.T) {
	c := newOperated(t)
	c.fails = "the operator does not answer"
	_, _ = c.try(t, ev.StepSuspend, 2, 1000)
	c.now = c.now.Add(11 * time.Second)
	if _, err := c.try(t, ev.StepSuspend, 2, 1000); err == nil || !strings.Contains(err.Error(), "the operator does not answer") || !strings.HasPrefix(c.stands(t), "web 2 db 1 ") {
		t.Errorf("%v; there is %q", err, c.stands(t))
	}
}

// starts has the operator run a pod.
func (c *operated) starts(t *testing.T) {
	t.Helper()
	pod := kube.NewObject("v1", "Pod", "acme--prod", "db-0", nil)
	pod.Metadata()["ownerReferences"] = []any{map[string]any{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": true}}
	_, err := c.Apply(t.Context(), pod)
	kubetest.Must(t, err)
}

// What an operator starts while its tenant sleeps is no drift: who moves to other terms meanwhile is not kept by it.
func TestOneThatSleepsAndAnOperatorThatDoesNot(t *testing.T) {
	c := newOperated(t)
	c.starts(t)
	terms := sleepOwed(ev.StepSuspend, "pg", 0).(ev.SuspendTenant)
	terms.Programs = nil
	if done, err := tryOnce(t, 2, terms, c.api()); !done || err != nil || c.stands(t) != "web 0 db 1 " {
		t.Errorf("%t, %v; there is %q", done, err, c.stands(t))
	}
}

// A program that has failed, or whose operator has not done as it was told, is run anew when the tenant is to sleep or to wake again.
func TestProgramsAreRunAnew(t *testing.T) {
	for _, step := range []string{ev.StepSuspend, ev.StepResume} {
		c := newOperated(t)
		c.round, c.fails = 1, "the operator does not answer"
		_, _ = c.try(t, step, 2, 1000)
		c.now = c.now.Add(11 * time.Second)
		if _, err := c.try(t, step, 2, 1000); kube.CodeOf(err) != kube.Invalid {
			t.Fatal(step, err)
		}
		c.round, c.fails = 2, ""
		c.until(t, step, 3, 1000)
	}
	c := newOperated(t)
	c.round = 1
	c.starts(t)
	begun := func() string {
		all, err := c.api().List(t.Context(), kube.Selector{APIVersion: job.API, Kind: "Job"})
		kubetest.Must(t, err)
		return fmt.Sprint(all)
	}
	_, _ = c.try(t, ev.StepSuspend, 2, 1000)
	c.now = c.now.Add(11 * time.Second)
	if _, err := c.try(t, ev.StepSuspend, 2, 1000); kube.CodeOf(err) != kube.Held || !strings.Contains(begun(), "Complete") {
		t.Fatal(err, begun())
	}
	c.round = 2
	for range 2 { // what has been done goes, and is done again
		if _, err := c.try(t, ev.StepSuspend, 3, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if got := begun(); strings.Contains(got, "Complete") || c.jobs(t) != "acme--prod--move/suspend" {
		t.Error("it is not run anew:", got)
	}
}
