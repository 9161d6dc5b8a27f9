package command

import (
	"testing"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
)

// TestPlacesOfAgents: the agents of one customer have so many places together, others' have theirs, and aerie's executors need none.
func TestPlacesOfAgents(t *testing.T) {
	var p agentPlaces
	report := func(customer, sender string) *nats.Msg {
		m := &nats.Msg{Subject: ev.ReportPrefix + customer + ".edge.dataplane." + customer + ".edge", Header: ev.SentBy(sender)}
		return m
	}
	var leave func()
	for range mostOfAgents {
		var err error
		if leave, err = p.enter(report("acme", "agent:acme/edge")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.enter(report("acme", "agent:acme/other")); err == nil {
		t.Error("one more has a place")
	}
	for _, m := range []*nats.Msg{report("birch", "agent:birch/edge"), report("acme", ev.ActorExecutor), {Subject: ev.ReportPrefix + "acme.x"}} {
		free, err := p.enter(m)
		if err != nil {
			t.Error(m.Subject, err)
			continue
		}
		free()
	}
	leave()
	if _, err := p.enter(report("acme", "agent:acme/other")); err != nil {
		t.Error("a place that was let go is not taken:", err)
	}
	if len(p.held) != 1 {
		t.Error(p.held)
	}
}
