package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
)

// TestACrowdLeavesRoom: while the log is held up sixteen customers ask, and their agents report, as much as they can. One that comes
// then is taken all the same, and so are its agent, the local admin and aerie's own executors.
func TestACrowdLeavesRoom(t *testing.T) {
	const crowd, each = 16, 300
	r := openIntakeRig(t)
	r.fold = state.NewLive()
	r.intake = NewIntake(r.log, r.fold, ev.Builtin)
	if err := r.intake.Serve(t.Context(), r.nc, "0.0.0"); err != nil {
		t.Fatal(err)
	}
	if err := r.intake.ServeReports(t.Context(), r.nc); err != nil {
		t.Fatal(err)
	}
	inbox := r.nc.NewInbox() + "."
	answers := map[string]chan string{}
	for _, who := range []string{"crowd", "next", "agents", "agent", "admin", "executor"} {
		said := make(chan string, crowd*each)
		answers[who] = said
		if _, err := r.nc.Subscribe(inbox+who, func(m *nats.Msg) { said <- string(m.Data) }); err != nil {
			t.Fatal(err)
		}
	}
	asks := func(who, actor, owner string) {
		t.Helper()
		m := &nats.Msg{Subject: CommandPrefix + owner + ".tenant.prod.delete", Reply: inbox + who}
		m.Header = ev.SentBy(actor)
		if err := r.nc.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	r.intake.KnowCallers(func(actor string) (ev.Caller, bool) {
		if actor == ev.ActorAdmin {
			return ev.LocalAdmin(), true
		}
		return ev.Caller{Actor: actor, Role: ev.RoleCustomerAdmin, Owner: strings.TrimPrefix(actor, "token:")}, true
	})
	reports := func(who, sender, owner string) {
		t.Helper()
		edge := ev.Ref{Kind: ev.Dataplane, Owner: owner, ID: "edge"}
		data, err := ev.Encode(ev.ExecutorReport{Ref: edge, UID: "u", Digest: "d"})
		if err != nil {
			t.Fatal(err)
		}
		m := &nats.Msg{Subject: ev.ReportSubject(owner, "edge", edge), Reply: inbox + who, Data: data, Header: ev.SentBy(sender)}
		if err := r.nc.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	for i := range crowd * each {
		owner := fmt.Sprint("c", i%crowd)
		asks("crowd", "token:"+owner, owner)
		reports("agents", ev.AgentActor(owner, "edge"), owner)
	}
	for range crowd * each / 2 { // no fewer are refused before any is decided
		for _, who := range []string{"crowd", "agents"} {
			if said := natstest.Receive(t, answers[who]); !strings.Contains(said, string(ev.TooMany)) {
				t.Fatal("one of the crowd is told", said)
			}
		}
	}
	asks("next", "token:birch", "birch")
	reports("agent", ev.AgentActor("birch", "edge"), "birch")
	asks("admin", ev.ActorAdmin, "birch")
	reports("executor", ev.ActorExecutor, "birch")
	if err := r.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	r.run(0)
	for _, who := range []string{"next", "agent", "admin", "executor"} {
		if said := natstest.Receive(t, answers[who]); strings.Contains(said, string(ev.TooMany)) || strings.Contains(said, string(ev.Unavailable)) {
			t.Errorf("%s is told %s", who, said)
		}
	}
	r.intake.Answered()
	if err := r.intake.places.Enter("", queued); err != nil {
		t.Error("all are answered, and places are held:", err)
	}
}
