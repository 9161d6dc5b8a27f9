package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

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
	registry *prometheus.Registry
	scrape   http.Handler
	fold     *state.Live
	last     func(context.Context) (uint64, error)
	servers  func(context.Context) []eventlog.Copy // nil: one server, which aerie runs

	commands *prometheus.HistogramVec
	work     *prometheus.HistogramVec
	requests *prometheus.HistogramVec
	answered *prometheus.CounterVec
	worked   *prometheus.CounterVec
	givenUp  prometheus.Counter
	build    *prometheus.GaugeVec

	mu     sync.Mutex
	folded map[string]uint64    // by name and labels, as snapshots keep them
	types  map[eventType]string // the keys of events: the fold is too fast to write them each time
}

type eventType struct {
	kind events.Kind
	name string
}

// described are the metrics that are collected at a scrape: their labels and help.
var described = map[string]struct {
	labels []string
	help   string
	kind   prometheus.ValueType
}{
	"aerie_events_total":          {[]string{"kind", "type"}, "Events of the log, as folded; the same again after a restart.", prometheus.CounterValue},
	"aerie_attempts_failed_total": {[]string{"code"}, "Failed attempts, by the code of their reason.", prometheus.CounterValue},
	"aerie_swept_total":           {nil, "Things removed because their owner had ended.", prometheus.CounterValue},
	"aerie_drift_total":           {[]string{"kind", "how"}, "Things that somebody else had deleted or changed.", prometheus.CounterValue},
	"aerie_fold_sequence":         {nil, "The last sequence of the log that the views have.", prometheus.GaugeValue},
	"aerie_log_sequence":          {nil, "The last sequence of the log.", prometheus.GaugeValue},
	"aerie_entities":              {[]string{"kind", "phase"}, "How many entities are in which phase.", prometheus.GaugeValue},
	"aerie_log_server_events":     {[]string{"server"}, "How many events each NATS server has, as its monitoring says.", prometheus.GaugeValue},
	"aerie_log_server_sequence":   {[]string{"server"}, "The last sequence that each NATS server has, as its monitoring says.", prometheus.GaugeValue},
	"aerie_streams":               {nil, "Streams of events that are open.", prometheus.GaugeValue},
	"aerie_streams_cut_total":     {nil, "Streams of events that were cut because their client did not read.", prometheus.CounterValue},
}

// seconds are the buckets of latencies: from a fast append to a cloud that hangs.
var seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// NewMetrics counts what a fold, which must not follow the log yet, folds from then
// on. last asks the log for its last sequence.
func NewMetrics(fold *state.Live, last func(context.Context) (uint64, error)) *Metrics {
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(), fold: fold, last: last,
		folded: map[string]uint64{"aerie_swept_total": 0}, types: map[eventType]string{},
		commands: histogram("aerie_command_duration_seconds", "From a command's arrival to its answer, by the code of the answer.", "code"),
		work:     histogram("aerie_work_duration_seconds", "How long a piece of work took, its calls to the cloud included.", "effect", "outcome"),
		requests: histogram("aerie_http_request_duration_seconds", "How long a request over HTTP took, by its route; streams are not counted.", "route", "status"),
		answered: counter("aerie_commands_total", "Commands of people by answer: ok, or the code of the refusal.", "code"),
		worked:   counter("aerie_work_total", "Pieces of work by what came of them: done, waiting or failed.", "effect", "outcome"),
		givenUp:  prometheus.NewCounter(prometheus.CounterOpts{Name: "aerie_commands_given_up_total", Help: "Queued commands that failed again and again, and were refused as internal."}),
		build:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "aerie_build_info", Help: "Always 1; the labels say what runs."}, []string{"version"}),
	}
	m.registry.MustRegister(m, m.commands, m.work, m.requests, m.answered, m.worked, m.givenUp, m.build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.scrape = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true}) // all answers are compressed
	fold.Watch(m.see)
	return m
}

