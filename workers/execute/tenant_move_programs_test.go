package execute

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// movingCluster is a cluster in which the Jobs of a move run.
type movingCluster struct {
	*memory.Store
	now time.Time
}

func (c *movingCluster) api() kube.API {
	return memory.RunJobs(c.Store, c.now, func() memory.Course { return memory.Course{Ends: c.now.Add(10 * time.Second)} })
}

// movingStep is a step of a move that runs no programs.
func movingStep(step string) (e ev.RelocateTenant) {
	e.Customer, e.Tenant, e.Step, e.Move = "acme", "prod", step, "M1"
	e.Placement = ev.Placement{Namespace: "acme--prod", Stay: "s1", Plan: "-/roaming"}
	return e
}

// movingSpec is the tenant that moves.
func movingSpec(revision uint64) tenant.Spec {
	return tenant.Spec{Namespace: "acme--prod", Customer: "acme", Tenant: "prod", Owner: "U1", Plan: "roaming", Stay: "s1", Revision: revision,
		Quota: tenant.Quota{Pods: 1}}
}

// step does what can be done of a step at once, by somebody who dies after so many writes.
func (c *movingCluster) step(t *testing.T, step string, revision uint64, calls int) (bool, error) {
	t.Helper()
	named := func(step, app string) ev.MoveJob {
		return ev.MoveJob{Step: step, App: app, Job: ev.PlanJob{Image: step + ":1", Deadline: "10m", Attempts: 1}}
	}
	e := movingStep(step)
	e.Programs = &ev.MovePrograms{Source: "acme--prod", Target: "acme--prod"}
	switch step {
	case ev.StepQuiesce:
		e.Programs.Jobs, e.Closed = []ev.MoveJob{named(ev.StepQuiesce, ""), named(ev.StepQuiesce, "pg")}, true
	case ev.StepCopy:
		e.Programs.Jobs, e.Closed = []ev.MoveJob{named(ev.StepCopy, "")}, true
	case ev.StepStop:
		e.Programs, e.Closed = nil, true
	case ev.StepAbort:
		e.Programs.Jobs, e.Programs.Stops = []ev.MoveJob{named(ev.StepUnquiesce, "")}, []string{"", "pg"}
	}
	task := NewTask(ev.Work{UID: "U1", Revision: revision}, nil, nil)
	return task.relocateStep(t.Context(), &kubetest.Dying{API: c.api(), Left: calls}, e)
}

// until does a step until it is done; each try but the last dies after so many writes.
func (c *movingCluster) until(t *testing.T, step string, revision uint64, calls int) {
	t.Helper()
	untilDone(t, step, calls, &c.now, func(calls int) (bool, error) { return c.step(t, step, revision, calls) })
}

// untilDone tries a step until it is done; each try but the last dies after so many writes, and programs have time in between.
func untilDone(t *testing.T, step string, calls int, now *time.Time, try func(calls int) (done bool, err error)) {
	t.Helper()
	for range 20 {
		if _, err := try(calls); err != nil && kube.CodeOf(err) != kube.Unavailable {
			t.Fatal(step, err)
		}
		*now = now.Add(11 * time.Second)
		if done, err := try(1000); err != nil {
			t.Fatal(step, err)
		} else if done {
			return
		}
	}
	t.Fatalf("%s is not done", step)
}

func (c *movingCluster) open(t *testing.T) bool {
	t.Helper()
	open, err := tenant.IsOpen(t.Context(), c.api(), tenant.Stay{Namespace: "acme--prod", Owner: "U1", Name: "s1"})
	kubetest.Must(t, err)
	return open
}

