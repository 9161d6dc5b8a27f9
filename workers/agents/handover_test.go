package agents

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// While a dataplane is handed over what was begun is told by both, and nothing else is begun; before and after it one of them works.
func TestWhoMayReport(t *testing.T) {
	started, over := ev.HandoverStarted{From: ev.ModePush, To: ev.ModePull}, ev.HandedOver{Mode: ev.ModePull}
	back := []ev.Event{started, over, ev.HandoverStarted{From: ev.ModePull, To: ev.ModePush}}
	const done, begins = `{"outcome":"network_ready"}`, `{"outcome":"create_started"}`
	for name, row := range map[string]struct {
		happened            []ev.Event
		report              string
		server, agent, both bool
	}{
		"push":               {nil, done, true, false, false},
		"push, begins":       {nil, begins, true, false, false},
		"on its way":         {[]ev.Event{started}, done, false, false, true},
		"on its way, begins": {[]ev.Event{started}, begins, false, false, false},
		"pull":               {[]ev.Event{started, over}, done, false, true, false},
		"pull, begins":       {[]ev.Event{started, over}, begins, false, true, false},
		"on its way back":    {back, done, false, false, true},
		"back, begins":       {back, begins, false, false, false},
		"push again":         {append(back[:3:3], ev.HandedOver{Mode: ev.ModePush}), done, true, false, false},
	} {
		s := &Service{fold: state.NewLive()}
		s.fold.Restore(fsmtest.WorldOf(t, fsmtest.History(fsmtest.CustomerIs("acme"), fsmtest.DataplaneIs("acme/edge", fsmtest.AsIs, fsmtest.Built(row.happened...)...))))
		m := &nats.Msg{Subject: ev.ReportSubject("acme", "edge", fsmtest.RefOf("dataplane acme/edge")), Data: []byte(row.report)}
		if got := s.mayWork(m, fsm.ByServer) == nil; got != (row.server || row.both) {
			t.Errorf("%s: the control plane may: %v", name, got)
		}
		if got := s.mayWork(m, fsm.ByAgent) == nil; got != (row.agent || row.both) {
			t.Errorf("%s: an agent may: %v", name, got)
		}
	}
}

// That nothing goes on at a place is said by the one agent's session that works there, while its lease is good.
func TestWhoSpeaksForAPlace(t *testing.T) {
	now := time.Now()
	first, second := fsmtest.RefOf("agent acme/first"), fsmtest.RefOf("agent acme/second")
	caller := func(conn uint64) Caller { return Caller{Conn: conn, Server: "s"} }
	l := newLeases()
	there := func(uint64) bool { return true }
	l.take(first, "i", caller(1), there, now)
	l.at(first, []string{"edge"})
	for name, row := range map[string]struct {
		place string
		conn  uint64
		after time.Duration
		want  bool
	}{
		"it works there":       {"edge", 1, 0, true},
		"another connection":   {"edge", 2, 0, false},
		"elsewhere":            {"west", 1, 0, false},
		"the lease is over":    {"edge", 1, leaseFor, false},
		"just before it is so": {"edge", 1, leaseFor - time.Second, true},
	} {
		if got := l.worksAt(row.place, caller(row.conn).session(), now.Add(row.after)); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	l.take(second, "j", caller(2), there, now)
	l.at(second, []string{"edge", "west"})
	if l.worksAt("edge", caller(1).session(), now) || l.worksAt("edge", caller(2).session(), now) || !l.worksAt("west", caller(2).session(), now) {
		t.Error("one of two agents speaks for the other")
	}
}
