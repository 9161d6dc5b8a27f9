package sim

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// An agent that has nothing to do sends one message a minute for all of its places together, however often it looks at what
// stands there, sweeps and reads catalogues: that it is there. When something has changed it asks, though no hint has come.
func TestAnIdleAgentSendsOneMessageAMinute(t *testing.T) {
	r := newInside(t)
	r.tenanted()
	news := &execute.News{}
	var places []execute.Channel
	for _, c := range r.places {
		c.News = news
		places = append(places, c)
	}
	inspector, sweeper, cataloguer := reconcile.ForAgent(places, r.clouds, nil, clock.Clock{Speed: 1}, nil)
	began := time.Now()
	hour := func(from int) {
		for minute := range 60 {
			r.seen(news)
			if minute%10 == 0 { // as often as it does at a real cloud's speed
				now := began.Add(time.Duration(from+minute) * time.Minute)
				inspector.Inspect(t.Context())
				cataloguer.Look(t.Context(), now)
				sweeper.Sweep(t.Context(), now)
			}
		}
	}
	hour(0) // what is new is told
	counted := r.countSent()
	hour(60)
	if sent := counted(); len(sent) != 60 {
		t.Errorf("in an hour it has sent %d messages: %v", len(sent), sent)
	}

	r.perform(`update application acme/prod_site {"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"page"},"data":{"a":"c"}}]}`)
	r.seen(news)
	counted = r.countSent()
	inspector.Inspect(t.Context())
	if sent := counted(); len(sent) == 0 || !strings.HasSuffix(sent[0], "."+ev.AskStands) {
		t.Errorf("after a change it has sent %v", sent)
	}
}

// seen says that the agent is there, as it does once a minute, and has it hear the answer.
func (r *inside) seen(news *execute.News) {
	r.t.Helper()
	question, err := ev.Encode(ev.SeenQuestion{Instance: "one"})
	if err != nil {
		r.t.Fatal(err)
	}
	m, err := r.nc.RequestMsg(&nats.Msg{Subject: ev.AgentSubject("acme", ev.AgentPlace("edge"), ev.AskSeen), Data: question,
		Header: nats.Header{ev.HeaderRequestInfo: {`{"acc":"acme","user":"agent:acme/edge","id":1,"server":"s"}`}}}, 10*time.Second)
	var lease ev.Lease
	if err == nil {
		err = json.Unmarshal(m.Data, &lease)
	}
	if err != nil || lease.Error != "" || lease.Changed == 0 {
		r.t.Fatalf("%+v %v", lease, err)
	}
	news.Hear(lease)
}

// countSent counts what an agent sends from now on; the function that it returns ends that, and tells the subjects.
func (r *inside) countSent() func() []string {
	r.t.Helper()
	var mu sync.Mutex
	var sent []string
	var subs []*nats.Subscription
	for _, subject := range []string{ev.AgentPrefix + ">", ev.ReportPrefix + ">"} {
		sub, err := r.nc.Subscribe(subject, func(m *nats.Msg) {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, m.Subject)
		})
		if err != nil {
			r.t.Fatal(err)
		}
		subs = append(subs, sub)
	}
	return func() []string {
		if err := r.nc.Flush(); err != nil { // all have come by then
			r.t.Fatal(err)
		}
		for _, sub := range subs {
			if err := sub.Drain(); err != nil {
				r.t.Fatal(err)
			}
			for sub.IsValid() { // until all that has come is counted
				if err := r.nc.Flush(); err != nil {
					r.t.Fatal(err)
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		return sent
	}
}
