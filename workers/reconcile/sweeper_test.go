package reconcile

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/consent"
	"github.com/aeriehq/aerie/workers/execute"
)

// oneCluster is the knowledge of one cluster, in which the tenants with some uids have ended.
type oneCluster struct {
	knowledge
	of    Cluster
	ended []string
	swept int
}

func (o *oneCluster) sites(context.Context) ([]ev.Target, error) { return nil, nil }

func (o *oneCluster) clusters(context.Context) ([]Cluster, error) { return []Cluster{o.of}, nil }

func (o *oneCluster) states(_ context.Context, all []incarnation) (map[incarnation]ownerState, error) {
	is := map[incarnation]ownerState{}
	for _, i := range all {
		is[i] = map[bool]ownerState{true: ended, false: alive}[slices.Contains(o.ended, i.uid)]
	}
	return is, nil
}

func (o *oneCluster) left(context.Context, Cluster, []release.Owned) (map[release.Owned]bool, error) {
	return nil, nil
}

func (*oneCluster) noteUnknown(context.Context, ev.Target, Cluster, map[string][]string) error {
	return nil
}

func (o *oneCluster) noteSwept(context.Context, incarnation, ev.Swept) error {
	o.swept++
	return nil
}

// An agent's sweeps are asked about before anything is changed, priority classes too, and what was asked goes with what it was of.
func TestPeopleAreAskedBeforeASweep(t *testing.T) {
	dir, api := t.TempDir(), kubetest.Store(t)
	policy, err := consent.ReadPolicy([]byte("approve: [delete, repair]"))
	kubetest.Must(t, err)
	gate, err := consent.Open(dir, "acme/edge", policy)
	kubetest.Must(t, err)
	known := &oneCluster{ended: []string{"01Hgone", "01Hother"}, of: Cluster{Dataplane: ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"},
		UID: "u", Name: "c", Site: ev.Target{Account: ev.CloudAccount{Cloud: "sim", Number: "lab"}, Region: "eu-central"}}}
	open := func(context.Context, cloud.Scope, string) (kube.API, error) { return api, nil }
	s := &Sweeper{known: known, clouds: map[string]execute.Cloud{"sim": {Kube: open}}, clock: clock.Clock{Speed: 1},
		seen: map[string]time.Time{}}
	s.AskFirst(gate)
	for name, priority := range map[string]int{"gone": 0, "other": 0, "was": 5, "lives": 7, "too": 8} {
		_, err := tenant.Ensure(t.Context(), api, tenant.Spec{Namespace: "acme--" + name, Customer: "acme", Tenant: name, Owner: "01H" + name,
			Revision: 1, Plan: "free", Priority: priority})
		kubetest.Must(t, err)
	}
	end := func(name string) {
		kubetest.Must(t, tenant.Delete(t.Context(), api, tenant.Stay{Namespace: "acme--" + name, Owner: "01H" + name, Revision: 9}))
	}
	there := func(apiVersion, kind, name string) bool {
		o, err := kube.Find(t.Context(), api, kube.Key{APIVersion: apiVersion, Kind: kind, Name: name})
		kubetest.Must(t, err)
		return o != nil
	}
	class := func(name string) bool { return there("scheduling.k8s.io/v1", "PriorityClass", "aerie-priority-"+name) }
	now := time.Now()
	sweep := func(wait time.Duration, want ...string) (ids []string) {
		t.Helper()
		now = now.Add(wait)
		s.Sweep(t.Context(), now)
		gate.Still("edge", func(ev.Ref) bool { return false }) // nothing is owed
		p, err := consent.ReadPending(dir)
		kubetest.Must(t, err)
		var asked []string
		for _, q := range p.Items {
			asked = append(asked, strings.TrimSpace(q.Ref.ID+" "+string(q.Class)+" "+string(q.Args)))
			ids = append(ids, q.ID)
			if q.Place == "" {
				t.Errorf("%s is nowhere", q.Ref)
			}
		}
		slices.Sort(asked)
		if !slices.Equal(asked, want) {
			t.Fatalf("asked are %q, want %q", asked, want)
		}
		return ids
	}
	approve := func(ids []string) {
		kubetest.Must(t, consent.Say(dir, ids, consent.Approved, "kim", ""))
		gate.Look()
	}
	end("was")
	const removes = `edge delete {"removes":"PriorityClass aerie-priority-5"}`
	approveRemoval := sweep(0, removes)
	sweep(SweepGrace, removes, "gone delete", "other delete")
	if !class("5") || !there("v1", "Namespace", "acme--gone") || known.swept != 0 {
		t.Error("swept without an answer")
	}
	end("other") // somebody else removes it
	ids := sweep(time.Minute, removes, "gone delete")
	if !slices.Contains(ids, approveRemoval[0]) {
		t.Error("the same is asked with another id")
	}
	approve(ids)
	sweep(time.Minute)
	if class("5") || there("v1", "Namespace", "acme--gone") || known.swept != 2 {
		t.Errorf("approved, and not swept: %d", known.swept)
	}
	for _, name := range []string{"7", "8"} {
		kubetest.Must(t, api.Delete(t.Context(), "scheduling.k8s.io/v1", "PriorityClass", "", "aerie-priority-"+name))
	}
	for _, name := range []string{"7", "8"} { // one after the other
		asked := `edge repair {"makes":"PriorityClass aerie-priority-` + name + `"}`
		ids := sweep(time.Minute, asked)
		if again := sweep(time.Minute, asked); class(name) || !slices.Equal(ids, again) {
			t.Errorf("class %s is made again without an answer, or asked about as %v and %v", name, ids, again)
		}
		approve(ids)
		s.Sweep(t.Context(), now)
		if !class(name) {
			t.Errorf("class %s is not made again", name)
		}
	}
	sweep(time.Minute)
	log, err := os.ReadFile(filepath.Join(dir, "log", time.Now().UTC().Format(time.DateOnly)+".000.jsonl"))
	kubetest.Must(t, err)
	for _, what := range []string{"begun", "done"} {
		for _, effect := range []string{consent.Swept, consent.SweptClasses} {
			if !slices.ContainsFunc(strings.Split(string(log), "\n"), func(l string) bool {
				return strings.Contains(l, `"what":"`+what+`"`) && strings.Contains(l, `"effect":"`+effect+`"`)
			}) {
				t.Errorf("the log has no %s of a %s: %s", what, effect, log)
			}
		}
	}
}
