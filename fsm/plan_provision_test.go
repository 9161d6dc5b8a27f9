package fsm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// template is a template of places as a plan has it, with its defaults filled in.
func template(with func(*ev.Provision)) ev.Provision {
	p := ev.Provision{Name: "eu", Account: "-/main", KeepEmpty: "24h", Max: 3,
		Dataplane:   ev.DataplaneTemplate{Region: "eu-central", Version: "1.36", Drift: "repair", SystemPool: ev.SystemPool{Machine: "s2", Min: 1, Max: 3}},
		TenantInfra: ev.TenantInfraTemplate{Scheduling: "strict", Pools: fsmtest.InfraSpec.Pools}}
	with(&p)
	return p
}

func cellsOf(tenants, most int) *ev.Cells {
	return &ev.Cells{Tenants: tenants, Isolation: "policy", Max: most, KeepEmpty: "1h"}
}

// plant is a plan with a template, its customers and the account, and what was decided on them since.
type plant struct {
	t   *testing.T
	w   *state.Entities
	now time.Time
	// broken are the dataplanes and tenant infras of which the cloud makes nothing.
	broken func(ev.Ref) bool
}

func newPlant(t *testing.T, plan func(*ev.PlanSpec)) *plant {
	facts := fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.CustomerIs("other"), fsmtest.AccountReady(), fsmtest.PlanIs("free", plan))
	return &plant{t: t, w: fsmtest.WorldOf(t, facts), now: fsmtest.Start.Add(time.Hour), broken: func(ev.Ref) bool { return false }}
}

// do decides a command and folds in what it changes, as one decision.
func (p *plant) do(name string, ask ev.Payload, internal bool) []string {
	p.t.Helper()
	p.now = p.now.Add(time.Second)
	c := ev.Command{ID: fmt.Sprint("c", p.w.Seq+1), Ref: fsmtest.RefOf(name), Actor: ev.ActorAdmin, Time: p.now, UID: fmt.Sprint("u", p.w.Seq+1), Payload: ask, Internal: internal}
	changes, err := fsmtest.DecideIn(p.w, c)
	if err != nil {
		p.t.Fatalf("%T of %s: %v", ask, name, err)
	}
	var all []ev.Recorded
	var told []string
	for _, ch := range changes {
		for _, e := range ch.Events {
			all = append(all, ev.Recorded{Ref: ch.Ref, Seq: p.w.Seq + uint64(len(all)) + 1, Event: e, Envelope: ev.Envelope{Time: p.now}})
			told = append(told, ch.Ref.String()+" "+e.Type())
		}
	}
	if len(all) == 0 {
		return nil
	}
	if err := p.w.Apply(all); err != nil {
		p.t.Fatal(err)
	}
	return told
}

// owing are those who are owed something, by name.
func (p *plant) owing() (names []string) {
	for _, ref := range p.w.Owing() {
		names = append(names, ref.String())
	}
	slices.Sort(names)
	return names
}

// run does what is owed until nothing happens any more, and tells what did. Time does not pass.
func (p *plant) run() (told []string) {
	p.t.Helper()
	for range 200 {
		moved := false
		for _, name := range p.owing() {
			e, _ := p.w.Get(fsmtest.RefOf(name))
			var more []string
			switch owed := fsm.Machines[e.Ref.Kind].Owed(e).(type) {
			case nil:
			case fsm.WaitFor:
				more = p.do(name, ev.Settle{}, true)
			default:
				more = p.do(name, p.report(e, owed), true)
			}
			told, moved = append(told, more...), moved || len(more) > 0
		}
		if !moved {
			return told
		}
	}
	p.t.Fatal("it goes on for ever: ", told[len(told)-20:])
	return nil
}

