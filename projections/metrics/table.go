package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metric describes one of our metrics.
type metric struct {
	name   string
	labels []string
	help   string
	alert  string // what to alert on, for people; empty: nothing by itself
	kind   prometheus.ValueType
	bounds []float64 // of a histogram's buckets; nil: it is none
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// seconds are the buckets of latencies: from a fast append to a cloud that hangs. sizes are those of rounds.
var (
	seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	sizes   = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}
)

// described are all of our metrics, in the order of the documentation, which is made from it. No label has values that
// users choose, but for account, of which there are at most mostAccounts at a scrape.
var described = []metric{
	{"aerie_build_info", []string{"version"}, "Always 1; the label says what runs.", "", gauge, nil},
	{"aerie_log_sequence", nil, "The last sequence of the log.", "it is ahead of `aerie_fold_sequence` for a minute: the views are stuck", gauge, nil},
	{"aerie_fold_sequence", nil, "The last sequence of the log that the views have.", "", gauge, nil},
	{"aerie_log_server_events", []string{"server"}, "How many events each NATS server has, as its monitoring says; with --nats-monitor.", "servers that differ for five minutes", gauge, nil},
	{"aerie_log_server_sequence", []string{"server"}, "The last sequence that each NATS server has, as its monitoring says.", "servers that differ for five minutes", gauge, nil},
	{"aerie_log_server_differs", []string{"server"}, "1 if the checksum of what a NATS server has of the log is not that of most, this time through the log or the time before. All is read in turn, 2,000 events in half a minute.", "1: see `aerie log verify`", gauge, nil},
	{"aerie_log_server_compared_sequence", []string{"server"}, "Up to where a NATS server's copy of the log was compared, this time through it.", "", gauge, nil},
	{"aerie_log_server_compared_timestamp_seconds", []string{"server"}, "When a NATS server's copy of the log was compared last, as seconds since 1970.", "ten minutes ago: it is behind, or away", gauge, nil},
	{"aerie_loop_busy_seconds", []string{"loop"}, "How long what a loop does now has lasted; 0 while it waits for something to do.", "", gauge, nil},
	{"aerie_loop_stalled", []string{"loop"}, "1 if a loop stands still: what it does now has lasted longer than it ever may. /readyz says so too.", "1", gauge, nil},
	{"aerie_oldest_owed_seconds", []string{"account"}, "For how long the oldest work in a cloud account has been owed, whether it failed or nobody did it; 0 if none is. What is in no account is -; beyond the 50 accounts with the oldest work, all others together are other.", "over an hour: a cloud hangs, or nobody works there", gauge, nil},
	{"aerie_owed", []string{"effect"}, "How many entities are owed which work; await is waiting for others.", "", gauge, nil},
	{"aerie_not_ready", []string{"kind", "reason"}, "How many entities are not as was asked for, by the code of their reason; dependency is any waiting for others.", "`unauthorized`, `unauthenticated`, `config_problem`, `contested`, `not_seen` above 0; any other for hours", gauge, nil},
	{"aerie_entities", []string{"kind", "phase"}, "How many entities are in which phase.", "`phase=\"Failed\"` above 0", gauge, nil},
	{"aerie_events_total", []string{"kind", "type"}, "Events of the log, as folded; the same again after a restart.", "", counter, nil},
	{"aerie_commands_total", []string{"code"}, "Commands of people by answer: ok, or the code of the refusal.", "`unavailable` or `internal`", counter, nil},
	{"aerie_command_duration_seconds", []string{"code"}, "From a command's arrival to its answer, by the code of the answer.", "p99 of `ok` above a second: the disk is slow", counter, seconds},
	{"aerie_commands_given_up_total", nil, "Queued commands that failed five times while others were done, and were refused as internal.", "any: a fault of aerie's to report", counter, nil},
	{"aerie_budgets_exceeded_total", []string{"role", "budget"}, "What was refused because its caller, or an agent, had used up a budget of requests, bytes or tails, or had as many connections as there may be, by his role.", "a rate that lasts: a program of that role floods, or needs more: `--budget`", counter, nil},
	{"aerie_attempts_refused_total", []string{"role"}, "What somebody asked and may not, by his role; nobody is who showed nothing that is known, over HTTP.", "a rate of `nobody` or of customers that lasts: somebody tries", counter, nil},
	{"aerie_agents_refused_total", []string{"by"}, "What was refused: reports of agents by the intake, and by nats what anybody connected tried beyond his rights.", "a rate that lasts: an agent of another release, or one in other hands", counter, nil},
	{"aerie_round_duration_seconds", nil, "How long a round took: an append of what was decided together, until it was durable and folded in.", "p99 above a second: the disk is slow, or the NATS cluster", counter, seconds},
	{"aerie_round_commands", nil, "How many commands a round had.", "", counter, sizes},
	{"aerie_round_events", nil, "How many events a round had.", "", counter, sizes},
	{"aerie_work_total", []string{"effect", "outcome"}, "Pieces of work by what came of them: done, waiting for the cloud, or failed.", "none `done` while many `failed`", counter, nil},
	{"aerie_work_duration_seconds", []string{"effect", "outcome"}, "How long a piece of work took, its calls to the cloud included.", "p99 above 30 s: a cloud hangs", counter, seconds},
	{"aerie_cloud_call_duration_seconds", []string{"cloud", "op", "class"}, "How long a single call to a cloud took, by the class of its error, or ok. On AWS op is the service and its operation.", "p99 above 10 s, or a rate of `denied` or `throttled` that lasts", counter, seconds},
	{"aerie_attempts_failed_total", []string{"code"}, "Failed attempts, by the code of their reason.", "`unauthorized`", counter, nil},
	{"aerie_swept_total", nil, "Things removed because their owner had ended.", "", counter, nil},
	{"aerie_drift_total", []string{"kind", "how"}, "Things that somebody else had deleted or changed.", "a rate that lasts: somebody works against aerie", counter, nil},
	{"aerie_jetstream_messages", []string{"stream"}, "How many messages each of our streams has.", "", gauge, nil},
	{"aerie_jetstream_bytes", []string{"stream"}, "How many bytes each of our streams has.", "`AERIE_EVENTS` near the size of the disk", gauge, nil},
	{"aerie_jetstream_consumers", []string{"stream"}, "How many consumers each of our streams has, those of people who follow included.", "", gauge, nil},
	{"aerie_jetstream_consumer_pending", []string{"stream", "consumer"}, "How many messages each of our consumers was not given yet.", "above 0 for ten minutes: nobody takes them", gauge, nil},
	{"aerie_jetstream_consumer_unacknowledged", []string{"stream", "consumer"}, "How many messages each of our consumers was given that are not done, those that come again later included.", "", gauge, nil},
	{"aerie_jetstream_consumer_redelivered", []string{"stream", "consumer"}, "How many of those were given more than once.", "", gauge, nil},
	{"aerie_http_request_duration_seconds", []string{"route", "status"}, "How long a request over HTTP took, by its route; streams are not counted.", "status 500 or 503", counter, seconds},
	{"aerie_streams", nil, "Streams of events that are open.", "", gauge, nil},
	{"aerie_streams_cut_total", nil, "Streams of events that were cut because their client did not read.", "", counter, nil},
}

func find(name string) metric {
	for _, m := range described {
		if m.name == name {
			return m
		}
	}
	return metric{}
}

// histogram makes a metric that this process observes.
func histogram(name string) *prometheus.HistogramVec {
	m := find(name)
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.name, Help: m.help, Buckets: m.bounds}, m.labels)
}

// count makes a metric that this process counts.
func count(name string) *prometheus.CounterVec {
	m := find(name)
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.name, Help: m.help}, m.labels)
}

// Send gives a scrape one value of a described metric.
func Send[N uint64 | int | float64](to chan<- prometheus.Metric, name string, n N, labels ...string) {
	m := find(name)
	to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, m.help, m.labels, nil), m.kind, float64(n), labels...)
}
