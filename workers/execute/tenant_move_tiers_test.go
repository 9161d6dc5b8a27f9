package execute

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/cell"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// its is the tenant's own namespace.
const its = "acme--prod"

// upToIts are the steps from a cell to a namespace of its own, and downFromIts those back.
var (
	upToIts = []stepAt{{ev.StepPrepare, its, "s2", 3}, {ev.StepQuiesce, aCell, "s1", 4}, {ev.StepCopy, its, "s2", 5}, {ev.StepVerify, its, "s2", 6},
		{ev.StepOpen, its, "s2", 7}, {ev.StepRedirect, its, "s2", 8}, {"leave", aCell, "s1", 9}, {"forget", aCell, "s1", 10}}
	upGivenUp = []stepAt{{ev.StepPrepare, its, "s2", 3}, {ev.StepQuiesce, aCell, "s1", 4}, {ev.StepCopy, its, "s2", 5},
		{ev.StepStop, its, "s2", 6}, {ev.StepAbort, aCell, "s1", 7}, {"remove", its, "s2", 8}}
	downFromIts = []stepAt{{ev.StepPrepare, aCell, "s3", 13}, {ev.StepQuiesce, its, "s2", 14}, {ev.StepCopy, aCell, "s3", 15}, {ev.StepVerify, aCell, "s3", 16},
		{ev.StepOpen, aCell, "s3", 17}, {ev.StepRedirect, aCell, "s3", 18}, {"remove", its, "s2", 19}}
	downGivenUp = []stepAt{{ev.StepPrepare, aCell, "s3", 13}, {ev.StepQuiesce, its, "s2", 14}, {ev.StepCopy, aCell, "s3", 15},
		{ev.StepStop, aCell, "s3", 16}, {ev.StepAbort, its, "s2", 17}, {"leave", aCell, "s3", 18}, {"forget", aCell, "s3", 19}}
)

