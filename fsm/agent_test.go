package fsm_test

import (
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// An agent joins once by a secret; another key on a used secret is refused, and told.
func TestAgents(t *testing.T) {
	const edge = "agent acme/edge"
	first, second := strings.Repeat("a", 64), strings.Repeat("b", 64)
	until := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	born := fsmtest.Is(edge, ev.Created[ev.AgentSpec]{UID: "u", Spec: ev.AgentSpec{Dataplanes: []string{"edge"}}})
	invited := fsmtest.History(born, fsmtest.Is(edge, ev.Invited{Secret: first, Until: until}))
	joined := fsmtest.History(invited, fsmtest.Is(edge, ev.Joined{Key: "UA"}))
	works := fsmtest.History(joined, fsmtest.Is(edge, ev.AgentConnected{Instance: "i", Version: "1"}))
	other := ev.LogDiffers{Was: ev.LogPoint{Seq: 900}, Now: ev.LogPoint{Epoch: 7, Seq: 500}}
	met := fsmtest.History(works, fsmtest.Is(edge, other))
	agreed := fsmtest.History(met, fsmtest.Is(edge, ev.DifferenceAccepted{At: other.Now}))
	join := func(secret, key string, after time.Duration) ev.Join {
		return ev.Join{Secret: secret, Key: key, At: until.Add(after)}
	}
	invite := ev.Invite{Secret: second, Until: "2026-01-03T00:00:00Z"}
	live(t, []life{
		{name: "invited", given: born, when: ask(edge, ev.Invite{Secret: first, Until: "2026-01-02T00:00:00Z"}), then: []string{edge + " invited"}, phase: fsm.Invited},
		{name: "no time", given: born, when: ask(edge, ev.Invite{Secret: first, Until: "tomorrow"}), not: "invalid"},
		{name: "joins in time", given: invited, when: ask(edge, join(first, "UA", -time.Hour)), then: []string{edge + " joined"}, phase: fsm.Invited},
		{name: "too late", given: invited, when: ask(edge, join(first, "UA", time.Hour)), not: "denied"},
		{name: "another secret", given: invited, when: ask(edge, join(second, "UA", -time.Hour)), not: "denied"},
		{name: "the same key again", given: joined, when: ask(edge, join(first, "UA", time.Hour))},
		{name: "another key on a used secret", given: joined, when: ask(edge, join(first, "UB", -time.Hour)), then: []string{edge + " join_refused"}, phase: fsm.Invited},
		{name: "is there", given: joined, when: ask(edge, ev.NoteAgent{Seen: ev.AgentConnected{Instance: "i", Version: "1"}}), then: []string{edge + " connected"}, phase: fsm.Connected},
		{name: "is there still", given: works, when: ask(edge, ev.NoteAgent{Seen: ev.AgentConnected{Instance: "i", Version: "1"}})},
		{name: "another process of it", given: works, when: ask(edge, ev.NoteAgent{Seen: ev.AgentConnected{Instance: "j", Version: "1"}})},
		{name: "another version", given: works, when: ask(edge, ev.NoteAgent{Seen: ev.AgentConnected{Instance: "j", Version: "2", Lacks: []string{"x"}}}), then: []string{edge + " connected"}, phase: fsm.Connected},
		{name: "its clock goes wrong", given: works, when: ask(edge, ev.NoteAgent{Seen: ev.AgentConnected{Instance: "i", Version: "1", ClockOff: "6m0s"}}), then: []string{edge + " connected"}, phase: fsm.Connected},
		{name: "a report without the lease", given: works, when: ask(edge, ev.NoteAgent{Seen: ev.ReportRefused{Instance: "i"}}), then: []string{edge + " report_refused"}, phase: fsm.Connected},
		{name: "another log", given: works, when: ask(edge, ev.NoteAgent{Seen: other}), then: []string{edge + " log_differs"}, phase: fsm.Connected},
		{name: "the same other log", given: met, when: ask(edge, ev.NoteAgent{Seen: other})},
		{name: "restored once more", given: met, when: ask(edge, ev.NoteAgent{Seen: ev.LogDiffers{Now: ev.LogPoint{Epoch: 8, Seq: 3}}}), then: []string{edge + " log_differs"}, phase: fsm.Connected},
		{name: "accepted", given: met, when: ask(edge, ev.AcceptLog{}), then: []string{edge + " difference_accepted"}, phase: fsm.Connected},
		{name: "accepted twice", given: agreed, when: ask(edge, ev.AcceptLog{})},
		{name: "nothing to accept", given: works, when: ask(edge, ev.AcceptLog{})},
		{name: "told late of what is accepted", given: agreed, when: ask(edge, ev.NoteAgent{Seen: other})},
		{name: "nobody without a key is there", given: invited, when: ask(edge, ev.NoteAgent{Seen: ev.AgentConnected{Instance: "i"}})},
		{name: "lost", given: works, when: ask(edge, ev.NoteAgent{Seen: ev.AgentLost{Since: until}}), then: []string{edge + " lost"}, phase: fsm.Lost},
		{name: "who has joined is not invited", given: works, when: ask(edge, invite), not: "refused: agent acme/edge has joined: rotate its key"},
		{name: "rotated", given: works, when: ask(edge, ev.Rotate(invite)), then: []string{edge + " invited"}, phase: fsm.Connected},
		{name: "another key by another secret", given: fsmtest.History(works, fsmtest.Is(edge, ev.Invited{Secret: second, Until: until})),
			when: ask(edge, join(second, "UB", -time.Hour)), then: []string{edge + " joined"}, phase: fsm.Connected},
		{name: "nothing to rotate", given: invited, when: ask(edge, ev.Rotate(invite)), not: "refused: agent acme/edge has no key"},
		{name: "revoked", given: works, when: ask(edge, ev.RevokeAgent{}), then: []string{edge + " revoked"}, phase: fsm.Revoked},
		{name: "who is revoked does not join", given: fsmtest.History(works, fsmtest.Is(edge, ev.AgentRevoked{})), when: ask(edge, join(first, "UA", -time.Hour)), not: "not_found"},
	})
}

// Who works on a dataplane follows from who enters its account.
func TestModes(t *testing.T) {
	customer := fsmtest.Is("customer acme", ev.Created[ev.CustomerSpec]{UID: "u", Spec: ev.CustomerSpec{Hosting: "customer"}})
	account := func(access string) []fsmtest.Fact {
		return fsmtest.Is("account acme/theirs", ev.Requested[ev.AccountSpec]{UID: "u", Spec: ev.AccountSpec{Cloud: "sim", Number: "lab", Hosting: "customer", Access: access}})
	}
	const edge = "dataplane acme/edge"
	spec := func(mode string) string {
		return `{"spec":{"account":"acme/theirs","region":"eu-central","type":"dedicated"` + mode + `}}`
	}
	live(t, []life{
		{name: "by an agent", given: fsmtest.History(customer, account(ev.AccessAgent)), when: create(edge, spec(`,"mode":"pull"`)), then: []string{edge + " requested"}},
		{name: "nobody else enters it", given: fsmtest.History(customer, account(ev.AccessAgent)), when: create(edge, spec("")), not: "invalid…spec.mode"},
		{name: "an agent works where the control plane could", given: fsmtest.History(customer, account("")), when: create(edge, spec(`,"mode":"pull"`)), then: []string{edge + " requested"}},
		{name: "no agent works in another's account", given: fsmtest.History(customer, fsmtest.Is("account -/main", ev.Requested[ev.AccountSpec]{UID: "m", Spec: ev.AccountSpec{Cloud: "sim", Number: "main"}})),
			when: create(edge, `{"spec":{"account":"-/main","region":"eu-central","type":"dedicated","mode":"pull"}}`), not: "invalid…spec.mode"},
		{name: "an account is verified by its agent", given: fsmtest.History(customer, account(ev.AccessAgent)), when: settle("account acme/theirs"),
			then: []string{"account acme/theirs verification_started"}, phase: fsm.Verifying},
	})
}

// Another mode hands a dataplane over in whatever phase it is, once something may have been made, and makes nothing. While it
// is handed over nobody works; what was begun before is told.
func TestHandovers(t *testing.T) {
	const edge = "dataplane acme/edge"
	body := func(mode string) string {
		return `{"spec":{"account":"acme/theirs","region":"eu-central","type":"dedicated"` + mode + `}}`
	}
	wants, err := ev.DecodeAsk(ev.Dataplane, ev.VerbUpdate, []byte(body("")))
	if err != nil {
		t.Fatal(err)
	}
	asked := fsmtest.History(fsmtest.Is("customer acme", ev.Created[ev.CustomerSpec]{UID: "u", Spec: ev.CustomerSpec{Hosting: "customer"}}),
		fsmtest.Is("account acme/theirs", ev.Requested[ev.AccountSpec]{UID: "u", Spec: ev.AccountSpec{Cloud: "sim", Number: "lab"}}),
		fsmtest.Is(edge, ev.Requested[ev.DataplaneSpec]{UID: "d", Spec: wants.(ev.Update).Spec.(ev.DataplaneSpec)}))
	begun := fsmtest.History(asked, fsmtest.Is(edge, ev.NetworkingStarted{Account: ev.CloudAccount{Cloud: "sim", Number: "lab"}}))
	active := fsmtest.History(begun, fsmtest.Is(edge, ev.NetworkReady{Network: "n"}, ev.ClusterReady{Cluster: "c", Version: "1.36"}, ev.SystemPoolReady{Nodes: 1},
		ev.CloudAddonsReady{}, ev.BaseReady{}, ev.Activated{}))
	started := ev.HandoverStarted{From: ev.ModePush, To: ev.ModePull, Since: fsmtest.Later}
	handing := fsmtest.History(begun, fsmtest.Is(edge, started))
	pull := update(edge, body(`,"mode":"pull"`))
	live(t, []life{
		{name: "nothing was made", given: asked, when: pull, then: []string{edge + " update_requested"}},
		{name: "on its way", given: begun, when: pull, then: []string{edge + " update_requested", edge + " handover_started"}, phase: fsm.Networking},
		{name: "at rest nothing is made", given: active, when: pull, then: []string{edge + " update_requested", edge + " update_done", edge + " handover_started"}, phase: fsm.Active},
		{name: "asked twice", given: fsmtest.History(begun, fsmtest.Is(edge, ev.UpdateRequested[ev.DataplaneSpec]{Spec: pulling(wants)}, started)), when: pull},
		{name: "back before it is over", given: fsmtest.History(begun, fsmtest.Is(edge, ev.UpdateRequested[ev.DataplaneSpec]{Spec: pulling(wants)}, started)),
			when: update(edge, body("")), then: []string{edge + " update_requested", edge + " handover_started"}},
		{name: "what was begun is told", given: handing, when: late(edge, begun, ev.NetworkReady{Network: "n"}), then: []string{edge + " network_ready"}, phase: fsm.ClusterCreating},
		{name: "its time is over", given: handing, when: ask(edge, ev.Expire{Since: started.Since}), then: []string{edge + " handed_over"}, phase: fsm.Networking},
		{name: "another's time is over", given: handing, when: ask(edge, ev.Expire{Since: fsmtest.Later.Add(1)})},
		{name: "one that is deleted is handed over too", given: fsmtest.History(handing, fsmtest.Is(edge, ev.DeletionRequested{})), when: ask(edge, ev.Expire{Since: started.Since}),
			then: []string{edge + " handed_over"}, phase: fsm.Deleting},
	})
	for name, facts := range map[string][]fsmtest.Fact{"handed over": handing, "and deleted": fsmtest.History(handing, fsmtest.Is(edge, ev.DeletionRequested{}))} {
		w := fsmtest.WorldOf(t, facts)
		e, _ := w.Get(fsmtest.RefOf(edge))
		if owed, waits := fsm.Machines[ev.Dataplane].Owed(e).(fsm.WaitFor); !waits || !owed.OnlyTime() || fsm.DutyOf(e, w.Get).By != fsm.ByNobody {
			t.Errorf("%s: somebody works on it: %+v", name, owed)
		}
	}
	before, after := fsmtest.WorldOf(t, handing), fsmtest.WorldOf(t, fsmtest.History(handing, fsmtest.Is(edge, ev.HandedOver{Mode: ev.ModePull, After: 7})))
	was, _ := before.Get(fsmtest.RefOf(edge))
	is, _ := after.Get(fsmtest.RefOf(edge))
	if fsm.DutyOf(is, after.Get).By != fsm.ByAgent || fsm.DutyOf(is, after.Get).Seq <= fsm.DutyOf(was, before.Get).Seq {
		t.Errorf("handed over: %v works, revision %d after %d", fsm.DutyOf(is, after.Get).By, fsm.DutyOf(is, after.Get).Seq, fsm.DutyOf(was, before.Get).Seq)
	}
}

// pulling is the spec of an update in another mode.
func pulling(asked ev.Payload) ev.DataplaneSpec {
	s := asked.(ev.Update).Spec.(ev.DataplaneSpec)
	s.Mode = ev.ModePull
	return s
}

// An agent goes after all else of its customer: till then somebody has to remove that.
func TestAnAgentGoesLast(t *testing.T) {
	const edge = "dataplane acme/edge"
	closes := fsmtest.History(
		fsmtest.Is("agent acme/edge", ev.Created[ev.AgentSpec]{UID: "a", Spec: ev.AgentSpec{Dataplanes: []string{"edge"}}}),
		fsmtest.Is("customer acme", ev.DeletionRequested{Cascade: true}))
	closing := fsmtest.History(fsmtest.CustomerIs("acme"), closes)
	there := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.DataplaneIs("acme/edge", fsmtest.AsIs, fsmtest.Built()...), closes)
	for name, row := range map[string]struct {
		given []fsmtest.Fact
		goes  string
	}{
		"a dataplane is there":      {there, edge},
		"a dataplane is on its way": {fsmtest.History(there, fsmtest.Is(edge, ev.DeletionRequested{}, ev.Drained{})), ""},
		"nothing else is there":     {closing, "agent acme/edge"},
	} {
		changes, err := fsmtest.DecideIn(fsmtest.WorldOf(t, row.given), ev.Command{Ref: fsmtest.RefOf("customer acme"), Payload: ev.Settle{}})
		if err != nil {
			t.Fatal(name, err)
		}
		goes := ""
		for _, c := range changes {
			if c.Ref.Kind != ev.Customer {
				goes += c.Ref.String()
			}
		}
		if goes != row.goes {
			t.Errorf("%s: %q goes, want %q", name, goes, row.goes)
		}
	}
}
