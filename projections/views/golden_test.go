package views_test

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

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/apitest"
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
			s := apitest.New(t)
			last := relive(s, path)
			if err := s.Views.Await(t.Context(), last); err != nil {
				t.Fatalf("%v: %v", err, s.Fold.Err())
			}
			want, err := os.ReadFile(strings.TrimSuffix(path, "jsonl") + "phases")
			if got := phasesOf(s); err != nil || got != string(want) {
				t.Errorf("%v; its end is read as\n%swant\n%s", err, got, want)
			}
		})
	}
}

// phasesOf says where everybody is.
func phasesOf(s *apitest.System) string {
	var all bytes.Buffer
	s.Views.EachByName(func(e fsm.Entity[fsm.Data]) {
		all.WriteString(e.Ref.String() + " " + string(e.Phase()) + "\n")
	})
	return all.String()
}

// relive writes a recorded log down again, message by message.
func relive(s *apitest.System, path string) (last uint64) {
	s.T.Helper()
	f, err := os.Open(path)
	if err != nil {
		s.T.Fatal(err)
	}
	defer f.Close()
	js, err := jetstream.New(s.NC)
	if err != nil {
		s.T.Fatal(err)
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			s.T.Fatal(err)
		}
		subject := strings.Replace(m.Subject, "aerie.evt.", "aerie.append.", 1)
		ack, err := js.PublishMsg(s.T.Context(), &nats.Msg{Subject: subject, Header: m.Header, Data: []byte(m.Data)})
		if err != nil {
			s.T.Fatal(err)
		}
		last = ack.Sequence
	}
	return last
}

func recordLog(t *testing.T, path string) {
	l := apitest.NewLife(t, 8)
	for range 1000 {
		l.Step()
	}
	var all bytes.Buffer
	for _, m := range l.Stored() {
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
	for file, data := range map[string][]byte{path: all.Bytes(), phases: []byte(phasesOf(l.System))} {
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
	s := apitest.New(t)
	s.Ready = nil
	s.Customer("acme", nil)
	js, err := jetstream.New(s.NC)
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
	if err := s.Fold.Wait(t.Context(), 2); err == nil {
		t.Fatal("it was folded")
	}
	if a := s.Ask("GET", "/readyz", ""); a.StatusCode != 503 || !strings.Contains(a.Body, "event 2") {
		t.Errorf("readiness: %d %s", a.StatusCode, a.Body)
	}
	if got := s.Names("/v1/customers"); got != "acme/acme" {
		t.Errorf("what was folded before is still read: %s", got)
	}
}
