package server

import (
	"maps"
	"slices"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/workers/execute"
)

// TestAnAgentIsBroughtTheServersCharts: with its lease an agent hears of each chart in the server's program, and by the digest it gets
// just that.
func TestAnAgentIsBroughtTheServersCharts(t *testing.T) {
	c := started(t)
	create(t, c, ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}, `{"hosting":"customer"}`)
	create(t, c, ev.Ref{Kind: ev.Account, Owner: "acme", ID: "theirs"}, `{"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`)
	create(t, c, ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}, `{"account":"acme/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`)
	create(t, c, ev.Ref{Kind: ev.Agent, Owner: "acme", ID: "edge"}, `{"dataplanes":["edge"]}`)
	h := enter(t, c, "acme", "edge")
	has, err := execute.PackCharts(c.charts.Own)
	if err != nil || len(has) == 0 || len(has) != len(h.lease.Charts) {
		t.Fatalf("%d charts, told of %v: %v", len(has), h.lease.Charts, err)
	}
	agent := &agentProcess{token: client.JoinToken{Owner: "acme", Agent: "edge"}, nc: h.nc}
	for _, name := range slices.Sorted(maps.Keys(has)) {
		var got []byte
		for len(got) < len(has[name]) {
			p, err := agent.askChart(t.Context(), ev.ChartQuestion{Digest: h.lease.Charts[name], From: len(got)})
			if err != nil || p.Error != "" || p.Size != len(has[name]) || len(p.Data) == 0 {
				t.Fatalf("%s from %d: %d bytes of %d, %s %v", name, len(got), len(p.Data), p.Size, p.Error, err)
			}
			got = append(got, p.Data...)
		}
		if ev.HashOf(string(got)) != h.lease.Charts[name] {
			t.Errorf("%s is another one", name)
		}
	}
}
