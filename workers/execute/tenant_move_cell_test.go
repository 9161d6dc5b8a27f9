package execute

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/cell"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
	ev "github.com/aeriehq/aerie/events"
)

// aCell and another are the namespaces of two cells of one cluster.
const aCell, another = "cell---pg-a", "cell---pg-b"

// stepAt is something that is owed to a tenant at a place of its own, or in a cell that it shares.
type stepAt struct {
	name, namespace, stay string
	revision              uint64
}

// twoCells are two cells in one cluster, and a tenant in the first.
func twoCells(t *testing.T) *movingCluster {
	t.Helper()
	c := newMovingCluster(t)
	for _, at := range []string{aCell, another} {
		kubetest.Must(t, cell.Ensure(t.Context(), c.api(), cell.Spec{Namespace: at, Label: strings.TrimPrefix(at, "cell---"), Owner: at, Mark: "-/cell/" + at + "/" + at, Revision: 1}))
	}
	c.inCell(t, stepAt{"record", aCell, "s1", 2})
	return c
}

// cellTry does what can be done of a step at once, by somebody who dies after so many writes.
func (c *movingCluster) cellTry(t *testing.T, s stepAt, calls int) (done bool, err error) {
	t.Helper()
	return c.cellWith(t, s, &kubetest.Dying{API: c.api(), Left: calls})
}

// cellWith does what can be done of a step at once, by a way into the cluster.
func (c *movingCluster) cellWith(t *testing.T, s stepAt, api kube.API) (done bool, err error) {
	t.Helper()
	program := func(name string) ev.PlanJob { return ev.PlanJob{Image: name + ":1", Deadline: "10m", Attempts: 1} }
	in := ev.CellTenant{Namespace: s.namespace, Record: "acme--prod", Customer: "acme", Tenant: "prod", Stay: s.stay, Plan: "-/many", PlanVersion: 1}
	var owed ev.Effect
	switch s.name {
	case "record":
		owed = ev.RecordTenant{CellTenant: in}
	case "join":
		owed = ev.JoinTenant{CellTenant: in, Infra: "pg", Job: program("join"), Try: 1}
	case "leave":
		owed = ev.LeaveTenant{CellTenant: in, Infra: "pg", Job: program("leave")}
	case "forget":
		owed = ev.ForgetTenant{CellTenant: in}
	default:
		owed = cellMove(s, program)
	}
	return tryOnce(t, s.revision, owed, api)
}

// tryOnce does what can be done at once of what is owed.
func tryOnce(t *testing.T, revision uint64, owed ev.Effect, api kube.API) (done bool, err error) {
	t.Helper()
	task := NewTask(ev.Work{UID: "U1", Revision: revision, Effect: owed.Effect()}, map[string]Cloud{"": {Kube: func(context.Context, cloud.Scope, string) (kube.API, error) { return api, nil }}}, nil)
	task.Args, err = ev.Encode(owed)
	kubetest.Must(t, err)
	r := task.Do(t.Context())
	return r.Outcome != nil, r.Err
}

// cellMove is a step of a move between the two cells.
func cellMove(s stepAt, program func(string) ev.PlanJob) ev.RelocateTenant {
	var e ev.RelocateTenant
	e.Customer, e.Tenant, e.Step, e.Move = "acme", "prod", s.name, "M1"
	e.Placement = ev.Placement{Namespace: s.namespace, Record: "acme--prod", Stay: s.stay, TenantInfra: "-/eu_pg", Plan: "-/many", PlanVersion: 1}
	runs := map[string]string{ev.StepQuiesce: ev.StepQuiesce, ev.StepCopy: ev.StepCopy, ev.StepVerify: ev.StepVerify, ev.StepRedirect: ev.StepSwitch, ev.StepAbort: ev.StepUnquiesce}
	if name := runs[s.name]; name != "" {
		e.Programs = &ev.MovePrograms{Source: aCell, Target: another, Quota: ev.PlanQuota{Storage: "1Gi", Pods: 3}, Jobs: []ev.MoveJob{{Step: name, Job: program(name)}},
			Here: []ev.EndpointAddress{{App: "web", Name: "db", Host: "web.here", Port: 1}}, There: []ev.EndpointAddress{{App: "web", Name: "db", Host: "web.there", Port: 2}}}
	}
	switch s.name {
	case ev.StepPrepare:
		join := program("join")
		e.Join = &join
	case ev.StepAbort:
		e.Programs.Stops = []string{""}
	}
	return e
}

