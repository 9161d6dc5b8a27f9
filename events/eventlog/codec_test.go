package eventlog

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
)

type happened struct {
	Text string `json:"text"`
}

func (happened) Type() string { return "happened" }

type imposter struct{}

func (imposter) Type() string { return "happened" }

var words = Vocabulary{events.Tenant: {happened{}}}

func sample() events.Recorded {
	return events.Recorded{
		Envelope: events.Envelope{EventID: "e", Time: time.Unix(1, 5).UTC(), Actor: "admin", CommandID: "c", Index: 2, Count: 3},
		Ref:      events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"},
		Event:    happened{"x"},
	}
}

func TestHeaders(t *testing.T) {
	c, err := newCodec(words)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := c.encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ce-specversion": "1.0", "ce-id": "e", "ce-source": "/aerie", "ce-type": "io.aerie.tenant.happened.v1", "ce-subject": "tenant acme/prod",
		"ce-time": "1970-01-01T00:00:01.000000005Z", "ce-actor": "admin", "ce-commandid": "c", "ce-part": "2/3", "content-type": "application/json", "traceparent": "",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if m.Subject != "aerie.append.acme.tenant.prod.happened" || m.Header.Get("Nats-Msg-Id") != "" {
		t.Error(m.Subject, m.Header)
	}
}

// TestStateHeaders: what an entity became is in headers that older programs, which sum up
// those they know, do not notice; that are as they were written or an error; and that an
// event may lack.
func TestStateHeaders(t *testing.T) {
	c, _ := newCodec(words)
	const stored = "aerie.evt.acme.tenant.prod.happened"
	r := sample()
	plain, _, err := c.encode(r)
	if err != nil {
		t.Fatal(err)
	}
	r.State = events.State{UID: "01UID", Phase: "Active"}
	m, _, err := c.encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("ce-crc") != plain.Header.Get("ce-crc") || m.Header.Get("ce-uid") != "01UID" || m.Header.Get("ce-phase") != "Active" || len(plain.Header) != len(m.Header)-3 {
		t.Errorf("%v, and without a state %v", m.Header, plain.Header)
	}
	read := func(h nats.Header) (events.Recorded, error) { return c.decode(stored, 7, headOf(h), m.Data) }
	if got, err := read(m.Header); err != nil || got.State != r.State {
		t.Errorf("read again it is %+v, %v", got.State, err)
	}
	if got, err := read(plain.Header); err != nil || got.State != (events.State{}) {
		t.Errorf("without the headers it is %+v, %v", got.State, err)
	}
	for _, name := range []string{"ce-uid", "ce-phase", "ce-statecrc"} {
		for _, other := range []string{"", "x"} {
			h := nats.Header{}
			for k, v := range m.Header {
				h[k] = v
			}
			h[name] = []string{other}
			if got, err := read(h); err == nil {
				t.Errorf("%s is %q, and it is read as %+v", name, other, got.State)
			}
		}
	}
}

// TestChecksum changes each part of a stored event in turn.
func TestChecksum(t *testing.T) {
	c, _ := newCodec(words)
	stored := strings.Replace("aerie.append.acme.tenant.prod.happened", "append", "evt", 1)
	for _, name := range append(headNames[:], "subject", "body", "") {
		m, _, err := c.encode(sample())
		if err != nil {
			t.Fatal(err)
		}
		subject := stored
		switch name {
		case "":
		case "subject":
			subject = strings.Replace(stored, "prod", "prof", 1)
		case "body":
			m.Data[len(m.Data)-3] ^= 1
		default:
			m.Header.Set(name, m.Header.Get(name)+"x")
		}
		if _, err := c.decode(subject, 1, headOf(m.Header), m.Data); (err == nil) != (name == "") {
			t.Errorf("%q changed: %v", name, err)
		}
	}
}

func TestUnknownEventIsOlderProgram(t *testing.T) {
	c, _ := newCodec(words)
	m, _, err := c.encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	old, _ := newCodec(Vocabulary{events.Tenant: {}})
	_, err = old.decode("aerie.evt.acme.tenant.prod.happened", 1, headOf(m.Header), m.Data)
	if err == nil || !strings.Contains(err.Error(), "io.aerie.tenant.happened.v1: this program is older than its log") {
		t.Error(err)
	}
}

