package execute

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/consent"
)

// A control plane that owes what it is told to, and hands on what is reported.
func owing(t *testing.T, nc *nats.Conn, place queue.Partition, items ...ev.OwedItem) <-chan ev.ExecutorReport {
	t.Helper()
	reports := make(chan ev.ExecutorReport, 100)
	for subject, answer := range map[string]func(*nats.Msg) any{
		ev.AgentSubject(place.Owner, place.Dataplane, ev.AskOwed): func(*nats.Msg) any { return ev.Owed{Items: items} },
	} {
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) {
			data, _ := json.Marshal(answer(m))
			_ = m.Respond(data)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := nc.Subscribe(ev.ReportPrefix+">", func(m *nats.Msg) {
		var r ev.ExecutorReport
		_ = json.Unmarshal(m.Data, &r)
		reports <- r
		_ = m.Respond([]byte(ev.ReportTaken))
	}); err != nil {
		t.Fatal(err)
	}
	return reports
}

// firstOf are the first reports of some entities, in whatever order they come.
func firstOf(t *testing.T, reports <-chan ev.ExecutorReport, ids ...string) map[string]ev.ExecutorReport {
	t.Helper()
	first := map[string]ev.ExecutorReport{}
	for len(first) < len(ids) {
		select {
		case r := <-reports:
			if _, known := first[r.Ref.ID]; !known && slices.Contains(ids, r.Ref.ID) {
				first[r.Ref.ID] = r
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("of %v there are reports of %v alone", ids, slices.Collect(maps.Keys(first)))
		}
	}
	return first
}

// What an agent does not know waits for a newer one, and keeps nothing else. What it reports of times is in the control
// plane's time.
func TestAnAgentThatIsTooOld(t *testing.T) {
	server, _ := natstest.Start(t)
	nc := natstest.Connect(t, server)
	place := queue.Partition{Owner: "acme", Dataplane: "edge"}
	site := ev.Target{Account: ev.CloudAccount{Cloud: "sim", Number: "lab", Agent: true}, Region: "eu-central", Dataplane: "acme/edge"}
	work := func(id, effect string) ev.OwedItem {
		ref := ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: id}
		s := site
		s.Owner = ref.Mark("u")
		args, _ := json.Marshal(ev.EnsureNetwork{Target: s})
		return ev.OwedItem{Work: ev.Work{Ref: ref, UID: "u", Revision: 1, Digest: "d", Effect: effect, Args: args, Attempt: 1}}
	}
	reports := owing(t, nc, place, work("edge", "of_tomorrow"), work("other", ev.EnsureNetwork{}.Effect()))
	skew := &Skew{}
	skew.Set(-10 * time.Hour)
	a := NewAgent(Channel{Conn: nc, Place: place, Skew: skew}, NewSlots(), nil, clock.Clock{Speed: 1})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { _ = a.Run(ctx); close(ended) }()
	defer func() { end(); <-ended }()
	first := firstOf(t, reports, "edge", "other")
	if f := first["edge"].Failure; f == nil || f.Code != ev.AgentTooOld || f.Fault != ev.ByUser || !strings.Contains(f.Message, "of_tomorrow") {
		t.Errorf("the report of what it does not know: %+v", f)
	} else if off := time.Until(f.NextAt); off > -8*time.Hour || off < -10*time.Hour {
		t.Errorf("the next attempt is in %s, by a clock that is ten hours ahead", off)
	}
	if known := first["other"]; known.Failure == nil || known.Failure.Code == ev.AgentTooOld {
		t.Errorf("the report of what it knows: %+v", known)
	}
}

// A hint that is lost costs what is left of a minute: the answer to `seen` says that something has changed, and the agent asks what is
// owed. While nothing has changed it does not ask.
func TestALostHintCostsAMinute(t *testing.T) {
	server, _ := natstest.Start(t)
	nc := natstest.Connect(t, server)
	place, log := queue.Partition{Owner: "acme", Dataplane: "edge"}, atomic.Uint64{}
	asked := make(chan uint64, 10)
	if _, err := nc.Subscribe(ev.AgentSubject(place.Owner, place.Dataplane, ev.AskOwed), func(m *nats.Msg) {
		data, _ := json.Marshal(ev.Owed{Log: ev.LogPoint{Seq: log.Load()}})
		_ = m.Respond(data)
		asked <- log.Load()
	}); err != nil {
		t.Fatal(err)
	}
	news := &News{}
	seen := func(changed uint64) {
		news.Hear(ev.Lease{Changed: changed, Log: ev.LogPoint{Seq: log.Load()}})
	}
	log.Store(5)
	seen(5)
	a := NewAgent(Channel{Conn: nc, Place: place, News: news}, NewSlots(), nil, clock.Clock{Speed: 1})
	next, err := a.look(t.Context())
	if at := <-asked; err != nil || at != 5 || !next.IsZero() {
		t.Fatalf("asked at %d, next at %s, %v", at, next, err)
	}
	defer news.whenHeard(a.heard)()
	log.Store(9) // of others
	seen(5)
	if len(a.again) != 0 {
		t.Error("it asks though nothing has changed")
	}
	seen(9)
	if len(a.again) != 1 {
		t.Fatal("it does not ask though something has changed")
	}
	<-a.again
	if _, err := a.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen(9); len(a.again) != 0 {
		t.Error("it asks again what it has been told")
	}
	log.Store(3) // another log
	if seen(3); len(a.again) != 1 {
		t.Error("it does not ask though the log is another one")
	}
	silent := NewAgent(Channel{Conn: nc, Place: place, News: &News{}}, NewSlots(), nil, clock.Clock{Speed: 1})
	if next, err := silent.look(t.Context()); err != nil || time.Until(next) > agentAsks || time.Until(next) < agentAsks/2 {
		t.Errorf("a control plane that says nothing is asked in %s, %v", time.Until(next), err)
	}
	<-a.again
	if _, err := a.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen(0); len(a.again) != 1 {
		t.Fatal("a release before took over, which says nothing, and it waits to be told")
	}
	<-a.again
	if next, err := a.look(t.Context()); err != nil || next.IsZero() {
		t.Errorf("it looks again at no time: %v", err)
	}
	if seen(0); len(a.again) != 0 {
		t.Error("it asks each minute, though it looks by the clock")
	}
}

// Whoever speaks for the control plane gets nothing done but what is the place's own: of its customer, under the entity's own
// mark, in an account that agents enter, in words that the agent knows.
func TestAnAgentRefusesWhatIsNotItsOwn(t *testing.T) {
	c := Channel{Place: queue.Partition{Owner: "acme", Dataplane: "edge"}}
	own := ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}
	site := func(owner, dataplane string, agent bool) ev.Target {
		return ev.Target{Account: ev.CloudAccount{Cloud: "sim", Number: "lab", Agent: agent}, Region: "eu-central", Owner: owner, Dataplane: dataplane}
	}
	good := site(own.Mark("u"), "acme/edge", true)
	prod := ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}
	at := ev.EnsureTenant{Target: site(prod.Mark("u"), "acme/edge", true), Customer: "acme", Tenant: "prod"}
	type told struct {
		ref    ev.Ref
		uid    string
		effect ev.Effect
	}
	for name, is := range map[string]told{
		"another customer's entity":  {ev.Ref{Kind: ev.Dataplane, Owner: "evil", ID: "edge"}, "u", ev.EnsureNetwork{Target: good}},
		"no entity":                  {ev.Ref{}, "u", ev.EnsureNetwork{Target: good}},
		"no incarnation":             {own, "", ev.RemoveOwned{Target: site(own.Mark(""), "acme/edge", true)}},
		"everything that is owned":   {own, "u", ev.RemoveOwned{Target: site("", "acme/edge", true)}},
		"another's mark":             {own, "u", ev.RemoveOwned{Target: site("acme/dataplane/other/v", "acme/edge", true)}},
		"another incarnation's mark": {own, "u", ev.RemoveOwned{Target: site(own.Mark("v"), "acme/edge", true)}},
		"another dataplane":          {own, "u", ev.EnsureNetwork{Target: site(own.Mark("u"), "acme/other", true)}},
		"Secrets of another place":   {prod, "u", ev.RelocateTenant{EnsureTenant: at, Step: ev.StepQuiesce, Follow: &ev.MoveFollow{}}},
		"Secrets by another's role": {prod, "u", ev.RelocateTenant{EnsureTenant: at, Step: ev.StepQuiesce,
			Follow: &ev.MoveFollow{Site: ev.Target{Account: ev.CloudAccount{Cloud: "sim", Agent: true, Role: "theirs"}, Dataplane: "acme/edge2"}}}},
		"Secrets to another's place": {prod, "u", ev.RelocateTenant{EnsureTenant: at, Step: ev.StepQuiesce,
			Follow: &ev.MoveFollow{Site: site("", "evil/edge2", true)}}},
		"a look at another's place": {prod, "u", ev.RelocateTenant{EnsureTenant: at, Step: ev.StepQuiesce,
			Look: &ev.MoveLook{Site: site("", "evil/edge2", true)}}},
		"another customer's name":       {prod, "u", ev.EnsureTenant{Target: at.Target, Customer: "evil", Tenant: "prod"}},
		"another tenant's name":         {prod, "u", ev.RecordTenant{CellTenant: ev.CellTenant{Target: at.Target, Customer: "acme", Tenant: "other"}}},
		"an account that is no agent's": {own, "u", ev.EnsureNetwork{Target: site(own.Mark("u"), "acme/edge", false)}},
	} {
		args, _ := json.Marshal(is.effect)
		if _, err := c.ReadEffect(is.ref, is.uid, is.effect.Effect(), args); !errors.Is(err, errForeign) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.ReadEffect(own, "u", ev.EnsureNetwork{}.Effect(), append([]byte(`{"more":1,`), args[1:]...)); !errors.Is(err, errTooOld) {
			t.Errorf("%s, and more: %v", name, err)
		}
	}
	args, _ := json.Marshal(ev.EnsureNetwork{Target: good})
	if e, err := c.ReadEffect(own, "u", ev.EnsureNetwork{}.Effect(), args); err != nil || e == nil {
		t.Errorf("what is its own: %v", err)
	}
	for _, e := range []ev.Effect{at, ev.RelocateTenant{EnsureTenant: at, Step: ev.StepQuiesce}, ev.RecordTenant{CellTenant: at.InCell()}} {
		args, _ := json.Marshal(e)
		if _, err := c.ReadEffect(prod, "u", e.Effect(), args); err != nil {
			t.Errorf("%s of its own: %v", e.Effect(), err)
		}
	}
	for effect := range Handlers {
		if effects[effect] == nil {
			t.Errorf("no agent does %s", effect)
		}
	}
}

