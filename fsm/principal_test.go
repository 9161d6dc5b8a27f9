package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

func TestLivesOfPrincipals(t *testing.T) {
	local := ev.PrincipalSpec{Role: ev.RoleAdmin, Issuer: ev.IssuerLocal}
	is := fsmtest.History(fsmtest.Is("principal -/local", ev.Created[ev.PrincipalSpec]{UID: "u1", Spec: local}))
	off := fsmtest.History(is, fsmtest.Is("principal -/local", ev.PrincipalDisabled{}))
	robot := fsmtest.History(fsmtest.Is("principal -/robot", ev.Created[ev.PrincipalSpec]{UID: "u2", Spec: ev.PrincipalSpec{Role: ev.RoleViewer, Key: "U1"}}))
	live(t, []life{
		{name: "the local admin is born under one name", when: ask("principal -/local", ev.Create{Spec: local}), then: []string{"principal -/local created"}, phase: fsm.Active},
		{name: "and under no other", when: ask("principal -/other", ev.Create{Spec: local}), not: "invalid"},
		{name: "his token is drawn anew, again and again", given: is, when: ask("principal -/local", ev.RotateLocal{}), then: []string{"principal -/local rotated"}, phase: fsm.Active},
		{name: "also while he is disabled", given: off, when: ask("principal -/local", ev.RotateLocal{}), then: []string{"principal -/local rotated"}, phase: fsm.Disabled},
		{name: "disabled", given: is, when: ask("principal -/local", ev.DisablePrincipal{}), then: []string{"principal -/local disabled"}, phase: fsm.Disabled},
		{name: "disabling twice is disabling once", given: off, when: ask("principal -/local", ev.DisablePrincipal{}), phase: fsm.Disabled},
		{name: "enabled", given: off, when: ask("principal -/local", ev.EnablePrincipal{}), then: []string{"principal -/local enabled"}, phase: fsm.Active},
		{name: "enabling twice is enabling once", given: is, when: ask("principal -/local", ev.EnablePrincipal{}), phase: fsm.Active},
		{name: "a machine has no token", given: robot, when: ask("principal -/robot", ev.RotateLocal{}), not: "refused"},
		{name: "and may be disabled", given: robot, when: ask("principal -/robot", ev.DisablePrincipal{}), then: []string{"principal -/robot disabled"}, phase: fsm.Disabled},
	})
}