func (p *plant) report(e fsm.Entity[fsm.Data], owed ev.Effect) ev.Report {
	r := ev.Report{UID: e.UID, Digest: fsm.DigestOf(owed)}
	if p.broken(e.Ref) {
		r.Failure = &ev.AttemptFailed{Reason: ev.Reason{Code: ev.ConfigProblem, Fault: ev.ByUser, Message: "the cloud said no"}}
		return r
	}
	switch owed := owed.(type) {
	case ev.EnsureNetwork:
		r.Outcome = ev.NetworkReady{Network: "net"}
	case ev.EnsureCluster:
		r.Outcome = ev.ClusterReady{Cluster: "cluster", Version: owed.Version}
	case ev.EnsureSystemPool:
		r.Outcome = ev.SystemPoolReady{Nodes: 1}
	case ev.EnsureCloudAddons:
		r.Outcome = fsmtest.AllAddons
	case ev.EnsureBase, ev.EnsureTenant, ev.RecordTenant:
		r.Outcome = ev.Activated{}
	case ev.EnsureCell:
		r.Outcome = ev.CellPrepared{}
	case ev.JoinTenant:
		r.Outcome = ev.TenantJoined{}
	case ev.LeaveTenant:
		r.Outcome = ev.TenantLeft{}
	case ev.EnsureApplication:
		r.Outcome = ev.Deployed{Revision: 1}
	case ev.EnsurePools:
		r.Outcome = fsmtest.PoolsUp
	case ev.SuspendTenant:
		r.Outcome = ev.Suspended{}
	case ev.RetirePools:
		r.Outcome = ev.PoolsRetired{}
	case ev.EnsureAddon:
		r.Outcome = ev.Deployed{}
	default:
		r.Outcome = ev.Deleted{}
	}
	return r
}

// breakAll has nothing of a kind come about.
func (p *plant) breakAll(k ev.Kind) {
	p.broken = func(r ev.Ref) bool {
		e, _ := p.w.Get(r)
		return r.Kind == k && e.Phase() != fsm.Deleting
	}
}

// pass lets time pass: waits that are over by then end.
func (p *plant) pass(d time.Duration) (told []string) {
	p.t.Helper()
	p.now = p.now.Add(d)
	for _, name := range p.owing() {
		e, _ := p.w.Get(fsmtest.RefOf(name))
		if w, waits := fsm.Machines[e.Ref.Kind].Owed(e).(fsm.WaitFor); waits && w.Within > 0 && !w.Since.Add(w.Within).After(p.now) {
			told = append(told, p.do(name, ev.Expire{Since: w.Since}, true)...)
		}
	}
	return append(told, p.run()...)
}

func (p *plant) subscribe(path string) []string {
	p.t.Helper()
	told := p.do("tenant "+path, ev.Create{Spec: ev.TenantSpec{Plan: "-/free"}}, false)
	return append(told, p.do("tenant "+path, ev.Settle{}, true)...)
}

func (p *plant) place(path string) ev.Placement {
	e, _ := p.w.Get(fsmtest.RefOf("tenant " + path))
	if d := e.Data.(fsm.TenantData); d.Placement != nil {
		return *d.Placement
	}
	return ev.Placement{}
}

func (p *plant) why(name string) string {
	e, _ := p.w.Get(fsmtest.RefOf(name))
	if b := p.w.Blocker(e); b != nil {
		return string(b.Code) + ": " + b.Message
	}
	return "-"
}

// dataplanes are those that live, by path.
func (p *plant) dataplanes() (paths []string) {
	p.w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
		if !fsm.Ended(e) {
			paths = append(paths, e.Ref.Path())
		}
	})
	slices.Sort(paths)
	return paths
}

func (p *plant) want(got any, want string) {
	p.t.Helper()
	if s := fmt.Sprint(got); !strings.Contains(s, want) {
		p.t.Fatalf("got %s\nwant %s", s, want)
	}
}

func shared(t ev.Provision) func(*ev.PlanSpec) {
	return func(s *ev.PlanSpec) { s.Provision = []ev.Provision{t} }
}

