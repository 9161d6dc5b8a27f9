package eventlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
)

// Vocabulary has a zero value of every event a kind can have. The log stores no
// other, and refuses to read on where it finds one.
type Vocabulary map[events.Kind][]events.Event

// Source is the CloudEvents source of every event.
const Source = "/aerie"

// The headers of an event: CloudEvents 1.0, binary mode, and our extensions.
const (
	headSpec        = "ce-specversion"
	headID          = "ce-id"
	headSource      = "ce-source"
	headType        = "ce-type"
	headSubject     = "ce-subject"
	headTime        = "ce-time"
	headActor       = "ce-actor"
	headCommand     = "ce-commandid"
	headCausation   = "ce-causationid"
	headCorrelation = "ce-correlationid"
	headDigest      = "ce-commanddigest"
	headPart        = "ce-part"
	headContent     = "content-type"
	headTrace       = "traceparent"
	headSum         = "ce-crc"
)

// summed are the headers the checksum covers, in its order.
var summed = []string{
	headSpec, headID, headSource, headType, headSubject, headTime, headActor, headCommand,
	headCausation, headCorrelation, headDigest, headPart, headContent, headTrace,
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// codec writes and reads the events of a vocabulary.
type codec struct {
	types map[events.Kind]map[string]reflect.Type // by event type
}

func newCodec(v Vocabulary) (codec, error) {
	c := codec{map[events.Kind]map[string]reflect.Type{}}
	for kind, all := range v {
		c.types[kind] = map[string]reflect.Type{}
		for _, e := range all {
			t := reflect.TypeOf(e)
			if old, twice := c.types[kind][e.Type()]; twice && old != t {
				return c, fmt.Errorf("collect the vocabulary: %s.%s is both %s and %s", kind, e.Type(), old, t)
			}
			if t.Kind() != reflect.Struct || !isToken(e.Type()) {
				return c, fmt.Errorf("collect the vocabulary: %s.%s: %s is not a struct with a name for the wire", kind, e.Type(), t)
			}
			c.types[kind][e.Type()] = t
		}
	}
	return c, nil
}

// encode makes the message that appends an event, and the event as it will be read.
func (c codec) encode(r events.Recorded) (*nats.Msg, events.Event, error) {
	typ := r.Event.Type()
	t := c.types[r.Ref.Kind][typ]
	if t != reflect.TypeOf(r.Event) {
		return nil, nil, fmt.Errorf("%s.%s of type %T is in no table", r.Ref.Kind, typ, r.Event)
	}
	data, err := json.Marshal(r.Event)
	if err != nil {
		return nil, nil, fmt.Errorf("encode %s.%s: %w", r.Ref.Kind, typ, err)
	}
	read, err := decodeBody(t, data)
	if err != nil {
		return nil, nil, fmt.Errorf("encode %s.%s: %w", r.Ref.Kind, typ, err)
	}
	tail := r.Ref.Tokens() + "." + typ
	m := &nats.Msg{Subject: appended + tail, Header: headers(r), Data: data}
	for _, name := range summed {
		if v := m.Header[name]; len(v) == 1 && strings.ContainsAny(v[0], "\r\n") || len(v) == 1 && strings.TrimSpace(v[0]) != v[0] {
			return nil, nil, fmt.Errorf("header %s: %q cannot be carried", name, events.Clip(v[0]))
		}
	}
	m.Header[headSum] = []string{checksum(committed+tail, m.Header, data)}
	return m, read, nil
}

func decodeBody(t reflect.Type, data []byte) (events.Event, error) {
	v := reflect.New(t)
	err := json.Unmarshal(data, v.Interface())
	e, _ := v.Elem().Interface().(events.Event)
	return e, err
}

func headers(r events.Recorded) nats.Header {
	h := nats.Header{
		headSpec:        {"1.0"},
		headID:          {r.EventID},
		headSource:      {Source},
		headType:        {wireType(r.Ref.Kind, r.Event.Type())},
		headSubject:     {r.Ref.String()},
		headTime:        {r.Time.UTC().Format(time.RFC3339Nano)},
		headActor:       {r.Actor},
		headCommand:     {r.CommandID},
		headCausation:   {r.CausationID},
		headCorrelation: {r.CorrelationID},
		headDigest:      {r.Digest},
		headPart:        {strconv.Itoa(r.Index) + "/" + strconv.Itoa(r.Count)},
		headContent:     {"application/json"},
	}
	if r.TraceParent != "" {
		h[headTrace] = []string{r.TraceParent}
	}
	return h
}

// wireType is the CloudEvents type, such as "io.aerie.tenant.activated.v1".
func wireType(k events.Kind, typ string) string {
	return "io.aerie." + string(k) + "." + typ + ".v1"
}

// checksum covers what an event means: where it stands, who and why, and its
// body. Each part is preceded by its length, so that no two messages sum alike
// by moving a byte from one part to the next.
func checksum(subject string, h nats.Header, data []byte) string {
	buf := make([]byte, 0, 1024)
	add := func(s string) {
		buf = strconv.AppendInt(buf, int64(len(s)), 10)
		buf = append(buf, ':')
		buf = append(buf, s...)
	}
	add(subject)
	for _, name := range summed {
		add(h.Get(name))
	}
	sum := crc32.Update(crc32.Checksum(buf, castagnoli), castagnoli, data)
	return fmt.Sprintf("%08x", sum)
}

// decode reads a stored message; its error says what is wrong with it, and the
// caller says where it stands.
func (c codec) decode(subject string, seq uint64, h nats.Header, data []byte) (events.Recorded, error) {
	ref, typ, err := splitSubject(subject)
	if err != nil {
		return events.Recorded{}, err
	}
	if h.Get(headSum) != checksum(subject, h, data) {
		return events.Recorded{}, errors.New("its checksum does not fit: the store is damaged, restore a backup")
	}
	env, err := envelope(h)
	if err != nil {
		return events.Recorded{}, err
	}
	t, known := c.types[ref.Kind][typ]
	if !known || h.Get(headType) != wireType(ref.Kind, typ) {
		return events.Recorded{}, fmt.Errorf("no event is called %s: this program is older than its log, start a newer one", events.Clip(h.Get(headType)))
	}
	e, err := decodeBody(t, data)
	if err != nil {
		return events.Recorded{}, fmt.Errorf("decode %s.%s: %w", ref.Kind, typ, err)
	}
	return events.Recorded{Envelope: env, Ref: ref, Seq: seq, Event: e}, nil
}

func envelope(h nats.Header) (events.Envelope, error) {
	at, err := time.Parse(time.RFC3339Nano, h.Get(headTime))
	if err != nil {
		return events.Envelope{}, fmt.Errorf("read %s: %w", headTime, err)
	}
	e := events.Envelope{
		EventID: h.Get(headID), Time: at.UTC(), Actor: h.Get(headActor), CommandID: h.Get(headCommand),
		CausationID: h.Get(headCausation), CorrelationID: h.Get(headCorrelation), Digest: h.Get(headDigest),
		TraceParent: h.Get(headTrace),
	}
	index, count, _ := strings.Cut(h.Get(headPart), "/")
	e.Index, err = strconv.Atoi(index)
	if err == nil {
		e.Count, err = strconv.Atoi(count)
	}
	if err != nil || e.Index < 1 || e.Index > e.Count || e.Count > MaxEvents {
		return e, fmt.Errorf("read %s: %q is not a place in a decision", headPart, events.Clip(h.Get(headPart)))
	}
	return e, nil
}
