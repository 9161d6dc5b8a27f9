package sim

import (
	"context"
	"errors"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
)

// movesInside is a tenant with an application on one of two dataplanes that an agent works on, with plans to move to. What it uses is
// asked of the agent.
func movesInside(t *testing.T) *inside {
	r := newInside(t)
	r.tenanted()
	const plan = `{"hosting":"customer","deployment":"dedicated","move":{"data":"none","hold":"1s"},"quota":{"cpu":"4","memory":"8Gi","storage":"10Gi","pods":9},"apps":[{"type":"web","size":`
	for _, c := range []string{
		`create dataplane acme/edge2 {"account":"acme/theirs","region":"us-east","type":"dedicated","mode":"pull"}`,
		`update agent acme/edge {"dataplanes":["edge","edge2"]}`,
		`create tenantinfra acme/edge_large {"app":"web","size":"large","pools":[{"name":"main","machine":"m8","min":1,"max":3}]}`,
		`create account acme/mine {"cloud":"sim","number":"4711","hosting":"customer","role":"r","externalId":"x"}`,
		`create dataplane acme/pushed {"account":"acme/mine","region":"us-east","type":"dedicated"}`,
		`create tenantinfra acme/pushed_web {"app":"web","size":"small","pools":[{"name":"main","machine":"s4","min":1,"max":3}]}`,
		`create tenantinfra acme/edge2_web {"app":"web","size":"small","pools":[{"name":"main","machine":"s4","min":1,"max":3}]}`,
		`create plan -/bounded ` + plan + `"small"}]}`,
		`create plan -/large ` + plan + `"large"}]}`,
	} {
		r.perform(c)
	}
	r.places = []execute.Channel{{Conn: r.nc, Place: queue.Partition{Owner: "acme", Dataplane: "edge2"}}}
	r.work()
	for _, infra := range []string{"edge_large", "edge2_web", "pushed_web"} {
		r.phase(ev.TenantInfra, "acme/"+infra, time.Minute, fsm.Active)
	}
	return r
}

// moves asks the tenant to move, and waits until it has.
func (r *inside) moves(body string) (e fsm.Entity[fsm.Data], err error) {
	r.t.Helper()
	ctx, end := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer end()
	_, err = r.intake.SubmitRequest(ctx, command.Request{Owner: "acme", Kind: string(ev.Tenant), Name: "prod", Verb: ev.VerbMove, Body: []byte(body), Caller: ev.LocalAdmin()})
	if err != nil {
		return e, err
	}
	return r.phase(ev.Tenant, "acme/prod", 10*time.Second, fsm.Active), nil
}

// A tenant moves by each kind of move where an agent works, which looks before, in place of the server; also to where none works, and from
// there. Where none is there the answer
// is that it can't be told now.
func TestMovesWhereAnAgentWorks(t *testing.T) {
	r := movesInside(t)
	looks := 0
	r.intake.SurveyBy(func(ctx context.Context, of ev.TenantSurvey) (ev.TenantUse, error) {
		looks++
		by := fsm.ByNobody
		r.fold.View(func(w *state.Entities) { by = fsm.DoneBy(of.EnsureTenant, w.Get) })
		if by == fsm.ByServer {
			return execute.SurveyTenant(ctx, r.clouds, of)
		}
		return r.agents.Survey(ctx, r.nc, of)
	})
	var refusal *ev.Refusal
	if _, err := r.moves(`{"plan":"bounded"}`); !errors.As(err, &refusal) || refusal.Code != ev.Unavailable {
		t.Fatalf("no agent is there: %v", err)
	}
	for i, row := range []struct{ asked, kind, on string }{
		{`{"plan":"bounded"}`, ev.MoveTerms, "acme/edge_web"},
		{`{"plan":"large"}`, ev.MoveMachines, "acme/edge_large"},
		{`{"plan":"bounded"}`, ev.MoveMachines, "acme/edge_web"},
		{`{"dataplane":"acme/edge2"}`, ev.MoveCluster, "acme/edge2_web"},
		{`{"dataplane":"acme/edge"}`, ev.MoveCluster, "acme/edge_web"},
		{`{"dataplane":"acme/pushed"}`, ev.MoveCluster, "acme/pushed_web"},
		{`{"dataplane":"acme/edge2"}`, ev.MoveCluster, "acme/edge2_web"},
	} {
		r.seen(&execute.News{})
		before := looks
		e, err := r.moves(row.asked)
		if err != nil {
			t.Fatalf("%s: %v", row.asked, err)
		}
		d := e.Data.(fsm.TenantData)
		kinds := r.kindsOfMoves(e.Ref)
		if d.Placement.TenantInfra != row.on || len(kinds) != i+1 || kinds[i] != row.kind || looks != before+1 {
			t.Errorf("%s: it is on %s after moves of kinds %v, and was looked at %d times", row.asked, d.Placement.TenantInfra, kinds, looks-before)
		}
		r.phase(ev.Application, "acme/prod_site", 10*time.Second, fsm.Deployed)
	}
}