func TestWhatIsMissingIsMade(t *testing.T) {
	p := newPlant(t, shared(template(func(t *ev.Provision) { t.TenantInfra.Cells = cellsOf(2, 1) })))
	told := p.subscribe("acme/a")
	at := p.place("acme/a")
	if !strings.HasPrefix(at.Dataplane, "-/eu-") || len(at.Dataplane) != len("-/eu-")+6 || at.TenantInfra != at.Dataplane+"_pg-small" || at.Cell == "" {
		t.Fatalf("it is placed at %+v", at)
	}
	p.want(told, fmt.Sprintf("dataplane %s requested tenantinfra %s requested cell %s requested", at.Dataplane, at.TenantInfra, at.Cell))
	e, _ := p.w.Get(fsmtest.RefOf("dataplane " + at.Dataplane))
	if made := e.Data.(fsm.DataplaneData).Origin.Made; made == nil || *made != (ev.Made{Plan: "-/free", Version: 1, Template: "eu", KeepEmpty: "24h"}) {
		t.Fatalf("it was made for %+v", made)
	}
	p.subscribe("acme/b")
	if other := p.place("acme/b"); other.Dataplane != at.Dataplane || other.Cell != at.Cell {
		t.Fatalf("who comes while it is being built goes to %+v", other)
	}
	if told := p.subscribe("acme/c"); len(told) != 2 { // requested, placing_started
		t.Fatalf("one at a time is built in a region: %q", told)
	}
	p.want(p.why("tenant acme/c"), "quota_exceeded: one dataplane at a time is built in a region, and dataplane "+at.Dataplane+" is being built in eu-central of sim")
	p.run()
	if third := p.place("acme/c"); third.Dataplane == "" || third.Dataplane == at.Dataplane {
		t.Fatalf("when that is built another one is made: %+v", third)
	}
	for _, path := range []string{"acme/a", "acme/b", "acme/c"} {
		if e, _ := p.w.Get(fsmtest.RefOf("tenant " + path)); e.Phase() != fsm.Active {
			t.Errorf("%s is %s", path, e.Phase())
		}
	}
}

func TestADedicatedPlaceIsMadeAndClaimed(t *testing.T) {
	p := newPlant(t, func(s *ev.PlanSpec) {
		s.Deployment = "dedicated"
		s.Provision = []ev.Provision{template(func(t *ev.Provision) { t.Max = 1 })}
	})
	p.subscribe("acme/a")
	p.run()
	p.subscribe("acme/b")
	p.subscribe("other/a")
	p.run()
	if p.place("acme/a").Dataplane != p.place("acme/b").Dataplane || p.place("acme/a").Dataplane == p.place("other/a").Dataplane {
		t.Errorf("each customer has one of its own: %v %v %v", p.place("acme/a"), p.place("acme/b"), p.place("other/a"))
	}
}

func TestOneInTheCustomersOwnAccount(t *testing.T) {
	p := newPlant(t, func(s *ev.PlanSpec) {
		s.Hosting = "customer"
		s.Provision = []ev.Provision{template(func(t *ev.Provision) { t.Account = ev.CustomersAccount })}
	})
	p.do("customer acme", ev.Update{Spec: ev.CustomerSpec{Hosting: "customer"}}, false)
	p.subscribe("acme/a")
	p.want(p.why("tenant acme/a"), "dependency: acme has no account of hosting customer that is Ready, and template eu makes a place in its own: aerie account create acme/NAME")
	p.do("account acme/own", ev.Create{Spec: ev.AccountSpec{Cloud: "sim", Number: "7", Hosting: "customer", Role: "r", ExternalID: "x"}}, false)
	p.do("account acme/own", ev.Settle{}, true)
	e, _ := p.w.Get(fsmtest.RefOf("account acme/own"))
	p.do("account acme/own", ev.Report{UID: e.UID, Digest: fsm.DigestOf(fsm.Machines[ev.Account].Owed(e)), Outcome: ev.Verified{}}, true)
	if woken := p.woken("account acme/own"); !slices.Contains(woken, "tenant acme/a") {
		t.Fatalf("its account wakes %q", woken)
	}
	offer := func(machines ...string) {
		p.do("account acme/own", ev.NoteCatalogue{Region: "eu-central", Catalogue: ev.Catalogue{Machines: machines}}, true)
	}
	offer("m4")
	p.run()
	p.want(p.why("tenant acme/a"), "template eu of plan -/free can't be made")
	offer("m4", "s2")
	if woken := p.woken("account acme/own"); !slices.Contains(woken, "tenant acme/a") {
		t.Fatalf("what its cloud has now wakes %q", woken)
	}
	p.run()
	p.want(p.place("acme/a").Dataplane, "acme/eu-")
}

// woken are those whom the last event of an entity wakes.
func (p *plant) woken(name string) (names []string) {
	e, _ := p.w.Get(fsmtest.RefOf(name))
	last := ev.Recorded{Ref: e.Ref, Seq: e.Seq}
	p.w.Woken([]ev.Recorded{last}, func(waiter ev.Ref, _ ev.Recorded, _ fsm.Awaited) { names = append(names, waiter.String()) })
	return names
}

