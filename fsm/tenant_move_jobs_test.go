package fsm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

func program(image string) *ev.PlanJob {
	return &ev.PlanJob{Image: image, Deadline: "10m", Attempts: 3}
}

// jobsHome is a home beside plans to which programs bring the data along; its application has a program and an endpoint of its own.
func jobsHome(t *testing.T) []fsmtest.Fact {
	plan := func(name string, with func(*ev.PlanMove)) []fsmtest.Fact {
		return fsmtest.PlanIs(name, func(s *ev.PlanSpec) {
			s.Move = &ev.PlanMove{Data: ev.DataJobs, Cut: "15m", Hold: "10m", Egress: []string{"198.51.100.0/24"}}
			with(s.Move)
		})
	}
	e, _ := fsmtest.WorldOf(t, clusterHome()).Get(fsmtest.RefOf(movingPg))
	spec := e.Data.(fsm.ApplicationData).Spec
	spec.Endpoints = []ev.Endpoint{{Name: "db", Service: "pg", Port: 5432}}
	spec.Move = &ev.ApplicationMove{Quiesce: program("pg-quiesce:1"), Copy: program("pg-copy:1")}
	return fsmtest.History(clusterHome(),
		plan("brings", func(m *ev.PlanMove) {
			m.Quiesce, m.Copy, m.Verify, m.Unquiesce, m.Switch = program("quiesce:1"), program("copy:1"), program("verify:1"), program("unquiesce:1"), program("switch:1")
		}),
		plan("bare", fsmtest.AsIs),
		fsmtest.Is(movingPg, ev.UpdateRequested[ev.ApplicationSpec]{Spec: spec},
			ev.Deployed{Revision: 2, Objects: []string{"Service/pg"}, Endpoints: []ev.EndpointAddress{{Name: "db", Host: "192.0.2.1", Port: 5432}}}))
}

