// Package metrics has the program's figures, for Prometheus to scrape.
//
// It counts and measures what others tell it, and looks at the entities when it is asked; it changes nothing, and it serves
// its figures to whoever may ask, which is for package api to judge. Begin with Metrics and table.go, which lists and
// describes every metric, and from which docs/metrics.md is made. All of it may be used from any goroutine. What was counted
// from the log is in snapshots, and so the same after a restart; all else begins anew with the process.
package metrics

import (
	"cmp"
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
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/liveness"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

// Metrics are the program's figures in Prometheus' format. What was folded is counted
// from the log, so that it is the same after a restart; commands and work are counted
// by those who do them. No label has values that users choose.
type Metrics struct {
	registry *prometheus.Registry
	scrape   http.Handler
	fold     *state.Live
	last     func(context.Context) (uint64, error)
	compared func() []eventlog.Compared            // nil: one server alone
	servers  func(context.Context) []eventlog.Copy // nil: one server, which aerie runs

	streams func(context.Context) []queue.StreamFigures // nil: nobody says
	loops   *liveness.Loops
	version string

	commands, work, requests, calls, rounds, roundCommands, roundEvents *prometheus.HistogramVec
	answered, worked, givenUp, denied, agents, exceeded                 *prometheus.CounterVec

	mu     sync.Mutex
	folded map[string]uint64    // by name and labels, as snapshots keep them
	types  map[eventType]string // the keys of events: the fold is too fast to write them each time
}

type eventType struct {
	kind events.Kind
	name string
}

// New counts what a fold, which must not follow the log yet, folds from then on. last asks the log for its last
// sequence.
func New(fold *state.Live, last func(context.Context) (uint64, error)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), fold: fold, last: last,
		folded: map[string]uint64{"aerie_swept_total": 0}, types: map[eventType]string{},
		commands: histogram("aerie_command_duration_seconds"), work: histogram("aerie_work_duration_seconds"),
		requests: histogram("aerie_http_request_duration_seconds"),
		calls:    histogram("aerie_cloud_call_duration_seconds"), rounds: histogram("aerie_round_duration_seconds"),
		roundCommands: histogram("aerie_round_commands"), roundEvents: histogram("aerie_round_events"),
		answered: count("aerie_commands_total"), worked: count("aerie_work_total"), givenUp: count("aerie_commands_given_up_total"),
		denied: count("aerie_attempts_refused_total"), agents: count("aerie_agents_refused_total"),
		exceeded: count("aerie_budgets_exceeded_total"),
	}
	m.registry.MustRegister(m, m.commands, m.work, m.requests, m.calls, m.rounds, m.roundCommands, m.roundEvents,
		m.answered, m.worked, m.givenUp, m.denied, m.agents, m.exceeded,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.begin()
	m.scrape = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true}) // all answers are compressed
	fold.Watch(m.see)
	return m
}

// begin has what is counted from nothing begin at 0, where it is known what there may be: the first one is an increase too.
func (m *Metrics) begin() {
	for _, code := range []events.Code{"ok", events.Invalid, events.NotFound, events.Conflict, events.Refused, events.Denied,
		events.Unavailable, events.TooMany, events.Internal} {
		m.answered.WithLabelValues(string(code))
	}
	m.givenUp.WithLabelValues()
	m.agents.WithLabelValues("intake")
	m.agents.WithLabelValues("nats")
	for _, code := range events.ReasonCodes {
		m.folded[failedKey(code)] = 0
	}
	for _, k := range []events.Kind{events.Dataplane, events.TenantInfra, events.Addon, events.Cell, events.CellApplication, events.Tenant,
		events.Application} {
		for _, how := range []string{events.DriftDeleted, events.DriftChanged} {
			m.folded[driftKey(k, how)] = 0
		}
	}
}

func failedKey(code events.ReasonCode) string {
	return fmt.Sprintf(`aerie_attempts_failed_total{code=%q}`, code)
}

func driftKey(k events.Kind, how string) string {
	return fmt.Sprintf(`aerie_drift_total{kind=%q,how=%q}`, k, how)
}

