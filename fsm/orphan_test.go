package fsm_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

const lostUID = "01JDABSENT0000000000000000" // an incarnation that no log of these tests knows

func disown(name string) question {
	return send(name, ev.VerbDisown, `{"uid":"`+lostUID+`"}`)
}

func adoptProd(body string) question {
	return send("tenant acme/prod", ev.VerbAdopt, `{"uid":"`+lostUID+`",`+body+`}`)
}

func TestOrphans(t *testing.T) {
	const prod, spec = "tenant acme/prod", `"spec":{"plan":"-/free","app":"pg"}`
	born := ev.Requested[ev.TenantSpec]{UID: lostUID, Spec: fsmtest.ProdSpec}
	living := fsmtest.Is(prod, ev.Requested[ev.TenantSpec]{UID: "living", Spec: fsmtest.ProdSpec})
	ended := fsmtest.History(living, fsmtest.Is(prod, ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{}))
	home := fsmtest.History(fsmtest.Platform(), fsmtest.InfraBuilt())
	rejoined := []string{prod + " requested", prod + " placing_started", prod + " placed"}
	const there = spec + `,"dataplane":"-/eu"`
	live(t, []life{
		{name: "of a name that the log never had, its end is noted", when: disown(prod), then: []string{prod + " disowned"}, phase: fsm.Gone},
		{name: "its end is noted once", given: fsmtest.Is(prod, ev.Disowned{UID: lostUID}), when: disown(prod)},
		{name: "of a living name it changes nothing else", given: living, when: disown(prod), then: []string{prod + " disowned"}, phase: fsm.Requested},
		{name: "it is noted once there too", given: fsmtest.History(living, fsmtest.Is(prod, ev.Disowned{UID: lostUID})), when: disown(prod)},
		{name: "of an ended name", given: ended, when: disown(prod), then: []string{prod + " disowned"}, phase: fsm.Gone},
		{name: "the living is deleted, not disowned", given: fsmtest.Is(prod, born), when: disown(prod), not: "still exists: delete it instead", phase: fsm.Requested},
		{name: "a name is used again after it", given: fsmtest.History(home, fsmtest.Is(prod, ev.Disowned{UID: lostUID})), when: create(prod, `{`+spec+`}`), then: []string{prod + " requested"}},
		{name: "a tenant is looked for by its dataplane", when: send(prod, ev.VerbDisown, `{"uid":"`+lostUID+`","account":"-/main","region":"eu"}`), not: "only a dataplane"},
		{name: "a dataplane is looked for where somebody says", given: fsmtest.AccountReady(), when: send("dataplane -/eu", ev.VerbDisown, `{"uid":"`+lostUID+`","account":"-/main","region":"eu"}`), then: []string{"dataplane -/eu disowned"}, phase: fsm.Gone},
		{name: "an account that is not there", when: send("dataplane -/eu", ev.VerbDisown, `{"uid":"`+lostUID+`","account":"-/main","region":"eu"}`), not: "there is no account"},

		{name: "one that is adopted is born under its uid, and placed where it is", given: home, when: adoptProd(there), then: rejoined, phase: fsm.Waiting},
		{name: "where a tenant is has to be said", given: home, when: adoptProd(spec), not: "dataplane: is missing"},
		{name: "it must fit there", given: home, when: adoptProd(spec + `,"dataplane":"-/own"`), not: "can't be adopted on dataplane -/own yet: no tenant infra fits"},
		{name: "nothing else is placed", given: fsmtest.History(fsmtest.Platform()), when: send("tenantinfra -/eu_pg", ev.VerbAdopt, `{"uid":"`+lostUID+`","dataplane":"-/eu","spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m4"}]}}`), not: "is not placed"},
		{name: "a tenant infra needs no place", given: fsmtest.History(fsmtest.Platform()), when: send("tenantinfra -/eu_pg", ev.VerbAdopt, `{"uid":"`+lostUID+`","spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m4"}]}}`), then: []string{"tenantinfra -/eu_pg requested"}},
		{name: "it is adopted once", given: fsmtest.History(home, fsmtest.Is(prod, born)), when: adoptProd(there)},
		{name: "what it should be is changed by an update", given: fsmtest.History(home, fsmtest.Is(prod, born)), when: adoptProd(`"spec":{"plan":"-/free"}`), not: "is adopted already: update it"},
		{name: "its name may have ended", given: fsmtest.History(home, ended), when: adoptProd(there), then: rejoined, phase: fsm.Waiting},
		{name: "a living name has no room for it", given: fsmtest.History(home, living), when: adoptProd(spec), not: "is there, as living"},
		{name: "what it refers to must be there", given: fsmtest.PlanReady(), when: adoptProd(spec), not: "there is no customer"},
		{name: "what was disowned has ended", given: fsmtest.History(home, fsmtest.Is(prod, ev.Disowned{UID: lostUID})), when: adoptProd(spec), not: "has ended"},
	})
}

// TestWhoIsKnown tells an incarnation that has ended, under its name or one before it, from one that the log knows nothing of.
func TestWhoIsKnown(t *testing.T) {
	prod := fsmtest.RefOf("tenant acme/prod")
	w := fsmtest.WorldOf(t, fsmtest.History(
		fsmtest.Is("tenant acme/prod", ev.Requested[ev.TenantSpec]{UID: "first", Spec: fsmtest.ProdSpec}, ev.DeletionRequested{}, ev.Drained{}, ev.Deleted{}),
		fsmtest.Is("tenant acme/prod", ev.Requested[ev.TenantSpec]{UID: "second", Spec: fsmtest.ProdSpec}),
		fsmtest.Is("tenant acme/prod", ev.Disowned{UID: "other log's"}),
	))
	for uid, want := range map[string][2]bool{"first": {true, true}, "second": {true, false}, "other log's": {true, true}, "lostUID": {false, false}, "": {false, false}} {
		if got := [2]bool{w.Knows(prod, uid), w.HasEnded(prod, uid)}; got != want {
			t.Errorf("%q is known, and has ended: %v, want %v", uid, got, want)
		}
	}
	if ref, uid, ok := ev.ParseMark(prod.Mark("first")); !ok || ref != prod || uid != "first" {
		t.Errorf("its mark reads as %s %s", ref, uid)
	}
	for _, mark := range []string{"", "theirs", "acme/tenant/prod", "acme/tenant/prod/", "acme/thing/prod/u", "acme/tenant/a/b/u"} {
		if _, _, ok := ev.ParseMark(mark); ok {
			t.Errorf("%q is taken for a mark of aerie's", mark)
		}
	}
}