// jobs are the Jobs that are there, by namespace and step.
func (c *movingCluster) jobs(t *testing.T) string {
	t.Helper()
	all, err := c.api().List(t.Context(), kube.Selector{APIVersion: job.API, Kind: "Job"})
	kubetest.Must(t, err)
	var names []string
	for _, o := range all {
		names = append(names, o.Namespace()+"/"+strings.Split(o.Name(), "-")[1])
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func newMovingCluster(t *testing.T) *movingCluster {
	t.Helper()
	c := &movingCluster{kubetest.Store(t), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	_, err := tenant.Ensure(t.Context(), c.api(), movingSpec(1))
	kubetest.Must(t, err)
	return c
}

// A move that is given up: whoever works on it dies after each write, and what rested is undone before it is open. No program is
// counted by the tenant's quota.
func TestAMoveThatIsGivenUp(t *testing.T) {
	for calls := range 12 {
		c := newMovingCluster(t)
		c.until(t, ev.StepQuiesce, 2, calls)
		if got := c.jobs(t); got != "acme--prod--move/quiesce acme--prod--move/quiesce" {
			t.Fatalf("it is quiesced by %s", got)
		}
		for i := 0; !c.open(t); i++ {
			_, _ = c.step(t, ev.StepAbort, 3, calls)
			if got := c.jobs(t); c.open(t) && strings.Contains(got, "/quiesce") {
				t.Fatalf("it is open, and there is %s", got)
			}
			c.now = c.now.Add(11 * time.Second)
			if i > 20 {
				calls = 1000
			}
			if i > 40 {
				t.Fatal("it does not open again")
			}
		}
		c.until(t, ev.StepAbort, 3, 1000)
		if got := c.jobs(t); got != "" {
			t.Fatalf("%s is left", got)
		}
	}
}

// Where nothing was asked to rest there is nothing to undo: no program can keep it closed.
func TestNothingWasToRest(t *testing.T) {
	c := newMovingCluster(t)
	kubetest.Must(t, tenant.Close(t.Context(), c.api(), movingSpec(2)))
	if done, err := c.step(t, ev.StepAbort, 3, 1000); !done || err != nil || !c.open(t) || c.jobs(t) != "" {
		t.Fatalf("it is open: %t, by %s: %t, %v", c.open(t), c.jobs(t), done, err)
	}
}

// lingering is a cluster in which a namespace that is deleted goes when it is let go: its pods have not ended.
type lingering struct {
	*kubetest.Dying
	held bool
}

// DeleteUnchanged implements kube.API.
func (l *lingering) DeleteUnchanged(ctx context.Context, read kube.Object) error {
	if !l.held || read.Kind() != "Namespace" {
		return l.Dying.DeleteUnchanged(ctx, read)
	}
	o := read.Clone()
	o.Metadata()["deletionTimestamp"] = "2026-01-01T00:00:00Z"
	_, err := l.Dying.Apply(ctx, o)
	return err
}

// Programs at the place to which a tenant does not go have ended when their pods are gone, and not before; a call of before that
// comes late begins none.
func TestProgramsAreStopped(t *testing.T) {
	c := newMovingCluster(t)
	if done, err := c.step(t, ev.StepCopy, 2, 1000); done || err != nil {
		t.Fatal(done, err)
	}
	if got := c.jobs(t); got != "acme--prod--move/copy" {
		t.Fatalf("it is copied by %s", got)
	}
	task := NewTask(ev.Work{UID: "U1", Revision: 3}, nil, nil)
	e := movingStep(ev.StepStop)
	e.Closed = true
	for range 3 {
		done, err := task.relocateStep(t.Context(), &lingering{&kubetest.Dying{API: c.api(), Left: 1000}, true}, e)
		if done || err != nil {
			t.Fatal("its pods have not ended:", done, err)
		}
	}
	kubetest.Must(t, kube.Delete(t.Context(), c.api(), kube.NamespaceKey("acme--prod--move"))) // they have
	if done, err := task.relocateStep(t.Context(), c.api(), e); !done || err != nil {
		t.Fatal(done, err)
	}
	if _, err := c.step(t, ev.StepCopy, 2, 1000); kube.CodeOf(err) != kube.Conflict {
		t.Fatal("a late call:", err)
	}
	if got := c.jobs(t); got != "" {
		t.Fatalf("%s is left", got)
	}
}

// A call of a move that comes late, when the tenant has left, makes neither its namespace again nor a program; what needs one all the
// same makes it closed.
func TestACallOfAMoveThatHasEnded(t *testing.T) {
	for step, makes := range map[string]bool{ev.StepQuiesce: false, ev.StepCopy: false, ev.StepStop: false, ev.StepAbort: true} {
		c := newMovingCluster(t)
		c.until(t, ev.StepQuiesce, 2, 1000)
		stay := tenant.Stay{Namespace: "acme--prod", Owner: "U1", Name: "s1", Revision: 4}
		for range 3 {
			kubetest.Must(t, tenant.Delete(t.Context(), c.api(), stay))
		}
		_, _ = c.step(t, step, 3, 1000)
		there, err := kube.Find(t.Context(), c.api(), kube.NamespaceKey("acme--prod"))
		if kubetest.Must(t, err); (there != nil) != makes || c.open(t) || c.jobs(t) != "" {
			t.Errorf("a late %s has made %v, open: %t, and %q", step, there, c.open(t), c.jobs(t))
		}
	}
}

// A namespace of the programs' name that is another's holds up no end of a tenant.
func TestAForeignNamespaceHoldsUpNoRemoval(t *testing.T) {
	c := newMovingCluster(t)
	_, err := c.api().Apply(t.Context(), kube.NewObject("v1", "Namespace", "", "acme--prod--move", nil))
	kubetest.Must(t, err)
	for owner, want := range map[string]bool{"": false, "U1": true} {
		kubetest.Edit(t, c.Store, "v1", "Namespace", "", "acme--prod--move", func(o kube.Object) {
			o.Metadata()["labels"] = map[string]any{kube.LabelOwner: owner}
		})
		if there, err := programsRemain(t.Context(), c.api(), "acme--prod", "U1"); there != want || err != nil {
			t.Errorf("of %q something remains: %t, %v", owner, there, err)
		}
	}
}

// Where an application is reached is read from its Services, when they say it.
func TestEndpointsOfServices(t *testing.T) {
	service := func(name string, spec, status map[string]any) kube.Object {
		return kubetest.Object("v1", "Service", "acme--prod", name, map[string]any{"spec": spec, "status": status})
	}
	at := func(ingress ...any) map[string]any {
		return map[string]any{"loadBalancer": map[string]any{"ingress": ingress}}
	}
	balanced := map[string]any{"type": "LoadBalancer"}
	m := kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "acme--prod"),
		service("inside", map[string]any{"type": "ClusterIP"}, nil), service("bare", nil, nil),
		service("address", balanced, at(map[string]any{"ip": "192.0.2.1", "hostname": "a.example"})),
		service("name", balanced, at(map[string]any{}, map[string]any{"hostname": "b.example"})),
		service("coming", balanced, nil), service("empty", balanced, at()))
	for _, row := range []struct{ services, want string }{
		{"", "[] true"},
		{"inside", "[inside=inside.acme--prod.svc.cluster.local:5432] true"},
		{"bare", "[bare=bare.acme--prod.svc.cluster.local:5432] true"},
		{"address name", "[address=192.0.2.1:5432 name=b.example:5432] true"},
		{"address coming", "[] false"},
		{"empty", "[] false"},
		{"inside other", "invalid: find endpoint other"},
	} {
		var e ev.EnsureApplication
		e.Namespace = "acme--prod"
		for _, name := range strings.Fields(row.services) {
			e.Endpoints = append(e.Endpoints, ev.Endpoint{Name: name, Service: name, Port: 5432})
		}
		found, all, err := endpoints(t.Context(), m, e)
		said := []string{}
		for _, f := range found {
			said = append(said, fmt.Sprintf("%s=%s:%d", f.Name, f.Host, f.Port))
		}
		got := fmt.Sprint(said, all)
		if err != nil {
			got = fmt.Sprintf("%s: %v", kube.CodeOf(err), err)
		}
		if !strings.HasPrefix(got, row.want) {
			t.Errorf("%q: %s, want %s", row.services, got, row.want)
		}
	}
	if _, _, err := endpoints(t.Context(), kubetest.Store(t), ev.EnsureApplication{Endpoints: []ev.Endpoint{{Name: "db", Service: "pg", Port: 1}}}); err == nil {
		t.Error("nobody says that its Service is not there")
	}
}
