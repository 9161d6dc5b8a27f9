package sim

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/relapse"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/consent"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

var (
	inEdge = ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}
	site   = ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_site"}
)

// tenanted puts a tenant with an application on a customer's own dataplane.
func (r *inside) tenanted() kube.API {
	r.t.Helper()
	for _, c := range []string{
		`update customer acme {"hosting":"customer"}`,
		`create tenantinfra acme/edge_web {"app":"web","size":"small","pools":[{"name":"main","machine":"s4","min":1,"max":3}]}`,
		`create plan -/inside {"hosting":"customer","deployment":"dedicated","apps":[{"type":"web","size":"small"}]}`,
		`create tenant acme/prod {"plan":"inside"}`,
		`create application acme/prod_site {"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"page"},"data":{"a":"b"}}]}`,
	} {
		if said := r.perform(c); strings.Contains(said[0], "fault") {
			r.t.Fatalf("%s: %v", c, said)
		}
	}
	r.phase(ev.Application, "acme/prod_site", time.Minute, fsm.Deployed)
	api, err := r.clouds["sim"].Kube(r.t.Context(), execute.ScopeOf(edgeSite), r.entity(edge).Data.(fsm.DataplaneData).Cluster.Cluster)
	if err != nil {
		r.t.Fatal(err)
	}
	return api
}