// inCell does a step until it is done. Each try but the last dies after so many writes.
func (c *movingCluster) inCell(t *testing.T, s stepAt, calls ...int) {
	t.Helper()
	c.untilDone(t, s, c.cellTry, c.checkCells, calls...)
}

// untilDone tries a step until it is done: first by those who die after so many writes. What must hold is checked after each try.
func (c *movingCluster) untilDone(t *testing.T, s stepAt, try func(*testing.T, stepAt, int) (bool, error), check func(*testing.T, stepAt), calls ...int) {
	t.Helper()
	for range 30 {
		for _, n := range calls {
			if _, err := try(t, s, n); err != nil && kube.CodeOf(err) != kube.Unavailable {
				t.Fatal(s, err)
			}
			check(t, s)
		}
		c.now = c.now.Add(11 * time.Second)
		done, err := try(t, s, 1000)
		if err != nil {
			t.Fatal(s, err)
		}
		if check(t, s); done {
			return
		}
	}
	t.Fatalf("%s is not done", s.name)
}

// checkCells: never do two cells serve the tenant, nor one whose data may rest or is being copied.
func (c *movingCluster) checkCells(t *testing.T, s stepAt) {
	t.Helper()
	here, there := c.stateIn(t, aCell), c.stateIn(t, another)
	if here == ev.StateActive && there == ev.StateActive {
		t.Fatalf("at %s both cells serve it", s.name)
	}
	if jobs := c.jobs(t); here == ev.StateActive && (strings.Contains(jobs, aCell+"/quiesce") || strings.Contains(jobs, another+"/copy")) {
		t.Fatalf("at %s its cell serves it, and there are %s", s.name, jobs)
	}
}

func (c *movingCluster) stateIn(t *testing.T, namespace string) string {
	t.Helper()
	state, err := cell.RecordState(t.Context(), c.api(), namespace, "acme--prod", "U1")
	kubetest.Must(t, err)
	return state
}

