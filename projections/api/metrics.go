package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

const metricsPath = "/metrics"

// Metrics are the program's figures in Prometheus' format. What was folded is counted
// from the log, so that it is the same after a restart; commands and work are counted
// by those who do them. No label has values that users choose.
type Metrics struct {
	set   *metrics.Set
	fold  *state.Live
	last  func(context.Context) (uint64, error)
	types map[eventType]*metrics.Counter // the fold is too fast to look them up by name
}

type eventType struct {
	kind events.Kind
	name string
}

// NewMetrics counts what a fold, which must not follow the log yet, folds from then
// on. last asks the log for its last sequence.
func NewMetrics(fold *state.Live, last func(context.Context) (uint64, error)) *Metrics {
	metrics.ExposeMetadata(true)
	m := &Metrics{set: metrics.NewSet(), fold: fold, last: last, types: map[eventType]*metrics.Counter{}}
	m.set.NewCounter("aerie_swept_total")
	m.set.NewCounter(givenUp)
	m.set.RegisterMetricsWriter(m.writeWorld)
	m.set.RegisterMetricsWriter(m.writeLog)
	fold.Watch(m.see)
	return m
}

// see counts a decision.
func (m *Metrics) see(_ *state.Entities, decision []events.Recorded, _ bool) {
	for _, r := range decision {
		m.ofType(eventType{r.Ref.Kind, r.Event.Type()}).Inc()
		switch e := r.Event.(type) {
		case events.AttemptFailed:
			m.counter(`aerie_attempts_failed_total{code=%q}`, e.Code).Inc()
		case events.Swept:
			m.counter("aerie_swept_total").Add(len(e.Resources))
		case events.Drifted:
			for _, d := range e.Found {
				m.counter(`aerie_drift_total{kind=%q,how=%q}`, r.Ref.Kind, d.How).Inc()
			}
		}
	}
}

func (m *Metrics) ofType(t eventType) *metrics.Counter {
	c, known := m.types[t]
	if !known {
		c = m.counter(`aerie_events_total{kind=%q,type=%q}`, t.kind, t.name)
		m.types[t] = c
	}
	return c
}

func (m *Metrics) counter(name string, labels ...any) *metrics.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf(name, labels...))
}

// folded are the counters of what was folded, with what they count.
func (m *Metrics) folded() map[string]uint64 {
	counts := map[string]uint64{}
	for _, name := range m.set.ListMetricNames() {
		if !strings.HasPrefix(name, "aerie_commands_") && !strings.HasPrefix(name, "aerie_work_") {
			counts[name] = m.set.GetOrCreateCounter(name).Get()
		}
	}
	return counts
}

// Counters are those of what was folded, for snapshots.
func (m *Metrics) Counters() views.Counters { return views.Counters{Get: m.folded, Set: m.restore} }

// restore goes on from what a snapshot has counted.
func (m *Metrics) restore(folded map[string]uint64) {
	for name, n := range folded {
		m.set.GetOrCreateCounter(name).Set(n)
	}
}

// Commanded counts an answered command: ok, or the code of the refusal.
func (m *Metrics) Commanded(code string) { m.counter(`aerie_commands_total{code=%q}`, code).Inc() }

// givenUp is the counter of GivenUp.
const givenUp = "aerie_commands_given_up_total"

// GivenUp counts a queued command that failed by itself again and again, and was refused as internal.
func (m *Metrics) GivenUp() { m.counter(givenUp).Inc() }

// Worked counts a piece of work by what came of it: done, waiting or failed.
func (m *Metrics) Worked(effect, outcome string) {
	m.counter(`aerie_work_total{effect=%q,outcome=%q}`, effect, outcome).Inc()
}

func (m *Metrics) writeWorld(w io.Writer) {
	m.fold.View(func(world *state.Entities) {
		metrics.WriteGaugeUint64(w, "aerie_fold_sequence", world.Seq)
		world.EachPhase(func(k events.Kind, p fsm.Phase, n int) {
			metrics.WriteGaugeUint64(w, fmt.Sprintf(`aerie_entities{kind=%q,phase=%q}`, k, p), uint64(n))
		})
	})
}

// askWithin bounds how long a scrape waits for the log.
const askWithin = 2 * time.Second

// writeLog leaves out what the log does not answer.
func (m *Metrics) writeLog(w io.Writer) {
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	if seq, err := m.last(ctx); err == nil {
		metrics.WriteGaugeUint64(w, "aerie_log_sequence", seq)
	}
}

// CountServers has each scrape say what each of several servers has of the log. It is called before
// the first one.
func (m *Metrics) CountServers(ask func(context.Context) []eventlog.Copy) {
	m.set.RegisterMetricsWriter(func(w io.Writer) {
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		defer cancel()
		for _, c := range ask(ctx) {
			metrics.WriteGaugeUint64(w, fmt.Sprintf(`aerie_log_server_events{server=%q}`, c.Server), c.Events)
			metrics.WriteGaugeUint64(w, fmt.Sprintf(`aerie_log_server_sequence{server=%q}`, c.Server), c.Last)
		}
	})
}

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.set.WritePrometheus(w)
}
