package apitest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

// Life is what random commands make of a few names.
type Life struct {
	*System
	Chance *rand.Rand
}

// NewLife begins one.
func NewLife(t *testing.T, seed uint64) *Life {
	return &Life{New(t), rand.New(rand.NewPCG(seed, 0))}
}

var lived = map[string]string{
	"customer acme": `{}`, "customer beta": `{"displayName":"Beta"}`, "account -/main": `{"cloud":"sim","number":"1"}`,
	"plan -/free":    `{"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]}`,
	"plan -/own":     `{"deployment":"dedicated","apps":[{"type":"pg","size":"small"}]}`,
	"dataplane -/eu": `{"account":"-/main","region":"eu-central"}`, "dataplane -/us": `{"account":"-/main","region":"us-east","type":"dedicated"}`,
	"tenantinfra -/eu_pg": `{"app":"pg","size":"small","pools":[{"name":"a","machine":"m"}]}`,
	"tenantinfra -/us_pg": `{"app":"pg","size":"small","pools":[{"name":"a","machine":"m"}]}`,
	"tenant acme/one":     `{"plan":"free"}`, "tenant acme/two": `{"plan":"own"}`, "tenant beta/one": `{"plan":"free"}`, "tenant beta/two": `{"plan":"free"}`,
	"application acme/one_db": `{"manifests":[{"kind":"ConfigMap","data":{"n":1}}]}`, "application beta/one_db": `{"manifests":[{"kind":"Secret"}]}`,
}

func (l *Life) anyName() events.Ref {
	var all []string
	for name := range lived {
		all = append(all, name)
	}
	slices.Sort(all)
	k, path, _ := strings.Cut(all[l.Chance.IntN(len(all))], " ")
	r := Ref(events.Kind(k), path)
	if strings.Contains(r.ID, "/") {
		panic(path)
	}
	return r
}

// command is what somebody may ask of an entity: mostly what brings it on.
func (l *Life) command(e fsm.Entity[fsm.Data], r events.Ref) events.Command {
	c := events.Command{Ref: r, Actor: events.ActorAerie, Time: l.Tick, UID: fmt.Sprint("u", l.Tick.Unix()), Payload: events.Settle{}}
	if e.Phase() == fsm.Unborn || fsm.Machines[r.Kind].Ended(e.Phase()) {
		ask, err := events.DecodeAsk(r.Kind, events.VerbCreate, []byte(`{"labels":{"n":"`+fmt.Sprint(l.Chance.IntN(3))+`"},"spec":`+lived[r.String()]+`}`))
		if err != nil {
			panic(err)
		}
		c.Payload, c.Actor = ask, events.ActorAdmin
		return c
	}
	owed := fsm.Machines[r.Kind].Owed(e)
	_, waits := owed.(fsm.WaitFor)
	switch dice := l.Chance.IntN(60); {
	case dice == 0:
		c.Payload, c.Actor = events.Delete{Cascade: l.Chance.IntN(2) == 0}, events.ActorAdmin
	case dice < 3:
		c.Payload, c.Actor = events.Update{Labels: map[string]string{"n": fmt.Sprint(l.Chance.IntN(3)), "t": "X"}}, events.ActorAdmin
	case dice == 3:
		c.Payload, c.Actor = events.Retry{}, events.ActorAdmin
	case owed != nil && !waits:
		c.Payload, c.Actor = l.report(e, owed), events.ActorExecutor
	}
	return c
}