// see counts a decision.
func (m *Metrics) see(_ *state.Entities, decision []events.Recorded, _ bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range decision {
		m.folded[m.ofType(eventType{r.Ref.Kind, r.Event.Type()})]++
		switch e := r.Event.(type) {
		case events.AttemptFailed:
			m.folded[failedKey(e.Code)]++
		case events.Swept:
			m.folded["aerie_swept_total"] += uint64(len(e.Resources))
		case events.Drifted:
			for _, d := range e.Found {
				m.folded[driftKey(r.Ref.Kind, d.How)]++
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
		if d := find(name); d.name != "" && d.kind == counter && len(labels) == len(d.labels) {
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

// RefusedToAgents counts what was refused: by the intake to an agent, or by the NATS server to whoever is connected.
func (m *Metrics) RefusedToAgents(by string) { m.agents.WithLabelValues(by).Inc() }

// GivenUp counts a queued command that failed by itself again and again, and was refused as internal.
func (m *Metrics) GivenUp() { m.givenUp.WithLabelValues().Inc() }

// Denied counts that somebody of a role asked what he may not; empty: nobody was let in.
func (m *Metrics) Denied(role events.Role) {
	m.denied.WithLabelValues(cmp.Or(string(role), "nobody")).Inc()
}

// Exceeded counts that somebody of a role was refused something because he had used up a budget: of requests, bytes or tails.
func (m *Metrics) Exceeded(role events.Role, budget string) {
	m.exceeded.WithLabelValues(string(role), budget).Inc()
}

// Worked counts a piece of work by what came of it: done, waiting or failed.
func (m *Metrics) Worked(effect, outcome string, took time.Duration) {
	m.worked.WithLabelValues(effect, outcome).Inc()
	m.work.WithLabelValues(effect, outcome).Observe(took.Seconds())
}

// Round counts a round: how many commands and events it had, and how long it took.
func (m *Metrics) Round(commands, events int, took time.Duration) {
	m.rounds.WithLabelValues().Observe(took.Seconds())
	m.roundCommands.WithLabelValues().Observe(float64(commands))
	m.roundEvents.WithLabelValues().Observe(float64(events))
}

// Called counts a single call to a cloud, by the class of its error or ok.
func (m *Metrics) Called(cloud, op, class string, took time.Duration) {
	m.calls.WithLabelValues(cloud, op, class).Observe(took.Seconds())
}

// Requested counts a request over HTTP by the pattern of its route, which no client chooses.
func (m *Metrics) Requested(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// askWithin bounds how long a scrape waits for the log.
const askWithin = 2 * time.Second

// CountServers has each scrape say what each of several servers has of the log. It is called before
// the first one.
func (m *Metrics) CountServers(ask func(context.Context) []eventlog.Copy) { m.servers = ask }

// CompareServers has each scrape say what a comparison of them has found. It is called before the first one.
func (m *Metrics) CompareServers(found func() []eventlog.Compared) { m.compared = found }

// CountStreams has each scrape say how much the streams have. It is called before the first one.
func (m *Metrics) CountStreams(ask func(context.Context) []queue.StreamFigures) { m.streams = ask }

// WatchLoops has each scrape say how the loops go on. It is called before the first one.
func (m *Metrics) WatchLoops(l *liveness.Loops) { m.loops = l }

// Serve has a scrape say which version it is, and tell what another collects. Once more changes nothing.
func (m *Metrics) Serve(version string, others prometheus.Collector) {
	m.version = version
	_ = m.registry.Register(others)
}

// Describe says nothing: which values there are is known at a scrape.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads what others keep. It leaves out what the log does not answer.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	Send(to, "aerie_build_info", 1, m.version)
	for key, n := range m.counted() {
		name, labels := parseKey(key)
		Send(to, name, n, labels...)
	}
	m.fold.View(func(world *state.Entities) {
		Send(to, "aerie_fold_sequence", world.Seq)
		world.EachPhase(func(k events.Kind, p fsm.Phase, n int) { Send(to, "aerie_entities", n, string(k), string(p)) })
	})
	now := time.Now()
	owedNow(m.fold).send(to, now)
	m.sendLoops(to, now)
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	if seq, err := m.last(ctx); err == nil {
		Send(to, "aerie_log_sequence", seq)
	}
	if m.streams != nil {
		sendStreams(to, m.streams(ctx))
	}
	if m.compared != nil {
		sendCompared(to, m.compared())
	}
	if m.servers == nil {
		return
	}
	for _, c := range m.servers(ctx) {
		Send(to, "aerie_log_server_events", c.Events, c.Server)
		Send(to, "aerie_log_server_sequence", c.Last, c.Server)
	}
}

func sendCompared(to chan<- prometheus.Metric, all []eventlog.Compared) {
	for _, c := range all {
		differs := 0
		if c.Differs != "" {
			differs = 1
		}
		Send(to, "aerie_log_server_differs", differs, c.Server)
		Send(to, "aerie_log_server_compared_sequence", c.Last, c.Server)
		Send(to, "aerie_log_server_compared_timestamp_seconds", float64(c.At.Unix()), c.Server)
	}
}

func (m *Metrics) sendLoops(to chan<- prometheus.Metric, now time.Time) {
	still := map[string]int{}
	for _, s := range m.loops.Stalled(now) {
		still[s.Loop] = 1
	}
	m.loops.EachBusy(now, func(loop string, busy time.Duration) {
		Send(to, "aerie_loop_busy_seconds", busy.Seconds(), loop)
		Send(to, "aerie_loop_stalled", still[loop], loop)
	})
}

func sendStreams(to chan<- prometheus.Metric, all []queue.StreamFigures) {
	for _, s := range all {
		Send(to, "aerie_jetstream_messages", s.Messages, s.Stream)
		Send(to, "aerie_jetstream_bytes", s.Bytes, s.Stream)
		Send(to, "aerie_jetstream_consumers", s.Consumers, s.Stream)
		for _, c := range s.Ours {
			Send(to, "aerie_jetstream_consumer_pending", c.Pending, s.Stream, c.Consumer)
			Send(to, "aerie_jetstream_consumer_unacknowledged", c.Unacknowledged, s.Stream, c.Consumer)
			Send(to, "aerie_jetstream_consumer_redelivered", c.Redelivered, s.Stream, c.Consumer)
		}
	}
}

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.scrape.ServeHTTP(w, r) }
