package agents

import (
	"fmt"

	ev "github.com/aeriehq/aerie/events"
)

// charts are the server's own, packed: they are the same as long as it runs.
type charts struct {
	digests map[string]string // by name
	packed  map[string][]byte // by digest
}

// BringCharts has agents install these charts, packed, by their names. It is called before Serve.
func (s *Service) BringCharts(packed map[string][]byte) {
	s.charts = charts{map[string]string{}, map[string][]byte{}}
	for name, data := range packed {
		digest := ev.HashOf(string(data))
		s.charts.digests[name], s.charts.packed[digest] = digest, data
	}
}

// piece is a piece of a chart.
func (c charts) piece(q ev.ChartQuestion) ev.ChartPiece {
	data, some := c.packed[q.Digest]
	if !some { // another replica may be of another version, and has told of it
		return ev.ChartPiece{Error: fmt.Sprintf("no chart here has the digest %q", ev.Cut(q.Digest, 64))}
	}
	if q.From < 0 || q.From >= len(data) {
		return ev.ChartPiece{Error: fmt.Sprintf("it has %d bytes, and none at %d", len(data), q.From)}
	}
	return ev.ChartPiece{Size: len(data), Data: data[q.From:min(len(data), q.From+ev.MostOfChart)]}
}