// see counts a decision.
func (m *Metrics) see(_ *state.Entities, decision []events.Recorded, _ bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range decision {
		m.folded[m.ofType(eventType{r.Ref.Kind, r.Event.Type()})]++
		switch e := r.Event.(type) {
		case events.AttemptFailed:
			m.folded[fmt.Sprintf(`aerie_attempts_failed_total{code=%q}`, e.Code)]++
		case events.Swept:
			m.folded["aerie_swept_total"] += uint64(len(e.Resources))
		case events.Drifted:
			for _, d := range e.Found {
				m.folded[fmt.Sprintf(`aerie_drift_total{kind=%q,how=%q}`, r.Ref.Kind, d.How)]++
			}
		}
	}
}

func (m *Metrics) ofType(t eventType) string {
	key, known := m.types[t]
	if !known {
		key = fmt.Sprintf(`aerie_events_total{kind=%q,type=%q}`, t.kind, t.name)
		m.types[t] = key
	}
	return key
}

// Counters are those of what was folded, for snapshots.
func (m *Metrics) Counters() views.Counters { return views.Counters{Get: m.counted, Set: m.restore} }

func (m *Metrics) counted() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.folded)
}

// restore goes on from what a snapshot has counted. What this release does not count, it leaves out.
func (m *Metrics) restore(folded map[string]uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, n := range folded {
		name, labels := parseKey(key)
		if d, known := described[name]; known && d.kind == prometheus.CounterValue && len(labels) == len(d.labels) {
			m.folded[key] = n
		}
	}
}

var labelValue = regexp.MustCompile(`="(?:[^"\\]|\\.)*"`)

// parseKey takes apart what see writes: the values are in the order of described.
func parseKey(key string) (name string, labels []string) {
	name, rest, _ := strings.Cut(key, "{")
	for _, quoted := range labelValue.FindAllString(rest, -1) {
		value, err := strconv.Unquote(quoted[1:])
		if err != nil {
			value = quoted
		}
		labels = append(labels, value)
	}
	return name, labels
}

// Commanded counts an answered command: ok, or the code of the refusal.
func (m *Metrics) Commanded(code string, took time.Duration) {
	m.answered.WithLabelValues(code).Inc()
	m.commands.WithLabelValues(code).Observe(took.Seconds())
}

// GivenUp counts a queued command that failed by itself again and again, and was refused as internal.
func (m *Metrics) GivenUp() { m.givenUp.Inc() }

// Worked counts a piece of work by what came of it: done, waiting or failed.
func (m *Metrics) Worked(effect, outcome string, took time.Duration) {
	m.worked.WithLabelValues(effect, outcome).Inc()
	m.work.WithLabelValues(effect, outcome).Observe(took.Seconds())
}

// requested counts a request over HTTP by the pattern of its route, which no client chooses.
func (m *Metrics) requested(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// askWithin bounds how long a scrape waits for the log.
const askWithin = 2 * time.Second

// CountServers has each scrape say what each of several servers has of the log. It is called before
// the first one.
func (m *Metrics) CountServers(ask func(context.Context) []eventlog.Copy) { m.servers = ask }

// Describe says nothing: which values there are is known at a scrape.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads what others keep. It leaves out what the log does not answer.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	for key, n := range m.counted() {
		name, labels := parseKey(key)
		send(to, name, n, labels...)
	}
	m.fold.View(func(world *state.Entities) {
		send(to, "aerie_fold_sequence", world.Seq)
		world.EachPhase(func(k events.Kind, p fsm.Phase, n int) { send(to, "aerie_entities", uint64(n), string(k), string(p)) })
	})
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	if seq, err := m.last(ctx); err == nil {
		send(to, "aerie_log_sequence", seq)
	}
	if m.servers == nil {
		return
	}
	for _, c := range m.servers(ctx) {
		send(to, "aerie_log_server_events", c.Events, c.Server)
		send(to, "aerie_log_server_sequence", c.Last, c.Server)
	}
}

// send gives a scrape one of the described metrics.
func send(to chan<- prometheus.Metric, name string, n uint64, labels ...string) {
	d := described[name]
	to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, d.help, d.labels, nil), d.kind, float64(n), labels...)
}

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.scrape.ServeHTTP(w, r) }