func TestTheBudgetOfATemplate(t *testing.T) {
	p := newPlant(t, shared(template(func(t *ev.Provision) { t.Max, t.TenantInfra.Cells = 1, cellsOf(1, 1) })))
	p.subscribe("acme/a")
	p.run()
	p.subscribe("acme/b")
	p.run()
	p.want(p.why("tenant acme/b"), "quota_exceeded: template eu of plan -/free has made 1 dataplanes, as many as its max")
}

func TestTheBudgetOfTheServer(t *testing.T) {
	cells := func(t *ev.Provision) { t.Max, t.TenantInfra.Cells = 100, cellsOf(1, 1) }
	p := newPlant(t, shared(template(cells)))
	p.w.LimitProvision(fsm.ProvisionLimit{Alive: 2, Hourly: 10})
	for _, path := range []string{"acme/a", "acme/b", "acme/c"} {
		p.subscribe(path)
		p.run()
	}
	p.want(p.why("tenant acme/c"), "quota_exceeded: there are 2 dataplanes that were made for plans, as many as the server's --provision-limit allows")

	p = newPlant(t, shared(template(cells)))
	p.w.LimitProvision(fsm.ProvisionLimit{Alive: 20, Hourly: 2})
	for _, path := range []string{"acme/a", "acme/b", "acme/c"} {
		p.subscribe(path)
		p.run()
	}
	p.want(p.why("tenant acme/c"), "quota_exceeded: 2 dataplanes were made for plans within an hour")
	if told := p.pass(30 * time.Minute); len(told) > 0 {
		t.Fatalf("after half an hour %q", told)
	}
	p.want(p.pass(31*time.Minute), "plan -/free provision_resumed")
	p.want(p.place("acme/c").Dataplane, "-/eu-")
}

func TestTheBreaker(t *testing.T) {
	p := newPlant(t, shared(template(func(*ev.Provision) {})))
	p.breakAll(ev.TenantInfra)
	p.subscribe("acme/a")
	told := fmt.Sprint(p.run())
	if n := strings.Count(told, "dataplane_requested"); strings.Count(told, "provision_failed") != fsm.MostFailures || n > 0 {
		t.Fatalf("it went so: %s", told)
	}
	p.want(p.why("plan -/free"), "provision_blocked: 3 that template eu made failed one after the other")
	p.want(p.why("tenant acme/a"), "provision_blocked: 3 that template eu made failed one after the other")
	if left := p.dataplanes(); len(left) > 0 {
		t.Fatalf("what has failed is still there: %q", left)
	}
	p.broken = func(ev.Ref) bool { return false }
	if told := p.run(); len(told) > 0 {
		t.Fatalf("it goes on by itself: %q", told)
	}
	p.do("plan -/free", ev.Retry{}, false)
	if woken := p.woken("plan -/free"); !slices.Contains(woken, "tenant acme/a") {
		t.Fatalf("a retry wakes %q", woken)
	}
	p.run()
	p.want(p.place("acme/a").Dataplane, "-/eu-")
	p.want(p.why("plan -/free"), "-")
}

func TestANewVersionEndsTheBreaker(t *testing.T) {
	p := newPlant(t, shared(template(func(*ev.Provision) {})))
	p.breakAll(ev.Dataplane)
	p.subscribe("acme/a")
	p.run()
	p.want(p.why("plan -/free"), "provision_blocked")
	p.broken = func(ev.Ref) bool { return false }
	e, _ := p.w.Get(fsmtest.RefOf("plan -/free"))
	spec := e.Data.Wants().(ev.PlanSpec)
	spec.Provision = []ev.Provision{template(func(t *ev.Provision) { t.Dataplane.Version = "1.35" })}
	p.do("plan -/free", ev.Update{Spec: spec}, false)
	p.run()
	p.want(p.place("acme/a").Dataplane, "-/eu-")
}

