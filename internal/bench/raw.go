package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events/eventlog"
)

// fullBatch is the most messages one atomic batch may have.
const fullBatch = eventlog.MaxEvents

// yardstick is a stream made like the log, on the same server. What aerie wrote
// is written there once more, the fastest way that JetStream has.
type yardstick struct {
	js   jetstream.JetStream
	last map[string]uint64 // the newest message of each entity, by its subject without the type

	perAppend float64 // how many events aerie's appends had, in what was read last
}

// The headers of an atomic batch; nats.go has no names for them.
const (
	batchHeader       = "Nats-Batch-Id"
	batchSeqHeader    = "Nats-Batch-Sequence"
	batchCommitHeader = "Nats-Batch-Commit"
)

// The yardstick's subjects are the log's but for the first token.
const (
	yardstickStream = "AERIE_BENCH"
	ourToken        = "aerie."
	yardstickToken  = "bench."
)

// newYardstick makes the stream, its configuration read from the log's.
func newYardstick(ctx context.Context, nc *nats.Conn) (*yardstick, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("make the yardstick: %w", err)
	}
	log, err := js.Stream(ctx, eventlog.Stream)
	if err != nil {
		return nil, fmt.Errorf("make the yardstick: %w", err)
	}
	config := log.CachedInfo().Config
	config.Name, config.Subjects = yardstickStream, renamed(config.Subjects...)
	if t := config.SubjectTransform; t != nil {
		t.Source, t.Destination = theirs(t.Source), theirs(t.Destination)
	}
	if r := config.RePublish; r != nil {
		r.Source, r.Destination = theirs(r.Source), theirs(r.Destination)
	}
	if _, err := js.CreateStream(ctx, config); err != nil {
		return nil, fmt.Errorf("make the yardstick: %w", err)
	}
	return &yardstick{js: js, last: map[string]uint64{}}, nil
}

func theirs(subject string) string { return yardstickToken + strings.TrimPrefix(subject, ourToken) }

func renamed(subjects ...string) (all []string) {
	for _, s := range subjects {
		all = append(all, theirs(s))
	}
	return all
}

// written reads what stands in the log after one sequence and up to another, as
// messages for the yardstick.
func (y *yardstick) written(ctx context.Context, after, upTo uint64) ([]*nats.Msg, error) {
	c, err := y.js.OrderedConsumer(ctx, eventlog.Stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1})
	if err != nil {
		return nil, fmt.Errorf("read what was written: %w", err)
	}
	all, err := c.Messages()
	if err != nil {
		return nil, fmt.Errorf("read what was written: %w", err)
	}
	defer all.Stop()
	msgs, appends := make([]*nats.Msg, 0, upTo-after), 0
	for range upTo - after {
		m, err := all.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("read what was written: %w", err)
		}
		if begins(m) {
			appends++
		}
		msgs = append(msgs, copied(m))
	}
	y.perAppend = float64(len(msgs)) / float64(max(appends, 1))
	return msgs, nil
}

// begins tells whether a message was the first of its append.
func begins(m jetstream.Msg) bool {
	seq := m.Headers().Get(batchSeqHeader)
	return seq == "" || seq == "1"
}

// copied is an event as it was appended, without what nats-server was told about its place.
func copied(m jetstream.Msg) *nats.Msg {
	h := nats.Header{}
	for name, values := range m.Headers() {
		if !strings.HasPrefix(name, "Nats-") {
			h[name] = values
		}
	}
	subject := strings.Replace(theirs(m.Subject()), "bench.evt.", "bench.append.", 1)
	return &nats.Msg{Subject: subject, Header: h, Data: m.Data()}
}

// replay writes messages in atomic batches, one after the other; batches of one
// are plain publishes. An answer is for a batch.
func (y *yardstick) replay(ctx context.Context, nc *nats.Conn, msgs []*nats.Msg, size int) (sample, error) {
	s := sample{n: len(msgs)}
	runtime.GC()
	start := time.Now()
	for len(msgs) > 0 {
		batch := msgs[:min(size, len(msgs))]
		msgs = msgs[len(batch):]
		asked := time.Now()
		if err := y.write(ctx, nc, batch); err != nil {
			return s, fmt.Errorf("write the yardstick: %w", err)
		}
		s.each = append(s.each, time.Since(asked))
	}
	s.took = time.Since(start)
	return s, nil
}

// write writes one batch.
func (y *yardstick) write(ctx context.Context, nc *nats.Conn, batch []*nats.Msg) error {
	y.expect(batch)
	end := len(batch) - 1
	if end > 0 {
		id := ulid.Make().String()
		for i, m := range batch {
			m.Header[batchHeader] = []string{id}
			m.Header[batchSeqHeader] = []string{strconv.Itoa(i + 1)}
		}
		batch[end].Header[batchCommitHeader] = []string{"1"}
	}
	for _, m := range batch[:end] {
		if err := nc.PublishMsg(m); err != nil {
			return err
		}
	}
	answer, err := nc.RequestMsgWithContext(ctx, batch[end])
	if err != nil {
		return err
	}
	return y.stored(batch, answer.Data)
}

// expect says, as aerie does, after which message of its entity each may come. In
// a batch only the first of an entity can say so.
func (y *yardstick) expect(batch []*nats.Msg) {
	said := make(map[string]bool, len(batch))
	for _, m := range batch {
		for _, name := range []string{batchHeader, batchSeqHeader, batchCommitHeader,
			jetstream.ExpectedLastSubjSeqHeader, jetstream.ExpectedLastSubjSeqSubjHeader} {
			delete(m.Header, name)
		}
		of := entityOf(m.Subject)
		if said[of] {
			continue
		}
		said[of] = true
		m.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(y.last[of], 10)}
		m.Header[jetstream.ExpectedLastSubjSeqSubjHeader] = []string{strings.Replace(of, "bench.append.", "bench.evt.", 1) + ">"}
	}
}

// stored reads the answer to a batch and remembers where its messages stand.
func (y *yardstick) stored(batch []*nats.Msg, data []byte) error {
	var a struct {
		Seq   uint64              `json:"seq"`
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if a.Error != nil {
		return a.Error
	}
	for i, m := range batch {
		y.last[entityOf(m.Subject)] = a.Seq - uint64(len(batch)-1-i)
	}
	return nil
}

// entityOf is a subject without the type of its event.
func entityOf(subject string) string { return subject[:strings.LastIndexByte(subject, '.')+1] }