// While nobody answers, an agent brings back from its disk what somebody changed inside its clusters, also one that was killed
// meanwhile, and deletes nothing. When it is back it tells what it did, once.
func TestAnAgentRepairsWhileNobodyAnswers(t *testing.T) {
	r := newInside(t)
	api := r.tenanted()
	dir := t.TempDir()
	kept, err := reconcile.OpenKept(dir, []byte("seed"))
	if err != nil {
		t.Fatal(err)
	}
	clouds := r.clouds
	nc, err := r.server.Connect("an agent")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := consent.ReadPolicy([]byte("approve: [create, delete]"))
	if err != nil {
		t.Fatal(err)
	}
	gate, err := consent.Open(dir, "acme/edge", policy)
	if err != nil {
		t.Fatal(err)
	}
	var alone []execute.Channel
	for _, p := range r.places {
		alone = append(alone, execute.Channel{Conn: nc, Place: p.Place, Gate: gate})
	}
	inspector, _, _ := reconcile.ForAgent(alone, clouds, nil, clock.Clock{Speed: 1}, kept)
	inspector.Inspect(t.Context()) // it is told, and keeps that
	nc.Close()
	page := func() error {
		_, err := api.Get(t.Context(), "v1", "ConfigMap", "acme--prod", "page")
		return err
	}
	if err := api.Delete(t.Context(), "v1", "ConfigMap", "acme--prod", "page"); err != nil {
		t.Fatal(err)
	}
	if kept, err = reconcile.OpenKept(dir, []byte("seed")); err != nil { // killed, and there again
		t.Fatal(err)
	}
	inspector, sweeper, _ := reconcile.ForAgent(alone, clouds, nil, clock.Clock{Speed: 1}, kept)
	before := len(r.owned(edgeSite))
	for after := range 3 {
		sweeper.Sweep(t.Context(), time.Now().Add(time.Duration(after)*reconcile.SweepGrace))
	}
	inspector.Inspect(t.Context())
	if err := page(); err != nil {
		t.Fatalf("it is not brought back: %v", err)
	}
	if now := len(r.owned(edgeSite)); now != before {
		t.Errorf("%d things in the cloud, and there were %d", now, before)
	}
	if slices.ContainsFunc(r.history(site), func(l string) bool { return strings.Contains(l, "drifted") }) {
		t.Errorf("the control plane knows: %v", r.history(site))
	}
	repairs, err := kept.Repairs()
	if err != nil || len(repairs) != 1 || repairs[0].Ref != site || repairs[0].Failed != "" || repairs[0].Found[0].How != ev.DriftDeleted {
		t.Fatalf("repairs: %+v %v", repairs, err)
	}
	for range 2 { // the answer to the first is lost
		note := ev.NoteAgent{Seen: ev.RepairedAway{Repairs: repairs}}
		a, err := r.intake.SubmitCommand(t.Context(), command.Internal(ev.Ref{Kind: ev.Agent, Owner: "acme", ID: "edge"}, ev.ActorAerie, note))
		if err == nil {
			err = r.fold.Wait(t.Context(), a.Seq)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	told := slices.DeleteFunc(r.history(ev.Ref{Kind: ev.Agent, Owner: "acme", ID: "edge"}), func(l string) bool { return !strings.Contains(l, "repaired_away") })
	if len(told) != 1 {
		t.Errorf("it is told %d times: %v", len(told), told)
	}
	if err := kept.Told(1); err != nil {
		t.Fatal(err)
	}
	if left, err := kept.Repairs(); err != nil || len(left) != 0 {
		t.Errorf("left to tell: %v %v", left, err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.sealed"))
	for _, f := range files {
		if data, err := os.ReadFile(f); err != nil || strings.Contains(string(data), "prod") {
			t.Errorf("%s can be read: %v", f, err)
		}
	}
	if stolen, err := reconcile.OpenKept(dir, []byte("another")); err != nil || len(files) < 2 {
		t.Errorf("%v %v", files, err)
	} else if _, err := stolen.Repairs(); err == nil {
		t.Error("another key opens what is kept")
	}
}

// Who undoes each repair of an agent that is alone is given way to, as by the control plane.
func TestAnAgentAloneGivesWay(t *testing.T) {
	r := newInside(t)
	api := r.tenanted()
	kept, err := reconcile.OpenKept(t.TempDir(), []byte("seed"))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := r.server.Connect("an agent")
	if err != nil {
		t.Fatal(err)
	}
	var alone []execute.Channel
	for _, p := range r.places {
		alone = append(alone, execute.Channel{Conn: nc, Place: p.Place})
	}
	inspector, _, _ := reconcile.ForAgent(alone, r.clouds, nil, clock.Clock{Speed: 1}, kept)
	inspector.Inspect(t.Context())
	nc.Close()
	for range 2 * relapse.Contested {
		if err := api.Delete(t.Context(), "v1", "ConfigMap", "acme--prod", "page"); err != nil {
			t.Fatal(err)
		}
		inspector.Inspect(t.Context())
		if _, err := api.Get(t.Context(), "v1", "ConfigMap", "acme--prod", "page"); err != nil {
			break
		}
	}
	if repairs, err := kept.Repairs(); err != nil || len(repairs) != relapse.Contested-1 {
		t.Errorf("%d repairs, %v", len(repairs), err)
	}
}

// An agent is told which stays a tenant has no more, and of nobody else's.
func TestAnAgentIsToldOfStays(t *testing.T) {
	r := newInside(t)
	r.tenanted()
	e := r.entity(inEdge)
	p := e.Data.(fsm.TenantData).Placement
	stay := func(namespace, stay string) ev.Stay {
		return ev.Stay{Mark: inEdge.Mark(e.UID), Namespace: namespace, Stay: stay}
	}
	asked := []ev.Stay{stay(p.Namespace, p.Stay), stay("acme--old", "01AAAAAAAAAAAAAAAAAAAAAAAA"), stay("acme--old", "")}
	var a ev.Ended
	if err := r.places[0].Ask(t.Context(), ev.AskEnded, ev.EndedQuestion{Stays: asked}, &a); err != nil || a.Error != "" || !slices.Equal(a.Left, asked[1:2]) {
		t.Errorf("%+v %v", a, err)
	}
	evil := []ev.Stay{{Mark: "evil/tenant/prod/u", Namespace: "evil--prod", Stay: "x"}}
	if err := r.places[0].Ask(t.Context(), ev.AskEnded, ev.EndedQuestion{Stays: evil}, &a); err != nil || a.Error == "" {
		t.Errorf("%+v %v", a, err)
	}
}