func TestWhatIsEmptyGoes(t *testing.T) {
	p := newPlant(t, shared(template(func(*ev.Provision) {})))
	p.subscribe("acme/a")
	p.run()
	at := p.place("acme/a").Dataplane
	p.do("tenant acme/a", ev.Delete{}, false)
	p.want(p.run(), "dataplane "+at+" emptied")
	p.want(p.why("dataplane "+at), "-")
	p.pass(23 * time.Hour)
	p.subscribe("acme/b")
	if p.place("acme/b").Dataplane != at {
		t.Fatalf("who comes is not put on what is there: %+v", p.place("acme/b"))
	}
	p.want(p.run(), "dataplane "+at+" occupied")
	p.pass(48 * time.Hour)
	p.want(p.dataplanes(), at)
	p.do("tenant acme/b", ev.Delete{}, false)
	p.run()
	p.pass(25 * time.Hour)
	if left := p.dataplanes(); len(left) > 0 {
		t.Fatalf("after its time it is still there: %q", left)
	}
}

func TestWhoComesWhenItsTimeIsOverStays(t *testing.T) {
	p := newPlant(t, shared(template(func(*ev.Provision) {})))
	p.subscribe("acme/a")
	p.run()
	at := "dataplane " + p.place("acme/a").Dataplane
	p.do("tenant acme/a", ev.Delete{}, false)
	p.run()
	p.subscribe("acme/b")
	e, _ := p.w.Get(fsmtest.RefOf(at))
	p.want(p.do(at, fsmtest.Expired(e), true), at+" occupied")
}

func TestWhatAPersonHasToDoWithIsTheirs(t *testing.T) {
	for name, touch := range map[string]func(p *plant, at string){
		"labels of the dataplane": func(p *plant, at string) {
			p.do("dataplane "+at, ev.Update{Labels: map[string]string{"a": "b"}}, false)
		},
		"an addon on it": func(p *plant, at string) {
			p.do("addon "+at+"_ops", ev.Create{Spec: ev.AddonSpec{Manifests: fsmtest.PgSpec.Manifests}}, false)
		},
		"another tenant infra on it": func(p *plant, at string) {
			spec := fsmtest.InfraSpec
			spec.Size = "big"
			p.do("tenantinfra "+at+"_big", ev.Create{Spec: spec}, false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t, shared(template(func(*ev.Provision) {})))
			p.subscribe("acme/a")
			p.run()
			at := p.place("acme/a").Dataplane
			touch(p, at)
			p.do("tenant acme/a", ev.Delete{}, false)
			p.run()
			p.pass(100 * time.Hour)
			p.want(p.dataplanes(), at)
			e, _ := p.w.Get(fsmtest.RefOf("dataplane " + at))
			if !e.Data.(fsm.DataplaneData).Origin.Kept {
				t.Error("it is not noted")
			}
		})
	}
}

func TestSomeStandEmptyForThoseWhoCome(t *testing.T) {
	p := newPlant(t, shared(template(func(t *ev.Provision) { t.Warm, t.Max, t.TenantInfra.Cells = 2, 5, cellsOf(1, 1) })))
	p.run()
	warm := p.dataplanes()
	if len(warm) != 2 {
		t.Fatalf("there stand %q", warm)
	}
	p.pass(100 * time.Hour)
	if still := p.dataplanes(); !slices.Equal(still, warm) {
		t.Fatalf("later there stand %q", still)
	}
	p.subscribe("acme/a")
	if at := p.place("acme/a").Dataplane; !slices.Contains(warm, at) {
		t.Fatalf("it is placed at %q", at)
	}
	p.run()
	if now := p.dataplanes(); len(now) != 3 {
		t.Fatalf("another one takes its place: %q", now)
	}
	p.do("plan -/free", ev.Retire{}, false)
	p.run()
	p.pass(100 * time.Hour)
	if left := p.dataplanes(); len(left) != 1 {
		t.Fatalf("nothing stands empty for a plan that is retired: %q", left)
	}
}

func TestAMissingTenantInfraIsMadeWhereTheDataplaneIs(t *testing.T) {
	p := newPlant(t, shared(template(func(*ev.Provision) {})))
	p.subscribe("acme/a")
	p.run()
	p.do("tenant acme/k", ev.Create{Spec: ev.TenantSpec{Plan: "-/free", App: "kafka"}}, false)
	p.run()
	if at := p.place("acme/k"); at.Dataplane != p.place("acme/a").Dataplane || at.TenantInfra != at.Dataplane+"_kafka-small" {
		t.Errorf("it is placed at %+v", at)
	}
}