// leftOf is what there is in a cell that is the tenant's.
func (c *movingCluster) leftOf(t *testing.T, namespace string) string {
	t.Helper()
	var found []string
	for api, kinds := range map[string][]string{"v1": {"ConfigMap"}, job.API: {"Job"}, kube.NetworkingAPI: {"NetworkPolicy"}} {
		for _, kind := range kinds {
			all, err := c.api().List(t.Context(), kube.Selector{APIVersion: api, Kind: kind, Namespace: namespace, Labels: map[string]string{kube.LabelOwner: "U1"}})
			kubetest.Must(t, err)
			for range all {
				found = append(found, kind)
			}
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

var (
	overToCell = []stepAt{{ev.StepPrepare, another, "s2", 3}, {ev.StepQuiesce, aCell, "s1", 4}, {ev.StepCopy, another, "s2", 5}, {ev.StepVerify, another, "s2", 6},
		{ev.StepOpen, another, "s2", 7}, {ev.StepRedirect, another, "s2", 8}, {"leave", aCell, "s1", 9}, {"forget", aCell, "s1", 10}}
	homeToCell = []stepAt{{ev.StepPrepare, aCell, "s3", 20}, {ev.StepQuiesce, another, "s2", 21}, {ev.StepOpen, aCell, "s3", 22}, {"leave", another, "s2", 23}, {"forget", another, "s2", 24}}
	backToCell = []stepAt{{ev.StepPrepare, another, "s2", 3}, {ev.StepQuiesce, aCell, "s1", 4}, {ev.StepCopy, another, "s2", 5},
		{ev.StepStop, another, "s2", 6}, {ev.StepAbort, aCell, "s1", 7}, {"leave", another, "s2", 8}, {"forget", another, "s2", 9}}
)

// A tenant goes from cell to cell, or comes back on the way: whoever works on it dies after each write.
func TestFromCellToCell(t *testing.T) {
	for calls := range 6 {
		for end, steps := range map[string][]stepAt{another: overToCell, aCell: backToCell} {
			c := twoCells(t)
			for _, s := range steps {
				c.inCell(t, s, calls)
				if s.name == ev.StepQuiesce && c.stateIn(t, aCell) != ev.StateClosed {
					t.Fatal("it is quiesced, and not closed")
				}
			}
			other := map[string]string{another: aCell, aCell: another}[end]
			if c.stateIn(t, end) != ev.StateActive || c.leftOf(t, end) != "ConfigMap" || c.leftOf(t, other) != "" {
				t.Errorf("in %s is %s, and in %s %s", end, c.leftOf(t, end), other, c.leftOf(t, other))
			}
		}
	}
}

// Nobody was asked to have the tenant rest: it opens without a program.
func TestNothingWasToRestInACell(t *testing.T) {
	c := twoCells(t)
	c.inCell(t, stepAt{ev.StepPrepare, another, "s2", 3})
	if _, err := c.cellTry(t, stepAt{ev.StepQuiesce, aCell, "s1", 4}, 1); kube.CodeOf(err) != kube.Unavailable || c.stateIn(t, aCell) != ev.StateClosed {
		t.Fatal("it is", c.stateIn(t, aCell), err)
	}
	if done, err := c.cellTry(t, stepAt{ev.StepAbort, aCell, "s1", 5}, 1000); !done || err != nil || c.jobs(t) != another+"/u1" { // by which it joined there

		t.Fatalf("it is open: %t, %v; there are %s", done, err, c.jobs(t))
	}
}

// A call that comes late, of a stay that has ended or of an older revision, opens, closes and removes nothing.
func TestLateCallsInCells(t *testing.T) {
	for _, late := range []stepAt{{"record", aCell, "s1", 2}, {ev.StepOpen, aCell, "s1", 2}, {ev.StepAbort, aCell, "s1", 5}} {
		c := twoCells(t)
		for _, s := range overToCell {
			c.inCell(t, s)
		}
		if done, _ := c.cellTry(t, late, 1000); done || c.stateIn(t, aCell) == ev.StateActive {
			t.Errorf("a late %s has opened what it has left", late.name)
		}
	}
	for _, late := range slices.Concat(overToCell, backToCell, []stepAt{{"record", aCell, "s1", 2}}) {
		c := twoCells(t)
		for _, s := range overToCell {
			c.inCell(t, s)
		}
		for _, s := range homeToCell {
			c.inCell(t, s)
		}
		_, _ = c.cellTry(t, late, 1000)
		if c.stateIn(t, aCell) != ev.StateActive || c.stateIn(t, another) == ev.StateActive {
			t.Errorf("after a late %s in %s it is %q where it came back to, and %q where it was", late.name, late.namespace, c.stateIn(t, aCell), c.stateIn(t, another))
		}
	}
}

// holding is an API that is held up at the very moment before it makes a Job, or something of another kind, for the nth time: the rest of the
// world goes on meanwhile.
type holding struct {
	kube.API
	kind      string // empty: Job
	nth       int    // from 0
	meanwhile func()
}

// Apply implements kube.API.
func (h *holding) Apply(ctx context.Context, o kube.Object) (bool, error) {
	if do := h.meanwhile; o.Kind() == cmp.Or(h.kind, "Job") && do != nil {
		if h.nth--; h.nth < 0 {
			h.meanwhile = nil
			do()
		}
	}
	return h.API.Apply(ctx, o)
}

// Whoever is held up between his look at the record and his Job leaves none where the tenant has left meanwhile, also when it has come
// back since: the cluster ends what goes with a record that is gone.
func TestAJobThatComesLate(t *testing.T) {
	for name, late := range map[string]struct {
		before, held, after int // of overToCell: what is done before, which is held up, and up to which is done meanwhile
		steps               []stepAt
	}{
		"join":    {0, 0, 7, backToCell},
		"copy":    {2, 2, 7, backToCell},
		"quiesce": {1, 1, 8, overToCell},
		"leave":   {6, 6, 8, overToCell},
	} {
		for _, back := range []bool{false, true} {
			c := twoCells(t)
			for _, s := range late.steps[:late.before] {
				c.inCell(t, s)
			}
			made := false
			held := &holding{API: c.api()}
			held.meanwhile = func() {
				made = true
				for _, s := range late.steps[late.held:late.after] {
					c.inCell(t, s)
				}
				if back && late.steps[0] == overToCell[0] && late.after == len(overToCell) {
					for _, s := range homeToCell {
						c.inCell(t, s)
					}
				}
			}
			for i := 0; !made && i < 5; i++ { // what is there before goes first
				_, _ = c.cellWith(t, late.steps[late.held], held)
			}
			if !made {
				t.Fatalf("%s makes no Job", name)
			}
			if jobs := c.jobs(t); jobs != "" {
				t.Errorf("a late %s (it has come back: %t) has left %s", name, back, jobs)
			}
		}
	}
}

// A cell that a tenant has left lets nobody in for its move, also if whoever closed it was held up right before he let them in, and died after
// any of his writes. What he leaves between his two writes is seen by who sweeps.
func TestAPolicyThatComesLate(t *testing.T) {
	quiesce := overToCell[1]
	for calls := range 5 {
		for name, steps := range map[string][]stepAt{"has left": overToCell[1:], "has left, and come back": append(slices.Clone(overToCell[1:]), homeToCell...), "has stayed": backToCell[3:]} {
			c := twoCells(t)
			c.inCell(t, overToCell[0])
			made := false
			_, _ = c.cellWith(t, quiesce, &holding{API: &kubetest.Dying{API: c.api(), Left: calls}, kind: "NetworkPolicy", meanwhile: func() {
				made = true
				if name == "has stayed" {
					c.inCell(t, quiesce)
				}
				for _, s := range steps {
					c.inCell(t, s)
				}
			}})
			if !made {
				if calls > 0 {
					t.Fatalf("nobody is let in after %d writes", calls)
				}
				continue // he died before
			}
			owned, err := release.ListOwned(t.Context(), c.api())
			kubetest.Must(t, err)
			swept := 0
			for _, o := range owned {
				if o.IsMovePolicy() && o.Owner == "U1" && o.Tenant == "prod" {
					swept++
					kubetest.Must(t, o.Remove(t.Context(), c.api()))
				}
			}
			if left := strings.Count(c.leftOf(t, aCell)+c.leftOf(t, another), "NetworkPolicy"); left > 0 || swept > 0 && calls != 2 {
				t.Errorf("it %s, and who is late and dies after %d writes has left %d policies, %d of them for a sweep", name, calls, left+swept, swept)
			}
		}
	}
}

// Somebody deletes the record of a tenant whose data has been brought to rest, and then the move is given up: the program that undoes that
// is run all the same.
func TestARestIsUndoneWithoutTheRecord(t *testing.T) {
	c := twoCells(t)
	for _, s := range backToCell[:4] {
		c.inCell(t, s)
	}
	kubetest.Must(t, kube.Delete(t.Context(), c.api(), kube.Key{APIVersion: "v1", Kind: "ConfigMap", Namespace: aCell, Name: "acme--prod"}))
	undone := false
	c.untilDone(t, backToCell[4], c.cellTry, func(t *testing.T, s stepAt) {
		c.checkCells(t, s)
		undone = undone || strings.Contains(c.jobs(t), aCell+"/unquiesce")
	})
	if !undone || c.stateIn(t, aCell) != ev.StateActive {
		t.Errorf("it is undone: %t, and its cell says that it is %s", undone, c.stateIn(t, aCell))
	}
}

// Who is late takes nothing from a newer move of the same stay.
func TestALateRollbackTakesNothingNewer(t *testing.T) {
	c := twoCells(t)
	c.inCell(t, overToCell[0])
	again := []stepAt{{ev.StepPrepare, another, "s3", 20}, {ev.StepQuiesce, aCell, "s1", 21}}
	var before string
	_, err := c.cellWith(t, overToCell[1], &holding{API: c.api(), kind: "ConfigMap", nth: 1, meanwhile: func() {
		for _, s := range slices.Concat([]stepAt{overToCell[1]}, backToCell[3:], again) {
			c.inCell(t, s)
		}
		before = c.leftOf(t, aCell)
	}})
	if after := c.leftOf(t, aCell); kube.CodeOf(err) != kube.Conflict || !strings.Contains(before, "NetworkPolicy") || after != before {
		t.Errorf("there was %q, and there is %q: %v", before, after, err)
	}
}

// A call that is late as a whole makes a record at most, by which somebody would come in or leave, and runs nothing.
func TestALateCallRunsNothing(t *testing.T) {
	for _, s := range []stepAt{{"join", aCell, "s1", 2}, {"leave", aCell, "s1", 9}, {ev.StepPrepare, another, "s2", 3}} {
		c := newMovingCluster(t)
		kubetest.Must(t, cell.Ensure(t.Context(), c.api(), cell.Spec{Namespace: s.namespace, Label: "a", Owner: "cell", Revision: 1}))
		if done, err := c.cellTry(t, s, 1000); done || err != nil || c.leftOf(t, s.namespace) != "ConfigMap" {
			t.Errorf("a late %s: %t, %v; there is %s", s.name, done, err, c.leftOf(t, s.namespace))
		}
	}
}

// A program of a move in a cell is told both sides, and the cell that the tenant leaves lets it in.
func TestProgramsInCells(t *testing.T) {
	c := twoCells(t)
	for _, s := range overToCell[:2] {
		c.inCell(t, s)
	}
	_, err := c.cellTry(t, overToCell[2], 1000)
	kubetest.Must(t, err)
	all, err := c.api().List(t.Context(), kube.Selector{APIVersion: job.API, Kind: "Job", Namespace: another, Labels: map[string]string{kube.LabelStay: "s2"}})
	kubetest.Must(t, err)
	if len(all) != 1 {
		t.Fatalf("there are %d programs", len(all))
	}
	said := fmt.Sprint(all[0])
	for _, want := range []string{"AERIE_SOURCE_NAMESPACE value:" + aCell, "AERIE_TARGET_NAMESPACE value:" + another, "AERIE_SOURCE_WEB_DB value:web.here:1",
		"AERIE_TARGET_WEB_DB value:web.there:2", "AERIE_RECORD value:acme--prod", "AERIE_QUOTA_STORAGE value:1Gi", "AERIE_QUOTA_PODS value:3", "AERIE_ROLE value:standby", "AERIE_PLAN value:many", "aerie.io/tenantinfra:pg"} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not in %s", want, said)
		}
	}
	policies, err := c.api().List(t.Context(), kube.Selector{APIVersion: kube.NetworkingAPI, Kind: "NetworkPolicy", Namespace: aCell, Labels: map[string]string{kube.LabelOwner: "U1"}})
	kubetest.Must(t, err)
	if len(policies) != 1 || !strings.Contains(fmt.Sprint(policies[0]), "kubernetes.io/metadata.name:"+another) {
		t.Errorf("it lets in %v", policies)
	}
}

// A call of a move that comes late, when the tenant has left, tells the cell nothing of it, runs no program and lets nobody in.
func TestACallOfAMoveThatHasEndedInACell(t *testing.T) {
	for _, step := range []string{ev.StepQuiesce, ev.StepCopy, ev.StepVerify, ev.StepStop} {
		c := twoCells(t)
		c.inCell(t, stepAt{ev.StepQuiesce, aCell, "s1", 3})
		c.inCell(t, stepAt{"leave", aCell, "s1", 5})
		c.inCell(t, stepAt{"forget", aCell, "s1", 6})
		if _, err := c.cellTry(t, stepAt{step, aCell, "s1", 4}, 1000); err != nil && kube.CodeOf(err) != kube.NotFound {
			t.Error(step, err)
		}
		if left := c.leftOf(t, aCell); left != "" {
			t.Errorf("a late %s has left %s", step, left)
		}
	}
}