func TestVocabularyIsChecked(t *testing.T) {
	for name, v := range map[string]Vocabulary{
		"two of a name": {events.Tenant: {happened{}, imposter{}}},
		"a pointer":     {events.Tenant: {&happened{}}},
	} {
		if _, err := newCodec(v); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	c, _ := newCodec(words)
	r := sample()
	r.Event = imposter{}
	if _, _, err := c.encode(r); err == nil {
		t.Error("another struct of the same name was stored")
	}
}

// TestAnswers reads what a server may answer to an append.
func TestAnswers(t *testing.T) {
	for data, want := range map[string]error{
		`{"stream":"AERIE_EVENTS","seq":7}`:                             nil,
		`{"error":{"code":400,"err_code":10071,"description":"wrong"}}`: ErrConflict,
		`{"error":{"code":400,"err_code":10164,"description":"wrong"}}`: ErrConflict,
		`{"error":{"code":500,"err_code":10077,"description":"disk"}}`:  ErrUnknown,
		`{"stream":"OTHER","seq":7}`:                                    ErrUnknown,
		`{"stream":"AERIE_EVENTS","seq":0}`:                             ErrUnknown,
		`garbage`:                                                       ErrUnknown,
		``:                                                              ErrUnknown,
		`{"error":{"code":503,"err_code":10008,"description":"not here"}}`: &jetstream.APIError{ErrorCode: 10008},
	} {
		if _, err := sequence([]byte(data), 1); !errors.Is(err, want) {
			t.Errorf("%s: %v", data, err)
		}
	}
	if _, err := sequence([]byte(`{"stream":"AERIE_EVENTS","seq":7,"count":2}`), 3); !errors.Is(err, ErrUnknown) {
		t.Error("an answer to fewer events than were sent:", err)
	}
}

func sumOf(subject string, h nats.Header, data []byte) string {
	read := headOf(h)
	return read.checksum(subject, data)
}

// FuzzDecode feeds the reader anything. With a checksum that fits, too, so that
// what lies behind it is reached.
func FuzzDecode(f *testing.F) {
	c, err := newCodec(words)
	if err != nil {
		f.Fatal(err)
	}
	m, _, err := c.encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	good, _ := json.Marshal(m.Header)
	f.Add("aerie.evt.acme.tenant.prod.happened", good, m.Data)
	f.Add("aerie.evt.", []byte(`{"ce-part":["9/1"]}`), []byte("null"))
	f.Fuzz(func(t *testing.T, subject string, head, data []byte) {
		h := http.Header{}
		_ = json.Unmarshal(head, &h)
		for range 2 {
			r, err := c.decode(subject, 1, headOf(nats.Header(h)), data)
			if err == nil {
				if _, _, err := c.encode(r); err != nil && !strings.Contains(err.Error(), "cannot be carried") {
					t.Errorf("%+v was read and cannot be written: %v", r, err)
				}
			}
			if h == nil {
				return
			}
			h[headNames[headSum]] = []string{sumOf(subject, nats.Header(h), data)}
		}
	})
}

// FuzzHead reads headers as nats.go does, where nats.go reads them.
func FuzzHead(f *testing.F) {
	f.Add("ce-id: 1\r\nce-crc:  2 \r\nce-id: 3\r\nCE-TYPE: x\r\n:\r\nNats-Batch-Id: 7\r\n")
	f.Add("ce-id:\r\nce-id: 3\r\n\r\nce-type: 4\r\n")
	f.Fuzz(func(t *testing.T, lines string) {
		stored := []byte("NATS/1.0\r\n" + lines + "\r\n")
		h, err := nats.DecodeHeadersMsg(stored)
		if err == nil && strings.Count(lines, "\n") == strings.Count(lines, "\r\n") && *readHead(stored) != *headOf(h) {
			t.Errorf("%q: %q, nats.go %q", lines, *readHead(stored), *headOf(h))
		}
	})
}

// moved is an event whose encoding was changed twice: first a place was a word, then
// a list, and now it is an object.
type moved struct {
	To struct {
		Places []string `json:"places"`
	} `json:"to"`
}

func (moved) Type() string { return "moved" }

func (moved) Older() []events.Upcast {
	return []events.Upcast{
		func(old json.RawMessage) (json.RawMessage, error) {
			var v1 struct{ To string }
			if err := json.Unmarshal(old, &v1); err != nil {
				return nil, err
			}
			return json.Marshal(map[string]any{"to": []string{v1.To}})
		},
		func(old json.RawMessage) (json.RawMessage, error) {
			var v2 struct{ To []string }
			if err := json.Unmarshal(old, &v2); err != nil {
				return nil, err
			}
			return json.Marshal(map[string]any{"to": map[string]any{"places": v2.To}})
		},
	}
}

func TestOlderVersionsAreReadAsTheNewest(t *testing.T) {
	c, err := newCodec(Vocabulary{events.Tenant: {moved{}}})
	if err != nil {
		t.Fatal(err)
	}
	for version, body := range map[string]string{"v1": `{"to":"eu"}`, "v2": `{"to":["eu"]}`, "v3": `{"to":{"places":["eu"]}}`} {
		r := sample()
		r.Event = moved{}
		m, _, err := c.encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Header.Get(headNames[headType]); got != "io.aerie.tenant.moved.v3" {
			t.Errorf("it is written as %s", got)
		}
		subject := strings.Replace(m.Subject, "append", "evt", 1)
		m.Header.Set(headNames[headType], "io.aerie.tenant.moved."+version)
		sign := func() { m.Header.Set(headNames[headSum], sumOf(subject, m.Header, []byte(body))) }
		sign()
		got, err := c.decode(subject, 7, headOf(m.Header), []byte(body))
		if err != nil || got.Seq != 7 || len(got.Event.(moved).To.Places) != 1 || got.Event.(moved).To.Places[0] != "eu" {
			t.Errorf("%s is read as %+v, %v", version, got.Event, err)
		}
		m.Header.Set(headNames[headType], "io.aerie.tenant.moved.v4")
		sign()
		if _, err := c.decode(subject, 7, headOf(m.Header), []byte(body)); err == nil || !strings.Contains(err.Error(), "older than its log") {
			t.Errorf("a version that is not known yet: %v", err)
		}
	}
	r := sample()
	r.Event = moved{}
	m, _, _ := c.encode(r)
	subject := strings.Replace(m.Subject, "append", "evt", 1)
	m.Header.Set(headNames[headType], "io.aerie.tenant.moved.v1")
	m.Header.Set(headNames[headSum], sumOf(subject, m.Header, []byte("[]")))
	if _, err := c.decode(subject, 7, headOf(m.Header), []byte("[]")); err == nil {
		t.Error("what can't be upcast was read")
	}
}

// BenchmarkDecode reads one event as the log gives it.
func BenchmarkDecode(b *testing.B) {
	c, err := newCodec(words)
	if err != nil {
		b.Fatal(err)
	}
	m, _, err := c.encode(sample())
	if err != nil {
		b.Fatal(err)
	}
	subject := strings.Replace(m.Subject, "append", "evt", 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.decode(subject, 1, headOf(m.Header), m.Data); err != nil {
			b.Fatal(err)
		}
	}
}
