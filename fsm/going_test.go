package fsm_test

import (
	"errors"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// Whatever is asked of something that goes away, but its end, is refused: to say that it is there as wanted would be untrue
// soon after.
func TestNothingIsAskedOfWhatGoesAway(t *testing.T) {
	specs := map[string]ev.Spec{
		"customer acme": ev.CustomerSpec{}, "dataplane -/eu": ev.DataplaneSpec{Version: "1.35"}, "tenantinfra -/eu_pg": fsmtest.InfraSpec,
		"tenant acme/prod": ev.TenantSpec{Plan: "free"}, "application acme/prod_pg": ev.ApplicationSpec{}, "addon -/eu_db": ev.AddonSpec{},
		"cell -/eu_pg_c1": ev.CellSpec{Tenants: 1, Plan: "-/many", Version: 1}, "cellapplication -/eu_pg_c1_web": ev.CellApplicationSpec{},
	}
	born := map[ev.Kind]func(ev.Spec) ev.Event{
		ev.Customer:  func(s ev.Spec) ev.Event { return ev.Created[ev.CustomerSpec]{UID: "u", Spec: s.(ev.CustomerSpec)} },
		ev.Dataplane: func(s ev.Spec) ev.Event { return ev.Requested[ev.DataplaneSpec]{UID: "u", Spec: s.(ev.DataplaneSpec)} },
		ev.TenantInfra: func(s ev.Spec) ev.Event {
			return ev.Requested[ev.TenantInfraSpec]{UID: "u", Spec: s.(ev.TenantInfraSpec)}
		},
		ev.Tenant: func(s ev.Spec) ev.Event { return ev.Requested[ev.TenantSpec]{UID: "u", Spec: s.(ev.TenantSpec)} },
		ev.Application: func(s ev.Spec) ev.Event {
			return ev.Requested[ev.ApplicationSpec]{UID: "u", Spec: s.(ev.ApplicationSpec)}
		},
		ev.Cell: func(s ev.Spec) ev.Event { return ev.Requested[ev.CellSpec]{UID: "u", Spec: s.(ev.CellSpec)} },
		ev.CellApplication: func(s ev.Spec) ev.Event {
			return ev.Requested[ev.CellApplicationSpec]{UID: "u", Spec: s.(ev.CellApplicationSpec)}
		},
		ev.Addon: func(s ev.Spec) ev.Event { return ev.Requested[ev.AddonSpec]{UID: "u", Spec: s.(ev.AddonSpec)} },
	}
	seen := map[ev.Kind]bool{}
	for name, spec := range specs {
		ref := fsmtest.RefOf(name)
		seen[ref.Kind] = true
		w := fsmtest.WorldOf(t, fsmtest.Is(name, born[ref.Kind](spec), ev.DeletionRequested{}))
		create := ev.Create{Spec: spec}
		for _, ask := range []ev.Payload{create, ev.Update{Spec: spec}, ev.Update{Labels: map[string]string{}}, ev.Adopt{Create: create, UID: "u"}, ev.Adopt{Create: create, UID: "v"}} {
			_, err := fsmtest.DecideIn(w, ev.Command{Ref: ref, UID: "v", Payload: ask})
			var r *ev.Refusal
			if !errors.As(err, &r) || r.Code != ev.Refused || !strings.Contains(r.Message, "being deleted") {
				t.Errorf("%T of %s: %v", ask, name, err)
			}
		}
		if changes, err := fsmtest.DecideIn(w, ev.Command{Ref: ref, Payload: ev.Delete{}}); err != nil || len(changes) > 0 {
			t.Errorf("delete of %s again: %v %v", name, changes, err)
		}
	}
	for k, m := range fsm.Machines {
		for _, p := range m.Phases() {
			if m.Terminating(p) && !seen[k] {
				t.Errorf("no case of a %s", k)
			}
		}
	}
}