func (l *Life) report(e fsm.Entity[fsm.Data], owed events.Effect) events.Report {
	r := events.Report{UID: e.UID, Digest: fsm.DigestOf(owed)}
	outcomes := map[string]events.Event{
		"verify_account": events.Verified{}, "ensure_network": events.NetworkReady{Network: "net"}, "ensure_cluster": events.ClusterReady{Cluster: "c"},
		"ensure_system_pool": events.SystemPoolReady{Nodes: 1}, "ensure_base": events.Activated{}, "ensure_tenant": events.Activated{},
		"ensure_pools":       events.PoolsObserved{Pools: []events.PoolStatus{{Name: "a", State: "active", Nodes: 1}}},
		"ensure_application": events.Deployed{Revision: e.Revision, Objects: []string{"x"}},
	}
	r.Outcome = outcomes[owed.Effect()]
	if r.Outcome == nil && strings.HasPrefix(owed.Effect(), "remove") {
		r.Outcome = events.Deleted{}
	}
	if r.Outcome == nil || l.Chance.IntN(6) == 0 {
		r.Outcome, r.Failure = nil, &events.AttemptFailed{Reason: events.Reason{Code: events.Unreachable, Message: "no answer", Fault: events.ByCloud}, NextAt: l.Tick.Add(time.Minute)}
	}
	return r
}

// Step lets one thing happen, if something does.
func (l *Life) Step() {
	var changes []events.Change
	l.Fold.View(func(w *state.Entities) {
		r := l.anyName()
		e, _ := w.Get(r)
		changes, _ = fsm.Machines[r.Kind].Decide(e, l.command(e, r), w.Refs()) // what is refused does not happen
	})
	if len(changes) == 0 {
		return
	}
	recorded, err := l.Log.Append(l.T.Context(), eventlog.Decision{Changes: changes, Envelope: events.Envelope{
		Time: l.Tick, Actor: []string{"aerie", "anna"}[l.Chance.IntN(2)], CommandID: fmt.Sprint("c", l.Tick.Unix()), CausationID: "x", CorrelationID: "y"}})
	if err != nil {
		l.T.Fatal(err)
	}
	l.Tick = l.Tick.Add(time.Minute)
	if err := l.Views.Await(l.T.Context(), recorded[len(recorded)-1].Seq); err != nil {
		l.T.Fatal(err)
	}
}

func (l *Life) pick(of ...string) string { return of[l.Chance.IntN(len(of))] }

// Question is anything that can be asked of the views.
func (l *Life) Question() string {
	r := l.anyName()
	path := "/v1/" + r.Kind.Plural() + "/" + r.Owner + "/" + r.ID
	if r.Kind == events.Customer {
		path = "/v1/customers/" + r.ID
	}
	switch l.Chance.IntN(6) {
	case 0:
		return path + "/history?limit=" + l.pick("1", "5", "1000")
	case 1:
		return "/v1/events?" + l.pick("owner=acme", "kind=tenant", "type=requested&after=3", "actor=anna", "limit=2") + l.pick("", "&id=one")
	case 2, 3:
		return path + "?x"
	case 4:
		return "/v1/operations?limit=" + l.pick("1", "3", "100") + l.pick("", "&owner=acme", "&kind=tenant", "&kind="+string(r.Kind)+"&entity="+r.Path()) +
			l.pick("", "", "&state=running", "&state=done", "&state=failed", "&state=superseded")
	}
	known := views.Phases(r.Kind)
	q := "/v1/" + r.Kind.Plural() + "?limit=" + l.pick("1", "2", "100") + l.pick("", "&owner=acme", "&q=n", "&q=one", "&label=n", "&label=n=1", "&label=t=X&label=n=2",
		"&label=n!=1", "&label=!n", "&label=n+in+(0,2),t", "&label=n>0", "&label=n+notin+(1,2)") +
		l.pick("", "&sort=-name", "&sort=created", "&sort=-created", "&sort=phase", "&sort=-phase", "&sort=seq", "&sort=-seq") +
		l.pick("", "", "&phase="+l.pick(known...))
	if views.HasFilter(r.Kind, "plan") {
		q += l.pick("", "&plan=free", "&dataplane=-/us")
	}
	return q
}

// Told is what a question was answered at a moment.
type Told struct {
	Question, Body string
	Status         int
	Seq            uint64
	At             time.Time
}

// Tell asks now, and notes what was answered when.
func (l *Life) Tell(question string) Told {
	a := l.Ask("GET", strings.TrimSuffix(question, "?x"), "")
	return Told{question, a.Body, a.StatusCode, l.Views.AsOf().Seq, l.Tick.Add(-time.Minute)}
}
