package identity_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/identity"
)

func TestWhatTheLogSaysOfTheLocalToken(t *testing.T) {
	r := newRig(t)
	local := ev.Created[ev.PrincipalSpec]{UID: "01L", Spec: ev.PrincipalSpec{Role: ev.RoleAdmin, Issuer: ev.IssuerLocal}}
	for _, step := range []struct {
		happened ev.Event
		want     identity.LocalToken
	}{
		{local, identity.LocalToken{}},
		{ev.LocalRotated{}, identity.LocalToken{Rotation: "01L/1"}},
		{ev.PrincipalDisabled{}, identity.LocalToken{Rotation: "01L/1", Disabled: true}},
		{ev.LocalRotated{}, identity.LocalToken{Rotation: "01L/2", Disabled: true}},
		{ev.PrincipalEnabled{}, identity.LocalToken{Rotation: "01L/2"}},
		{ev.Deleted{}, identity.LocalToken{}},
	} {
		r.happens("principal -/local", step.happened)
		now, news := r.who.Local()
		if now != step.want {
			t.Errorf("%s: %+v, want %+v", step.happened.Type(), now, step.want)
		}
		select {
		case <-news:
		default:
			if step.happened.Type() != "created" {
				t.Error("nobody is told of", step.happened.Type())
			}
		}
	}
}

// Who is disabled is let in by nothing, until he is enabled.
func TestADisabledPrincipal(t *testing.T) {
	r := newRig(t)
	r.happens("principal -/robot", ev.Created[ev.PrincipalSpec]{UID: "01P", Spec: ev.PrincipalSpec{Role: ev.RoleOperator, Key: "UONE"}})
	for _, step := range []struct {
		happened ev.Event
		in       bool
	}{{ev.PrincipalDisabled{}, false}, {ev.PrincipalEnabled{}, true}} {
		r.happens("principal -/robot", step.happened)
		_, byKey := r.who.Key("UONE")
		_, byName := r.who.Actor("user:01P")
		if byKey != step.in || byName != step.in {
			t.Error(step.happened.Type(), byKey, byName)
		}
	}
}
