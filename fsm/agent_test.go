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
		{name: "no agent enters it", given: fsmtest.History(customer, account("")), when: create(edge, spec(`,"mode":"pull"`)), not: "invalid…spec.mode"},
		{name: "an account is verified by its agent", given: fsmtest.History(customer, account(ev.AccessAgent)), when: settle("account acme/theirs"),
			then: []string{"account acme/theirs verification_started"}, phase: fsm.Verifying},
	})
}
