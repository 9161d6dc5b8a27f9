package projections

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// release records a log of the present program, once for each release. What is
// there already is never written anew: it is what old logs look like.
var release = flag.String("release", "", "record testdata/logs/<release>.jsonl")

// message is one of a recorded log.
type message struct {
	Subject string      `json:"subject"`
	Header  nats.Header `json:"header"`
	Data    string      `json:"data"`
}

func TestTheLogOfEveryReleaseIsReadForEver(t *testing.T) {
	if *release != "" {
		recordLog(t, filepath.Join("testdata", "logs", *release+".jsonl"))
	}
	logs, err := filepath.Glob("testdata/logs/*.jsonl")
	if err != nil || len(logs) == 0 {
		t.Fatal("no log of a release: ", err)
	}
	for _, path := range logs {
		t.Run(filepath.Base(path), func(t *testing.T) {
			s := start(t)
			last := s.relive(path)
			if err := s.views.Await(t.Context(), last); err != nil {
				t.Fatalf("%v: %v", err, s.fold.Err())
			}
			want, err := os.ReadFile(strings.TrimSuffix(path, "jsonl") + "phases")
			if got := s.phases(); err != nil || got != string(want) {
				t.Errorf("%v; its end is read as\n%swant\n%s", err, got, want)
			}
		})
	}
}

// phases says where everybody is.
func (s *system) phases() string {
	var all bytes.Buffer
	s.views.present(func(now *indexedState) {
		for _, k := range events.Kinds {
			now.index.order[k].Scan(func(p place) bool {
				e, _ := now.world.Get(now.world.Named(p.number))
				all.WriteString(e.Ref.String() + " " + string(e.Phase()) + "\n")
				return true
			})
		}
	})
	return all.String()
}

// relive writes a recorded log down again, message by message.
func (s *system) relive(path string) (last uint64) {
	s.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	js, err := jetstream.New(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			s.t.Fatal(err)
		}
		subject := strings.Replace(m.Subject, "aerie.evt.", "aerie.append.", 1)
		ack, err := js.PublishMsg(s.t.Context(), &nats.Msg{Subject: subject, Header: m.Header, Data: []byte(m.Data)})
		if err != nil {
			s.t.Fatal(err)
		}
		last = ack.Sequence
	}
	return last
}

// stored is the whole log as JetStream has it.
func (s *system) stored() (all []*jetstream.RawStreamMsg) {
	s.t.Helper()
	js, err := jetstream.New(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	stream, err := js.Stream(s.t.Context(), eventlog.Stream)
	if err != nil {
		s.t.Fatal(err)
	}
	for seq := uint64(1); seq <= s.views.AsOf().Seq; seq++ {
		m, err := stream.GetMsg(s.t.Context(), seq)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func recordLog(t *testing.T, path string) {
	l := newLife(t, 8)
	for range 1000 {
		l.step()
	}
	var all bytes.Buffer
	for _, m := range l.stored() {
		for name := range m.Header {
			if strings.HasPrefix(name, "Nats-") {
				delete(m.Header, name)
			}
		}
		line, err := json.Marshal(message{m.Subject, m.Header, string(m.Data)})
		if err != nil {
			t.Fatal(err)
		}
		all.Write(append(line, '\n'))
	}
	phases := strings.TrimSuffix(path, "jsonl") + "phases"
	for file, data := range map[string][]byte{path: all.Bytes(), phases: []byte(l.phases())} {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnEventThatIsNotKnownStopsTheFold and says so where readiness is asked.
func TestAnEventThatIsNotKnownStopsTheFold(t *testing.T) {
	s := start(t)
	s.ready = nil
	s.customer("acme", nil)
	js, err := jetstream.New(s.nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), eventlog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	m.Header.Del(jetstream.ExpectedLastSubjSeqHeader)
	m.Header.Del(jetstream.ExpectedLastSubjSeqSubjHeader)
	if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "aerie.append.acme.customer.acme.promoted", Header: m.Header, Data: m.Data}); err != nil {
		t.Fatal(err)
	}
	if err := s.fold.Wait(t.Context(), 2); err == nil {
		t.Fatal("it was folded")
	}
	if a := s.ask("GET", "/readyz", ""); a.StatusCode != 503 || !strings.Contains(a.body, "event 2") {
		t.Errorf("readiness: %d %s", a.StatusCode, a.body)
	}
	if got := s.names("/v1/customers"); got != "acme/acme" {
		t.Errorf("what was folded before is still read: %s", got)
	}
}