// What is made for a multi-tenant plan has cells of the plan, each with the plan's applications, and goes when they are empty.
func TestWhatIsMadeForTenantsThatShare(t *testing.T) {
	p := newPlant(t, func(s *ev.PlanSpec) {
		*s = fsmtest.ManySpec
		s.Provision = []ev.Provision{template(func(t *ev.Provision) { t.TenantInfra.Cells = cellsOf(1, 2) })}
	})
	told := p.subscribe("acme/a")
	at := p.place("acme/a")
	p.want(told, fmt.Sprintf("dataplane %s requested tenantinfra %s requested cell %s requested cell %[3]s slot_taken cellapplication %[3]s_web requested", at.Dataplane, at.TenantInfra, at.Cell))
	p.subscribe("other/b")
	if there := p.place("other/b"); there.TenantInfra != at.TenantInfra || there.Cell == at.Cell {
		t.Fatalf("the next one opens a cell beside it: %+v", there)
	}
	p.run()
	for _, path := range []string{"acme/a", "other/b"} {
		if e, _ := p.w.Get(fsmtest.RefOf("tenant " + path)); e.Phase() != fsm.Active {
			t.Errorf("%s is %s: %s", path, e.Phase(), p.why("tenant "+path))
		}
		p.do("tenant "+path, ev.Delete{}, false)
	}
	p.run()
	for range 5 {
		p.pass(25 * time.Hour)
	}
	if left := p.dataplanes(); len(left) > 0 {
		t.Errorf("left are %q: %s", left, p.why("dataplane "+left[0]))
	}
}

func TestTemplatesAreChecked(t *testing.T) {
	facts := fsmtest.History(fsmtest.AccountReady())
	body := func(template string) string {
		return `{"spec":{"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}],"provision":[` + template + `]}}`
	}
	live(t, []life{
		{name: "no such account", given: facts, when: create("plan -/pro", body(`{"name":"eu","account":"-/mian","dataplane":{"region":"eu-central"},"tenantinfra":{"pools":[{"name":"a","machine":"m4"}]}}`)),
			not: "invalid…spec.provision[0].account: there is no account -/mian; did you mean"},
	})
	for _, row := range []struct{ template, want string }{
		{`{"name":"eu","account":"acme/own","dataplane":{"region":"eu-central"},"tenantinfra":{"pools":[{"name":"a","machine":"m4"}]}}`, "spec.provision[0].account: \"acme/own\" is no account of the platform"},
		{`{"name":"eu","account":"customer","dataplane":{"region":"eu-central"},"tenantinfra":{"pools":[{"name":"a","machine":"m4"}]}}`, "spec.provision[0].account: the plan's hosting is provider"},
		{`{"name":"eu","account":"-/main","warm":4,"dataplane":{"region":"eu-central"},"tenantinfra":{"pools":[{"name":"a","machine":"m4"}]}}`, "spec.provision[0].warm: 4 is more than max, 3"},
		{`{"name":"eu","account":"-/main","dataplane":{"region":"eu-central"},"tenantinfra":{"pools":[{"name":"a","machine":"m4","min":4}]}}`, "spec.provision[0].tenantinfra.pools[0].min: 4 is more than max, 3"},
	} {
		if _, err := ev.DecodeAsk(ev.Plan, ev.VerbCreate, []byte(body(row.template))); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("got %v, want %s", err, row.want)
		}
	}
	for _, row := range []struct{ cells, want string }{
		{"", "spec.provision[0].tenantinfra.cells: are missing"},
		{`,"cells":{"tenants":2,"max":1,"warm":2}`, "spec.provision[0].tenantinfra.cells.warm: 2 is more than max, 1"},
	} {
		shares := `{"spec":{"deployment":"multi-tenant","apps":[{"type":"pg","size":"small"}],"applications":[{"name":"web","manifests":[{"kind":"ConfigMap"}]}],"provision":[{"name":"eu","account":"-/main","dataplane":{"region":"eu-central"},"tenantinfra":{"pools":[{"name":"a","machine":"m4"}]` + row.cells + `}}]}}`
		if _, err := ev.DecodeAsk(ev.Plan, ev.VerbCreate, []byte(shares)); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("got %v, want %s", err, row.want)
		}
	}
}
