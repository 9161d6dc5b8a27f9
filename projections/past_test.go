package projections

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// life is what random commands make of a few names.
type life struct {
	*system
	chance *rand.Rand
}

// newLife is one whose present is the time of its last event.
func newLife(t *testing.T, seed uint64) *life {
	l := &life{start(t), rand.New(rand.NewPCG(seed, 0))}
	l.views.now = func() time.Time { return l.tick.Add(-time.Minute) }
	return l
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

func (l *life) anyName() events.Ref {
	var all []string
	for name := range lived {
		all = append(all, name)
	}
	slices.Sort(all)
	k, path, _ := strings.Cut(all[l.chance.IntN(len(all))], " ")
	r := ref(events.Kind(k), path)
	if strings.Contains(r.ID, "/") {
		panic(path)
	}
	return r
}

// command is what somebody may ask of an entity: mostly what brings it on.
func (l *life) command(e entity, r events.Ref) events.Command {
	c := events.Command{Ref: r, Actor: events.ActorAerie, Time: l.tick, UID: fmt.Sprint("u", l.tick.Unix()), Payload: events.Settle{}}
	if e.Phase() == fsm.Unborn || fsm.Machines[r.Kind].Ended(e.Phase()) {
		ask, err := events.DecodeAsk(r.Kind, events.VerbCreate, []byte(`{"labels":{"n":"`+fmt.Sprint(l.chance.IntN(3))+`"},"spec":`+lived[r.String()]+`}`))
		if err != nil {
			panic(err)
		}
		c.Payload, c.Actor = ask, events.ActorAdmin
		return c
	}
	owed := fsm.Machines[r.Kind].Owed(e)
	_, waits := owed.(fsm.WaitFor)
	switch dice := l.chance.IntN(60); {
	case dice == 0:
		c.Payload, c.Actor = events.Delete{Cascade: l.chance.IntN(2) == 0}, events.ActorAdmin
	case dice < 3:
		c.Payload, c.Actor = events.Update{Labels: map[string]string{"n": fmt.Sprint(l.chance.IntN(3)), "t": "X"}}, events.ActorAdmin
	case dice == 3:
		c.Payload, c.Actor = events.Retry{}, events.ActorAdmin
	case owed != nil && !waits:
		c.Payload, c.Actor = l.report(e, owed), events.ActorExecutor
	}
	return c
}

func (l *life) report(e entity, owed events.Effect) events.Report {
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
	if r.Outcome == nil || l.chance.IntN(6) == 0 {
		r.Outcome, r.Failure = nil, &events.AttemptFailed{Reason: events.Reason{Code: events.Unreachable, Message: "no answer", Fault: events.ByCloud}, NextAt: l.tick.Add(time.Minute)}
	}
	return r
}

// step lets one thing happen, if something does.
func (l *life) step() {
	var changes []events.Change
	l.fold.View(func(w *state.Entities) {
		r := l.anyName()
		e, _ := w.Get(r)
		changes, _ = fsm.Machines[r.Kind].Decide(e, l.command(e, r), w.Refs()) // what is refused does not happen
	})
	if len(changes) == 0 {
		return
	}
	recorded, err := l.log.Append(l.t.Context(), eventlog.Decision{Changes: changes, Envelope: events.Envelope{
		Time: l.tick, Actor: []string{"aerie", "anna"}[l.chance.IntN(2)], CommandID: fmt.Sprint("c", l.tick.Unix()), CausationID: "x", CorrelationID: "y"}})
	if err != nil {
		l.t.Fatal(err)
	}
	l.tick = l.tick.Add(time.Minute)
	if err := l.views.Await(l.t.Context(), recorded[len(recorded)-1].Seq); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) pick(of ...string) string { return of[l.chance.IntN(len(of))] }

// question is anything that can be asked of the views.
func (l *life) question() string {
	r := l.anyName()
	path := "/v1/" + r.Kind.Plural() + "/" + r.Owner + "/" + r.ID
	if r.Kind == events.Customer {
		path = "/v1/customers/" + r.ID
	}
	switch l.chance.IntN(5) {
	case 0:
		return path + "/history?limit=" + l.pick("1", "5", "1000")
	case 1:
		return "/v1/events?" + l.pick("owner=acme", "kind=tenant", "type=requested&after=3", "actor=anna", "limit=2") + l.pick("", "&id=one")
	case 2, 3:
		return path + "?x"
	}
	known := phases(r.Kind)
	q := "/v1/" + r.Kind.Plural() + "?limit=" + l.pick("1", "2", "100") + l.pick("", "&owner=acme", "&q=n", "&q=one", "&label=n", "&label=n=1", "&label=t=X&label=n=2", "&label=n!=1", "&label=!n", "&label=n+in+(0,2),t", "&label=n>0", "&label=n+notin+(1,2)") +
		l.pick("", "&sort=-name", "&sort=created", "&sort=-created", "&sort=phase", "&sort=-phase", "&sort=seq", "&sort=-seq") +
		l.pick("", "", "&phase="+l.pick(known...))
	if columns[r.Kind].plan != nil {
		q += l.pick("", "&plan=free", "&dataplane=-/us")
	}
	return q
}

// told is what a question was answered at a moment.
type told struct {
	question, body string
	status         int
	seq            uint64
	at             time.Time
}

func (l *life) tell(question string) told {
	a := l.ask("GET", strings.TrimSuffix(question, "?x"), "")
	return told{question, a.body, a.StatusCode, l.views.AsOf().Seq, l.tick.Add(-time.Minute)}
}

func TestThePastReadsAsItDidThen(t *testing.T) {
	pairs := 1000
	if testing.Short() {
		pairs = 100
	}
	const seed = 1
	l := newLife(t, seed)
	var all []told
	for len(all) < pairs {
		for range l.chance.IntN(4) {
			l.step()
		}
		was := l.tell(l.question())
		all = append(all, was)
		var page struct{ Next *string }
		if json.Unmarshal([]byte(was.body), &page) == nil && page.Next != nil && !strings.Contains(was.question, "/v1/events") {
			all = append(all, l.tell(was.question+"&cursor="+*page.Next))
		}
	}
	l.chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, was := range all {
		at := fmt.Sprint(was.seq)
		if i%3 == 0 {
			at = was.at.Format(time.RFC3339)
		}
		question := strings.Replace(was.question, "?x", "?", 1) + "&at=" + at
		now := l.ask("GET", strings.Replace(question, "?&", "?", 1), "")
		if now.StatusCode != was.status || was.status == http.StatusOK && now.body != was.body {
			t.Fatalf("GET %s\n%d %s\nat the time:\n%d %s", question, now.StatusCode, now.body, was.status, was.body)
		}
	}
}

// TestBothWaysToAPageGiveTheSame puts few in order, and goes through the order of all.
func TestBothWaysToAPageGiveTheSame(t *testing.T) {
	l := newLife(t, 2)
	for range 300 {
		l.step()
	}
	for range 500 {
		question := strings.TrimSuffix(l.question(), "?x")
		few := l.tell(question)
		l.views.index.sorted = 0
		if many := l.tell(question); many.body != few.body {
			t.Fatalf("GET %s\n%s\nand\n%s", question, few.body, many.body)
		}
		l.views.index.sorted = sorted
	}
}

func TestListsComeInTheOrderAskedFor(t *testing.T) {
	s := start(t)
	s.platform()
	for _, path := range []string{"b/two", "a/one", "a/two"} {
		if owner, _, _ := strings.Cut(path, "/"); path != "a/two" {
			s.customer(owner, nil)
		}
		s.tenant(path, "free", nil)
	}
	s.place("a/two", "-/eu")
	s.happen(ref(events.Tenant, "b/two"), events.LabelsChanged{Labels: map[string]string{"x": "y"}})
	for order, want := range map[string]string{
		"name": "a/one a/two b/two", "-name": "b/two a/two a/one",
		"created": "b/two a/one a/two", "-created": "a/two a/one b/two",
		"seq": "a/one a/two b/two", "-seq": "b/two a/two a/one",
		"phase": "a/one b/two a/two", "-phase": "a/two b/two a/one",
	} {
		for _, few := range []int{sorted, 0} {
			s.views.index.sorted = few
			if got := s.names("/v1/tenants?sort=" + order); got != want {
				t.Errorf("by %s: %s, want %s", order, got, want)
			}
			var paged []string
			for target := "/v1/tenants?limit=1&sort=" + order; target != ""; {
				page := fetch[List[plain]](s, target)
				paged = append(paged, page.Items[0].Owner+"/"+page.Items[0].ID)
				target = ""
				if page.Next != nil {
					target = "/v1/tenants?limit=1&sort=" + order + "&cursor=" + *page.Next
				}
			}
			if got := strings.Join(paged, " "); got != want {
				t.Errorf("by %s, page by page: %s, want %s", order, got, want)
			}
		}
	}
}