func TestMovesByPrograms(t *testing.T) {
	home := jobsHome(t)
	brings := func(m *ev.Move) { m.Plan = "-/brings" }
	volume := ev.TenantUse{CPU: 1, Volumes: []string{"claim data of volume v1"}}
	there := []ev.EndpointAddress{{Name: "db", Host: "192.0.2.2", Port: 5432}}
	begun := facts(t, home, roam(volume, brings))
	installed := facts(t, begun, settle(moving), done(moving, ev.MovePrepared{}), settle(moving), done(movingPg, ev.Deployed{Revision: 2, Endpoints: there}), settle(moving))
	quiesced := facts(t, installed, done(moving, ev.MoveQuiesced{}))
	copied := facts(t, quiesced, done(moving, ev.MoveCopied{}))
	verified := facts(t, copied, done(moving, ev.MoveVerified{}))
	moved := facts(t, verified, settle(moving))
	opened := facts(t, moved, done(moving, ev.MoveOpened{}))
	aborting := facts(t, copied, failed(moving, ev.ConfigProblem))
	stopped := facts(t, aborting, done(moving, ev.MoveStopped{}))
	forced := facts(t, aborting, ask(moving, ev.Abort{Force: true}))
	asleep := fsmtest.History(home, fsmtest.Is(moving, ev.SuspendRequested{}, ev.Suspended{}))
	live(t, []life{
		{name: "it rests", given: installed, when: done(moving, ev.MoveQuiesced{}), then: []string{moving + " move_quiesced"}, why: "relocate_tenant is under way"},
		{name: "its data is there", given: quiesced, when: done(moving, ev.MoveCopied{}), then: []string{moving + " move_copied"}},
		{name: "nothing is missing", given: copied, when: done(moving, ev.MoveVerified{}), then: []string{moving + " move_verified"}},
		{name: "the commit", given: verified, when: settle(moving), then: []string{moving + " moved"}},
		{name: "open, it is pointed at", given: moved, when: done(moving, ev.MoveOpened{}), then: []string{moving + " move_opened"}, why: "relocate_tenant is under way"},
		{name: "that is tried for ever", given: opened, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed"}},
		{name: "what it has left stays for a while", given: opened, when: done(moving, ev.MoveRedirected{}), then: []string{moving + " move_redirected"}, why: "stays for 10m0s"},
		{name: "something is missing", given: copied, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed", moving + " move_aborting"}},
		{name: "it is copied for too long", given: quiesced, when: expired(moving), then: []string{moving + " move_aborting"}},
		{name: "nothing is copied any more", given: aborting, when: done(moving, ev.MoveStopped{}), then: []string{moving + " move_stopped"}, why: "relocate_tenant is under way"},
		{name: "that is tried for ever", given: aborting, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed"}},
		{name: "and it is for ever that it is to rest no longer", given: stopped, when: failed(moving, ev.ConfigProblem), then: []string{moving + " attempt_failed"}},
		{name: "aborted twice", given: aborting, when: ask(moving, ev.Abort{})},
		{name: "nobody waits for that", given: stopped, when: ask(moving, ev.Abort{Force: true}), then: []string{moving + " move_aborting"}},
		{name: "forced twice", given: forced, when: ask(moving, ev.Abort{Force: true})},
		{name: "it is closed, and its abort is forced at once", given: quiesced, when: ask(moving, ev.Abort{Force: true}), then: []string{moving + " move_aborting"}},
		{name: "behind the switch nothing is forced", given: moved, when: ask(moving, ev.Abort{Force: true}), not: "refused…can only go on to its end"},
		{name: "by force it is open", given: forced, when: done(moving, ev.MoveReopened{}), then: []string{moving + " move_reopened"}},
		{name: "it no longer rests and is open", given: stopped, when: done(moving, ev.MoveReopened{}), then: []string{moving + " move_reopened"}},
		{name: "programs without one that lets it rest", given: clusterBare(home), when: roam(volume, func(m *ev.Move) { m.Plan = "-/bare" }), not: "refused…neither -/bare nor an application of the tenant names one in spec.move.quiesce"},
		{name: "the application names it", given: home, when: roam(volume, func(m *ev.Move) { m.Plan = "-/bare" }), then: []string{moving + " move_started"}},
		{name: "asleep", given: asleep, when: roam(volume, brings), not: "refused…it is Suspended…resume it first"},
	})
	for want, given := range map[string][]fsmtest.Fact{
		"quiesce in -/eu closed: quiesce quiesce:1, quiesce pg-quiesce:1; here 192.0.2.1 there 192.0.2.2": installed,
		"copy in -/us closed: copy copy:1, copy pg-copy:1; here 192.0.2.1 there 192.0.2.2":                quiesced,
		"verify in -/us closed: verify verify:1; here 192.0.2.1 there 192.0.2.2":                          copied,
		"open in -/us": moved,
		"redirect in -/us: switch switch:1; here 192.0.2.1 there 192.0.2.2": opened,
		"stop in -/us closed": aborting,
		"abort in -/eu: unquiesce unquiesce:1, stops  pg; here 192.0.2.1 there 192.0.2.2":  stopped,
		"abort in -/eu: unquiesce unquiesce:1, stops  pg; here 192.0.2.1 there 192.0.2.2 ": facts(t, installed, ask(moving, ev.Abort{})),
		"abort in -/eu": forced,
	} {
		if got := programsAt(t, given); got != strings.TrimSpace(want) {
			t.Errorf("owed is  %s\nwant     %s", got, want)
		}
	}
	after := facts(t, opened, settle(movingPg))
	e, _ := fsmtest.WorldOf(t, after).Get(fsmtest.RefOf(movingPg))
	if got := e.Data.(fsm.ApplicationData).Endpoints; !slices.Equal(got, there) {
		t.Errorf("it is reached at %v, want %v", got, there)
	}
}

// clusterBare is a home whose application names no programs.
func clusterBare(home []fsmtest.Fact) []fsmtest.Fact {
	return fsmtest.History(home, fsmtest.Is(movingPg, ev.UpdateRequested[ev.ApplicationSpec]{}, ev.Deployed{Revision: 3}))
}

// programsAt says what is run for the tenant that moves, and where.
func programsAt(t *testing.T, given []fsmtest.Fact) string {
	e, _ := fsmtest.WorldOf(t, given).Get(fsmtest.RefOf(moving))
	owed, is := fsm.Machines[ev.Tenant].Owed(e).(ev.RelocateTenant)
	if !is {
		return fmt.Sprintf("%T", fsm.Machines[ev.Tenant].Owed(e))
	}
	at := map[bool]string{true: "-/us", false: "-/eu"}[owed.Dataplane == "-/us"] // its past does not say its first site
	said := owed.Step + " in " + at
	if owed.Closed {
		said += " closed"
	}
	if owed.Programs == nil {
		return said
	}
	var jobs []string
	for _, j := range owed.Programs.Jobs {
		jobs = append(jobs, j.Step+" "+j.Job.Image)
	}
	if len(owed.Programs.Stops) > 0 {
		jobs = append(jobs, "stops "+strings.Join(owed.Programs.Stops, " "))
	}
	return fmt.Sprintf("%s: %s; here %s there %s", said, strings.Join(jobs, ", "), owed.Programs.Here[0].Host, owed.Programs.There[0].Host)
}

func TestADryRunNamesThePrograms(t *testing.T) {
	w := fsmtest.WorldOf(t, jobsHome(t))
	c := roam(ev.TenantUse{}, func(m *ev.Move) { m.Plan = "-/brings" })(t, w)
	e, _ := w.Get(c.Ref)
	plan, err := fsm.PlanMove(e, c, w.Refs())
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprint(plan.Steps)
	for _, want := range []string{"{quiesce closes it where it is, and runs the program of its plan; that of application pg, pg-quiesce:1 [move_quiesced]}",
		"{verify looks whether all is there", "{redirect points at it from outside, and runs the program of its plan [move_redirected]}"} {
		if !strings.Contains(said, want) {
			t.Errorf("the dry run does not say %s:\n%s", want, said)
		}
	}
}