// inTheCell is a cluster with a cell, and the tenant in it.
func inTheCell(t *testing.T) *movingCluster {
	t.Helper()
	c := &movingCluster{kubetest.Store(t), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	kubetest.Must(t, cell.Ensure(t.Context(), c.api(), cell.Spec{Namespace: aCell, Label: "a", Owner: "A", Revision: 1}))
	c.inCell(t, stepAt{"record", aCell, "s1", 2})
	return c
}

// tierTry does what can be done of a step at once, by somebody who dies after so many writes.
func (c *movingCluster) tierTry(t *testing.T, s stepAt, calls int) (done bool, err error) {
	t.Helper()
	api := &kubetest.Dying{API: c.api(), Left: calls}
	if s.name == "leave" || s.name == "forget" {
		return c.cellWith(t, s, api)
	}
	var owed ev.Effect = ev.RemoveTenant{Namespace: s.namespace, Stay: s.stay}
	if s.name != "remove" {
		e := cellMove(s, func(name string) ev.PlanJob { return ev.PlanJob{Image: name + ":1", Deadline: "10m", Attempts: 1} })
		if s.namespace == its {
			e.Placement.Record, e.Join = "", nil
		}
		e.Closed = s.name != ev.StepOpen && s.name != ev.StepRedirect && s.name != ev.StepAbort
		if p := e.Programs; p != nil {
			p.Beside = true
			if s.revision < 10 {
				p.Source, p.SourceRecord, p.Target = aCell, its, its
			} else {
				p.Source, p.Target, p.TargetRecord = its, aCell, its
			}
		}
		owed = e
	}
	return tryOnce(t, s.revision, owed, api)
}

// does does a step until it is done. Each try but the last dies after so many writes.
func (c *movingCluster) does(t *testing.T, s stepAt, calls int) {
	t.Helper()
	c.untilDone(t, s, c.tierTry, c.oneServes, calls)
}

// serves tells where the tenant is open.
func (c *movingCluster) serves(t *testing.T, stay string) (inCell, own bool) {
	t.Helper()
	own, err := tenant.IsOpen(t.Context(), c.api(), tenant.Stay{Namespace: its, Owner: "U1", Name: stay})
	kubetest.Must(t, err)
	return c.stateIn(t, aCell) == ev.StateActive, own
}

// oneServes: never is the tenant open at both places, nor at one whose data may rest or is being copied.
func (c *movingCluster) oneServes(t *testing.T, s stepAt) {
	t.Helper()
	inCell, own := c.serves(t, "s2")
	jobs := c.jobs(t)
	resting := strings.Contains(jobs, "/quiesce") || strings.Contains(jobs, "/copy")
	if inCell && own || resting && s.name != ev.StepOpen && s.name != ev.StepRedirect && (inCell && s.revision < 10 || own && s.revision > 10) {
		t.Fatalf("at %s it is open in the cell: %t, in its namespace: %t; there are %s", s.name, inCell, own, jobs)
	}
}

// A tenant goes from a cell to a namespace of its own in the same cluster and back, and comes back on either way: whoever works on it dies
// after each write.
func TestBetweenACellAndItsNamespace(t *testing.T) {
	for calls := range 12 {
		for name, way := range map[string]struct {
			steps  []stepAt
			inCell bool // at the end
		}{"up": {upToIts, false}, "up, given up": {upGivenUp, true}, "down": {append(upToIts[:len(upToIts):len(upToIts)], downFromIts...), true}, "down, given up": {append(upToIts[:len(upToIts):len(upToIts)], downGivenUp...), false}} {
			c := inTheCell(t)
			for _, s := range way.steps {
				c.does(t, s, calls)
			}
			inCell, own := c.serves(t, "s2")
			left := c.leftOf(t, aCell)
			there, err := kube.Find(t.Context(), c.api(), kube.NamespaceKey(its))
			kubetest.Must(t, err)
			switch {
			case inCell != way.inCell, own == way.inCell, c.jobs(t) != "":
				t.Errorf("%s: it is open in the cell: %t, in its namespace: %t; there are %s", name, inCell, own, c.jobs(t))
			case way.inCell && (left != "ConfigMap" || there != nil), !way.inCell && left != "":
				t.Errorf("%s: in the cell there is %q, and its namespace: %t", name, left, there != nil)
			}
		}
	}
}

// A call that comes late, when the tenant has gone on to the other place and back, opens, closes and removes nothing.
func TestLateCallsBetweenTiers(t *testing.T) {
	both := append(upToIts[:len(upToIts):len(upToIts)], downFromIts...)
	again := []stepAt{{ev.StepPrepare, its, "s4", 23}, {ev.StepQuiesce, aCell, "s3", 24}, {ev.StepOpen, its, "s4", 25}, {"leave", aCell, "s3", 26}, {"forget", aCell, "s3", 27}}
	for i, late := range append(both, upGivenUp...) {
		c := inTheCell(t)
		for _, s := range upToIts {
			c.does(t, s, 1000)
		}
		if i < len(upToIts) || i >= len(both) {
			_, _ = c.tierTry(t, late, 1000)
			if inCell, own := c.serves(t, "s2"); inCell || !own && late.name != "remove" {
				t.Errorf("after a late %s at %s it is open in the cell: %t, in its namespace: %t", late.name, late.namespace, inCell, own)
			}
		}
		if i >= len(both) {
			continue
		}
		c = inTheCell(t)
		for _, s := range both {
			c.does(t, s, 1000)
		}
		_, _ = c.tierTry(t, late, 1000)
		if inCell, own := c.serves(t, "s2"); !inCell || own {
			t.Errorf("after a late %s at %s it has come back and is open in the cell: %t, in its namespace: %t", late.name, late.namespace, inCell, own)
		}
		for _, s := range again {
			c.does(t, s, 1000)
		}
		_, _ = c.tierTry(t, late, 1000)
		if inCell, own := c.serves(t, "s4"); inCell || !own {
			t.Errorf("after a late %s at %s it is there again and open in the cell: %t, in its namespace: %t", late.name, late.namespace, inCell, own)
		}
	}
}

// The programs of both sides reach each other, and read which of them is a cell.
func TestProgramsBetweenTiers(t *testing.T) {
	c := inTheCell(t)
	for _, s := range upToIts[:2] {
		c.does(t, s, 1000)
	}
	_, err := c.tierTry(t, upToIts[2], 1000)
	kubetest.Must(t, err)
	in := func(kind, namespace string) string {
		all, err := c.api().List(t.Context(), kube.Selector{APIVersion: map[string]string{"Job": "batch/v1", "NetworkPolicy": kube.NetworkingAPI}[kind], Kind: kind, Namespace: namespace, Labels: map[string]string{kube.LabelOwner: "U1"}})
		kubetest.Must(t, err)
		return fmt.Sprint(all)
	}
	wants := func(said string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(said, want) {
				t.Errorf("%s is not in %s", want, said)
			}
		}
	}
	wants(in("Job", its+"--move"), "AERIE_SOURCE_NAMESPACE value:"+aCell, "AERIE_TARGET_NAMESPACE value:"+its, "AERIE_SOURCE_RECORD value:"+its, "AERIE_ROLE value:standby")
	if strings.Contains(in("Job", its+"--move"), "AERIE_TARGET_RECORD") {
		t.Error("where it goes to is no cell, and it is told a record")
	}
	wants(in("NetworkPolicy", aCell), its+"--move", "aerie.io/owner:U1")
	wants(in("NetworkPolicy", its+"--move"), "egress:[", aCell)
	for _, s := range append(upToIts[2:len(upToIts):len(upToIts)], downFromIts[:2]...) {
		c.does(t, s, 1000)
	}
	_, err = c.tierTry(t, downFromIts[2], 1000)
	kubetest.Must(t, err)
	wants(in("Job", aCell), "AERIE_SOURCE_NAMESPACE value:"+its, "AERIE_TARGET_RECORD value:"+its, "AERIE_RECORD value:"+its)
	wants(in("NetworkPolicy", its), aCell)
}