// Work that people are asked about waits for their answer: approved it is done, denied it is not, and is not tried again.
func TestPeopleAreAskedFirst(t *testing.T) {
	server, _ := natstest.Start(t)
	nc := natstest.Connect(t, server)
	place := queue.Partition{Owner: "acme", Dataplane: "edge"}
	work := func(id string) ev.OwedItem {
		ref := ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: id}
		site := ev.Target{Account: ev.CloudAccount{Cloud: "sim", Number: "lab", Agent: true}, Region: "eu-central", Dataplane: "acme/edge", Owner: ref.Mark("u")}
		args, _ := json.Marshal(ev.EnsureNetwork{Target: site})
		return ev.OwedItem{Work: ev.Work{Ref: ref, UID: "u", Revision: 1, Digest: "d", Effect: ev.EnsureNetwork{}.Effect(), Args: args, Attempt: 1}, Spec: 1}
	}
	reports := owing(t, nc, place, work("yes"), work("no"))
	dir := t.TempDir()
	policy, err := consent.ReadPolicy([]byte("approve: [create]"))
	if err != nil {
		t.Fatal(err)
	}
	gate, err := consent.Open(dir, "acme/edge", policy)
	if err != nil {
		t.Fatal(err)
	}
	a := NewAgent(Channel{Conn: nc, Place: place, Gate: gate}, NewSlots(), nil, clock.Clock{Speed: 1})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { _ = a.Run(ctx); close(ended) }()
	defer func() { end(); <-ended }()
	for id, r := range firstOf(t, reports, "yes", "no") {
		if r.Failure == nil || r.Failure.Code != ev.Approval || r.Failure.Fault != ev.ByUser || len(r.Calls) > 0 {
			t.Errorf("%s: %+v", id, r.Failure)
		}
	}
	pending, err := consent.ReadPending(dir)
	if err != nil || len(pending.Items) != 2 {
		t.Fatalf("%+v %v", pending, err)
	}
	for _, q := range pending.Items {
		answer := map[string]string{"yes": consent.Approved, "no": consent.Denied}[q.Ref.ID]
		if err := consent.Say(dir, []string{q.ID}, answer, "kim", ""); err != nil {
			t.Fatal(err)
		}
	}
	gate.Look()
	answered := firstOf(t, reports, "yes", "no")
	if f := answered["yes"].Failure; f == nil || f.Code == ev.Approval || f.Denied { // there is no cloud here
		t.Errorf("approved: %+v", f)
	}
	if f := answered["no"].Failure; f == nil || f.Code != ev.Unauthorized || !f.Denied || !f.NextAt.IsZero() {
		t.Errorf("denied: %+v", f)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	told := work("no")
	told.Work.Revision, told.Attempt = 7, &ev.AttemptFailed{Reason: ev.Reason{Code: ev.Unauthorized, Denied: true}}
	if _, later := a.due(told); !later {
		t.Error("what was denied is tried again")
	}
	for effect := range Handlers {
		makes := slices.ContainsFunc([]string{"ensure_", "upgrade_", "join_", "record_"}, func(p string) bool { return strings.HasPrefix(effect, p) })
		if class := consent.ClassOf(effect); class == consent.Create && !makes {
			t.Errorf("%s counts as %s", effect, class)
		}
	}
}

// Every event that an executor reports is on the list of what an agent may send: else it would be done and never told.
func TestEveryOutcomeMayBeSent(t *testing.T) {
	known := map[string]bool{"AttemptFailed": true, "Swept": true} // these have fields of their own in a report
	for _, e := range consent.Outcomes {
		known[reflect.TypeOf(e).Name()] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range ev.Kinds {
		for _, e := range fsm.Machines[k].Vocabulary() {
			name := reflect.TypeOf(e).Name()
			for _, f := range files {
				text, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if !known[name] && !strings.HasSuffix(f, "_test.go") && strings.Contains(string(text), "ev."+name+"{") {
					t.Errorf("%s has %s, which is not on the list", f, name)
				}
			}
		}
	}
}
